"""Twilio's end of a media stream, for tests: it speaks and plays as Twilio's documentation says.

https://www.twilio.com/docs/voice/media-streams/websocket-messages: ``connected`` and ``start`` first, then a ``media``
of 20 ms of µ-law all the time; what it is sent is played in order, a ``mark`` comes back when all before it was played,
and a ``clear`` drops what was not played and brings the marks of that back at once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed

from bargein.core.audio import PCMU_8K
from bargein.sound.g711 import pcm16_to_ulaw
from bargein.sound.resample import decimate
from support.microphone import Microphone
from support.sounds import Sound

STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
SAMPLES_PER_S = 8000


def signature(token: str, url: str, form: Mapping[str, str] | None = None) -> str:
    """What Twilio puts into ``X-Twilio-Signature``."""
    text = url + "".join(name + value for name, value in sorted((form or {}).items()))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def ulaw(sound: Sound) -> bytes:
    """A sound of :mod:`support.sounds`, as a telephone carries it."""
    narrow = decimate(np.clip(sound, -32768, 32767).astype(np.int16), 3)
    return pcm16_to_ulaw(np.clip(narrow, -32768, 32767).astype(np.int16))


class TwilioPeer:
    """One call.

    :param delay_s: how long every message takes, each way.
    """

    def __init__(self, socket: ClientConnection, delay_s: float) -> None:
        self.socket = socket
        self.played = bytearray()
        """All that the caller heard of the other side."""
        self.received: list[tuple[float, dict[str, Any]]] = []
        """With the time at which it came."""
        self.played_at_clear: list[int] = []
        """Length of :attr:`played` at each ``clear``."""
        self.closed: tuple[int, str] | None = None
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()
        self._buffer: deque[dict[str, Any]] = deque()
        self._under_way: deque[dict[str, Any]] = deque()
        self._changed = asyncio.Event()
        self._playing_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._chunks = 0
        self._out: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    def microphone(self) -> Microphone:
        """What the caller says, in :func:`ulaw`."""
        return Microphone(self.say_frame, audio_format=PCMU_8K, frame_ms=20, speed=1.0)

    async def say_frame(self, frame: bytes) -> None:
        self._chunks += 1
        media = {"track": "inbound", "chunk": str(self._chunks), "timestamp": str(self._chunks * 20)}
        self.send({"event": "media", "media": media | {"payload": base64.b64encode(frame).decode()}})

    def send(self, message: dict[str, Any]) -> None:
        self._out.put_nowait((self._loop.time() + self._delay_s, json.dumps(message | {"streamSid": STREAM})))

    def start(self, parameters: Mapping[str, str] | None = None, **changed: Any) -> None:  # noqa: ANN401
        self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "accountSid": "AC1",
            "streamSid": STREAM,
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters or {}),
        }
        self.send({"event": "start", "sequenceNumber": "1", "start": start | changed})

    def press(self, keys: str) -> None:
        for key in keys:
            self.send({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}})

    def kinds(self) -> list[str]:
        return [message["event"] for _, message in self.received]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self) -> tuple[int, str]:
        await self.until(lambda: self.closed is not None)
        assert self.closed is not None
        return self.closed

    # Inside.

    async def run_out(self) -> None:
        try:
            while True:
                at, text = await self._out.get()
                await asyncio.sleep(at - self._loop.time())
                await self.socket.send(text)
        except ConnectionClosed:
            pass

    async def run_in(self) -> None:
        try:
            async for text in self.socket:
                # In their order: of two timers for one time either may come first.
                self._under_way.append(json.loads(text))
                self._loop.call_later(self._delay_s, self._take)
        except ConnectionClosed:
            pass
        self.closed = (self.socket.close_code or 1006, self.socket.close_reason or "")
        self._changed.set()

    def _take(self) -> None:
        message = self._under_way.popleft()
        assert message["streamSid"] == STREAM
        self.received.append((self._loop.time(), message))
        if message["event"] == "clear":
            self._clear()
        else:
            assert message["event"] in {"media", "mark"}
            self._buffer.append(message)
            self._play()
        self._changed.set()

    def _play(self) -> None:
        """A sound begins when that before it ended, by this player's own clock."""
        while self._buffer and self._playing_since is None:
            if self._buffer[0]["event"] == "mark":
                self.send({"event": "mark", "mark": self._buffer.popleft()["mark"]})
            else:
                self._playing_since = self._loop.time()
                length_s = len(_sound(self._buffer[0])) / SAMPLES_PER_S
                self._timer = self._loop.call_later(length_s, self._has_played)

    def _has_played(self) -> None:
        self.played += _sound(self._buffer.popleft())
        self._playing_since = None
        self._play()
        self._changed.set()

    def _clear(self) -> None:
        if self._playing_since is not None and self._timer is not None:
            self._timer.cancel()
            sound = _sound(self._buffer[0])
            self.played += sound[: int((self._loop.time() - self._playing_since) * SAMPLES_PER_S)]
            self._playing_since = None
        self.played_at_clear.append(len(self.played))
        dropped, self._buffer = self._buffer, deque()
        for message in dropped:
            if message["event"] == "mark":
                self.send({"event": "mark", "mark": message["mark"]})


def _sound(message: dict[str, Any]) -> bytes:
    return base64.b64decode(message["media"]["payload"], validate=True)


@asynccontextmanager
async def calling(
    url: str, *, token: str | None = None, signed: str | None = None, delay_s: float = 0.0
) -> AsyncIterator[TwilioPeer]:
    """Open the stream's WebSocket. Nothing is sent by itself.

    :param token: signs the request.
    :param signed: the address that is signed, where that is another than ``url``.
    """
    headers = {} if token is None else {"X-Twilio-Signature": signature(token, signed or url)}
    async with connect_websocket(url, additional_headers=headers, compression=None, proxy=None) as socket:
        peer = TwilioPeer(socket, delay_s)
        tasks = [asyncio.create_task(peer.run_out()), asyncio.create_task(peer.run_in())]
        try:
            yield peer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
