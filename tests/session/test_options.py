"""What callers set beyond the conversation reaches the model or the recogniser, or the log says that it does not."""

from __future__ import annotations

from typing import Any

import pytest

from support.model import Model, refuses, spoken
from support.realtime_client import BETA_HEADERS, connect
from support.server import RunningServer, running_server

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


async def test_options_reach_the_model(server: RunningServer, model: Model) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.update_session(tools=[TOOL], parallel_tool_calls=False, reasoning={"effort": "low"})
        await caller.say_text("hello")
        await caller.wait_for("response.done")
        await caller.send({"type": "response.create", "response": {"reasoning": {"effort": "high"}}})
        await caller.wait_for("response.done")
    options = [(request["parallel_tool_calls"], request["reasoning_effort"]) for request in model.requests]
    assert options == [(False, "low"), (False, "high")]


async def test_a_model_that_does_not_reason_answers_all_the_same(server: RunningServer, model: Model) -> None:
    model.will(
        refuses(400, "Unsupported parameter: 'reasoning_effort' is not supported with this model."), spoken("fine")
    )
    async with connect(server.realtime_url) as caller:
        await caller.update_session(reasoning={"effort": "low"})
        await caller.say_text("hello")
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"
        assert not caller.errors


async def test_a_field_without_effect_is_said_once(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    async with running_server(model.url) as server:
        for _ in range(2):
            async with connect(server.realtime_url) as caller:
                await caller.update_session(tracing="auto", audio={"output": {"speed": 1.2}})
                await caller.say_text("hello")
                await caller.wait_for("response.done")
                await caller.send({"type": "response.create", "response": {"prompt": {"id": "pmpt_1"}}})
                await caller.wait_for("response.done")
                assert not caller.errors
    lines = [line for line in capsys.readouterr().out.splitlines() if "a field has no effect" in line]
    assert len(lines) == 3
    for field in ("session.tracing", "session.audio.output.speed", "response.prompt"):
        assert any(f"field={field}" in line for line in lines)


async def test_what_only_the_beta_has_is_said_too(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    async with running_server(model.url) as server, connect(server.realtime_url, headers=BETA_HEADERS) as caller:
        for _ in range(2):
            await caller.send({"type": "session.update", "session": {"temperature": 0.6}})
            assert "temperature" not in (await caller.wait_for("session.updated"))["session"]
            await caller.send({"type": "response.create", "response": {"temperature": 0.7}})
            await caller.wait_for("response.done")
        assert not caller.errors
    lines = [line for line in capsys.readouterr().out.splitlines() if "a field has no effect" in line]
    assert len(lines) == 2
    for line, field in zip(lines, ("session.temperature", "response.temperature"), strict=True):
        assert f"field={field} " in line


async def test_a_field_that_is_refused_is_not_said(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    async with running_server(model.url) as server, connect(server.realtime_url) as caller:
        session = {"type": "realtime", "audio": {"output": {"speed": 9.0}}}
        await caller.send({"type": "session.update", "session": session})
        await caller.wait_for("error")
    assert "a field has no effect" not in capsys.readouterr().out


async def test_log_probabilities_of_what_was_heard(server: RunningServer, model: Model) -> None:
    token = {"token": "hi", "logprob": -0.25, "bytes": [104, 105]}
    model.transcript, model.logprobs = "hi", [token]
    async with connect(server.realtime_url) as caller:
        listening: dict[str, Any] = {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}
        for include, told in ((["item.input_audio_transcription.logprobs"], [token]), (None, None)):
            await caller.update_session(include=include, audio={"input": listening})
            await caller.append(bytes(48_000))
            await caller.send({"type": "input_audio_buffer.commit"})
            completed = await caller.wait_for("conversation.item.input_audio_transcription.completed")
            assert completed["transcript"] == "hi"
            assert completed.get("logprobs") == told
