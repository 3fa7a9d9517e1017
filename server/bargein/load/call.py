"""One call played from a recording, in real time: what ``bargein call`` does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from bargein.core.audio import PCM16_24K, audio_bytes
from bargein.load.dialogue import Dialogue
from bargein.load.errors import ConnectError
from bargein.load.frames import FrameCutter, session_update
from bargein.load.listener import Listener
from bargein.load.marks import Mark
from bargein.load.notices import (
    ErrorReceived,
    Notice,
    ResponseDone,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
)
from bargein.load.recording import Recording
from bargein.load.transcript import Transcript
from bargein.load.transport import Connection, connect
from bargein.load.turns import Turn, answered, turns_of
from bargein.wire.bargein_events import SUBPROTOCOL

FRAME_MS: Final = 20
NOTICED_WITHIN_S: Final = 2.0
"""How long after the caller's last word the server may take to show that it has noticed it."""
WORDS_WITHIN_S: Final = 3.0
"""How long after the caller's turn its words may take to be told."""
READY_WITHIN_S: Final = 10.0
TRANSCRIPTION_MODEL: Final = "gpt-transcribe"

Direction = Literal["sent", "received"]
Watcher = Callable[[float, Direction, bytes, bool], None]
"""Told of each message: seconds since the start of the call, direction, message, whether it is binary."""


@dataclass(slots=True)
class CallResult:
    """What came of a call."""

    began_s: float
    """When the first sample was spoken, on the clock of ``dialogue`` and ``notices``."""
    caller_audio: bytes
    """What was sent: PCM16, 24 kHz."""
    agent_audio: Mapping[str, Sequence[bytes]]
    """What was received: PCM16 of each item."""
    marks: tuple[Mark, ...]
    notices: list[Notice]
    dialogue: Dialogue
    transcript: Transcript
    turns: list[Turn]
    unanswered: str | None
    """Why the caller's last turn was not answered; ``None`` if it was."""
    closed: tuple[int, str] | None
    """Code and reason, if the server ended the call."""


