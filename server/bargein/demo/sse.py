"""Writing server-sent events, and spoiling them when a fault says so."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pybase64

from bargein.demo.chunks import DONE, Chunks, event
from bargein.demo.exchange import CutError, Exchange
from bargein.demo.faults import Faults
from bargein.demo.speech import RATE_HZ, Samples
from bargein.sound.wav import wrap

_ENDS: Final = (b"\n", b"\r\n", b"\r")
_ODD_BYTES: Final = 1_001


class EndOfStreamError(Exception):
    """The stream ends here, by a fault."""


class SseWriter:
    """Writes the events of one stream."""

    def __init__(self, exchange: Exchange, faults: Faults, chunks: Chunks) -> None:
        self._exchange = exchange
        self._faults = faults
        self._chunks = chunks
        self._events = 0
        self._single_bytes = int(faults.get("bytewise", "bytes") or 0)

    async def chunk(self, chunk: dict[str, Any]) -> None:
        """Send a chunk."""
        if "no_choices" in self._faults:
            await self._write(event(self._chunks.heartbeat()))
        if "huge_line" in self._faults and not self._events:
            chunk = chunk | {"obfuscation": "x" * int(1024 * (self._faults.get("huge_line", "kib") or 0))}
        await self._write(event(chunk))

    async def done(self) -> None:
        """Send the end mark, and end the stream."""
        if "no_done" not in self._faults:
            await self._write(DONE)
        await self._exchange.finish()

    async def audio(self, data: bytes) -> None:
        """Send one piece of sound in the shape that the faults leave to it."""
        if "content_audio" in self._faults:
            rate_hz = int(self._faults.get("content_audio", "rate_hz") or RATE_HZ)
            await self.chunk(self._chunks.audio_as_content(data, rate_hz))
        elif "wav_chunks" in self._faults:
            await self.chunk(self._chunks.audio(wrap(data, RATE_HZ)))
        elif "odd_bytes" in self._faults:
            for at in range(0, len(data), _ODD_BYTES):
                await self.chunk(self._chunks.audio(data[at : at + _ODD_BYTES]))
        else:
            await self.chunk(self._chunks.audio(data))

    async def before_piece(self, pieces_sent: int) -> None:
        """Let the faults happen that are due when so many pieces of sound were sent.

        :raises CutError: the connection is to be closed.
        :raises EndOfStreamError: the stream has been ended.
        """
        faults = self._faults
        if faults.at("stall", pieces_sent):
            await stall(faults.get("stall", "for_ms"))
        if faults.at("bad_json", pieces_sent):
            await self._write(b'data: {"id": "chatcmpl-broken", "choices": [{"delta": {"audio": {"data": "AAA\n\n')
        if faults.at("cut", pieces_sent):
            raise CutError("cut by a fault")
        if faults.at("error", pieces_sent):
            message = "The server had an error while processing your request."
            broken = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
            await self._exchange.finish(event(broken))
            self._exchange.row.error = broken["error"]
            raise EndOfStreamError
        if faults.at("end", pieces_sent):
            await self._exchange.finish()
            raise EndOfStreamError

    async def _write(self, data: bytes) -> None:
        self._events += 1
        if "line_ends" in self._faults:
            data = _mixed_line_ends(data, self._events)
        for part in self._parts(data):
            await self._exchange.write(part)

    def _parts(self, data: bytes) -> list[bytes]:
        if self._single_bytes > 0:
            single = data[: self._single_bytes]
            self._single_bytes -= len(single)
            return [bytes((byte,)) for byte in single] + ([data[len(single) :]] if len(data) > len(single) else [])
        if "split_utf8" in self._faults and not data.isascii():
            at = next(index for index, byte in enumerate(data) if byte >= 0x80) + 1
            return [data[:at], data[at:]]
        return [data]


async def stall(for_ms: float | None) -> None:
    """Wait, for ever when no time is given."""
    if for_ms is None:
        await asyncio.get_running_loop().create_future()
    else:
        await asyncio.sleep(for_ms / 1000)


def _mixed_line_ends(data: bytes, number: int) -> bytes:
    """The event with one of the three line ends that the standard allows, and with what a reader must ignore."""
    end = _ENDS[number % len(_ENDS)]
    ignored = b": comment" + end + b"id: " + str(number).encode() + end + b"event: message" + end
    return ignored + data.rstrip(b"\n") + end + end


def encode_audio(samples: Samples, audio_format: str) -> str:
    """Base64 of a whole sound, as ``wav`` or ``pcm16``."""
    pcm16 = samples.astype("<i2").tobytes()
    return pybase64.b64encode(wrap(pcm16, RATE_HZ) if audio_format == "wav" else pcm16).decode("ascii")
