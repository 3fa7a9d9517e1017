"""The model is asked before the turn is over, over sockets: what leaves the server, and what does not."""

from __future__ import annotations

import pytest

from support.model import Model, calls, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, connect
from support.server import running_server
from support.sounds import pcm16, speech

QUESTION = pcm16(speech("what time is it in Rome"))
TWO_QUESTIONS = QUESTION + QUESTION
"""With a third of a second between them, of the recording's own silence."""


@pytest.mark.parametrize("subprotocols", [[], BARGEIN_SUBPROTOCOLS])
async def test_the_answer_is_there_when_the_turn_ends(model: Model, subprotocols: list[str]) -> None:
    model.will(spoken("good morning"))
    async with running_server(model.url, speculation_share=1.0) as server:
        async with connect(server.realtime_url, subprotocols=subprotocols) as caller, caller.microphone() as microphone:
            await microphone.say(QUESTION)
            done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        assert caller.transcript().strip() == "good morning"
        assert caller.types.count("response.created") == 1
        assert caller.types.index("response.created") > caller.types.index("input_audio_buffer.committed")
        assert len(model.requests) == 1
        assert server.metric('bargein_speculations_total{outcome="used"}') == 1
        assert server.metric("bargein_response_latency_seconds_count") == 1


@pytest.mark.parametrize("audio_format", [None, {"type": "audio/pcmu"}])
async def test_who_goes_on_hears_nothing_of_what_was_thrown_away(
    model: Model, audio_format: dict[str, str] | None
) -> None:
    model.will(calls("order", "{}"), spoken("it is noon"))
    async with running_server(model.url, speculation_share=1.0) as server:
        async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
            if audio_format is not None:
                await caller.update_session(audio={"output": {"format": audio_format}})
            await microphone.say(TWO_QUESTIONS)
            done = await caller.wait_for("response.done")
        assert [item["type"] for item in done["response"]["output"]] == ["message"]
        assert not [kind for kind in caller.types if kind.startswith("response.function_call")]
        assert caller.types.count("response.created") == caller.types.count("input_audio_buffer.committed") == 1
        assert len(model.requests) == 2
        assert model.told() == ["user: <input_audio>"]
        assert server.metric('bargein_speculations_total{outcome="dropped"}') == 1
        assert server.metric('bargein_speculations_total{outcome="used"}') == 1
        assert done["response"]["usage"]["total_tokens"] > 17


async def test_without_the_setting_nothing_is_asked_ahead(model: Model) -> None:
    async with running_server(model.url) as server:
        async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
            await microphone.say(QUESTION)
            await caller.wait_for("response.done")
        assert server.metric('bargein_speculations_total{outcome="used"}') == 0
