"""The model fails: the response says so, at once, and the next turn works."""

from __future__ import annotations

import base64
import socket

import pytest

from support.model import Answer, Model, event, refuses, spoken
from support.realtime_client import connect
from support.scripted_upstream import Exchange
from support.server import RunningServer, running_server

KEY = "sk-model-secret"


async def stalls(exchange: Exchange) -> None:
    """Answer nothing."""
    await exchange.gone()


async def stalls_in_the_middle(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.chunk(event({"choices": [{"delta": {"audio": {"transcript": "well "}}}]}))
    await exchange.gone()


async def is_cut(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.chunk(event({"choices": [{"delta": {"audio": {"transcript": "well "}}}]}))
    exchange.cut()


async def talks_nonsense(exchange: Exchange) -> None:
    await exchange.stream([b"data: {not json\n\n", b"data: [DONE]\n\n"])


async def breaks_off_with_an_error(exchange: Exchange) -> None:
    error = {"error": {"message": "The engine is on fire.", "type": "server_error", "code": "overheated"}}
    await exchange.stream([event(error)])


async def speaks_flac(exchange: Exchange) -> None:
    flac = base64.b64encode(b"fLaC\0\0\0\x22" + bytes(400)).decode()
    await exchange.stream([event({"choices": [{"delta": {"audio": {"data": flac}}}]}), b"data: [DONE]\n\n"])


async def ends_with_a_failure(exchange: Exchange) -> None:
    await exchange.stream([event({"choices": [{"delta": {"content": "well "}, "finish_reason": "error"}]})])


FAILURES: dict[str, Answer] = {
    "401": refuses(401, "Incorrect API key provided.", "invalid_api_key"),
    "429": refuses(429, "Rate limit reached.", "rate_limit_exceeded", retry_after="7"),
    "500": refuses(500, "The server had an error."),
    "stall": stalls,
    "stall in mid-stream": stalls_in_the_middle,
    "cut in mid-stream": is_cut,
    "malformed": talks_nonsense,
    "error in mid-stream": breaks_off_with_an_error,
    "FLAC": speaks_flac,
    "finish reason": ends_with_a_failure,
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_a_failure_is_a_failed_response_and_the_next_turn_works(model: Model, kind: str) -> None:
    impatient = {"upstream_first_byte_timeout_s": 0.5, "upstream_chunk_timeout_s": 0.5}
    model.will(FAILURES[kind], spoken("here I am"))
    async with running_server(model.url, **impatient) as server, connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        failed = await caller.wait_for("response.done")
        assert failed["response"]["status"] == "failed"
        error = failed["response"]["status_details"]["error"]
        assert error["message"]
        await caller.say_text("hello again")
        completed = await caller.wait_for("response.done")
        assert completed["response"]["status"] == "completed"
        assert not caller.errors
    expected = {
        "401": "invalid_api_key",
        "429": "rate_limit_exceeded",
        "error in mid-stream": "overheated",
        "FLAC": "invalid_audio",
        "finish reason": "finish_reason_error",
    }
    if kind in expected:
        assert error["code"] == expected[kind]


async def test_a_model_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with running_server(f"http://127.0.0.1:{port}/v1") as server, connect(server.realtime_url) as caller:
        for _ in range(2):
            await caller.say_text("hello")
            failed = await caller.wait_for("response.done")
            assert failed["response"]["status"] == "failed"


async def test_a_forgotten_audio_id_is_told_as_text_instead(model: Model) -> None:
    async def remembered(exchange: Exchange) -> None:
        expires = {"choices": [{"delta": {"audio": {"id": "audio_9", "transcript": "hello you", "expires_at": 2**40}}}]}
        sound = {"choices": [{"delta": {"audio": {"data": "AAAA" * 800}}}]}
        await exchange.stream([event(expires), event(sound), b"data: [DONE]\n\n"])

    gone = refuses(400, "Assistant audio audio_9 not found.", "audio_not_found")
    model.will(remembered, gone, spoken("fine"))
    async with running_server(model.url, history_sound_turns=0) as server, connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        await caller.wait_for("response.done")
        await caller.say_text("and now?")
        done = await caller.wait_for("response.done")
    assert done["response"]["status"] == "completed"
    assert model.told(1)[1] == "assistant audio:audio_9"
    assert model.told(2)[1] == "assistant: hello you"


async def test_a_recogniser_that_fails_does_not_fail_the_turn(server: RunningServer, model: Model) -> None:
    model.transcription_status = 500
    async with connect(server.realtime_url) as caller:
        detection = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
        await caller.update_session(audio={"input": detection})
        await caller.append(bytes(48_000))
        await caller.send({"type": "input_audio_buffer.commit"})
        await caller.send({"type": "response.create"})
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"
        failed = await caller.wait_for("conversation.item.input_audio_transcription.failed", since=0)
    assert failed["error"]["message"]


async def test_a_model_that_reaches_its_limit(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two", finish="length"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("count")
        done = await caller.wait_for("response.done")
    assert done["response"]["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


async def test_the_models_key_reaches_nobody(
    model: Model, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    model.will(refuses(401, f"Incorrect API key provided: {KEY}.", "invalid_api_key"))
    async with running_server(model.url, api_key_env="MODEL_KEY") as server, connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        await caller.wait_for("response.done")
        assert KEY not in str(caller.events)
    logged = capfd.readouterr()
    assert "upstream failed" in logged.out + logged.err
    assert KEY not in logged.out + logged.err
