"""A model that costs next to nothing: it answers every request with sound in real time, each piece stamped.

A process of its own, on one tick. The first samples of every piece of sound hold the time at which it was sent: all
processes of a machine share the monotonic clock, so whoever hears it knows how long it was under way. ``GET /log``
tells when each stream began, sounded first, and was closed by the other side.

Run: ``python -m benchmarks.model PORT [SECONDS]``.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import re
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib import resources
from typing import Final, cast

import pybase64
import uvloop

from bargein.sound import files

PIECE_S: Final = 0.1
BURST_PIECES: Final = 2
"""Sent at once; the rest follows in real time, so that a server that paces has nothing to hold back."""
THINK_S: Final = 0.05
TICK_S: Final = 0.002
RATE_HZ: Final = 24_000
STORIES_APART: Final = 37
"""Pieces of speech from where one answer begins to where the next does."""

# Twelve bytes: six samples, and sixteen characters of base64, so that the stamp can be put in front of ready-made text.
STAMP: Final = struct.Struct("<4sd")
MARK: Final = b"\x2c\x7a\xe1\x55"
_REST_SAMPLES: Final = int(PIECE_S * RATE_HZ) - STAMP.size // 2
_TAG: Final = re.compile(rb"caller (\d+), call (\d+)")
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def stamp_of(audio: bytes) -> float | None:
    """When a piece of reply sound was sent, on the monotonic clock; ``None`` where it does not begin with a stamp."""
    if len(audio) < STAMP.size or audio[:4] != MARK:
        return None
    return float(STAMP.unpack_from(audio)[1])


def stamp_of_text(text: str) -> float | None:
    """The same of base64 text."""
    return stamp_of(pybase64.b64decode(text[:16])) if len(text) >= 16 else None


@dataclass(slots=True)
class Stream:
    """One answer. Times in seconds on the monotonic clock."""

    tag: str
    asked_s: float
    first_audio_s: float | None = None
    closed_s: float | None = None
    """When the other side closed it before its end."""
    ended: bool = False


def spoken() -> list[bytes]:
    """Base64 of what follows the stamps of pieces, of somebody who speaks. Sound that is the same again and again, or
    like no voice, is an echo at every delay or at none: who looks for one finds what no caller has.
    """
    data = resources.files("bargein.demo").joinpath("data/phrases.wav").read_bytes()
    samples = files.read_mono(data, RATE_HZ).astype("<i2")
    starts = range(0, len(samples) - _REST_SAMPLES, int(PIECE_S * RATE_HZ))
    return [pybase64.b64encode(samples[start : start + _REST_SAMPLES].tobytes()) for start in starts]


@dataclass(slots=True)
class Model:
    """All streams, and the tick that serves them."""

    speak_s: float
    spoken: list[bytes] = field(default_factory=spoken)
    log: list[Stream] = field(default_factory=list)
    _due: list[tuple[float, int, Answer]] = field(default_factory=list)
    _number: int = 0

    def schedule(self, at_s: float, answer: Answer) -> None:
        self._number += 1
        heapq.heappush(self._due, (at_s, self._number, answer))

    async def run(self) -> None:
        while True:
            now_s = time.monotonic()
            while self._due and self._due[0][0] <= now_s:
                heapq.heappop(self._due)[2].speak()
            await asyncio.sleep(TICK_S)


class Answer(asyncio.Protocol):
    """One connection: reads requests, speaks."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._received = b""
        self._stream: Stream | None = None
        self._pieces = 0
        self._first = 0
        """Of the pieces of speech: no two answers in a row are the same."""
        self._next_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not found or len(rest) < (int(length[1]) if length else 0):
            return
        self._received = b""
        if head.startswith(b"POST"):
            self._begin(rest)
        else:
            body = json.dumps([asdict(stream) for stream in self._model.log]).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream is not None and not self._stream.ended:
            self._stream.closed_s = time.monotonic()
        self._stream = None

    def _begin(self, body: bytes) -> None:
        tag = _TAG.search(body)
        self._stream = Stream(tag[0].decode() if tag else "", time.monotonic())
        self._model.log.append(self._stream)
        self._pieces = 0
        self._first = STORIES_APART * len(self._model.log)
        self._next_s = time.monotonic() + THINK_S
        self._model.schedule(self._next_s, self)

    def speak(self) -> None:
        """Send what is due, and see to the next."""
        stream = self._stream
        if stream is None:
            return
        now_s = time.monotonic()
        if stream.first_audio_s is None:
            stream.first_audio_s = now_s
            self._transport.write(_HEAD)
            self._event(b'{"audio":{"transcript":"word "}}')
        spoken = self._model.spoken
        for _ in range(BURST_PIECES if self._pieces == 0 else 1):
            stamp = pybase64.b64encode(STAMP.pack(MARK, now_s))
            self._event(b'{"audio":{"data":"%b%b"}}' % (stamp, spoken[(self._first + self._pieces) % len(spoken)]))
            self._pieces += 1
            self._next_s += PIECE_S
        if self._pieces * PIECE_S >= self._model.speak_s:
            stream.ended = True
            self._event(b"{}", finish=b'"stop"')
            self._chunk(b"data: [DONE]\n\n")
            self._transport.write(b"0\r\n\r\n")
            self._stream = None
            return
        self._model.schedule(self._next_s - PIECE_S * (BURST_PIECES - 1), self)

    def _event(self, delta: bytes, finish: bytes = b"null") -> None:
        self._chunk(
            b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
            b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % (delta, finish)
        )

    def _chunk(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))


async def serve(port: int, speak_s: float) -> None:
    model = Model(speak_s)
    server = await asyncio.get_running_loop().create_server(lambda: Answer(model), "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await model.run()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 20.0))
