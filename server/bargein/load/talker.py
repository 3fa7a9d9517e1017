"""One caller's end of a call in real time: what it says goes out frame by frame, what comes is played out and kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from bargein.core.audio import PCM16_24K, audio_bytes
from bargein.load.dialogue import Dialogue
from bargein.load.errors import ConnectError
from bargein.load.frames import FrameCutter
from bargein.load.listener import Listener
from bargein.load.notices import ErrorReceived, Notice, SessionReady
from bargein.load.transcript import Transcript
from bargein.load.transport import Connection
from bargein.wire.bargein_events import SUBPROTOCOL

FRAME_MS: Final = 20
FRAME_BYTES: Final = PCM16_24K.bytes_of(PCM16_24K.samples_in_ms(FRAME_MS))
READY_WITHIN_S: Final = 10.0

Direction = Literal["sent", "received"]
Watcher = Callable[[float, Direction, bytes, bool], None]
"""Told of each message: seconds since the start of the call, direction, message, whether it is binary."""


@dataclass(slots=True)
class Talker:
    """A caller of PCM16 at 24 kHz.

    :ivar began_s: when the first sample was spoken, on the clock of ``dialogue`` and ``notices``.
    :ivar audio: what was received: PCM16 of each item.
    :ivar closed: code and reason, once the server has ended the call.
    :ivar progress_s: when something came of the call last, or was heard.
    :ivar late_s: how late a frame was sent at most: for want of time on this machine.
    """

    watch: Watcher
    dialogue: Dialogue = field(default_factory=lambda: Dialogue(Listener(PCM16_24K.rate_hz), PCM16_24K, bargein=False))
    transcript: Transcript = field(default_factory=Transcript)
    audio: dict[str, list[bytes]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)
    closed: tuple[int, str] | None = None
    frames_sent: int = 0
    progress_s: float = 0.0
    late_s: float = 0.0
    _connection: Connection | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, connection: Connection, url: str, session_update: bytes) -> None:
        """Configure the session.

        :raises ConnectError: the server closed, refused the configuration, or said nothing.
        """
        self._connection = connection
        self.dialogue.on_audio = self._keep
        self.dialogue.bargein = connection.subprotocol == SUBPROTOCOL
        self.send(session_update)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._ready.wait()
        except TimeoutError:
            raise ConnectError(f"{url}: connected, but no session.updated within {READY_WITHIN_S:g} s") from None
        if self.closed is not None:
            raise ConnectError(f"{url}: the connection ended at once: {self.closed[0]} {self.closed[1]}")
        for notice in self.notices:
            if isinstance(notice, ErrorReceived):
                raise ConnectError(f"{url}: the server refused the session: {notice.message}")
        self.began_s = time.monotonic()

    def receive_text(self, message: bytes) -> None:
        self._receive(message, binary=False)

    def receive_binary(self, message: bytes) -> None:
        self._receive(message, binary=True)

    def ended(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._ready.set()

    def send(self, message: bytes) -> None:
        """Send one JSON event. After the end of the call it is dropped."""
        if self._connection is not None:
            self.watch(time.monotonic() - self.began_s, "sent", message, False)
            self._connection.send_text(message)

    async def talk(self, frame: Callable[[float], bytes], over: Callable[[float], bool]) -> None:
        """Send a frame whenever one has been spoken, until ``over`` says so or the server ends the call.

        :param frame: the next :data:`FRAME_BYTES` of PCM16; its last sample has been spoken at the time that is given.
        :param over: asked after each frame.
        """
        assert self._connection is not None, "it was opened"
        cutter = FrameCutter(PCM16_24K, FRAME_MS, self.dialogue.bargein)
        send = self._connection.send_binary if cutter.binary else self._connection.send_text
        while self.closed is None:
            now_s = time.monotonic()
            while (frame_at_s := self.began_s + (self.frames_sent + 1) * FRAME_MS / 1000) <= now_s:
                message = cutter.message(frame(frame_at_s))
                self.watch(now_s - self.began_s, "sent", message, cutter.binary)
                send(message)
                self.frames_sent += 1
                self.late_s = max(self.late_s, now_s - frame_at_s)
            self.dialogue.wake(now_s)
            self._drain()
            if self.dialogue.listener.sounding:
                self.progress_s = now_s
            if over(now_s):
                return
            wake_at_s = self.dialogue.wake_at_s
            await asyncio.sleep(max(0.0, min(frame_at_s, wake_at_s or frame_at_s) - now_s))

    def told(self, message: bytes, now_s: float) -> bool:
        """Look at one JSON event of the server; whether it told anything of words."""
        return self.transcript.receive(message)

    def _receive(self, message: bytes, binary: bool) -> None:
        now_s = time.monotonic()
        self.watch(now_s - self.began_s, "received", message, binary)
        receive = self.dialogue.receive_binary if binary else self.dialogue.receive_text
        notices = receive(message, now_s)
        self.notices += notices
        if (not binary and self.told(message, now_s)) or notices:
            self.progress_s = now_s
        if any(isinstance(notice, SessionReady | ErrorReceived) for notice in notices):
            self._ready.set()
        self._drain()

    def _keep(self, item_id: str, audio: bytes | str, now_s: float) -> None:
        self.audio.setdefault(item_id, []).append(audio_bytes(audio))
        self.progress_s = now_s

    def _drain(self) -> None:
        for message in self.dialogue.outgoing:
            self.send(message)
        self.dialogue.outgoing.clear()
