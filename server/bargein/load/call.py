"""One call played from a recording, in real time: what ``bargein call`` does."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bargein.core.audio import PCM16_24K
from bargein.load.dialogue import Dialogue
from bargein.load.errors import ConnectError
from bargein.load.frames import session_update
from bargein.load.marks import Mark
from bargein.load.notices import ErrorReceived, Notice, ResponseDone, SpeechStarted, SpeechStopped, TurnCommitted
from bargein.load.recording import Recording
from bargein.load.talker import FRAME_BYTES, Talker, Watcher
from bargein.load.transcript import Transcript
from bargein.load.transport import Connection, connect
from bargein.load.turns import Turn, answered, turns_of
from bargein.wire.bargein_events import SUBPROTOCOL

NOTICED_WITHIN_S: Final = 2.0
"""How long after the caller's last word the server may take to show that it has noticed it."""
WORDS_WITHIN_S: Final = 3.0
"""How long after the caller's turn its words may take to be told."""
SHOWN_EVERY_S: Final = 0.1
TRANSCRIPTION_MODEL: Final = "gpt-transcribe"


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
    lasted_s: float = math.inf
    """How long it had lasted when this was looked at; for ever, when it is over."""


@dataclass(slots=True)
class _Speaker:
    """Speaks the recording; then silence, until it is answered."""

    recording: Recording
    talker: Talker
    patience_s: float
    stop: asyncio.Event
    show: Callable[[CallResult], None] | None
    show_at_s: float = 0.0

    def frame(self, _: float) -> bytes:
        start = self.talker.frames_sent * FRAME_BYTES
        return self.recording.audio[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")

    def over(self, now_s: float) -> bool:
        """The call was stopped, has come to its end, or nothing has come or was heard for too long."""
        talker = self.talker
        if self.show is not None and now_s >= self.show_at_s:
            self.show_at_s = now_s + SHOWN_EVERY_S
            self.show(_result(self.recording, talker, now_s))
        over_s = talker.began_s + self.recording.duration_s
        return self.stop.is_set() or now_s > max(over_s, talker.progress_s) + self.patience_s or self._settled(now_s)

    def _settled(self, now_s: float) -> bool:
        """The recording is over, whatever the server noticed of it is answered, and the answer has been heard."""
        talker = self.talker
        if now_s < talker.began_s + self.recording.duration_s:
            return False
        last_word_s = self.recording.marks[-1].end_s if self.recording.marks else self.recording.duration_s
        if now_s < talker.began_s + last_word_s + NOTICED_WITHIN_S or talker.dialogue.listener.sounding:
            return False
        open_turns = [n for n in talker.notices if isinstance(n, SpeechStarted | SpeechStopped | TurnCommitted)]
        if open_turns and not isinstance(open_turns[-1], TurnCommitted):
            return False
        if any(reply.status is None for reply in talker.dialogue.replies.values()):
            return False
        if answered(talker.notices, talker.dialogue) is not None and not self._failed_after(open_turns[-1:]):
            return False
        return not any(
            talker.transcript.awaits(turn.item_id) and now_s < turn.at_s + WORDS_WITHIN_S
            for turn in talker.notices
            if isinstance(turn, TurnCommitted)
        )

    def _failed_after(self, turns: list[SpeechStarted | SpeechStopped | TurnCommitted]) -> bool:
        return any(
            isinstance(notice, ResponseDone) and notice.status == "failed" and notice.at_s > turns[-1].at_s
            for notice in self.talker.notices
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
    show: Callable[[CallResult], None] | None = None,
) -> CallResult:
    """Play ``recording`` into the server at ``url``, and hear what it says, until the last turn is answered.

    :param stock: speak OpenAI's protocol only; otherwise ``bargein.v1`` is offered, and used if the server takes it.
    :param patience_s: how long an answer is waited for, after the recording, while nothing of it comes or is heard.
    :param stop: set, it ends the call: the result is what there is by then; before that a ``ConnectError``.
    :param show: given what there is so far, ten times a second.
    :raises ConnectError: no call came about.
    """
    caller = Talker(watch)
    speaker = _Speaker(recording, caller, patience_s, stop or asyncio.Event(), show)
    subprotocols = ["realtime"] if stock else [SUBPROTOCOL, "realtime"]
    opening = asyncio.ensure_future(_open(caller, url, key, subprotocols))
    stopped = asyncio.ensure_future(speaker.stop.wait())
    try:
        await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        opening.cancel()
        await asyncio.wait({opening})
    if opening.cancelled():
        raise ConnectError(f"{url}: stopped before a call came about")
    connection = opening.result()
    try:
        await caller.talk(speaker.frame, speaker.over)
        # Before the line is closed here, which also looks like an end.
        return replace(_result(recording, caller, time.monotonic()), lasted_s=math.inf)
    finally:
        connection.close()


async def _open(caller: Talker, url: str, key: str | None, subprotocols: Sequence[str]) -> Connection:
    connection = await connect(url, caller, key=key, subprotocols=subprotocols)
    try:
        await caller.open(connection, url, session_update(PCM16_24K, transcription=TRANSCRIPTION_MODEL))
    except BaseException:
        connection.close()
        raise
    return connection


def _result(recording: Recording, caller: Talker, now_s: float) -> CallResult:
    """What there is by now."""
    lasted_s = now_s - caller.began_s
    begun = [mark for mark in recording.marks if mark.onset_s <= lasted_s]
    sent_bytes = caller.frames_sent * FRAME_BYTES
    return CallResult(
        began_s=caller.began_s,
        caller_audio=recording.audio[:sent_bytes].ljust(sent_bytes, b"\0"),
        agent_audio=caller.audio,
        marks=recording.marks,
        notices=caller.notices,
        dialogue=caller.dialogue,
        transcript=caller.transcript,
        turns=turns_of(begun, caller.notices, caller.dialogue, caller.began_s),
        unanswered=answered(caller.notices, caller.dialogue),
        closed=caller.closed,
        lasted_s=lasted_s,
    )


def errors_of(result: CallResult) -> list[ErrorReceived]:
    """The ``error`` events of a call."""
    return [notice for notice in result.notices if isinstance(notice, ErrorReceived)]
