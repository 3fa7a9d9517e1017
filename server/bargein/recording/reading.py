"""Reads the recording of a call."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.events import CallerLeft, Event
from bargein.errors import BargeinError
from bargein.recording.codec import FORMAT, from_json, is_event, loaded

T = TypeVar("T")


class RecordingError(BargeinError):
    """A file is no recording that can be read."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call, as :func:`bargein.core.recorded.replay` wants it."""

    session_id: str
    version: str
    """Of the server."""
    began: str
    """Date and time, UTC."""
    config: SessionConfig
    policy: CorePolicy
    reports: bool
    unix_offset_s: float
    happened: list[tuple[float, Event]]
    ended: str
    """Why the recording ends where it does, in words."""

    @property
    def key(self) -> str:
        """Of the names in it."""
        return self.session_id.removeprefix("sess_")


def read_call(path: Path) -> RecordedCall:
    """Read a file, up to its end or to the line in which its server was killed.

    :raises RecordingError: it is none, or cannot be read, in words.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
    # Behind the last line end is nothing, or a line of which the rest was never written.
    whole = lines[:-1]
    head = _head(path, whole)
    happened: list[tuple[float, Event]] = []
    ended = "the server stopped in the middle of it"
    for number, line in enumerate(whole[1:], 2):
        try:
            if line.startswith(b'{"$":"json"'):
                ended = f"the recording was cut off: {loaded(line)['cut']}"
                break
            at, event = loaded(line)
            at_s = _finite(at)
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise RecordingError(f"{path}, line {number}: is no event ({error})") from None
        if not is_event(event):
            raise RecordingError(f"{path}, line {number}: is no event")
        happened.append((at_s, event))
        if isinstance(event, CallerLeft):
            ended = "the call was over"
    try:
        return RecordedCall(
            session_id=str(head["session_id"]),
            version=str(head["version"]),
            began=str(head["began"]),
            config=_of(SessionConfig, from_json(head["config"])),
            policy=_of(CorePolicy, from_json(head["policy"])),
            reports=bool(head["reports"]),
            unix_offset_s=_finite(head["unix_offset_s"]),
            happened=happened,
            ended=ended,
        )
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RecordingError(f"{path}, line 1: is not what a recording begins with ({error})") from None


def _head(path: Path, lines: list[bytes]) -> dict[str, Any]:
    try:
        head = json.loads(lines[0])
        written = int(head["bargein_recording"])
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError):
        raise RecordingError(f"{path}: is no recording of a call (BARGEIN_RECORD_DIR)") from None
    if written != FORMAT:
        raise RecordingError(
            f"{path}: has format {written}, and this version reads {FORMAT}: use the version that recorded it, "
            f"{head.get('version')}"
        )
    return dict(head)


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no time")
    return float(value)


def _of(wanted: type[T], value: object) -> T:
    if not isinstance(value, wanted):
        raise TypeError(f"no {wanted.__name__}")
    return value
