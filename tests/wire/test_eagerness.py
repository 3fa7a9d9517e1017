"""What the eagerness of ``semantic_vad`` comes down to."""

from __future__ import annotations

import pytest

from bargein.core.config import TurnDetection
from bargein.wire.client_events import SessionUpdate, parse_client_event
from bargein.wire.session_object import SessionObject

START = SessionObject.begin(id="sess_1", model="demo", expires_at=1785217650)


@pytest.mark.parametrize(
    ("eagerness", "silence_ms", "longest_wait_ms"),
    [("low", 1200, 8000), ("medium", 700, 4000), ("auto", 700, 4000), ("high", 400, 2000)],
)
def test_it_is_a_silence_and_a_longest_wait(eagerness: str, silence_ms: int, longest_wait_ms: int) -> None:
    update = parse_client_event(
        b'{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":'
        b'{"type":"semantic_vad","eagerness":"%s"}}}}}' % eagerness.encode(),
        beta=False,
        bargein=False,
    )
    assert isinstance(update, SessionUpdate)
    detection = START.update(update.session, audio_produced=False).to_config().turn_detection
    assert detection == TurnDetection(silence_duration_ms=silence_ms, max_wait_ms=longest_wait_ms)
