"""The shapes of ``POST /v1/chat/completions``, over real HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import orjson
import pytest

from bargein.demo.process import DemoModelProcess
from bargein.sound.files import read
from bargein.sound.wav import wrap
from demo.streamed import body_of, stream

GET_TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def kinds(chunks: list[dict[str, Any]]) -> list[str]:
    """What each chunk is, runs of sound and transcript taken together."""

    def kind(chunk: dict[str, Any]) -> str:
        if not chunk["choices"]:
            return "usage"
        delta = chunk["choices"][0]["delta"]
        audio = delta.get("audio") or {}
        return "role" if "role" in delta else "expires" if "expires_at" in audio else "speech" if audio else "other"

    return [name for name, _ in groupby(kind(chunk) for chunk in chunks)]


async def test_a_spoken_stream_has_the_chunks_of_the_api_in_their_order(demo: DemoModelProcess) -> None:
    streamed = await stream(demo, body_of("hello"))

    assert kinds(streamed.chunks) == ["role", "speech", "expires", "usage"]
    assert streamed.done
    first = streamed.deltas[1]
    assert first["content"] is None
    assert first["audio"]["id"].startswith("audio_")
    assert set(first["audio"]) == {"id", "transcript"}
    assert streamed.finish_reasons == ["stop"]
    assert streamed.transcript.startswith("Hello! I am the demo model.")
    for chunk in streamed.chunks:
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["id"] == streamed.chunks[0]["id"]
    assert all(len(piece) == 4800 for piece in streamed.pieces[:-1])
    assert 2 <= len(streamed.samples) / 24_000 <= 12


async def test_every_word_is_in_the_transcript_before_its_sound(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    streamed = await stream(demo, body_of("Tell me a story."))
    (row,) = await demo.wait_for("done", after=after)

    said = samples = 0
    places = [word["start_samples"] for word in row["words"]]
    for delta in streamed.deltas:
        audio = delta.get("audio") or {}
        said += len(audio.get("transcript", "").split())
        if "data" in audio:
            samples += len(base64.b64decode(audio["data"])) // 2
            assert sum(place < samples for place in places) <= said


async def test_the_log_has_every_word_of_the_transcript_with_its_place(demo: DemoModelProcess) -> None:
    after = await demo.last_n()
    streamed = await stream(demo, body_of("Tell me a story."))
    (row,) = await demo.wait_for("done", after=after)

    assert [word["text"] for word in row["words"]] == streamed.transcript.split()
    assert row["transcript"] == streamed.transcript
    assert row["samples_sent"] == row["samples_made"] == len(streamed.samples)
    ends = 0
    for word in row["words"]:
        assert ends <= word["start_samples"] < word["end_samples"] <= len(streamed.samples)
        ends = word["start_samples"]
    assert len(streamed.samples) / 24_000 >= 45, "a story is worth interrupting"


async def test_without_stream_the_answer_is_whole_and_wav_is_possible(post: Callable[..., Any]) -> None:
    body = body_of("Who are you?", stream=False, stream_options=None, audio={"voice": "nova", "format": "wav"})
    answer = (await post("/chat/completions", json=body)).json()

    message = answer["choices"][0]["message"]
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert message["content"] is None
    assert set(message["audio"]) == {"id", "data", "expires_at", "transcript"}
    wav = read(base64.b64decode(message["audio"]["data"]))
    assert wav.rate_hz == 24_000
    tokens = answer["usage"]["completion_tokens_details"]["audio_tokens"]
    assert tokens == -(-len(wav.samples) // 1200), "one token for 50 ms"


@pytest.mark.parametrize("streaming", [True, False])
async def test_text_only_answers_have_content_and_no_audio(
    demo: DemoModelProcess, post: Callable[..., Any], streaming: bool
) -> None:
    body = body_of("hello", modalities=["text"], audio=None)
    if streaming:
        streamed = await stream(demo, body)
        assert streamed.content.startswith("Hello!")
        assert not streamed.pieces
        assert streamed.finish_reasons == ["stop"]
        assert streamed.usage is not None
        assert streamed.usage["completion_tokens_details"]["audio_tokens"] == 0
    else:
        answer = (await post("/chat/completions", json=body | {"stream": False, "stream_options": None})).json()
        assert answer["choices"][0]["message"]["content"].startswith("Hello!")


async def test_usage_counts_the_callers_sound_as_the_api_does(demo: DemoModelProcess) -> None:
    wav = base64.b64encode(wrap(bytes(2 * 24_000), 24_000)).decode()
    part = {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}}
    streamed = await stream(demo, body_of([{"role": "user", "content": [part]}]))

    assert streamed.usage is not None
    assert streamed.usage["prompt_tokens_details"]["audio_tokens"] == 10, "one token for 100 ms"
    assert streamed.transcript == "Are you still there?", "it was silence"
    prompt, completion = streamed.usage["prompt_tokens"], streamed.usage["completion_tokens"]
    assert streamed.usage["total_tokens"] == prompt + completion


async def test_usage_comes_only_when_it_is_asked_for(demo: DemoModelProcess) -> None:
    streamed = await stream(demo, body_of("thanks", stream_options=None))
    assert streamed.usage is None
    assert streamed.done


async def test_the_token_limit_cuts_the_sound(demo: DemoModelProcess) -> None:
    streamed = await stream(demo, body_of("Tell me a story.", max_completion_tokens=60))

    assert streamed.finish_reasons == ["length"]
    assert streamed.usage is not None
    assert 50 <= streamed.usage["completion_tokens"] <= 60
    assert streamed.done


async def test_the_time_is_told_by_a_tool(demo: DemoModelProcess) -> None:
    question = {"role": "user", "content": "What time is it?"}
    streamed = await stream(demo, body_of([question], tools=[GET_TIME]))

    calls = [delta["tool_calls"][0] for delta in streamed.deltas if "tool_calls" in delta]
    assert calls[0]["function"] == {"name": "get_time", "arguments": ""}
    assert all("id" not in call and "name" not in call["function"] for call in calls[1:])
    assert len(calls) >= 3, "the arguments come in fragments"
    assert "".join(call["function"]["arguments"] for call in calls) == "{}"
    assert streamed.finish_reasons == ["tool_calls"]

    call = {"id": calls[0]["id"], "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    history = [
        question,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": '{"time": "22:42"}'},
    ]
    spoken = await stream(demo, body_of(history, tools=[GET_TIME]))
    assert spoken.transcript == "It is now ten forty two at night."


@pytest.mark.parametrize(
    ("choice", "words", "called"),
    [
        ({"type": "function", "function": {"name": "get_weather"}}, "hello", {"city": "Paris"}),
        ("required", "hello", {"city": "Paris"}),
        ("auto", "What is the weather in Tokyo?", {"city": "Tokyo"}),
        ("none", "What is the weather in Tokyo?", None),
    ],
)
async def test_other_tools_are_called_when_asked_for(
    post: Callable[..., Any], choice: object, words: str, called: dict[str, str] | None
) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": schema}}
    body = body_of(words, tools=[tool], tool_choice=choice, stream=False, stream_options=None)
    message = (await post("/chat/completions", json=body)).json()["choices"][0]["message"]

    if called is None:
        assert "tool_calls" not in message
    else:
        assert orjson.loads(message["tool_calls"][0]["function"]["arguments"]) == called


async def test_an_earlier_reply_can_be_referred_to_by_its_audio_id(demo: DemoModelProcess) -> None:
    first = await stream(demo, body_of("hello"))
    history = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "audio": {"id": first.audio_id}},
        {"role": "user", "content": "What did you say?"},
    ]
    assert (await stream(demo, body_of(history))).transcript == first.transcript


@pytest.mark.parametrize("how", ["unknown", "forgotten"])
async def test_a_lost_audio_id_is_refused_as_the_api_does(
    demo: DemoModelProcess, post: Callable[..., Any], how: str
) -> None:
    audio_id = "audio_0" if how == "unknown" else (await stream(demo, body_of("hello"), "forget_audio")).audio_id
    history = [{"role": "assistant", "audio": {"id": audio_id}}, {"role": "user", "content": "go on"}]
    answer = await post("/chat/completions", json=body_of(history))

    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": f"Assistant audio {audio_id} not found.",
        "type": "invalid_request_error",
        "param": "content.messages[0].audio.id",
        "code": "audio_not_found",
    }


CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"model": None}, None, "you must provide a model parameter"),
        ({"messages": []}, "messages", "empty array"),
        ({"messages": "hello"}, "messages", "expected an array, but got a string"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "Supported values are"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "Missing"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "messages[0].content[0].type",
            "'input_audio'",
        ),
        ({"audio": None}, "audio", "Missing"),
        ({"audio": {"format": "pcm16"}, "model": "gpt-audio"}, "audio.voice", "Missing"),
        ({"audio": {"voice": "alloy", "format": "ogg"}}, "audio.format", "'pcm16'"),
        (
            {"audio": {"voice": "alloy", "format": "wav"}},
            "audio.format",
            "'audio.format' does not support 'wav' when stream=true. Supported values are: 'pcm16'.",
        ),
        (
            {"audio": {"voice": "alloy", "format": "mp3"}, "stream": False, "stream_options": None},
            "audio.format",
            "only wav",
        ),
        ({"audio": {"voice": "nobody", "format": "pcm16"}}, "audio.voice", "'nobody'. Supported values are: 'alloy',"),
        ({"modalities": ["video"]}, "modalities[0]", "Supported values are: 'text' or 'audio'."),
        ({"modalities": ["audio"]}, "modalities", "Supported combinations are: ['text'] and ['text', 'audio']."),
        ({"temperature": 2.5}, "temperature", "Expected a value <= 2"),
        ({"n": 2}, "n", "Audio output"),
        ({"provider": {}}, "provider", "Unknown parameter: 'provider'."),
        ({"functions": [{"name": "f"}]}, "functions", "not supported with this model"),
        ({"response_format": {"type": "json_object"}}, "response_format", "not supported with this model"),
        ({"max_tokens": 100_000}, "max_tokens", "at most 16384 completion tokens"),
        ({"stream": False}, "stream_options", "only allowed when 'stream' is enabled"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "Expected a value >= 1"),
        ({"tools": [{"name": "flat"}]}, "tools[0].function", "Missing"),
        ({"messages": [CALL, {"role": "user", "content": "x"}]}, "messages", "did not have response messages: call_1"),
        (
            {"messages": [{"role": "user", "content": [PICTURE]}]},
            "messages[0].content[0].type",
            "only supported by certain",
        ),
        ({"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}, "messages.[0].role", "preceeding"),
        ({"messages": [{"role": "user", "content": "[[fault: nonsense]]"}]}, "messages", "no fault 'nonsense'"),
    ],
)
async def test_a_wrong_request_is_refused_by_name(
    post: Callable[..., Any], change: dict[str, Any], param: str | None, words: str
) -> None:
    answer = await post("/chat/completions", json=body_of("hello", **change))

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert words in error["message"]


@pytest.mark.parametrize(
    ("sound", "place"),
    [
        ({"data": "AAAA", "format": "pcm16"}, "format"),
        ({"data": "not base64!", "format": "wav"}, "data"),
        ({"data": base64.b64encode(bytes(100)).decode(), "format": "wav"}, "data"),
        ({"format": "wav"}, "data"),
    ],
)
async def test_sound_that_cannot_be_read_is_refused(
    post: Callable[..., Any], sound: dict[str, str], place: str
) -> None:
    part = {"type": "input_audio", "input_audio": sound}
    answer = await post("/chat/completions", json=body_of([{"role": "user", "content": [part]}]))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == f"messages[0].content[0].input_audio.{place}"


async def test_a_body_that_is_no_json_is_refused(post: Callable[..., Any]) -> None:
    answer = await post("/chat/completions", content=b"{")
    assert answer.status_code == 400
    assert "could not parse the JSON body" in answer.json()["error"]["message"]


async def test_a_model_that_is_not_the_apis_needs_no_voice(demo: DemoModelProcess) -> None:
    """As a server is asked of which nothing is known."""
    streamed = await stream(demo, body_of("thanks", audio={"format": "pcm16"}))
    assert len(streamed.samples)


async def test_each_voice_sounds_different_and_custom_ones_are_any_of_them(
    demo: DemoModelProcess, bare_demo: DemoModelProcess
) -> None:
    for process in (demo, bare_demo):
        sounds = set()
        for voice in ("alloy", "echo", "fable", "onyx", "nova", "shimmer"):
            streamed = await stream(process, body_of("thanks", audio={"voice": voice, "format": "pcm16"}))
            sounds.add(streamed.samples.tobytes())
        assert len(sounds) == 6
        custom = [
            await stream(process, body_of("thanks", audio={"voice": voice, "format": "pcm16"}))
            for voice in ("voice_mine", {"id": "voice_mine"})
        ]
        assert len(custom[0].samples)
        assert np.array_equal(custom[0].samples, custom[1].samples)


async def test_without_any_program_it_still_speaks(bare_demo: DemoModelProcess) -> None:
    streamed = await stream(bare_demo, body_of("Count to twenty one."))
    assert streamed.transcript.split()[-6:] == ["Twenty.", "Twenty", "one.", "That", "is", "it."]
    assert np.abs(streamed.samples.astype(int)).max() > 8_000
    unknown = await stream(bare_demo, body_of("say supercalifragilistic"))
    assert unknown.transcript == "Here I would need the program espeak to say it."


async def test_without_listening_it_says_so_and_gives_something_to_interrupt(bare_demo: DemoModelProcess) -> None:
    noise = np.random.default_rng(0).normal(0, 6000, 24_000).astype("<i2").tobytes()
    sound = {"data": base64.b64encode(wrap(noise, 24_000)).decode(), "format": "wav"}
    part = {"type": "input_audio", "input_audio": sound}
    streamed = await stream(bare_demo, body_of([{"role": "user", "content": [part]}], max_completion_tokens=300))
    assert streamed.transcript.startswith("I heard you, but on this machine I cannot understand words.")
