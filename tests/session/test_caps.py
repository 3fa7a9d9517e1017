"""What a call costs and may cost, over sockets, with a model that charges at the end of its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bargein.errors import SettingsError
from bargein.session.session import Session
from support.model import Answer, Model, event, speech
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.scripted_upstream import Exchange, scripted
from support.server import RunningServer, running_server
from support.sounds import pcm16
from support.sounds import speech as speech_of

PRICES = """
[models.scripted]
text_in = 1
audio_in = 10
cached_text_in = 0.1
text_out = 10
audio_out = 100

[models.whisper-1]
per_minute = 0.6
"""
A_TURN = {"prompt_tokens": 1000, "completion_tokens": 1000, "completion_tokens_details": {"audio_tokens": 1000}}
A_TURN_COSTS = 0.101


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES)
    return path


def charges(usage: Mapping[str, Any], text: str = "fine", gate: asyncio.Event | None = None) -> Answer:
    """Say ``text``, and what it has cost, which nobody knew before, last."""

    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        for chunk in speech(text):
            await exchange.chunk(chunk)
        if gate is not None:
            await gate.wait()
        await exchange.chunk(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await exchange.chunk(event({"choices": [], "usage": usage}))
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.end()

    return answer


async def ask(caller: RealtimeClient, **response: object) -> dict[str, Any]:
    mark = caller.mark()
    await caller.say_text("hello", **response)
    return dict((await caller.wait_for("response.done", since=mark))["response"])


def events(caller: RealtimeClient, name: str) -> list[dict[str, Any]]:
    return [dict(event) for event in caller.events if event["type"] == name]


async def test_each_response_tells_what_it_has_cost(
    model: Model, prices: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    details = {"text_tokens": 600, "audio_tokens": 400, "cached_tokens": 500}
    model.will(charges(A_TURN), charges(A_TURN | {"prompt_tokens_details": details}))
    async with running_server(model.url, prices=prices) as server:
        async with connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller:
            await ask(caller)
            await ask(caller)
            await caller.wait_until(lambda: len(events(caller, "bargein.cost")) == 2)
            first, second = events(caller, "bargein.cost")
        cost = server.metric('bargein_cost_dollars_total{model="scripted"}')
    assert first["turn"] == first["session"] == pytest.approx(A_TURN_COSTS)
    assert (first["currency"], first["known"], first["cap"]) == ("USD", True, None)
    assert second["turn"] == pytest.approx(100e-6 + 500 * 0.1e-6 + 400 * 10e-6 + 0.1)
    assert second["session"] == pytest.approx(first["turn"] + second["turn"]) == pytest.approx(cost)
    printed = "".join(capfd.readouterr())
    assert "cost_dollars=0.101" in printed
    assert "unpriced=0" in printed


async def test_what_was_asked_ahead_is_paid_though_its_caller_leaves(model: Model, prices: Path) -> None:
    model.will(model.hang_after("fine"))
    async with running_server(model.url, prices=prices, speculation_share=1.0) as server:
        async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
            await microphone.say(pcm16(speech_of("what time is it in Rome")))
            await model.asked.wait()
            (session,) = server.gateway.sessions
        await session.closed.wait()
        assert server.metric('bargein_speculations_total{outcome="left"}') == 1
        assert server.metric('bargein_cost_dollars_total{model="scripted"}') > 0


async def test_a_stock_client_is_told_nothing_new(model: Model, prices: Path) -> None:
    async with (
        running_server(model.url, prices=prices, cap_day_usd=1.0) as server,
        connect(server.realtime_url) as caller,
    ):
        await ask(caller)
    assert not [event for event in caller.events if event["type"].startswith("bargein.")]


async def test_what_has_no_price_is_unknown(model: Model) -> None:
    async with running_server(model.url) as server:
        async with connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller:
            await ask(caller)
            await ask(caller)
        assert server.metric('bargein_unpriced_total{model="scripted"}') == 2
    assert not events(caller, "bargein.cost")


async def test_a_session_is_refused_at_its_cap_and_not_before(model: Model, prices: Path) -> None:
    """By one turn it is exceeded, for what that costs is known when it is over."""
    model.will(*(charges(A_TURN) for _ in range(5)))
    async with running_server(model.url, prices=prices, cap_session_usd=0.25) as server:
        async with connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller:
            done = [await ask(caller) for _ in range(4)]
            told = events(caller, "bargein.cost")
            (error,) = events(caller, "error")
        refused = server.metric('bargein_budget_refusals_total{cap="session"}')
        warned = server.metric('bargein_budget_warnings_total{cap="session"}')
        async with connect(server.realtime_url) as another:
            assert (await ask(another))["status"] == "completed"
    assert [response["status"] for response in done] == ["completed"] * 3 + ["failed"]
    assert len(model.requests) == 3 + 1
    assert [cost["cap"]["warning"] for cost in told] == [False, True, True, True]
    assert told[2]["cap"] == {
        "scope": "session", "limit": 0.25, "spent": pytest.approx(0.303), "resets_at": None, "warning": True,
    }  # fmt: skip
    assert told[2]["session"] <= 0.25 + A_TURN_COSTS
    assert (error["error"]["type"], error["error"]["code"]) == ("insufficient_quota", "budget_exceeded")
    assert "retry_after" not in error["error"]
    assert done[3]["status_details"]["error"] == {
        "type": "insufficient_quota", "code": "budget_exceeded", "message": error["error"]["message"],
    }  # fmt: skip
    assert done[3]["usage"]["total_tokens"] == 0
    assert (refused, warned) == (1, 1)


async def test_a_key_and_a_day_are_refused_for_all_who_share_them(model: Model, prices: Path) -> None:
    model.will(*(charges(A_TURN) for _ in range(5)))
    options: dict[str, Any] = {"prices": prices, "api_keys": "one,two", "cap_key_day_usd": 0.15, "cap_day_usd": 0.35}
    async with running_server(model.url, **options) as server:

        async def call(key: str) -> tuple[list[str], list[dict[str, Any]]]:
            async with connect(server.realtime_url, headers={"Authorization": f"Bearer {key}"}) as caller:
                return [(await ask(caller))["status"] for _ in range(2)], events(caller, "error")

        assert await call("one") == (["completed"] * 2, [])
        statuses, errors = await call("one")
        assert statuses == ["failed"] * 2
        assert "Today's budget of this key, 0.15 US dollars, is used up." in errors[0]["error"]["message"]
        assert 0 < errors[0]["error"]["retry_after"] <= 86_400
        token = server.gateway.tokens.mint(None, 60, payer=server.gateway.keyring.payer("one")).value
        assert (await call(token))[0] == ["failed"] * 2
        assert await call("two") == (["completed"] * 2, [])
        statuses, errors = await call("two")
        assert statuses == ["failed"] * 2
        spent = server.metric('bargein_cost_dollars_total{model="scripted"}')
    assert spent == pytest.approx(4 * A_TURN_COSTS)
    assert len(model.requests) == 4


async def test_turns_at_the_same_time_cannot_exceed_a_cap_together(model: Model, prices: Path) -> None:
    gate = asyncio.Event()
    model.will(charges(A_TURN, gate=gate))
    options: dict[str, Any] = {"prices": prices, "cap_day_usd": 0.1, "max_completion_tokens": 1000}
    async with (
        running_server(model.url, **options) as server,
        connect(server.realtime_url) as first,
        connect(server.realtime_url) as second,
    ):
        await first.say_text("hello")
        await model.asked.wait()
        refused = await ask(second)
        assert refused["status"] == "failed"
        (error,) = events(second, "error")
        assert "Turns in progress may use up the rest" in error["error"]["message"]
        assert error["error"]["retry_after"] == 5
        gate.set()
        await first.wait_for("response.done")
    assert len(model.requests) == 1


async def test_a_turn_that_was_cancelled_lets_go_of_what_was_held_for_it(model: Model, prices: Path) -> None:
    model.will(model.hang_after("a story that goes on"), charges(A_TURN))
    options: dict[str, Any] = {"prices": prices, "cap_day_usd": 0.4, "cap_session_usd": 0.4}
    async with running_server(model.url, **options) as server, connect(server.realtime_url) as caller:
        await caller.say_text("tell me a story")
        await caller.wait_for("response.output_audio.delta")
        await caller.send({"type": "response.cancel"})
        await caller.wait_for("response.done")
        assert (await ask(caller))["status"] == "completed"


async def test_a_response_is_bounded_by_its_cap(model: Model, prices: Path) -> None:
    options: dict[str, Any] = {"prices": prices, "cap_response_usd": 0.01}
    async with running_server(model.url, **options) as server, connect(server.realtime_url) as caller:
        await ask(caller)
        await ask(caller, max_output_tokens=20)
        refused = await ask(caller, instructions="x" * 100_000)
    bounds = [request["max_completion_tokens"] for request in model.requests]
    assert bounds == [99, 20]  # at 0.0001 dollars a token, less what the question costs
    assert refused["status"] == "failed"
    assert "telling the model what was said so far would cost" in refused["status_details"]["error"]["message"]


async def test_an_out_of_band_response_pays_too(model: Model, prices: Path) -> None:
    model.will(charges(A_TURN), charges(A_TURN))
    options: dict[str, Any] = {"prices": prices, "cap_session_usd": 0.1}
    async with running_server(model.url, **options) as server, connect(server.realtime_url) as caller:
        assert (await ask(caller, conversation="none"))["status"] == "completed"
        assert (await ask(caller, conversation="none"))["status"] == "failed"


async def test_transcriptions_are_paid_by_the_second(model: Model, prices: Path) -> None:
    model.will(charges(A_TURN))
    async with (
        running_server(model.url, prices=prices) as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
    ):
        await caller.update_session(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        await caller.append(bytes(48_000 * 3))
        await caller.send({"type": "input_audio_buffer.commit"})
        await caller.wait_for("conversation.item.input_audio_transcription.completed")
        await ask(caller)
        await caller.wait_until(lambda: events(caller, "bargein.cost"))
        (cost,) = events(caller, "bargein.cost")
    assert cost["turn"] == pytest.approx(A_TURN_COSTS)
    assert cost["session"] == pytest.approx(A_TURN_COSTS + 3 * 0.01)


COMMIT = {"type": "input_audio_buffer.commit"}
WRITTEN = "conversation.item.input_audio_transcription"


async def commit(caller: RealtimeClient, seconds: int) -> None:
    for _ in range(seconds):
        await caller.append(bytes(48_000))
    await caller.send(COMMIT)


async def test_what_a_recogniser_was_sent_is_paid_where_its_caller_hangs_up(
    model: Model, prices: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def never_answers(exchange: Exchange) -> None:
        asked.set()
        await exchange.gone()
        left.set()
        raise ConnectionResetError

    async with (
        scripted(never_answers) as recogniser,
        running_server(model.url, prices=prices, transcription_url=recogniser.url) as server,
    ):
        async with connect(server.realtime_url) as caller:
            heard = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
            await caller.update_session(audio={"input": heard})
            await commit(caller, 3)
            await asked.wait()
            (session,) = server.gateway.sessions
            assert isinstance(session, Session)
        await session.closed.wait()
        await left.wait()
        (row,) = (await get(server, "/v1/usage"))["data"]
    assert (row["model"], row["transcribed_s"]) == ("whisper-1", 3)
    assert row["dollars"] == pytest.approx(3 * 0.01)
    assert "cost_dollars=0.03 " in "".join(capfd.readouterr())


async def test_a_full_cap_stops_recognisers_too(model: Model, prices: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is exceeded by what was begun while there was room."""
    async with (
        running_server(model.url, prices=prices, cap_session_usd=0.05) as server,
        connect(server.realtime_url) as caller,
    ):
        heard = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
        await caller.update_session(audio={"input": heard})
        for outcome in ("completed", "completed", "failed", "failed"):
            await commit(caller, 3)
            event = await caller.wait_for(f"{WRITTEN}.{outcome}")
        (row,) = (await get(server, "/v1/usage"))["data"]
        failed = server.metric('bargein_transcriptions_total{outcome="failed"}')
    assert (event["error"]["type"], event["error"]["code"]) == ("insufficient_quota", "budget_exceeded")
    assert "has used up what it may cost, 0.0500 US dollars" in event["error"]["message"]
    assert (row["transcribed_s"], row["dollars"]) == (6, pytest.approx(0.06))
    assert failed == 2
    assert "".join(capfd.readouterr()).count("recognisers are not asked") == 1


