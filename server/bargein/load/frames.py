"""The caller's sound as ready-made messages: made once, sent as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
import pybase64

from bargein.core.audio import AudioFormat

_APPEND: Final = b'{"type":"input_audio_buffer.append","audio":"%b"}'


@dataclass(frozen=True, slots=True)
class FrameCutter:
    """Turns samples into messages of ``frame_ms`` each.

    :param binary: raw samples in binary messages (``bargein.v1``), else base64 in JSON.
    """

    format: AudioFormat
    frame_ms: int
    binary: bool

    @property
    def frame_bytes(self) -> int:
        return self.format.bytes_of(self.format.samples_in_ms(self.frame_ms))

    def cut(self, audio: bytes) -> list[bytes]:
        """The messages of ``audio`` (in ``format``); the last one is filled with silence to a whole frame."""
        size = self.frame_bytes
        missing = self.format.samples_of(-len(audio) % size)
        whole = audio + self.format.silence(missing)
        return [self.message(whole[start : start + size]) for start in range(0, len(whole), size)]

    def message(self, frame: bytes) -> bytes:
        return frame if self.binary else _APPEND % pybase64.b64encode(frame)


def session_update(
    audio_format: AudioFormat,
    *,
    instructions: str | None = None,
    tools: Sequence[object] = (),
    transcription: str | None = None,
) -> bytes:
    """The ``session.update`` that opens a call: the formats, and turn detection as the server has it by default.

    :param transcription: the model that writes down what the caller says; ``None``: nobody does.
    """
    wire_format: dict[str, object] = {"type": audio_format.encoding.value}
    if audio_format.rate_hz == 24_000:
        wire_format["rate"] = audio_format.rate_hz
    hearing: dict[str, object] = {"format": wire_format}
    if transcription is not None:
        hearing["transcription"] = {"model": transcription}
    session: dict[str, object] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {"input": hearing, "output": {"format": wire_format}},
    }
    if instructions is not None:
        session["instructions"] = instructions
    if tools:
        session["tools"] = list(tools)
    return orjson.dumps({"type": "session.update", "session": session})
