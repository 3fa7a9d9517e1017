"""``bargein load`` against a server that follows a script: every fault is caught and counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bargein.core.audio import PCM16_24K
from bargein.load.conditions import judge, parse_condition
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import Calls, Interruptions, Scenario
from bargein.load.summary import Summary, summarize

if TYPE_CHECKING:
    from load.conftest import Script, ServerFactory

TALK = Scenario(about="Asks at once.", call=Calls(turns=(1, 1), pause_s=(0.1, 0.1), away_s=(60, 60), patience_s=1.0))
TALK_OVER = TALK.model_copy(
    update={
        "call": TALK.call.model_copy(update={"turns": (2, 2)}),
        "interrupt": Interruptions(share=1.0, after_s=(0.3, 0.3)),
    }
)


async def load(url: str, scenario: Scenario, *, turns: int = 1, binary: bool = False, callers: int = 3) -> Summary:
    """Callers of one kind, until each has had all its turns and what came of them is known."""
    plan = Plan(
        url=url,
        scenario="scripted",
        parts=[("scripted", 1.0, scenario)],
        callers=callers,
        duration_s=60,
        ramp_s=0.2,
        bargein=binary,
    )
    stop = asyncio.Event()

    def look(this: Run) -> None:
        counts = this.measures.counts
        over = counts["replies"] + counts["missing_replies"] + counts["failed_replies"] + counts["dropped_calls"]
        hung_up = all(caller.phase is None for caller in this.callers)
        if (over >= turns * callers and hung_up) or counts["failed_connects"] >= callers:
            stop.set()

    return summarize(await run(plan, stop, look))


@pytest.mark.parametrize("binary", [False, True])
async def test_a_server_without_fault(serving: ServerFactory, script: type[Script], binary: bool) -> None:
    async with serving(script(reply_s=0.6)) as server:
        summary = await load(server.url, TALK, binary=binary)
    assert summary.counts["calls"] == summary.counts["turns"] == summary.counts["replies"] == 3
    assert not any(summary.counts[name] for name in ("missing_replies", "failed_replies", "errors", "dropped_calls"))
    assert summary.run.measures.durations["response"]
    assert len(server.received) >= 3


async def test_interruptions_are_timed_from_onset_to_silence(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(first_reply_s=8.0, reply_s=0.4)) as server:
        summary = await load(server.url, TALK_OVER, turns=2, binary=True)
    assert summary.counts["interruptions"] == summary.counts["barge_ins"] == 3
    assert summary.counts["stale_samples_received"] == 0
    measured = summary.run.measures.durations
    for silence, hold, confirm in zip(measured["barge_in"], measured["hold"], measured["confirm"], strict=True):
        assert 0.06 <= hold.value_s < confirm.value_s
        assert silence.value_s < confirm.value_s


async def test_a_late_server(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(reply_s=0.4, think_s=0.6)) as server:
        summary = await load(server.url, TALK)
    assert min(sample.value_s for sample in summary.run.measures.durations["response"]) >= 0.6
    assert judge(parse_condition("response_p50>500ms"), summary).failed


async def test_a_server_that_leaks_stale_sound(serving: ServerFactory, script: type[Script]) -> None:
    leaked = 3 * int(0.3 * PCM16_24K.rate_hz)
    async with serving(script(first_reply_s=8.0, reply_s=0.4, leak_s=0.3)) as server:
        summary = await load(server.url, TALK_OVER, turns=2)
    assert summary.counts["stale_samples_received"] == leaked
    assert summary.counts["stale_samples_heard"] == leaked
    assert judge(parse_condition("stale_samples_heard>0"), summary).failed


async def test_stale_sound_is_dropped_by_a_bargein_client(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(first_reply_s=8.0, reply_s=0.4, leak_s=0.3)) as server:
        summary = await load(server.url, TALK_OVER, turns=2, binary=True)
    assert summary.counts["stale_samples_received"] > 0
    assert summary.counts["stale_samples_heard"] == 0


async def test_a_server_that_drops_a_reply(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(reply_s=0.4, drop_reply=1)) as server:
        summary = await load(server.url, TALK)
    assert summary.counts["missing_replies"] == 3
    assert judge(parse_condition("missing_replies>0"), summary).failed


async def test_a_server_whose_model_fails(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(fail=True)) as server:
        summary = await load(server.url, TALK)
    assert summary.counts["failed_replies"] == 3


async def test_a_server_that_cannot_be_interrupted(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(first_reply_s=6.0, deaf=True)) as server:
        summary = await load(server.url, TALK_OVER, turns=1)
    assert summary.counts["missed_barge_ins"] == 3
    assert summary.counts["barge_ins"] == 0


async def test_a_break_in_a_reply_is_an_underrun(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(reply_s=1.0, gap_s=0.3)) as server:
        summary = await load(server.url, TALK)
    gaps = [sample.value_s for sample in summary.run.measures.durations["underrun"]]
    assert len(gaps) >= 3
    assert max(gaps) > 0.25


async def test_a_server_that_hangs_up(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(reply_s=0.4, close_after_reply=(4408, "too slow"))) as server:
        summary = await load(server.url, TALK)
    assert summary.counts["dropped_calls"] == 3
    assert summary.run.measures.closes == {"4408 too slow": 3}


async def test_errors_are_counted_by_code(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(reply_s=0.4, error_on_append=5)) as server:
        summary = await load(server.url, TALK)
    assert summary.run.measures.errors == {"scripted": 3}


async def test_nobody_answers() -> None:
    summary = await load("ws://127.0.0.1:1/v1/realtime", TALK)
    assert summary.counts["failed_connects"] >= 3
    assert summary.counts["calls"] == 0


async def test_a_server_that_knows_no_bargein_is_refused_in_binary(
    serving: ServerFactory, script: type[Script]
) -> None:
    async with serving(script(bargein=False)) as server:
        summary = await load(server.url, TALK, binary=True)
    (why,) = summary.run.measures.closes
    assert "does not speak bargein.v1" in why


async def test_the_figures_so_far_when_interrupted(serving: ServerFactory, script: type[Script]) -> None:
    stop = asyncio.Event()
    stop.set()
    async with serving(script()) as server:
        plan = Plan(server.url, "scripted", [("scripted", 1.0, TALK)], callers=2, duration_s=60, ramp_s=0)
        summary = summarize(await run(plan, stop, lambda this: None))
    assert summary.run.interrupted
    assert summary.as_json()["interrupted"] is True