async def test_a_full_cap_leaves_turns_in_the_history_as_sound(model: Model, prices: Path) -> None:
    model.will(charges(A_TURN))
    heard = asyncio.Event()

    async def hears_nothing(exchange: Exchange) -> None:
        heard.set()
        await exchange.answer(200, b'{"text":""}')

    options: dict[str, Any] = {"prices": prices, "cap_session_usd": 0.1, "transcription_model": "whisper-1"}
    async with (
        scripted(hears_nothing) as recogniser,
        running_server(model.url, transcription_url=recogniser.url, **options) as server,
        connect(server.realtime_url) as caller,
    ):
        await caller.update_session(audio={"input": {"turn_detection": None}})
        await commit(caller, 1)
        await heard.wait()
        await ask(caller)
        mark = caller.mark()
        await commit(caller, 1)
        await caller.wait_for("conversation.item.done", since=mark)
        await asyncio.sleep(1.0)  # In virtual time.
    assert len(recogniser.exchanges) == 1


async def test_caps_are_not_accepted_where_nothing_could_keep_them(model: Model) -> None:
    with pytest.raises(
        SettingsError, match="BARGEIN_CAP_DAY_USD is set, and what scripted costs is not known: give text_in"
    ):
        async with running_server(model.url, cap_day_usd=1.0):
            pass


