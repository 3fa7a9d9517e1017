"""Every message of a call as JSON lines, sound given as its length."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from bargein.core.audio import PCM16_24K, base64_sample_count
from bargein.load.talker import Direction
from bargein.wire.binary import unpack


class EventLog:
    """Writes ``path``, one message a line: ``{"at_ms", "direction", "event"}``, or ``"audio_ms"`` for a binary one.

    :raises OSError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def note(self, at_s: float, direction: Direction, message: bytes, binary: bool) -> None:
        line: dict[str, Any] = {"at_ms": round(1000 * at_s, 1), "direction": direction}
        if binary and direction == "received":
            sound = unpack(message)
            line |= {"number": sound.response_number, "seq": sound.seq, "start_sample": sound.start_sample}
            message = sound.samples
        if binary:
            line["audio_ms"] = _ms(len(message) // 2)
        else:
            line["event"] = _without_sound(orjson.loads(message))
        self._file.write(orjson.dumps(line) + b"\n")

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _without_sound(event: dict[str, Any]) -> dict[str, Any]:
    for name in ("audio", "delta"):
        if event["type"] in ("input_audio_buffer.append", "response.output_audio.delta") and name in event:
            event[f"{name}_ms"] = _ms(base64_sample_count(event.pop(name)))
    return event


def _ms(sample_count: int) -> float:
    return sample_count * 1000 / PCM16_24K.rate_hz
