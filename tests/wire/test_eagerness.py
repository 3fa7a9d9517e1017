"""What the eagerness of ``semantic_vad`` comes down to."""

from __future__ import annotations

import pytest

from bargein.core.config import TurnDetection
from bargein.core.turn_end import Eagerness
from bargein.wire.client_events import SessionUpdate, parse_client_event
from bargein.wire.session_object import SessionObject

START = SessionObject.begin(id="sess_1", model="demo", expires_at=1785217650)


@pytest.mark.parametrize(
    ("eagerness", "rule", "silence_ms", "longest_wait_ms"),
    [
        ("low", "low", 1200, 8000),
        ("medium", "medium", 640, 4000),
        ("auto", "medium", 640, 4000),
        ("high", "high", 400, 2000),
    ],
)
def test_it_is_a_rule_and_a_longest_wait(
    eagerness: str, rule: Eagerness, silence_ms: int, longest_wait_ms: int
) -> None:
    update = parse_client_event(
        b'{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":'
        b'{"type":"semantic_vad","eagerness":"%s"}}}}}' % eagerness.encode(),
        beta=False,
        bargein=False,
    )
    assert isinstance(update, SessionUpdate)
    detection = START.update(update.session, audio_produced=False).to_config().turn_detection
    assert detection == TurnDetection(silence_duration_ms=silence_ms, eagerness=rule, max_wait_ms=longest_wait_ms)
