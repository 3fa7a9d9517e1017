"""Push to talk: a caller's own Chat Completions request, read, bounded, asked of the operator's model, and answered in
OpenAI's shape whatever the model's server speaks.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from structlog.testing import capture_logs

from bargein.gateway.push_to_talk import exchange
from bargein.sound.files import read
from bargein.sound.wav import wrap
from bargein.upstream import UpstreamConfig
from support.gateway import Running, Serve
from support.scripted_upstream import DONE, Exchange, Script, ScriptedUpstream, delta, event, scripted
from upstream.test_chunks import tone

SHAPES = Path(__file__).parents[1] / "upstream" / "shapes"
PATH = "/v1/chat/completions"
KEY = "sk-a-key-that-nobody-may-see"
SPOKEN = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
HELLO = {"role": "user", "content": "hello"}
FUNCTION = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def asking(**changes: object) -> dict[str, Any]:
    return {"model": "gpt-5-pro", "messages": [HELLO]} | changes


def shape(name: str) -> Script:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream([(SHAPES / name).read_bytes()])

    return answer


async def says_fine(exchange: Exchange) -> None:
    stop = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    await exchange.stream([delta(content="Fine."), stop, event(choices=[], usage=USAGE), DONE])


@dataclass
class Talking:
    """A gateway, a client of it, and the model behind."""

    running: Running
    client: httpx.AsyncClient
    model: ScriptedUpstream

    async def ask(self, **changes: object) -> httpx.Response:
        return await self.client.post(PATH, json=asking(**changes))

    @property
    def asked(self) -> dict[str, Any]:
        return dict(self.model.exchanges[-1].json)


@asynccontextmanager
async def talking(
    serve: Serve, script: Script = says_fine, *, upstream: dict[str, Any] | None = None, **settings: object
) -> AsyncIterator[Talking]:
    async with scripted(script) as model:
        options: dict[str, Any] = {"base_url": model.url, "model": "m", "api_key": KEY} | (upstream or {})
        config = UpstreamConfig(**options)
        async with (
            serve(upstream=config, **({"model": config.model} | settings)) as running,
            running.client(timeout=30) as client,
        ):
            yield Talking(running, client, model)


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The chunks of a stream that ended as it should."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    *data, done = [line[6:] for line in answer.text.split("\n\n") if line]
    assert done == "[DONE]"
    return [json.loads(one) for one in data]


# Who answers, and what it is asked.


@pytest.mark.parametrize(
    ("named", "answers"), [("gpt-5-pro", "m"), ("m", "m"), ("other", "other"), ("third", "third"), (None, "m")]
)
async def test_the_operators_model_answers_or_one_that_is_allowed(
    serve: Serve, named: str | None, answers: str
) -> None:
    async with talking(serve, models="other,third") as talk:
        answer = await talk.ask(model=named)
        assert (answer.status_code, answer.json()["model"], talk.asked["model"]) == (200, answers, answers)
        assert [model["id"] for model in (await talk.client.get("/v1/models")).json()["data"]] == [
            "m",
            "other",
            "third",
        ]


async def test_an_allowed_model_of_azure_is_a_deployment_of_its_own(serve: Serve) -> None:
    async with scripted(says_fine) as model:
        azure = UpstreamConfig(
            base_url=model.url.removesuffix("/v1"), model="m", flavour="azure", azure_deployment="mine"
        )
        async with serve(upstream=azure, model="m", models="other") as running, running.client() as client:
            for named in ("m", "other"):
                assert (await client.post(PATH, json=asking(model=named))).status_code == 200
        assert [exchange.path.split("?")[0] for exchange in model.exchanges] == [
            "/openai/deployments/mine/chat/completions",
            "/openai/deployments/other/chat/completions",
        ]


@pytest.mark.parametrize(("deployment", "answers"), [("other", "other"), ("mine", "m")])
async def test_azures_older_address_names_the_model(serve: Serve, deployment: str, answers: str) -> None:
    async with talking(serve, models="other", api_keys="correct-key") as talk:
        path = f"/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21"
        assert (await talk.client.post(path, json={"messages": [HELLO]})).status_code == 401
        answer = await talk.client.post(path, json={"messages": [HELLO]}, headers={"api-key": "correct-key"})
        assert (answer.status_code, talk.asked["model"]) == (200, answers)
        route = "/openai/deployments/{deployment}/chat/completions"
        assert talk.running.metric(f'bargein_http_requests_total{{route="{route}",status="200"}}') == 1


async def test_what_the_model_is_asked(serve: Serve) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}}
    messages = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "hear"}, sound], "name": "me"},
        {
            "role": "assistant",
            "content": None,
            "annotations": [],
            "audio": {"id": "audio_1", "data": "AAAA", "expires_at": 1, "transcript": "Hi."},
        },
        HELLO,
    ]
    options = {
        "temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": ["x"], "user": "somebody", "tools": [FUNCTION],
        "tool_choice": "auto", "parallel_tool_calls": False, "response_format": {"type": "text"},
    }  # fmt: skip
    async with talking(serve) as talk:
        left_out = {"n": 1, "store": False, "logprobs": False, "service_tier": "auto", "presence_penalty": None}
        answer = await talk.ask(messages=messages, max_tokens=99, **SPOKEN, **options, **left_out)
        assert answer.status_code == 200
        assert talk.model.exchanges[0].headers["authorization"] == f"Bearer {KEY}"
        told = [*messages]
        told[2] = {"role": "assistant", "audio": {"id": "audio_1"}}
        assert talk.asked == {
            "model": "m",
            "messages": told,
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "pcm16"},
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 99,
            **options,
        }


async def test_a_bound_is_put_on_answers_that_ask_for_none(serve: Serve) -> None:
    async with talking(serve, max_completion_tokens=500) as talk:
        await talk.ask()
        assert talk.asked["max_completion_tokens"] == 500
        assert "audio" not in talk.asked
        assert talk.asked["modalities"] == ["text"]
        refused = await talk.ask(max_completion_tokens=501)
        assert refused.json()["error"]["param"] == "max_completion_tokens"
        assert (await talk.ask(max_completion_tokens=500)).status_code == 200


async def test_servers_that_keep_no_sound_are_told_words(serve: Serve) -> None:
    earlier = {"role": "assistant", "audio": {"id": "audio_1", "transcript": "I said so."}}
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    async with talking(serve, shape("dashscope_spoken.sse"), upstream={"flavour": "dashscope"}) as talk:
        answer = await talk.ask(messages=[earlier, {"role": "user", "content": [sound]}], **SPOKEN, max_tokens=9)
        assert answer.status_code == 200
        assert talk.asked["messages"] == [
            {"role": "assistant", "content": "I said so."},
            {"role": "user", "content": [sound | {"input_audio": {"data": "data:;base64,UklGRg==", "format": "wav"}}]},
        ]
        assert (talk.asked["audio"]["format"], talk.asked["max_tokens"]) == ("wav", 9)
        refused = await talk.ask(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}, HELLO])
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            {
                "message": "Assistant audio audio_1 not found.",
                "type": "invalid_request_error",
                "param": "messages[0].audio.id",
                "code": "audio_not_found",
            },
        )


async def test_sound_comes_through_untouched_however_long_and_however_spelled(serve: Serve) -> None:
    wav = base64.b64encode(wrap(os.urandom(2_000_000), 24_000)).decode()
    sent = orjson.dumps(asking(messages=[{"role": "user", "content": [
        {"type": "text", "text": 'quoted: "'},
        {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}},
    ]}])).replace(b"/", b"\\/")  # fmt: skip
    async with talking(serve) as talk:
        assert (await talk.client.post(PATH, content=sent)).status_code == 200
        assert talk.asked["messages"][0]["content"][1]["input_audio"]["data"] == wav


# What may not be asked.

IMAGE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"n": 50}, "integer_above_max_value", "n"),
    ({"max_completion_tokens": 100_000}, "invalid_value", "max_completion_tokens"),
    ({"max_tokens": 100_000}, "invalid_value", "max_tokens"),
    ({"messages": []}, "empty_array", "messages"),
    ({"messages": [{"role": "user", "content": "word " * 30_000}]}, "context_length_exceeded", "messages"),
    ({"provider": {"order": ["x"]}}, "unknown_parameter", "provider"),
    ({"temperature": 3}, "decimal_above_max_value", "temperature"),
    ({"functions": [{"name": "f"}]}, "unsupported_parameter", "functions"),
    ({"function_call": "auto"}, "unsupported_parameter", "function_call"),
    ({"logprobs": True}, "unsupported_parameter", "logprobs"),
    ({"prediction": {"type": "content"}}, "unsupported_parameter", "prediction"),
    ({"web_search_options": {"x": 1}}, "unsupported_parameter", "web_search_options"),
    ({"store": True}, "unsupported_parameter", "store"),
    ({"service_tier": "priority"}, "unsupported_value", "service_tier"),
    ({**SPOKEN, "audio": {"voice": "alloy", "format": "mp3"}}, "unsupported_value", "audio.format"),
    ({**SPOKEN, "audio": {"voice": "alloy", "format": "wav"}, "stream": True}, "unsupported_value", "audio.format"),
    ({"modalities": ["audio"]}, "invalid_value", "modalities"),
    ({"messages": [{"role": "user", "content": [IMAGE]}]}, "unsupported_content_type", "messages[0].content[0].type"),
    ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "unsupported_value", "messages[0]"),
    ({"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}, None, "messages.[0].role"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("change", "code", "param"), REFUSED)
async def test_what_may_not_be_asked_is_refused_by_name_and_costs_nothing(
    serve: Serve, change: dict[str, Any], code: str, param: str
) -> None:
    async with talking(serve) as talk:
        answer = await talk.ask(**change)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["code"], error["param"]) == (
            400, "invalid_request_error", code, param,
        )  # fmt: skip
        assert error["message"]
        assert not talk.model.exchanges
        assert (await talk.ask()).status_code == 200


async def test_too_large_a_body_is_413(serve: Serve) -> None:
    async with talking(serve, max_request_bytes=1_500_000) as talk:
        sound = {"type": "input_audio", "input_audio": {"data": "A" * 1_600_000, "format": "wav"}}
        for messages in ([{"role": "user", "content": [sound]}], [{"role": "user", "content": "word " * 250_000}]):
            answer = await talk.ask(messages=messages)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert not talk.model.exchanges


def picture(byte_count: int, kind: str = "png") -> dict[str, Any]:
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(byte_count)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}", "detail": "low"}}


async def test_images_go_to_a_model_that_sees(serve: Serve) -> None:
    """Also large ones; addresses are not fetched for anybody."""
    async with talking(serve, images=True) as talk:
        for image in (picture(100), picture(2_000_000)):
            asked = {"messages": [{"role": "user", "content": [image]}]}
            assert (await talk.ask(**asked)).status_code == 200
            assert talk.asked["messages"] == asked["messages"]
        for image in (IMAGE, picture(100, "bmp"), picture(100, "jpeg")):
            answer = await talk.ask(messages=[{"role": "user", "content": [image]}])
            error = answer.json()["error"]
            assert (answer.status_code, error["param"]) == (400, "messages[0].content[0].image_url.url")
        assert len(talk.model.exchanges) == 2


async def test_sound_is_counted_by_its_length(serve: Serve) -> None:
    """Ten tokens a second; also where base64 hides in what is no sound."""

    def speech(seconds: int) -> dict[str, Any]:
        wav = base64.b64encode(wrap(bytes(2 * 8_000 * seconds), 8_000)).decode()
        part = {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}}
        return {"messages": [{"role": "user", "content": [part]}]}

    hidden = {"messages": [{"role": "user", "content": "A" * 200_000}]}
    async with talking(serve, max_context_tokens=1000) as talk:
        assert (await talk.ask(**speech(99))).status_code == 200
        for body in (speech(101), hidden):
            answer = await talk.ask(**body)
            assert answer.json()["error"]["code"] == "context_length_exceeded"


async def test_a_data_url_is_read_as_sound(serve: Serve) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,UklGRg==", "format": "wav"}}
    async with talking(serve, upstream={"flavour": "openai"}) as talk:
        assert (await talk.ask(messages=[{"role": "user", "content": [sound]}])).status_code == 200
        assert talk.asked["messages"][0]["content"][0]["input_audio"] == {"data": "UklGRg==", "format": "wav"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"5", b'{"a":' * 1000])
async def test_a_body_that_is_no_request_is_refused(serve: Serve, content: bytes) -> None:
    async with talking(serve) as talk:
        answer = await talk.client.post(PATH, content=content)
        assert answer.status_code == 400
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


# What comes back: five pairs of what is asked for, and every server's dialect.


@pytest.mark.parametrize("stream", [True, False])
async def test_text(serve: Serve, stream: bool) -> None:
    async with talking(serve) as talk:
        answer = await talk.ask(stream=stream)
        assert answer.status_code == 200
        assert answer.headers["x-request-id"].startswith("req_")
        if stream:
            choices = [chunk["choices"][0] for chunk in events(answer)]
            assert "".join(choice["delta"].get("content") or "" for choice in choices) == "Fine."
            assert choices[-1]["finish_reason"] == "stop"
        else:
            body = answer.json()
            assert body["choices"][0]["message"]["content"] == "Fine."
            assert body["usage"]["total_tokens"] == 14


SPOKEN_SHAPES = [
    ("openai_spoken.sse", "openai", "stop"),
    ("openai_spoken_expiry_before_usage.sse", "openai", "stop"),
    ("openai_spoken_closed_without_done.sse", "azure", "stop"),
    ("dashscope_spoken.sse", "dashscope", "stop"),
    ("dashscope_turbo_split_base64.sse", "dashscope", "stop"),
    ("vllm_omni_wav.sse", "vllm-omni", "stop"),
    ("sglang_omni_wav.sse", "sglang-omni", "stop"),
    ("handmade_one_wav_header_odd_bytes.sse", "generic", "length"),
]


@pytest.mark.parametrize(("name", "flavour", "reason"), SPOKEN_SHAPES)
@pytest.mark.parametrize("how", ["stream", "pcm16", "wav"])
async def test_every_dialect_arrives_in_openais_shape(
    serve: Serve, name: str, flavour: str, reason: str, how: str
) -> None:
    stream = how == "stream"
    async with talking(serve, shape(name), upstream={"flavour": flavour}) as talk:
        audio = {"voice": "alloy", "format": "pcm16" if stream else how}
        asked: dict[str, Any] = {"modalities": ["text", "audio"], "audio": audio, "stream": stream}
        if stream:
            asked["stream_options"] = {"include_usage": True}
        answer = await talk.ask(**asked)
        assert answer.status_code == 200
        if stream:
            *chunks, last = events(answer)
            assert last["choices"] == []
            assert last["usage"]["total_tokens"] > 0
            choices = [chunk["choices"][0] for chunk in chunks]
            deltas = [choice["delta"].get("audio", {}) for choice in choices]
            assert choices[0]["delta"]["role"] == "assistant"
            assert choices[-1]["finish_reason"] == reason
            data = "".join(piece.get("data", "") for piece in deltas)
            transcript = "".join(piece.get("transcript", "") for piece in deltas)
            assert len([piece for piece in deltas if "id" in piece]) == 1
            assert len([piece for piece in deltas if "expires_at" in piece]) == 1
        else:
            (choice,) = answer.json()["choices"]
            audio = choice["message"]["audio"]
            assert choice["finish_reason"] == reason
            assert isinstance(audio["expires_at"], int)
            assert audio["id"]
            data, transcript = audio["data"], audio["transcript"]
        sound = base64.b64decode(data, validate=True)
        if how == "wav":
            assert read(sound).rate_hz == 24_000
            sound = read(sound).samples.tobytes()
        assert sound
        assert sound == tone(len(sound) // 2)
        assert transcript


async def test_another_rate_is_made_24_khz(serve: Serve) -> None:
    async with talking(serve, shape("vllm_omni_pcm16_44100.sse"), upstream={"flavour": "vllm-omni"}) as talk:
        answer = await talk.ask(**SPOKEN)
        sound = base64.b64decode(answer.json()["choices"][0]["message"]["audio"]["data"])
        samples = struct.unpack(f"<{len(sound) // 2}h", sound)
        crossings = sum((one < 0) != (two < 0) for one, two in itertools.pairwise(samples))
        assert crossings * 24_000 / len(samples) == pytest.approx(2 * 440, rel=0.1), "a second of 440 Hz"


OPENAI = {"upstream_url": "https://api.openai.com/v1"}


async def test_other_formats_come_from_a_server_that_makes_them(serve: Serve) -> None:
    said = {
        "id": "x", "object": "chat.completion", "usage": USAGE,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": None,
            "audio": {"id": "audio_1", "data": "//uQxAAA", "expires_at": 5, "transcript": "Fine."},
        }}],
    }  # fmt: skip

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, orjson.dumps(said))

    async with talking(serve, script, upstream={"flavour": "openai"}, **OPENAI) as talk:
        spoken = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}
        answer = await talk.ask(**spoken)
        assert answer.status_code == 200
        assert talk.asked["audio"] == {"voice": "alloy", "format": "mp3"}
        assert (talk.asked["stream"], "stream_options" in talk.asked) == (False, False)
        (choice,) = answer.json()["choices"]
        assert choice["message"]["audio"] == said["choices"][0]["message"]["audio"]  # type: ignore[index]
        assert (choice["finish_reason"], answer.json()["usage"]["total_tokens"]) == ("stop", 14)
        refused = await talk.ask(**spoken, stream=True)
        assert refused.json()["error"]["param"] == "audio.format"


@pytest.mark.parametrize("how", ["error", "call", "text", "not json"])
async def test_what_else_comes_where_another_format_was_asked_for(serve: Serve, how: str) -> None:
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answers = {
        "error": (500, {"error": {"message": "It broke."}}),
        "call": (200, {"choices": [{"message": {"tool_calls": [called]}, "finish_reason": "tool_calls"}]}),
        "text": (200, {"choices": [{"message": {"content": "Fine."}, "finish_reason": "stop"}]}),
        "not json": (200, None),
    }
    status, body = answers[how]

    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, b"{" if body is None else orjson.dumps(body))

    async with talking(serve, script, upstream={"flavour": "openai"}, **OPENAI) as talk:
        answer = await talk.ask(modalities=["text", "audio"], audio={"voice": "alloy", "format": "opus"})
        if how in {"error", "not json"}:
            assert answer.status_code == 502
            return
        message = answer.json()["choices"][0]["message"]
        assert "audio" not in message
        assert message.get("tool_calls") == ([called] if how == "call" else None)
        assert message["content"] == ("Fine." if how == "text" else None)


@pytest.mark.parametrize("stream", [True, False])
async def test_tools(serve: Serve, stream: bool) -> None:
    async with talking(serve, shape("openai_tool_calls.sse")) as talk:
        answer = await talk.ask(**SPOKEN, stream=stream, tools=[FUNCTION])
        if stream:
            choices = [chunk["choices"][0] for chunk in events(answer)]
            calls = [call for choice in choices for call in choice["delta"].get("tool_calls", ())]
            firsts = [call for call in calls if "id" in call]
            assert all(call["type"] == "function" for call in firsts)
            arguments = "".join(call["function"]["arguments"] for call in calls if call["index"] == 0)
            reason = choices[-1]["finish_reason"]
        else:
            choice = answer.json()["choices"][0]
            firsts = choice["message"]["tool_calls"]
            arguments, reason = firsts[0]["function"]["arguments"], choice["finish_reason"]
        assert firsts[0]["function"]["name"]
        assert isinstance(json.loads(arguments), dict)
        assert reason == "tool_calls"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_answers_in_text_although_it_should_speak(serve: Serve, stream: bool) -> None:
    async with talking(serve, shape("openai_text_instead_of_audio.sse")) as talk:
        answer = await talk.ask(**SPOKEN, stream=stream)
        if stream:
            deltas = [chunk["choices"][0]["delta"] for chunk in events(answer)]
            assert "".join(piece.get("content") or "" for piece in deltas)
            assert not any("audio" in piece for piece in deltas)
        else:
            message = answer.json()["choices"][0]["message"]
            assert message["content"]
            assert "audio" not in message


async def test_chunks_without_choices_go_no_further(serve: Serve) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream([event(id="x"), delta(content="Fine."), event(id="x", usage=None), DONE])

    async with talking(serve, script) as talk:
        assert all(chunk["choices"] for chunk in events(await talk.ask(stream=True)))


async def test_a_stream_comes_as_it_is_made(serve: Serve) -> None:
    heard = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(delta(content="One"))
        await heard.wait()
        await exchange.chunk(delta(content=" two") + DONE)
        await exchange.end()

    async with (
        talking(serve, script) as talk,
        talk.client.stream("POST", PATH, json=asking(stream=True)) as answer,
    ):
        got = ""
        async for text in answer.aiter_text():
            got += text
            if '"One"' in got:
                heard.set()
        assert '" two"' in got
        assert got.endswith("data: [DONE]\n\n")


# What goes wrong.


def sample(talk: Talking, line: str) -> float:
    return talk.running.metric(line)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "told"), [(400, 400), (404, 404), (422, 422), (429, 429), (500, 502), (503, 503), (401, 502), (403, 502)]
)
async def test_the_models_own_refusals(serve: Serve, status: int, told: int, stream: bool) -> None:
    error = {"message": f"No, not with {KEY}.", "type": "t", "param": "messages[0].content", "code": "c"}

    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, orjson.dumps({"error": error}), retry_after="7")

    with capture_logs() as logs:
        async with talking(serve, script) as talk:
            answer = await talk.ask(stream=stream)
            said = answer.json()["error"]
            assert answer.status_code == told
            assert set(said) == {"message", "type", "param", "code"}
            if status == 400:
                assert said == {
                    "message": "No, not with ***.",
                    "type": "t",
                    "param": "messages[0].content",
                    "code": "c",
                }
            if status in {429, 503}:
                assert answer.headers["retry-after"] == "7"
            assert sample(talk, 'bargein_completions_total{status="failed"}') == 1
            assert sample(talk, 'bargein_tokens_total{direction="input",kind="text"}') == 0
    assert KEY not in str(logs) + answer.text
    assert [entry["log_level"] for entry in logs if "completion" in entry["event"]] == ["warning"]


async def test_a_model_that_cannot_be_reached_is_502(serve: Serve) -> None:
    async with serve(model="m") as running, running.client() as client:
        answer = await client.post(PATH, json=asking())
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "connect_failed")
        assert not running.gateway.books.ledger.used(None, 1)
        assert running.metric('bargein_upstream_errors_total{kind="unavailable"}') == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_no_answer_in_time_is_504(serve: Serve, stream: bool) -> None:
    async with talking(serve, Exchange.gone, upstream={"first_byte_timeout_s": 0.05}) as talk:
        answer = await talk.ask(stream=stream)
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "first_byte_timeout")
        assert len(talk.running.gateway.books.ledger.used(None, 1)) == 1, "the model may have worked on it"


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_that_is_all_of_the_stream_is_an_error(serve: Serve, stream: bool) -> None:
    async def script(exchange: Exchange) -> None:
        broken = {"message": "Overloaded.", "type": "server_error", "code": "overloaded"}
        await exchange.stream([event(error=broken), DONE])

    async with talking(serve, script) as talk:
        answer = await talk.ask(stream=stream)
        assert (answer.status_code, answer.json()["error"]["message"]) == (502, "Overloaded.")


@pytest.mark.parametrize("how", ["cut", "stalled", "error", "not json"])
async def test_a_failure_in_mid_stream_is_told_by_its_last_event_and_one_line_of_the_log(
    serve: Serve, how: str
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(delta(content="One"))
        match how:
            case "cut":
                exchange.cut()
            case "stalled":
                await exchange.gone()
            case "error":
                await exchange.chunk(event(error={"message": "It broke.", "type": "server_error"}) + DONE)
                await exchange.end()
            case _:
                await exchange.chunk(b"data: {\n\n")
                await exchange.gone()

    with capture_logs() as logs:
        async with talking(serve, script, upstream={"chunk_timeout_s": 0.1}) as talk:
            answer = await talk.ask(stream=True)
            assert answer.status_code == 200
            *_, first, last = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]
            assert first["choices"][0]["delta"] == {"content": "One"}
            assert set(last["error"]) == {"message", "type", "param", "code"}
            assert last["error"]["message"]
            whole = await talk.ask(stream=False)
            assert whole.status_code == (504 if how == "stalled" else 502)
            assert sample(talk, 'bargein_tokens_total{direction="input",kind="text"}') > 0, "it was begun"
    assert len([entry for entry in logs if entry["log_level"] in {"warning", "error"}]) == 2, "one for each"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("begun", ["not asked yet", "asked", "head", "words"])
async def test_a_caller_who_hangs_up_ends_the_models_stream_at_once(serve: Serve, stream: bool, begun: str) -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if begun != "asked":
            await exchange.begin()
        if begun == "words":
            await exchange.chunk(delta(content="One"))
        reached.set()
        await exchange.gone()
        gone.set()

    patient = {"first_byte_timeout_s": 3600.0, "chunk_timeout_s": 3600.0}
    async with talking(serve, script, upstream=patient) as talk:
        body = orjson.dumps(asking(stream=stream))
        reader, writer = await asyncio.open_connection("127.0.0.1", talk.running.port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        writer.write(head + (body[:5] if begun == "not asked yet" else body))
        if begun == "not asked yet":
            writer.transport.abort()
        else:
            await reached.wait()
            if begun == "words" and stream:
                await reader.readuntil(b'"One"')
            writer.transport.abort()
            await gone.wait()
        async with asyncio.timeout(30):
            while talk.running.gateway.open_sessions:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.01)
        if begun != "not asked yet":
            assert sample(talk, 'bargein_completions_total{status="cancelled"}') == 1
            assert sample(talk, "bargein_upstream_streams_open") == 0
            used = sample(talk, 'bargein_tokens_total{direction="input",kind="text"}')
            assert used > 0, "the whole question was sent"
            assert len(talk.running.gateway.books.ledger.used(None, 1)) == 1


async def test_use_is_counted(serve: Serve) -> None:
    with capture_logs() as logs:
        async with talking(serve, shape("openai_spoken.sse")) as talk:
            await talk.ask(**SPOKEN)
            counted = {
                (direction, kind): sample(talk, f'bargein_tokens_total{{direction="{direction}",kind="{kind}"}}')
                for direction in ("input", "output")
                for kind in ("text", "audio")
            }
            assert counted == {
                ("input", "text"): 12, ("input", "audio"): 25, ("output", "text"): 14, ("output", "audio"): 32,
            }  # fmt: skip
            assert sample(talk, "bargein_cached_tokens_total") == 8
            assert sample(talk, 'bargein_completions_total{status="completed"}') == 1
            assert sample(talk, "bargein_upstream_streams_total") == 1
            assert sample(talk, "bargein_upstream_streams_open") == 0
    (line,) = [entry for entry in logs if entry["event"] == "completion done"]
    assert (line["model"], line["audio"], line["stream"]) == ("m", True, False)
    kinds = ("input_text", "input_audio", "cached", "output_text", "output_audio")
    assert [line[f"{kind}_tokens"] for kind in kinds] == [12, 25, 8, 14, 32]


async def test_usage_is_estimated_where_the_model_gives_none(serve: Serve) -> None:
    async def script(exchange: Exchange) -> None:
        sound = base64.b64encode(bytes(48_000)).decode()
        await exchange.stream([delta(audio={"transcript": "Four"}), delta(audio={"data": sound}), DONE])

    async with talking(serve, script) as talk:
        usage = (await talk.ask(**SPOKEN)).json()["usage"]
        assert usage["prompt_tokens"] == 2
        assert usage["completion_tokens_details"]["text_tokens"] == 1
        assert usage["completion_tokens_details"]["audio_tokens"] == 20, "one for 50 ms"


# How many, and the end.


async def held_model() -> tuple[Script, asyncio.Event, asyncio.Event]:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        reached.set()
        await go_on.wait()
        await says_fine(exchange)

    return script, reached, go_on


async def test_a_turn_takes_the_place_of_a_session_while_it_lasts(serve: Serve) -> None:
    script, reached, go_on = await held_model()
    async with talking(serve, script, max_sessions=1) as talk:
        first = asyncio.create_task(talk.ask())
        await reached.wait()
        refused = await talk.ask()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_full")
        assert refused.headers["retry-after"]
        go_on.set()
        assert (await first).status_code == 200
        assert (await talk.ask()).status_code == 200


async def test_an_address_has_its_limit(serve: Serve) -> None:
    script, reached, go_on = await held_model()
    async with talking(serve, script, max_sessions_per_address=1, trusted_proxies="127.0.0.1") as talk:
        first = asyncio.create_task(talk.client.post(PATH, json=asking(), headers={"X-Forwarded-For": "9.9.9.9"}))
        await reached.wait()
        refused = await talk.client.post(PATH, json=asking(), headers={"X-Forwarded-For": "9.9.9.9"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_sessions")
        go_on.set()
        other = await talk.client.post(PATH, json=asking(), headers={"X-Forwarded-For": "9.9.9.8"})
        assert (other.status_code, (await first).status_code) == (200, 200)


async def test_a_turn_in_progress_ends_before_the_server_does(serve: Serve) -> None:
    script, reached, go_on = await held_model()
    async with talking(serve, script) as talk:
        asked = asyncio.create_task(talk.ask())
        await reached.wait()
        talk.running.server.end()
        async with asyncio.timeout(30):
            while not talk.running.gateway.draining:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.01)
        refused = await talk.ask()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_draining")
        go_on.set()
        assert (await asked).json()["choices"][0]["message"]["content"] == "Fine."
        await talk.running.serving


async def test_a_model_that_does_not_end_is_ended(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_WHOLE_S", 1)
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        try:
            while True:
                await exchange.chunk(delta(audio={"data": base64.b64encode(bytes(4800)).decode()}))
        except ConnectionError:
            gone.set()

    async with talking(serve, script) as talk:
        answer = await talk.ask(**SPOKEN)
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "answer_too_long")
        await gone.wait()
