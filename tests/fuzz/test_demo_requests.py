"""Whatever the demo model is asked is answered, or refused as the API refuses it."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any, Final

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bargein.demo.api_errors import ApiError
from bargein.demo.faults import UnknownFaultError, parse_faults
from bargein.demo.multipart import parse_form
from bargein.demo.request import parse_chat, parse_json
from bargein.sound.wav import wrap
from support.fuzz import everywhere, examples, json_texts, mutated

WAV: Final = base64.b64encode(wrap(bytes(480), 24_000)).decode()
REQUEST: Final[dict[str, Any]] = {
    "model": "demo",
    "stream": True,
    "stream_options": {"include_usage": True},
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "pcm16"},
    "max_completion_tokens": 100,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]},
        {"role": "assistant", "audio": {"id": "audio_1"}},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    ],
}
FORM: Final = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; '
    b'name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--b--\r\n'
)


def test_anything_at_any_place_of_a_request() -> None:
    for request in everywhere([REQUEST], [WAV, "wav", "text"]):
        with suppress(ApiError):
            parse_chat(parse_json(json.dumps(request).encode()))


@examples(100)
@given(json_texts(mutated([REQUEST], [WAV, "wav", "text", "user", "tool", "c", REQUEST["messages"]])))
def test_chat(body: bytes) -> None:
    try:
        parse_chat(parse_json(body))
    except ApiError as error:
        orjson.loads(bytes(error.response().body))


@examples(150)
@given(
    st.data(),
    st.sampled_from(["multipart/form-data; boundary=b", 'multipart/form-data; boundary="', "multipart/form-data"])
    | st.text(st.characters(max_codepoint=255), max_size=40).map(lambda text: f"multipart/form-data; boundary={text}"),
)
def test_forms(data: st.DataObject, content_type: str) -> None:
    body = bytearray(FORM)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    with suppress(ApiError):
        parse_form(bytes(body), content_type)


@examples(100)
@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["cut", "after=", "after=3", "stall", ";", "=", "ms=1e999", "nan", "status code=99999"]))
    .map(" ".join)
)  # fmt: skip
def test_faults(text: str) -> None:
    with suppress(UnknownFaultError):
        parse_faults(text).as_text()
