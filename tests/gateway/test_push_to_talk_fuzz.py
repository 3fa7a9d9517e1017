"""Nothing that comes from outside raises past its caller: whatever a body is, it is a request or refused in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.errors import CallerError
from bargein.gateway.push_to_talk.policy import Asked, ChatPolicy, admit
from bargein.upstream.config import Flavour
from bargein.upstream.dialects import dialect_of
from bargein.upstream.plain import plain_body
from bargein.wire.chat import parse_chat, parse_json, take_out
from bargein.wire.chat.models import Body

POLICY = ChatPolicy("m", ("other",), 4096, 32_000, images=True, encoded=frozenset({"mp3"}))
WORDS = ["user", "assistant", "tool", "text", "input_audio", "image_url", "function", "wav", "mp3", "audio", "alloy"]
NAMES = ["role", "content", "type", "text", "function", "name", "arguments", "id", "tool_calls", "data", "url", "voice"]
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)
PARTS = st.sampled_from(
    [
        {"type": "text", "text": "x"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "?", "format": "mp3"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]
)
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CONTENT = st.text(max_size=5) | st.lists(PARTS, max_size=3) | VALUES
MESSAGES = st.one_of(
    VALUES,
    st.fixed_dictionaries({"role": st.just("user"), "content": CONTENT}),
    st.sampled_from(
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "x"},
            {"role": "assistant", "audio": {"id": "audio_1", "transcript": "x", "data": "AAAA"}},
            {"role": "system", "content": [{"type": "text", "text": "x"}]},
        ]
    ),
)
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.lists(MESSAGES, max_size=5),
    "tools": st.sampled_from([None, TOOLS]),
    "modalities": st.sampled_from([None, ["text"], ["text", "audio"]]),
    "audio": st.sampled_from([None, {"voice": "alloy", "format": "pcm16"}, {"voice": {"id": "v"}, "format": "wav"}]),
    "stream": st.sampled_from([None, True, False]),
}
OTHERS = {name: VALUES for name in Body.model_fields if name not in GOOD}
BODIES = st.fixed_dictionaries(GOOD, optional=OTHERS) | st.fixed_dictionaries(
    {}, optional=OTHERS | {"messages": VALUES}
)


def asked(body: bytes) -> Asked | CallerError:
    try:
        sounds = take_out(body)
        return admit(parse_chat(parse_json(sounds.body)), sounds, POLICY)
    except CallerError as error:
        return error


def in_words(refused: Asked | CallerError) -> bool:
    return isinstance(refused, CallerError) and bool(refused.message) and not isinstance(refused.param, int)


@given(BODIES)
@settings(max_examples=400)
def test_any_json_is_asked_or_refused(body: dict[str, Any]) -> None:
    asking = asked(orjson.dumps(body))
    if not isinstance(asking, Asked):
        assert in_words(asking)
        return
    flavours: tuple[Flavour, ...] = ("openai", "generic")
    for flavour in flavours:
        request = asking.request
        written = plain_body(request, request.voice, dialect_of(flavour))
        assert request.put_back(orjson.dumps(written))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(body: bytes) -> None:
    assert in_words(asked(body))


@pytest.mark.parametrize("flavour", ["openai", "azure", "generic", "dashscope", "vllm-omni", "sglang-omni"])
@given(st.lists(PARTS, min_size=1, max_size=4))
def test_every_dialect_writes_every_part(flavour: Flavour, parts: list[dict[str, Any]]) -> None:
    audio = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
    asking = asked(orjson.dumps({"messages": [{"role": "user", "content": parts}], "tools": TOOLS} | audio))
    assert isinstance(asking, Asked)
    assert orjson.dumps(plain_body(asking.request, "alloy", dialect_of(flavour)))
