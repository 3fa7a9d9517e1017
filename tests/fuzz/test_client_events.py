"""Whatever a caller sends is answered: the session lives, or ends for what the caller did."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from support.fuzz import everywhere, examples, json_texts, mutated
from support.server_process import ServerProcess, serve

SOUND: Final = base64.b64encode(bytes(96)).decode()
PICTURE: Final = "data:image/png;base64,iVBORw0KGgo="
TOOL: Final = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
ITEMS: Final[list[dict[str, Any]]] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
    {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": SOUND, "transcript": "hi"}]},
    {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": PICTURE, "detail": "low"}]},
    {"id": "item_1", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "be brief"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "hello"}]},
    {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"},
    {"type": "function_call_output", "call_id": "call_1", "output": "{}"},
]
SESSION: Final[dict[str, Any]] = {
    "type": "realtime",
    "model": "m",
    "instructions": "be brief",
    "output_modalities": ["audio"],
    "tools": [TOOL, TOOL | {"name": "g"}],
    "tool_choice": {"type": "function", "name": "f"},
    "parallel_tool_calls": True,
    "max_output_tokens": 100,
    "reasoning": {"effort": "low"},
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 1000}},
    "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": "b"}},
    "include": ["item.input_audio_transcription.logprobs"],
    "prompt": {"id": "pmpt_1", "version": "1", "variables": {"a": "b"}},
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "noise_reduction": {"type": "near_field"},
            "transcription": {"model": "whisper-1", "language": "en", "prompt": "names"},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "create_response": True,
                "interrupt_response": True,
                "idle_timeout_ms": 6000,
            },
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy", "speed": 1.0},
    },
}
RESPONSE: Final[dict[str, Any]] = {
    "conversation": "none",
    "instructions": "say hi",
    "input": [*ITEMS, {"type": "item_reference", "id": "item_1"}],
    "metadata": {"a": "b"},
    "output_modalities": ["text"],
    "tools": [TOOL],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "ash"}},
}
BETA_SESSION: Final[dict[str, Any]] = {
    "modalities": ["text", "audio"],
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": {"type": "semantic_vad", "eagerness": "low", "create_response": False},
    "tools": [TOOL],
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "tool_choice": "auto",
}
EVENTS: Final[list[dict[str, Any]]] = [
    {"type": "session.update", "session": SESSION},
    {"type": "session.update", "session": SESSION | {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}},
    {"type": "input_audio_buffer.append", "audio": SOUND},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    *[{"type": "conversation.item.create", "item": item, "previous_item_id": "root"} for item in ITEMS],
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 10},
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "response.create", "response": RESPONSE},
    {"type": "response.create"},
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "bargein.played", "response_id": "r", "item_id": "i", "samples": 1, "playing": True},
    {"type": "bargein.flushed", "response_id": "r", "item_id": "i", "samples": 1},
    {"type": "bargein.ping", "id": 1},
]
BETA_EVENTS: Final[list[dict[str, Any]]] = [
    {"type": "session.update", "session": BETA_SESSION},
    {"type": "response.create", "response": {"modalities": ["text"], "voice": "ash", "input": ITEMS}},
    *[{"type": "conversation.item.create", "item": item} for item in ITEMS],
]
KNOWN: Final = [
    "item_1", "call_1", "root", "auto", "none", "required", "inf", "audio", "text", "user", "audio/pcm", "audio/pcma",
    "server_vad", "realtime", "transcription", SOUND, "AAA", 24000, 16000, 8000, 300, ITEMS[0], TOOL, [TOOL], RESPONSE,
    {"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "item_reference", "id": "item_1"},
]  # fmt: skip
DIALECTS: Final[list[dict[str, Any]]] = [
    {},
    {"subprotocols": [Subprotocol("bargein.v1")]},
    {"additional_headers": {"OpenAI-Beta": "realtime=v1"}},
]
FOR_WHAT_THE_CALLER_DID: Final = {1007, 1008, 1009, 4408, 4429}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """What is read of a message is the same on either transport."""
    yield from serving("websockets")


@pytest.fixture(scope="module", params=["websockets", "picows"])
def either_server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    yield from serving(request.param)


def serving(transport: str) -> Iterator[ServerProcess]:
    settings = {"BARGEIN_INPUT_LIMIT_MS": "2000", "BARGEIN_TRANSPORT": transport}
    with serve("--upstream", "http://127.0.0.1:9/v1", settings=settings) as server:
        yield server
        server.end()
        assert "Traceback" not in server.log
        assert "internal error" not in server.log


Told = dict[str, Any]


def answered(server: ServerProcess, messages: Sequence[bytes | tuple[Opcode, bytes]], options: dict[str, Any]) -> None:
    """Send all of it on one connection, and see that the session is still there, or has ended for a reason of its
    caller's.
    """
    told: list[Told] = []
    with connect(server.realtime_url, max_size=None, compression=None, **options) as caller:
        with suppress(ConnectionClosed, OSError):
            for message in messages:
                if isinstance(message, bytes):
                    # As it is: the client would look whether it is UTF-8.
                    caller.socket.sendall(Frame(Opcode.TEXT, message).serialize(mask=True))
                else:
                    caller.socket.sendall(Frame(*message).serialize(mask=True))
            caller.send('{"type":"input_audio_buffer.clear"}')
            caller.send('{"type":"conversation.item.delete","item_id":"of nobody","event_id":"the last"}')
            while not told or (told[-1].get("error") or {}).get("event_id") != "the last":
                message = caller.recv(60)
                if isinstance(message, str):
                    told.append(json.loads(message))
        code = caller.close_code
    assert code is None or code in FOR_WHAT_THE_CALLER_DID, (code, told[-1:])
    for event in told:
        if event["type"] == "error":
            error = event["error"]
            assert error["type"] != "server_error" or code in FOR_WHAT_THE_CALLER_DID, error
            assert isinstance(error["message"], str)
            assert error["param"] is None or isinstance(error["param"], str)


@pytest.mark.parametrize("dialect", DIALECTS, ids=["ga", "bargein.v1", "beta"])
def test_anything_at_any_place(server: ServerProcess, dialect: dict[str, Any]) -> None:
    originals = {id(DIALECTS[1]): EVENTS[-3:], id(DIALECTS[2]): BETA_EVENTS}.get(id(dialect), EVENTS[:-3])
    texts = (json.dumps(event).encode() for event in everywhere(originals, KNOWN if dialect else ()))
    # Twenty mistakes end a session.
    while messages := list(itertools.islice(texts, 16)):
        answered(server, messages, dialect)


@examples(50)
@given(
    st.lists(json_texts(mutated(EVENTS, KNOWN)), min_size=1, max_size=8),
    st.sampled_from(DIALECTS[:2]),
)
def test_events(server: ServerProcess, messages: list[bytes | tuple[Opcode, bytes]], options: dict[str, Any]) -> None:
    answered(server, messages, options)


@examples(30)
@given(st.lists(json_texts(mutated([*BETA_EVENTS, *EVENTS], KNOWN)), min_size=1, max_size=8))
def test_events_of_the_beta(server: ServerProcess, messages: list[bytes | tuple[Opcode, bytes]]) -> None:
    answered(server, messages, DIALECTS[2])


@examples(30)
@given(
    st.lists(
        st.tuples(st.just(Opcode.BINARY), st.binary(max_size=3) | st.binary(max_size=4000)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(DIALECTS),
    st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma"]),
)
def test_binary_messages(
    either_server: ServerProcess, messages: list[tuple[Opcode, bytes]], options: dict[str, Any], kind: str
) -> None:
    audio = {"input": {"format": {"type": kind, "rate": 24000} if kind == "audio/pcm" else {"type": kind}}}
    update = json.dumps({"type": "session.update", "session": {"type": "realtime", "audio": audio}}).encode()
    answered(either_server, [update, *messages], options)
