"""Whatever a telephone's stream sends, its call goes on, or ends for what was sent."""

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

from support.fuzz import everywhere, examples, json_texts, mutated
from support.server_process import ServerProcess, serve
from support.twilio_peer import STREAM

START: Final[dict[str, Any]] = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": STREAM,
    "start": {
        "accountSid": "AC1",
        "streamSid": STREAM,
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"instructions": "Be brief.", "voice": "ash", "greeting": "Hello.", "session": "{}"},
    },
}
MEDIA: Final[dict[str, Any]] = {
    "event": "media",
    "streamSid": STREAM,
    "sequenceNumber": "3",
    "media": {
        "track": "inbound",
        "chunk": "1",
        "timestamp": "20",
        "payload": base64.b64encode(b"\xff" * 160).decode(),
    },
}
WITHIN_A_CALL: Final[list[dict[str, Any]]] = [
    MEDIA,
    {"event": "dtmf", "streamSid": STREAM, "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}},
    {"event": "mark", "streamSid": STREAM, "sequenceNumber": "4", "mark": {"name": "1"}},
]
STOP: Final = {"event": "stop", "streamSid": STREAM, "stop": {"accountSid": "AC1", "callSid": "CA1"}}
KNOWN: Final = [STREAM, "inbound", "audio/x-mulaw", "#", "1", '{"tools": []}', '{"audio": 1}', MEDIA["media"]]
OVER: Final = {1000, 1003, 1007, 1008, 1009, 4408, 4429}
"""The call has ended, or what was sent could not be one."""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with serve("--upstream", "http://127.0.0.1:9/v1") as server:
        yield server
        server.end()
        assert "Traceback" not in server.log
        assert "internal error" not in server.log


def answered(server: ServerProcess, messages: Sequence[bytes | tuple[Opcode, bytes]]) -> None:
    """Send all of it as one call, and see that it has ended for a reason of its caller's."""
    url = server.realtime_url.replace("/v1/realtime", "/v1/twilio")
    with connect(url, max_size=None, compression=None) as call, suppress(ConnectionClosed, OSError):
        for message in [*messages, json.dumps(STOP).encode()]:
            frame = Frame(Opcode.TEXT, message) if isinstance(message, bytes) else Frame(*message)
            # As it is: the client would look whether it is UTF-8.
            call.socket.sendall(frame.serialize(mask=True))
        while True:
            call.recv(60)
    assert call.close_code in OVER


def test_anything_at_any_place_of_the_start(server: ServerProcess) -> None:
    for start in everywhere([START]):
        answered(server, [json.dumps(start).encode(), json.dumps(MEDIA).encode()])


def test_anything_at_any_place_within_a_call(server: ServerProcess) -> None:
    texts = (json.dumps(message).encode() for message in everywhere(WITHIN_A_CALL, KNOWN))
    while messages := list(itertools.islice(texts, 16)):
        answered(server, [json.dumps(START).encode(), *messages])


@examples(50)
@given(st.lists(json_texts(mutated([START, *WITHIN_A_CALL], KNOWN)), min_size=1, max_size=8), st.booleans())
def test_messages(server: ServerProcess, messages: list[bytes | tuple[Opcode, bytes]], begun: bool) -> None:
    answered(server, [json.dumps(START).encode(), *messages] if begun else messages)
