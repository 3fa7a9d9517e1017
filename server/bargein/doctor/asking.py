"""One question to the model, and what came back and when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bargein.core.audio import PCM16_24K, audio_bytes
from bargein.core.completion import AudioPiece, CompletionRequest, Finished, TextPiece, TranscriptPiece, Usage
from bargein.upstream import ChatCompletions
from bargein.upstream.plain import EncodedAudio, PlainRequest

_SILENT_RMS: Final = 20.0
"""Of PCM16: below -64 dB nobody hears anything."""


@dataclass(slots=True)
class Answer:
    """What the model has said. Times in seconds after the question.

    :ivar words: the transcript of its sound.
    :ivar text: what it said without sound.
    """

    words: str = ""
    text: str = ""
    sound: bytearray = field(default_factory=bytearray)
    first_sound_s: float | None = None
    done_s: float = 0.0
    usage: Usage | None = None

    @property
    def sound_s(self) -> float:
        return len(self.sound) / 2 / PCM16_24K.rate_hz

    @property
    def is_silent(self) -> bool:
        """There is sound, and nothing can be heard in it."""
        samples = np.frombuffer(bytes(self.sound), np.int16).astype(np.float32)
        return bool(samples.size) and float(np.sqrt(np.mean(np.square(samples)))) < _SILENT_RMS

    @property
    def pace(self) -> float:
        """Seconds of sound in a second, from the first sound on."""
        took_s = self.done_s - (self.first_sound_s or 0.0)
        return self.sound_s / took_s if took_s > 0 else float("inf")


async def ask(model: ChatCompletions, request: CompletionRequest) -> Answer:
    """Ask as sessions do.

    :raises UpstreamError: the model could not answer.
    """
    clock = asyncio.get_running_loop().time
    asked_s, answer = clock(), Answer()
    async with model.stream(request) as pieces:
        async for piece in pieces:
            match piece:
                case AudioPiece():
                    if answer.first_sound_s is None:
                        answer.first_sound_s = clock() - asked_s
                    answer.sound += audio_bytes(piece.audio)
                case TranscriptPiece():
                    answer.words += piece.text
                case TextPiece():
                    answer.text += piece.text
                case Usage():
                    answer.usage = piece
                case Finished():
                    answer.done_s = clock() - asked_s
                case _:
                    pass
    return answer


async def takes(model: ChatCompletions, name: str, *, voice: str, encoded: str | None = None) -> bool:
    """Whether the model's server takes a voice, or a format of sound for whole answers. Hangs up at the first sound.

    :param name: of the model.
    :raises UpstreamError: it says no, or cannot be asked.
    """
    request = PlainRequest(name, [{"role": "user", "content": "Say: yes."}], voice, {}, encoded)
    async with model.stream_plain(request) as pieces:
        async for piece in pieces:
            if isinstance(piece, AudioPiece | EncodedAudio):
                return True
    return False
