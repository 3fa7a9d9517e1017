"""What is posted, in every dialect."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from typing import Any

import pybase64
import pytest

from bargein.core.audio import PCM16_24K, PCMA_8K, PCMU_8K, AudioFormat
from bargein.core.completion import (
    YOUR_TURN,
    AssistantMessage,
    ChatMessage,
    CompletionRequest,
    ForcedFunction,
    SystemMessage,
    ToolCall,
    ToolChoice,
    ToolMessage,
    UserAudio,
    UserImage,
    UserMessage,
    UserText,
)
from bargein.upstream.config import Flavour
from bargein.upstream.dialects import dialect_of
from bargein.upstream.request import request_body

SPEECH = UserAudio(bytes(range(100)) * 2, PCM16_24K)
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather.", "parameters": {"type": "object"}}


def body(
    *messages: ChatMessage,
    flavour: Flavour = "openai",
    audio: bool = True,
    tools: tuple[Mapping[str, Any], ...] = (),
    tool_choice: ToolChoice = "auto",
    max_output_tokens: int | None = None,
    parallel_tool_calls: bool | None = None,
    reasoning_effort: str | None = None,
) -> dict[str, Any]:
    request = CompletionRequest(
        messages, audio, "verse", tools, tool_choice, max_output_tokens, parallel_tool_calls, reasoning_effort
    )
    return request_body(request, "gpt-audio", dialect_of(flavour))


def unwrapped(data: str) -> tuple[int, bytes]:
    with wave.open(io.BytesIO(pybase64.b64decode(data))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), file.readframes(file.getnframes())


def test_a_spoken_turn() -> None:
    written = body(SystemMessage("Be brief."), UserMessage((SPEECH,)))
    data = written["messages"][1]["content"][0]["input_audio"].pop("data")
    assert unwrapped(data) == (24_000, SPEECH.audio)
    assert written == {
        "model": "gpt-audio",
        "modalities": ["text", "audio"],
        "audio": {"voice": "verse", "format": "pcm16"},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"format": "wav"}}]},
        ],
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
    }


@pytest.mark.parametrize("fmt", [PCMU_8K, PCMA_8K])
def test_telephone_speech_is_decoded(fmt: AudioFormat) -> None:
    written = body(UserMessage((UserAudio(fmt.silence(80), fmt),)))
    rate_hz, samples = unwrapped(written["messages"][0]["content"][0]["input_audio"]["data"])
    assert rate_hz == 8000
    assert len(samples) == 160
    assert max(abs(value) for value in memoryview(samples).cast("h")) <= 8


def test_a_text_reply() -> None:
    written = body(UserMessage((UserText("Hi"),)), audio=False)
    assert written["modalities"] == ["text"]
    assert "audio" not in written
    assert written["messages"] == [{"role": "user", "content": "Hi"}]


def test_text_beside_speech() -> None:
    parts = body(UserMessage((UserText("Listen:"), SPEECH)))["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "input_audio"]


def test_tools() -> None:
    written = body(tools=(WEATHER,), tool_choice=ForcedFunction("get_weather"), max_output_tokens=100)
    function = {name: value for name, value in WEATHER.items() if name != "type"}
    assert written["tools"] == [{"type": "function", "function": function}]
    assert written["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert written["max_completion_tokens"] == 100
    assert body(tools=(WEATHER,), tool_choice="required")["tool_choice"] == "required"
    assert "tool_choice" not in body(tool_choice="none")


def test_what_was_said_before() -> None:
    call = ToolCall("call_1", "get_weather", '{"city":"Oslo"}')
    written = body(
        AssistantMessage("Hello.", audio_id="audio_1"),
        AssistantMessage("I was cut o"),
        AssistantMessage(None, tool_calls=(call,)),
        ToolMessage("call_1", "12 °C"),
    )
    assert written["messages"] == [
        {"role": "assistant", "audio": {"id": "audio_1"}},
        {"role": "assistant", "content": "I was cut o"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"},
    ]


def test_empty_messages_are_left_out() -> None:
    empty = (SystemMessage(""), UserMessage(()), UserMessage((UserText(""),)), AssistantMessage(None))
    assert body(*empty)["messages"] == []


@pytest.mark.parametrize("flavour", ["azure", "generic"])
def test_unknown_servers_get_no_unknown_options(flavour: Flavour) -> None:
    assert body(flavour=flavour)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("flavour", ["generic", "dashscope", "vllm-omni", "sglang-omni"])
@pytest.mark.parametrize(
    "told", [(SystemMessage("Greet."),), (UserMessage((UserText("Hi."),)), AssistantMessage("Hello.")), ()]
)
def test_models_that_only_answer_somebody_are_given_a_turn(flavour: Flavour, told: tuple[ChatMessage, ...]) -> None:
    assert body(*told, flavour=flavour)["messages"][-1] == {"role": "user", "content": YOUR_TURN}


@pytest.mark.parametrize("flavour", ["openai", "azure"])
def test_models_that_begin_by_themselves_are_not(flavour: Flavour) -> None:
    assert body(SystemMessage("Greet."), flavour=flavour)["messages"] == [{"role": "system", "content": "Greet."}]


@pytest.mark.parametrize("last", [UserMessage((UserText("Hi."),)), ToolMessage("call_1", "12 °C")])
def test_a_turn_is_given_only_where_there_is_none(last: ChatMessage) -> None:
    call = AssistantMessage(None, tool_calls=(ToolCall("call_1", "get_weather", "{}"),))
    assert len(body(call, last, SystemMessage("Be brief."), flavour="generic")["messages"]) == 3


def test_dashscope() -> None:
    written = body(
        AssistantMessage("Hello.", audio_id="audio_1"), UserMessage((SPEECH,)), flavour="dashscope", max_output_tokens=9
    )
    reply, speech = written["messages"]
    prefix, _, data = speech["content"][0]["input_audio"]["data"].partition(",")
    assert prefix == "data:;base64"
    assert unwrapped(data) == (24_000, SPEECH.audio)
    assert reply == {"role": "assistant", "content": "Hello."}
    assert written["audio"] == {"voice": "verse", "format": "wav"}
    assert written["max_tokens"] == 9
    assert "max_completion_tokens" not in written


def test_vllm_omni() -> None:
    written = body(AssistantMessage("Hello.", audio_id="audio_1"), UserMessage((UserText("Hi."),)), flavour="vllm-omni")
    assert written["voice"] == "verse"
    assert written["audio"] == {"format": "pcm16"}
    assert written["messages"] == [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi."}]


def test_sglang_omni() -> None:
    written = body(UserMessage((UserText("Listen:"), SPEECH)), UserMessage((SPEECH,)), flavour="sglang-omni")
    assert [message["content"] for message in written["messages"]] == ["Listen:", ""]
    for url in written["audios"]:
        prefix, _, data = url.partition(",")
        assert prefix == "data:audio/wav;base64"
        assert unwrapped(data) == (24_000, SPEECH.audio)
    assert len(written["audios"]) == 2


PICTURE = UserImage("data:image/png;base64,AAAA", "low")


def test_images() -> None:
    for flavour in ("openai", "generic", "vllm-omni", "dashscope"):
        (message,) = body(UserMessage((UserText("Look:"), PICTURE)), flavour=flavour)["messages"]
        image = {"type": "image_url", "image_url": {"url": PICTURE.url, "detail": "low"}}
        assert message["content"] == [{"type": "text", "text": "Look:"}, image]


def test_sglang_omni_images() -> None:
    written = body(UserMessage((PICTURE, SPEECH, UserText("Look:"))), flavour="sglang-omni")
    assert written["messages"] == [{"role": "user", "content": "Look:"}]
    assert written["images"] == [PICTURE.url]
    assert len(written["audios"]) == 1


def test_dashscope_has_sound_and_images_in_messages_of_their_own() -> None:
    parts = (UserText("Look:"), PICTURE, PICTURE, SPEECH, UserText("and listen"), PICTURE)
    messages = body(UserMessage(parts), flavour="dashscope")["messages"]
    kinds = [[part["type"] for part in message["content"]] for message in messages]
    assert kinds == [["text", "image_url", "image_url"], ["input_audio", "text"], ["image_url"]]
    (together,) = body(UserMessage(parts), flavour="vllm-omni")["messages"]
    assert len(together["content"]) == 6


@pytest.mark.parametrize("flavour", ["openai", "azure", "generic", "vllm-omni"])
def test_options_are_passed_on(flavour: Flavour) -> None:
    written = body(tools=(WEATHER,), parallel_tool_calls=False, reasoning_effort="low", flavour=flavour)
    assert (written["parallel_tool_calls"], written["reasoning_effort"]) == (False, "low")
    assert "parallel_tool_calls" not in body(parallel_tool_calls=False, flavour=flavour)
    assert not {"parallel_tool_calls", "reasoning_effort"} & body(tools=(WEATHER,), flavour=flavour).keys()


@pytest.mark.parametrize(
    ("audio", "effort", "thinks"),
    [
        (True, "high", None),
        (False, "high", True),
        (False, "low", True),
        (False, "minimal", False),
        (False, "none", False),
    ],
)
def test_dashscope_thinks_or_does_not(audio: bool, effort: str, thinks: bool | None) -> None:
    written = body(flavour="dashscope", audio=audio, reasoning_effort=effort)
    assert written.get("enable_thinking") is thinks
    assert "reasoning_effort" not in written


def test_sglang_omni_has_no_such_options() -> None:
    written = body(flavour="sglang-omni", tools=(WEATHER,), parallel_tool_calls=True, reasoning_effort="low")
    assert not {"parallel_tool_calls", "reasoning_effort"} & written.keys()
