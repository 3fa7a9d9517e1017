"""Drives one conversation: feeds it what happens, does what it decides, and wakes it when it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from bargein.core import events
from bargein.core.actions import Action, VoiceChanged
from bargein.core.completion import AudioPiece, Finished, StreamPiece
from bargein.core.conversation import Conversation
from bargein.core.events import Event
from bargein.core.floor import AgentState, CallerState
from bargein.core.items import Failure
from bargein.errors import CallerError
from bargein.recording import CallRecording
from bargein.session.observer import Observer
from bargein.session.performer import Performer
from bargein.session.timers import Timers


class Driver:
    """The only place where a conversation meets time."""

    def __init__(
        self,
        conversation: Conversation,
        performer: Performer,
        observer: Observer,
        timers: Timers,
        log: FilteringBoundLogger,
        recording: CallRecording | None = None,
    ) -> None:
        self.conversation = conversation
        self._performer = performer
        self._observer = observer
        self._timers = timers
        self._now = timers.clock.now
        self._lost_s = timers.lost_s
        self._log = log
        self._recording = recording
        conversation.on_event = None if recording is None else recording.note
        self._over = False
        self._quiet: asyncio.Event | None = None
        """Set when no turn is in progress; there is one while somebody waits for that."""
        self._on_broken: Callable[[], None] = _nobody_asks

    def begin(self, on_broken: Callable[[], None]) -> None:
        """``on_broken`` is called while an error of our own is handled which no caller would be told of."""
        self._on_broken = on_broken

    def handle(self, event: Event, now: float) -> None:
        """Take one event, and do what comes of it.

        :raises CallerError: the caller asked for something impossible; nothing has changed.
        """
        lost_s = self._timers.lost_s
        if lost_s > self._lost_s:
            self.conversation.forgive(lost_s - self._lost_s, now)
            self._lost_s = lost_s
        self._do(self.conversation.handle(event, now), now)

    def handle_apart(self, event: Event) -> None:
        """Deal with what no message of the caller's brought about: nobody else would see it fail."""
        try:
            self.handle(event, self._now())
        except Exception:
            self._on_broken()

    def handle_tools(self, came: Sequence[Event]) -> bool:
        """Deal with what the server's own tools have brought about, or with nothing, where they wait for nothing more.
        What the caller has made impossible meanwhile (the call is deleted) is let go: returns whether nothing was.
        """
        try:
            for event in came:
                self.handle(event, self._now())
        except CallerError as error:
            self._observer.work.tool_output_untold(error.message)
            return False
        except Exception:
            self._on_broken()
            return False
        if self._quiet is not None:
            self._note_quiet(self._quiet)
        return True

    def heard(self, todo: list[Action], now: float) -> bool:
        """Do what the caller's sound has brought about; returns whether the session goes on."""
        for action in todo:
            if isinstance(action, VoiceChanged) and action.speech:
                # When the speech that was just noticed really began.
                self._observer.speech_noticed(self.conversation.caller.onset_at(now), now)
        self._do(todo, now)
        return not self._over

    def piece_came(self, response_id: str, piece: StreamPiece) -> None:
        """One piece of a model's stream."""
        now = self._now()
        sound = self._performer.sounds.get(response_id)
        if sound is None:
            return
        self._observer.piece_came(response_id, now)
        if isinstance(piece, AudioPiece):
            self._observer.sound_came(response_id, now)
            piece = sound.convert(piece)
            if piece.sample_count == 0:
                return
        elif isinstance(piece, Finished):
            rest = sound.flush()
            if rest is not None and rest.sample_count:
                self.handle(events.StreamProgressed(response_id, rest), now)
        self.handle(events.StreamProgressed(response_id, piece), now)

    def stream_failed(self, response_id: str, failure: Failure, processed: bool) -> None:
        """A model's stream broke; ``processed``: it may have worked on the request."""
        self.handle_apart(events.StreamFailed(response_id, failure, processed))

    def is_busy(self) -> bool:
        """Whether a reply is asked for, or heard, or a tool works for one, or has and is not answered."""
        return self.conversation.agent.state is not AgentState.IDLE or self._performer.tools.running

    async def wait_quiet(self) -> None:
        """Return when no turn is in progress, or the session is over."""
        if not self._over:
            self._quiet = quiet = asyncio.Event()
            self._note_quiet(quiet)
            await quiet.wait()

    def stop(self) -> None:
        """The caller has gone: end what is in progress, and count it. It must not fail where the core has."""
        self._over = True
        self._timers.cancel(self)
        try:
            now = self._now()
            self._performer.settle(self.conversation.handle(events.CallerLeft(), now), now)
        except Exception:
            self._log.exception("what was in progress could not be counted")
        self.conversation.on_event = None
        if self._recording is not None:
            self._recording.close()
        self.conversation.explain(False)  # Its parts know it for as long as it is to explain itself.
        self._on_broken = _nobody_asks
        if self._quiet is not None:
            self._quiet.set()

    def _do(self, todo: list[Action], now: float) -> None:
        self._performer.perform(todo, now)
        if self._over:
            return
        due = self.conversation.next_timer(now)
        if due is None:
            self._timers.cancel(self)
        else:
            self._timers.schedule(self, due, self._wake)
        if self._quiet is not None:
            self._note_quiet(self._quiet)

    def _wake(self) -> None:
        self.handle_apart(events.TimerFired())

    def _note_quiet(self, quiet: asyncio.Event) -> None:
        if self.conversation.caller.state is CallerState.SILENT and not self.is_busy():
            quiet.set()
        else:
            quiet.clear()


def _nobody_asks() -> None:
    pass
