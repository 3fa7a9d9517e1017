"""``bargein load`` against servers that follow a script: every fault is caught and counted.

All runs go on at the same time: each takes the seconds that its callers speak.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from bargein.core.audio import PCM16_24K
from bargein.load.conditions import judge, parse_condition
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import Calls, Interruptions, Scenario
from bargein.load.summary import Summary, summarize

if TYPE_CHECKING:
    from load.conftest import Script, ServerFactory

CALLERS = 3
TALK = Scenario(about="Asks at once.", call=Calls(turns=(1, 1), pause_s=(0.1, 0.1), away_s=(60, 60), patience_s=3.0))
TALK_OVER = TALK.model_copy(
    update={
        "call": TALK.call.model_copy(update={"turns": (2, 2)}),
        "interrupt": Interruptions(share=1.0, after_s=(0.3, 0.3)),
    }
)


@dataclass(frozen=True)
class Case:
    """A script, and callers for it."""

    script: Mapping[str, Any]
    scenario: Scenario = TALK
    replies: int = 1
    """For each caller, until the run ends."""
    binary: bool = False


INTERRUPTED = {"first_reply_s": 8.0, "reply_s": 0.4}
CASES = {
    "right": Case({"reply_s": 0.6}),
    "right, binary": Case({"reply_s": 0.6}, binary=True),
    "interrupted": Case(INTERRUPTED, TALK_OVER, 2, binary=True),
    "late": Case({"reply_s": 0.4, "think_s": 0.6}),
    "leaking": Case(INTERRUPTED | {"leak_s": 0.3}, TALK_OVER, 2),
    "leaking, binary": Case(INTERRUPTED | {"leak_s": 0.3}, TALK_OVER, 2, binary=True),
    "dropping a reply": Case({"reply_s": 0.4, "drop_reply": 1}),
    "failing": Case({"fail": True}),
    "deaf": Case({"first_reply_s": 6.0, "deaf": True}, TALK_OVER),
    "with a gap": Case({"reply_s": 1.0, "gap_s": 0.3}),
    "hanging up": Case({"reply_s": 0.4, "close_after_reply": (4408, "too slow")}),
    "complaining": Case({"reply_s": 0.4, "error_on_append": 5}),
    "stock only": Case({"bargein": False}, binary=True),
}


async def load(url: str, case: Case) -> Summary:
    """Callers of one kind, until each has had all its turns and what came of them is known."""
    plan = Plan(
        url=url,
        scenario="scripted",
        parts=[("scripted", 1.0, case.scenario)],
        callers=CALLERS,
        duration_s=60,
        ramp_s=0.2,
        bargein=case.binary,
    )
    stop = asyncio.Event()

    def look(this: Run) -> None:
        counts = this.measurements.counts
        over = counts["replies"] + counts["missing_replies"] + counts["failed_replies"] + counts["dropped_calls"]
        hung_up = all(caller.phase is None for caller in this.callers)
        if (over >= case.replies * CALLERS and hung_up) or counts["failed_connects"] >= CALLERS:
            stop.set()

    return summarize(await run(plan, stop, look))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def summaries(serving: ServerFactory, script: type[Script]) -> dict[str, Summary]:
    """What was found of each case."""

    async def found(case: Case) -> Summary:
        async with serving(script(**case.script)) as server:
            return await load(server.url, case)

    return dict(zip(CASES, await asyncio.gather(*map(found, CASES.values())), strict=True))


@pytest.mark.parametrize("name", ["right", "right, binary"])
def test_a_server_without_fault(summaries: dict[str, Summary], name: str) -> None:
    counts = summaries[name].counts
    assert counts["calls"] == counts["turns"] == counts["replies"] == CALLERS
    assert not any(counts[name] for name in ("missing_replies", "failed_replies", "errors", "dropped_calls"))


def test_interruptions_are_timed_from_onset_to_silence(summaries: dict[str, Summary]) -> None:
    summary = summaries["interrupted"]
    assert summary.counts["interruptions"] == summary.counts["barge_ins"] == CALLERS
    assert summary.counts["stale_samples_received"] == 0
    taken = summary.run.measurements.durations
    assert len(taken["barge_in"]) == CALLERS
    held = {sample.caller: sample.value_s for sample in taken["hold"]}
    confirmed = {sample.caller: sample.value_s for sample in taken["confirm"]}
    assert len(held) == len(confirmed) == CALLERS
    assert all(held[caller] < confirmed[caller] for caller in held)


def test_a_late_server(summaries: dict[str, Summary]) -> None:
    summary = summaries["late"]
    assert min(sample.value_s for sample in summary.run.measurements.durations["response"]) >= 0.6
    assert judge(parse_condition("response_p50>500ms"), summary).failed


def test_a_server_that_leaks_stale_sound(summaries: dict[str, Summary]) -> None:
    summary = summaries["leaking"]
    assert summary.counts["stale_samples_received"] == CALLERS * int(0.3 * PCM16_24K.rate_hz)
    assert summary.counts["stale_samples_heard"] == CALLERS * int(0.3 * PCM16_24K.rate_hz)
    assert judge(parse_condition("stale_samples_heard>0"), summary).failed


def test_stale_sound_is_dropped_by_a_bargein_client(summaries: dict[str, Summary]) -> None:
    assert summaries["leaking, binary"].counts["stale_samples_received"] > 0
    assert summaries["leaking, binary"].counts["stale_samples_heard"] == 0


def test_a_server_that_drops_a_reply(summaries: dict[str, Summary]) -> None:
    assert summaries["dropping a reply"].counts["missing_replies"] == CALLERS
    assert judge(parse_condition("missing_replies>0"), summaries["dropping a reply"]).failed


def test_a_server_whose_model_fails(summaries: dict[str, Summary]) -> None:
    assert summaries["failing"].counts["failed_replies"] == CALLERS


def test_a_server_that_cannot_be_interrupted(summaries: dict[str, Summary]) -> None:
    assert summaries["deaf"].counts["missed_barge_ins"] == CALLERS
    assert summaries["deaf"].counts["barge_ins"] == 0


def test_a_break_in_a_reply_is_an_underrun(summaries: dict[str, Summary]) -> None:
    gaps = [sample.value_s for sample in summaries["with a gap"].run.measurements.durations["underrun"]]
    assert len(gaps) >= CALLERS
    assert max(gaps) > 0.25


def test_a_server_that_hangs_up(summaries: dict[str, Summary]) -> None:
    assert summaries["hanging up"].counts["dropped_calls"] == CALLERS
    assert summaries["hanging up"].run.measurements.closes == {"4408 too slow": CALLERS}


def test_errors_are_counted_by_code(summaries: dict[str, Summary]) -> None:
    assert summaries["complaining"].run.measurements.errors == {"scripted": CALLERS}


def test_binary_needs_a_server_that_knows_bargein(summaries: dict[str, Summary]) -> None:
    (why,) = summaries["stock only"].run.measurements.closes
    assert "does not speak bargein.v1" in why


async def test_nobody_answers() -> None:
    summary = await load("ws://127.0.0.1:1/v1/realtime", Case({}))
    assert summary.counts["failed_connects"] >= CALLERS
    assert summary.counts["calls"] == 0


async def test_the_figures_so_far_when_interrupted(serving: ServerFactory, script: type[Script]) -> None:
    stop = asyncio.Event()
    stop.set()
    async with serving(script()) as server:
        plan = Plan(server.url, "scripted", [("scripted", 1.0, TALK)], callers=2, duration_s=60, ramp_s=0)
        summary = summarize(await run(plan, stop, lambda this: None))
    assert summary.run.interrupted
    assert summary.as_json()["interrupted"] is True