@dataclass(slots=True)
class _Caller:
    """Receives for one call, and speaks the recording."""

    recording: Recording
    watch: Watcher
    dialogue: Dialogue = field(default_factory=lambda: Dialogue(Listener(PCM16_24K.rate_hz), PCM16_24K, bargein=False))
    transcript: Transcript = field(default_factory=Transcript)
    audio: dict[str, list[bytes]] = field(default_factory=dict)
    connection: Connection | None = None
    notices: list[Notice] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    began_s: float = field(default_factory=time.monotonic)
    closed: tuple[int, str] | None = None
    frames_sent: int = 0
    progress_s: float = 0.0
    """When something came of the call last, or was heard."""

    async def open(self, connection: Connection, url: str) -> None:
        """Configure the session.

        :raises ConnectError: the server closed, refused the configuration, or said nothing.
        """
        self.connection = connection
        self.dialogue.on_audio = self._keep
        self.dialogue.bargein = connection.subprotocol == SUBPROTOCOL
        self._send(session_update(PCM16_24K, transcription=TRANSCRIPTION_MODEL))
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self.ready.wait()
        except TimeoutError:
            raise ConnectError(f"{url}: connected, but no session.updated within {READY_WITHIN_S:g} s") from None
        if self.closed is not None:
            raise ConnectError(f"{url}: the server closed the connection at once: {self.closed[0]} {self.closed[1]}")
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
        self.ready.set()

    def _receive(self, message: bytes, binary: bool) -> None:
        now_s = time.monotonic()
        self.watch(now_s - self.began_s, "received", message, binary)
        receive = self.dialogue.receive_binary if binary else self.dialogue.receive_text
        notices = receive(message, now_s)
        self.notices += notices
        if (not binary and self.transcript.receive(message)) or notices:
            self.progress_s = now_s
        if any(isinstance(notice, SessionReady | ErrorReceived) for notice in notices):
            self.ready.set()
        self._drain()

    def _send(self, message: bytes) -> None:
        if self.connection is not None:
            self.watch(time.monotonic() - self.began_s, "sent", message, False)
            self.connection.send_text(message)

    def _keep(self, item_id: str, audio: bytes | str, now_s: float) -> None:
        self.audio.setdefault(item_id, []).append(audio_bytes(audio))
        self.progress_s = now_s

    def _drain(self) -> None:
        for message in self.dialogue.outgoing:
            self._send(message)
        self.dialogue.outgoing.clear()

    async def speak(self, connection: Connection, patience_s: float, stop: asyncio.Event) -> None:
        """Send the recording frame by frame, each when its last sample has been spoken; then silence until answered.

        :param patience_s: how long nothing may come or be heard, after the recording.
        :param stop: set, it ends the call at the next frame.
        """
        cutter = FrameCutter(PCM16_24K, FRAME_MS, self.dialogue.bargein)
        frames = cutter.cut(self.recording.audio)
        silence = cutter.message(PCM16_24K.silence(cutter.frame_bytes // 2))
        send = connection.send_binary if cutter.binary else connection.send_text
        frame_s = FRAME_MS / 1000
        over_s = self.began_s + self.recording.duration_s
        while self.closed is None and not stop.is_set():
            now_s = time.monotonic()
            while (frame_at_s := self.began_s + (self.frames_sent + 1) * frame_s) <= now_s:
                frame = frames[self.frames_sent] if self.frames_sent < len(frames) else silence
                self.watch(now_s - self.began_s, "sent", frame, cutter.binary)
                send(frame)
                self.frames_sent += 1
            self.dialogue.wake(now_s)
            self._drain()
            if self.dialogue.listener.sounding:
                self.progress_s = now_s
            if now_s > max(over_s, self.progress_s) + patience_s or self._settled(now_s):
                return
            wake_at_s = self.dialogue.wake_at_s
            await asyncio.sleep(max(0.0, min(frame_at_s, wake_at_s or frame_at_s) - now_s))

    def _settled(self, now_s: float) -> bool:
        """The recording is over, whatever the server noticed of it is answered, and the answer has been heard."""
        if now_s < self.began_s + self.recording.duration_s:
            return False
        last_word_s = self.recording.marks[-1].end_s if self.recording.marks else self.recording.duration_s
        if now_s < self.began_s + last_word_s + NOTICED_WITHIN_S or self.dialogue.listener.sounding:
            return False
        open_turns = [n for n in self.notices if isinstance(n, SpeechStarted | SpeechStopped | TurnCommitted)]
        if open_turns and not isinstance(open_turns[-1], TurnCommitted):
            return False
        if any(reply.status is None for reply in self.dialogue.replies.values()):
            return False
        if answered(self.notices, self.dialogue) is not None and not self._failed_after(open_turns[-1:]):
            return False
        return not any(
            self.transcript.awaits(turn.item_id) and now_s < turn.at_s + WORDS_WITHIN_S
            for turn in self.notices
            if isinstance(turn, TurnCommitted)
        )

    def _failed_after(self, turns: list[SpeechStarted | SpeechStopped | TurnCommitted]) -> bool:
        return any(
            isinstance(notice, ResponseDone) and notice.status == "failed" and notice.at_s > turns[-1].at_s
            for notice in self.notices
            if turns
        )


async def call(
    recording: Recording,
    url: str,
    *,
    key: str | None = None,
    stock: bool = False,
    patience_s: float = 20.0,
    watch: Watcher = lambda *_: None,
    stop: asyncio.Event | None = None,
) -> CallResult:
    """Play ``recording`` into the server at ``url``, and hear what it says, until the last turn is answered.

    :param stock: speak OpenAI's protocol only; otherwise ``bargein.v1`` is offered, and used if the server takes it.
    :param patience_s: how long an answer is waited for, after the recording, while nothing of it comes or is heard.
    :param stop: set, it ends the call: the result is what there is by then.
    :raises ConnectError: no call came about.
    """
    caller = _Caller(recording, watch)
    subprotocols = ["realtime"] if stock else [SUBPROTOCOL, "realtime"]
    connection = await connect(url, caller, key=key, subprotocols=subprotocols)
    try:
        await caller.open(connection, url)
        await caller.speak(connection, patience_s, stop or asyncio.Event())
        closed = caller.closed
    finally:
        connection.close()
    sent_bytes = caller.frames_sent * PCM16_24K.bytes_of(PCM16_24K.samples_in_ms(FRAME_MS))
    return CallResult(
        began_s=caller.began_s,
        caller_audio=recording.audio[:sent_bytes].ljust(sent_bytes, b"\0"),
        agent_audio=caller.audio,
        marks=recording.marks,
        notices=caller.notices,
        dialogue=caller.dialogue,
        transcript=caller.transcript,
        turns=turns_of(recording.marks, caller.notices, caller.dialogue, caller.began_s),
        unanswered=answered(caller.notices, caller.dialogue),
        closed=closed,
    )


def errors_of(result: CallResult) -> list[ErrorReceived]:
    """The ``error`` events of a call."""
    return [notice for notice in result.notices if isinstance(notice, ErrorReceived)]
