"""Which voice is asked for, by server and by what callers and operators have chosen."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.core.completion import CompletionRequest, UserMessage, UserText
from bargein.upstream import ChatCompletions, UpstreamConfig
from bargein.upstream.config import Flavour
from bargein.upstream.voices import OPENAI_VOICES, Voices
from support.scripted_upstream import DONE, Exchange, delta, scripted


def voices(flavour: Flavour, model: str = "some-model", **chosen: Any) -> Voices:  # noqa: ANN401
    return Voices(UpstreamConfig(base_url="http://host/v1", model=model, flavour=flavour, **chosen))


@pytest.mark.parametrize(
    ("flavour", "model", "asked", "sent"),
    [
        ("openai", "gpt-audio-1.5", None, "alloy"),
        ("openai", "gpt-audio-1.5", "marin", "marin"),
        ("openai", "gpt-audio-1.5", "voice_123", "voice_123"),
        ("azure", "my-deployment", None, "alloy"),
        ("generic", "Qwen/Qwen3-Omni", None, None),
        ("generic", "Qwen/Qwen3-Omni", "ethan", "ethan"),
        ("generic", "Qwen/Qwen3-Omni", "alloy", "alloy"),
        ("generic", "openai/gpt-audio-1.5", None, "alloy"),
        ("generic", "gpt-4o-audio-preview", None, "alloy"),
        ("vllm-omni", "Qwen/Qwen3-Omni", None, None),
        ("vllm-omni", "Qwen/Qwen3-Omni", "alloy", None),
        ("vllm-omni", "Qwen/Qwen3-Omni", "Marin", None),
        ("vllm-omni", "Qwen/Qwen3-Omni", "chelsie", "chelsie"),
        ("sglang-omni", "Qwen/Qwen3-Omni", "verse", None),
        ("dashscope", "qwen3.5-omni-plus", None, "Tina"),
        ("dashscope", "qwen3.5-omni-flash-2026-03-15", "alloy", "Tina"),
        ("dashscope", "qwen3-omni-flash", None, "Cherry"),
        ("dashscope", "qwen-omni-turbo", "shimmer", "Cherry"),
        ("dashscope", "qwen3-omni-flash", "Ethan", "Ethan"),
    ],
)
def test_without_settings(flavour: Flavour, model: str, asked: str | None, sent: str | None) -> None:
    assert voices(flavour, model).of(asked) == sent


@pytest.mark.parametrize(
    ("flavour", "asked", "sent"),
    [
        ("vllm-omni", None, "aiden"),
        ("vllm-omni", "alloy", "ethan"),
        ("vllm-omni", "ALLOY", "ethan"),
        ("vllm-omni", "marin", "aiden"),
        ("vllm-omni", "chelsie", "chelsie"),
        ("generic", "alloy", "ethan"),
        ("generic", "marin", "aiden"),
        ("generic", "chelsie", "chelsie"),
        ("dashscope", None, "aiden"),
        ("dashscope", "shimmer", "aiden"),
    ],
)
def test_with_voices_of_its_own(flavour: Flavour, asked: str | None, sent: str | None) -> None:
    assert voices(flavour, voice="aiden", voices={"Alloy": "ethan"}).of(asked) == sent


@pytest.mark.parametrize(("asked", "sent"), [(None, "marin"), ("ash", "ash"), ("verse", "ballad")])
@pytest.mark.parametrize("flavour", ["openai", "generic"])
def test_with_voices_of_openais(flavour: Flavour, asked: str | None, sent: str) -> None:
    assert voices(flavour, voice="marin", voices={"verse": "ballad"}).of(asked) == sent


OPENAIS = tuple(sorted(OPENAI_VOICES))


@pytest.mark.parametrize(
    ("flavour", "chosen", "offered"),
    [
        ("openai", {}, OPENAIS),
        ("azure", {"voice": "marin"}, ("marin", *(name for name in OPENAIS if name != "marin"))),
        ("openai", {"voice": "voice_1"}, ("voice_1", *OPENAIS)),
        ("openai", {"voices": {"receptionist": "cedar"}}, ("receptionist", *OPENAIS)),
        (
            "openai",
            {"voices": {"alloy": "cedar"}},
            ("cedar", *(name for name in OPENAIS if name not in {"alloy", "cedar"})),
        ),
        ("generic", {}, OPENAIS),
        ("generic", {"voice": "aiden"}, ("aiden",)),
        ("generic", {"voices": {"alloy": "ethan", "Marin": "chelsie"}}, ("ethan", "chelsie")),
        ("vllm-omni", {}, ()),
        ("vllm-omni", {"voice": "aiden", "voices": {"alloy": "ethan"}}, ("ethan", "aiden")),
        ("dashscope", {}, ("Cherry",)),
        ("dashscope", {"voices": {"alloy": "Ethan", "guest": "Cherry"}}, ("Ethan", "guest")),
        ("dashscope", {"voices": {"alloy": "Ethan", "ash": "Ethan"}}, ("Ethan", "Cherry")),
        # Its own name for it is one that callers cannot ask for.
        ("vllm-omni", {"voices": {"alloy": "echo", "echo": "ethan"}}, ("alloy", "ethan")),
    ],
)
def test_people_are_offered_the_names_of_what_the_model_has(
    flavour: Flavour, chosen: dict[str, Any], offered: tuple[str, ...]
) -> None:
    ours = voices(flavour, **chosen)
    assert ours.offered == offered
    sent = [ours.of(name) for name in offered]
    assert None not in sent


@pytest.mark.parametrize(
    ("flavour", "asked", "sent"),
    [
        ("openai", None, {"audio": {"voice": "alloy", "format": "pcm16"}}),
        ("openai", "voice_1", {"audio": {"voice": {"id": "voice_1"}, "format": "pcm16"}}),
        ("azure", "voice_1", {"audio": {"voice": {"id": "voice_1"}, "format": "pcm16"}}),
        ("generic", None, {"audio": {"format": "pcm16"}}),
        ("generic", "ethan", {"audio": {"voice": "ethan", "format": "pcm16"}}),
        ("vllm-omni", "alloy", {"audio": {"format": "pcm16"}}),
        ("vllm-omni", "ethan", {"audio": {"format": "pcm16"}, "voice": "ethan"}),
        ("dashscope", None, {"audio": {"voice": "Cherry", "format": "wav"}}),
        ("sglang-omni", None, {"audio": {"format": "pcm16"}}),
    ],
)
async def test_what_is_posted(flavour: Flavour, asked: str | None, sent: dict[str, Any]) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream([delta(content="Hi"), DONE])

    async with scripted(script) as server:
        config = UpstreamConfig(base_url=server.url, model="m", flavour=flavour)
        request = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice=asked)
        async with ChatCompletions(config) as upstream, upstream.stream(request) as pieces:
            assert [piece async for piece in pieces]
    body = server.exchanges[0].json
    assert {name: body[name] for name in ("audio", "voice") if name in body} == sent