async def test_caps_are_not_accepted_where_sound_has_no_price(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text("[models.scripted]\ntext_in = 1\ntext_out = 1\naudio_out = 1\n")
    named = "BARGEIN_CAP_RESPONSE_USD and BARGEIN_CAP_SESSION_USD are set, and what scripted costs is not known"
    with pytest.raises(SettingsError, match=named):
        async with running_server(model.url, prices=path, cap_response_usd=0.5, cap_session_usd=1.0):
            pass


async def test_a_cap_that_comes_near_is_said_once_and_not_by_each_caller(
    model: Model, prices: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model.will(*(charges(A_TURN) for _ in range(5)))
    options: dict[str, Any] = {"prices": prices, "api_keys": "one,two", "cap_key_day_usd": 0.24, "cap_day_usd": 0.6}
    async with running_server(model.url, **options) as server:
        for key, warned in (("one", (0, 0)), ("one", (1, 0)), ("two", (1, 0)), ("two", (2, 0)), ("two", (2, 1))):
            if warned == (2, 0):
                assert (await complete(server, key))[0] == 200, "push to talk is no exception"
            else:
                async with connect(server.realtime_url, headers={"Authorization": f"Bearer {key}"}) as caller:
                    await ask(caller)
            told = [server.metric(f'bargein_budget_warnings_total{{cap="{cap}"}}') for cap in ("key_day", "day")]
            assert tuple(told) == warned
    lines = [line for line in "".join(capfd.readouterr()).splitlines() if "a cap comes near" in line]
    assert len(lines) == 3
    assert f"key={server.gateway.keyring.payer('one')}" in lines[0]


async def test_push_to_talk_pays_and_is_refused(model: Model, prices: Path) -> None:
    model.will(charges(A_TURN), charges(A_TURN))
    options: dict[str, Any] = {"prices": prices, "cap_day_usd": 0.1, "api_keys": "one"}
    async with running_server(model.url, **options) as server:
        statuses = [await complete(server), await complete(server)]
        used = await get(server, "/v1/usage")
    assert [status for status, _ in statuses] == [200, 429]
    assert json.loads(statuses[1][1])["error"]["code"] == "budget_exceeded"
    (row,) = used["data"]
    assert (row["dollars"], row["responses"]) == (pytest.approx(A_TURN_COSTS), 1)
    assert used["caps"][0]["spent"] == pytest.approx(A_TURN_COSTS)


@pytest.mark.parametrize("told", [True, False], ids=["tokens are told", "nothing is told"])
async def test_speech_that_is_paid_by_the_minute_is_paid_in_push_to_talk_too(
    model: Model, tmp_path: Path, told: bool
) -> None:
    path = tmp_path / "by-the-minute.toml"
    path.write_text("[models.scripted]\ntext_in = 0\naudio_in = 0\ntext_out = 0\nspeech_per_minute = 60\n")
    model.will(charges(A_TURN if told else {}, "one two three four"))
    async with running_server(model.url, prices=path, api_keys="one") as server:
        status, _ = await complete(server, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
        (row,) = (await get(server, "/v1/usage"))["data"]
    assert status == 200
    assert row["dollars"] == pytest.approx(4 * 0.3)


@pytest.mark.parametrize("told", [{"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": 1000}, {}])
async def test_what_a_server_does_not_count_is_estimated(model: Model, prices: Path, told: dict[str, int]) -> None:
    """Some tell of every answer that it took 0 tokens: no cap would ever be full."""
    model.will(charges(told, "one two three four"), charges(told, "one two three four"))
    async with running_server(model.url, prices=prices, api_keys="one") as server:
        async with connect(server.realtime_url, headers={"Authorization": "Bearer one"}) as caller:
            usage = (await ask(caller))["usage"]
        (called,) = (await get(server, "/v1/usage"))["data"]
        await complete(server, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
        (both,) = (await get(server, "/v1/usage"))["data"]
    assert usage["input_tokens"] == (told.get("prompt_tokens") or 2)
    assert usage["output_token_details"] == {"text_tokens": 5, "audio_tokens": 24}
    assert called["dollars"] == pytest.approx(1e-6 * (usage["input_tokens"] + 10 * 5 + 100 * 24))
    assert both["dollars"] == pytest.approx(2 * called["dollars"])


async def test_who_hangs_up_on_push_to_talk_has_paid_for_the_question(model: Model, prices: Path) -> None:
    gate = asyncio.Event()

    async def never_begins(_: Exchange) -> None:
        await gate.wait()
        raise ConnectionResetError

    model.will(never_begins)
    options: dict[str, Any] = {"prices": prices, "cap_day_usd": 0.001, "api_keys": "one"}
    async with running_server(model.url, **options) as server:
        hanging = asyncio.create_task(complete(server, text="hello " * 3000))
        await model.asked.wait()
        hanging.cancel()
        async with asyncio.timeout(30):
            while server.gateway.open_sessions:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.01)
        status, _ = await complete(server)
        (row,) = (await get(server, "/v1/usage"))["data"]
        gate.set()
    assert (row["input_text_tokens"], row["output_text_tokens"]) == (4500, 0)
    assert row["dollars"] == pytest.approx(0.0045)
    assert status == 429


async def test_a_key_reads_what_it_has_used_and_the_operator_what_all_have(model: Model, prices: Path) -> None:
    options: dict[str, Any] = {"prices": prices, "api_keys": "one,two", "metrics_key": "m"}
    async with running_server(model.url, **options) as server:
        await complete(server, "one")
        await complete(server, "two")
        mine, all_of_them = await get(server, "/v1/usage"), await get(server, "/v1/usage?keys=all", "m")
        assert (await get(server, "/v1/usage", "m"))["error"]["code"] == "invalid_api_key"
        assert (await get(server, "/v1/usage", "three"))["error"]["code"] == "invalid_api_key"
    (row,) = mine["data"]
    assert row["key"] == mine["key"] == server.gateway.keyring.payer("one")
    assert (row["model"], row["responses"], row["unpriced"]) == ("scripted", 1, 0)
    assert {row["key"] for row in all_of_them["data"]} == {server.gateway.keyring.payer(key) for key in ("one", "two")}


async def complete(server: RunningServer, key: str = "one", text: str = "hello", **more: object) -> tuple[int, bytes]:
    body = json.dumps({"model": "x", "messages": [{"role": "user", "content": text}], **more}).encode()
    return await exchange(server, f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}", key, body)


async def get(server: RunningServer, path: str, key: str = "one") -> dict[str, Any]:
    _, body = await exchange(server, f"GET {path} HTTP/1.1", key)
    return dict(json.loads(body))


async def exchange(server: RunningServer, head: str, key: str, body: bytes = b"") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.server.address[1])
    lines = f"{head}\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    writer.write(lines.encode() + body)
    try:
        answer = await reader.read()
    finally:
        writer.close()
    first, _, rest = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), rest
