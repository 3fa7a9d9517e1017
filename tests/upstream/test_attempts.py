"""Options that a model's server refuses are left out: the caller gets its answer, and the next one at once."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import orjson
import pytest

from bargein.core.audio import PCM16_24K
from bargein.core.completion import AssistantMessage, CompletionRequest, Finished, UserAudio, UserMessage, UserText
from bargein.errors import UpstreamRefused
from bargein.sound.wav import HEADER_BYTES
from bargein.upstream import ChatCompletions, UpstreamConfig
from bargein.upstream.attempts import Asking
from bargein.upstream.config import Flavour
from support.scripted_upstream import DONE, Exchange, ScriptedUpstream, delta, scripted

WEATHER = {"type": "function", "name": "get_weather"}
REQUEST = CompletionRequest(
    (UserMessage((UserText("Hi"),)),),
    audio=True,
    voice="marin",
    tools=(WEATHER,),
    parallel_tool_calls=True,
    reasoning_effort="low",
)


def refusing(refused: Mapping[str, str], status: int = 400) -> Callable[[Exchange], Awaitable[None]]:
    """A server that refuses each of these options, one at a time, in these words."""

    async def script(exchange: Exchange) -> None:
        for name, words in refused.items():
            if f'"{name}":'.encode() in exchange.body:
                await exchange.answer(
                    status, orjson.dumps({"error": {"message": words, "type": "invalid_request_error"}})
                )
                return
        await exchange.stream([delta(audio={"data": "AAAA"}), DONE])

    return script


def asking(server: ScriptedUpstream, flavour: Flavour = "generic") -> ChatCompletions:
    return ChatCompletions(UpstreamConfig(base_url=server.url, model="m", flavour=flavour))


async def finishes(upstream: ChatCompletions, request: CompletionRequest = REQUEST) -> bool:
    async with upstream.stream(request) as pieces:
        return [piece async for piece in pieces][-1] == Finished("stop")


@pytest.mark.parametrize(
    ("flavour", "refused", "requests"),
    [
        ("openai", {"reasoning_effort": "Unrecognized request argument supplied: reasoning_effort"}, 2),
        (
            "openai",
            {"reasoning_effort": "Unsupported parameter: 'reasoning_effort' is not supported with this model."},
            2,
        ),
        ("generic", {"parallel_tool_calls": "parallel_tool_calls: extra fields not permitted"}, 2),
        ("generic", {"voice": "Invalid speaker 'marin'. Supported: aiden, chelsie, ethan"}, 2),
        (
            "generic",
            {
                "voice": "Invalid voice",
                "reasoning_effort": "no reasoning_effort",
                "parallel_tool_calls": "parallel_tool_calls?",
            },
            4,
        ),
    ],
)
async def test_an_option_that_is_refused_is_left_out_from_then_on(
    flavour: Flavour, refused: dict[str, str], requests: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with scripted(refusing(refused)) as server, asking(server, flavour) as upstream:
        assert await finishes(upstream)
        assert len(server.exchanges) == requests
        assert await finishes(upstream)
        assert len(server.exchanges) == requests + 1
    assert capsys.readouterr().out.count("refuses an option") == requests - 1


async def test_a_long_history_is_written_beside_the_loop_and_as_whole() -> None:
    """And put again where an option is refused."""
    sound = bytes(range(256)) * 12_000
    request = replace(REQUEST, messages=(UserMessage((UserAudio(sound, PCM16_24K),)),))
    config = UpstreamConfig(base_url="http://127.0.0.1:1", model="m")
    assert Asking(config).attempts(request).is_long
    assert not Asking(config).attempts(REQUEST).is_long
    async with scripted(refusing({"voice": "Invalid voice"})) as server, asking(server) as upstream:
        assert await finishes(upstream, request)
    assert len(server.exchanges) == 2
    for exchange in server.exchanges:
        (part,) = orjson.loads(exchange.body)["messages"][0]["content"]
        assert base64.b64decode(part["input_audio"]["data"])[HEADER_BYTES:] == sound


async def test_what_was_sent_is_let_go_when_the_answer_begins() -> None:
    """It holds the sound of the whole conversation, and the answer lasts."""
    sound = bytes(range(256)) * 4000
    request = replace(REQUEST, messages=(UserMessage((UserAudio(sound, PCM16_24K),)),))
    tracemalloc.start()
    try:
        async with scripted(refusing({})) as server, asking(server) as upstream, upstream.stream(request) as pieces:
            await anext(pieces)
            kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/bargein/*")])
            assert sum(line.size for line in kept.statistics("filename")) < len(sound)
    finally:
        tracemalloc.stop()


async def test_another_value_is_tried() -> None:
    script = refusing({"reasoning_effort": "reasoning_effort: 'low' is not one of 'high'"})
    async with scripted(script) as server, asking(server) as upstream:
        await finishes(upstream)
        await finishes(upstream, replace(REQUEST, reasoning_effort="high"))
    efforts = [exchange.json.get("reasoning_effort") for exchange in server.exchanges]
    assert efforts == ["low", None, "high", None]


@pytest.mark.parametrize("flavour", ["openai", "azure", "dashscope"])
async def test_a_voice_is_not_left_out_where_one_is_needed(flavour: Flavour) -> None:
    async with scripted(refusing({"voice": "Invalid voice"})) as server:
        async with asking(server, flavour) as upstream:
            with pytest.raises(UpstreamRefused, match="Invalid voice"):
                await finishes(upstream)
        assert len(server.exchanges) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 429])
async def test_other_refusals_are_final(status: int) -> None:
    async with scripted(refusing({"messages": "no reasoning_effort for you"}, status)) as server:
        async with asking(server) as upstream:
            with pytest.raises(UpstreamRefused):
                await finishes(upstream)
        assert len(server.exchanges) == 1


async def test_a_refusal_that_stays_is_told() -> None:
    async with scripted(refusing({"messages": "something about reasoning_effort and parallel_tool_calls"})) as server:
        async with asking(server, "openai") as upstream:
            with pytest.raises(UpstreamRefused, match="something about"):
                await finishes(upstream)
        assert len(server.exchanges) == 3


async def test_forgotten_audio_and_a_refused_option_in_one_request() -> None:
    refused = {"id": "Assistant audio audio_1 not found.", "reasoning_effort": "no reasoning_effort"}
    referring = replace(REQUEST, messages=(AssistantMessage("As I said.", audio_id="audio_1"), *REQUEST.messages))
    async with scripted(refusing(refused)) as server:
        async with asking(server) as upstream:
            assert await finishes(upstream, referring)
        assert len(server.exchanges) == 3
