"""One conversation: what happens goes in, what must be done comes out.

:class:`Conversation` joins the caller's side and the agent's side of the floor by the rules of
:mod:`bargein.core.floor`. It does no IO and knows no clock: whoever drives it passes the time, performs the actions
in order, and calls again when :meth:`Conversation.next_timer` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.agent import Agent
from bargein.core.caller import SHORTEST_COMMIT_MS, Caller
from bargein.core.completion import StreamPiece
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.cutting import Cutter
from bargein.core.echo_guard import EchoGuard
from bargein.core.endpointing import Signal
from bargein.core.events import Event, WeighedWindow, Window
from bargein.core.floor import CallerTrigger, Floor
from bargein.core.history import History
from bargein.core.idling import IdleTimeout
from bargein.core.item_events import ItemEvent, ItemEvents
from bargein.core.items import OutputAudio
from bargein.core.measures import Measures
from bargein.core.replies import ReplyMaker
from bargein.core.reply import NewId
from bargein.core.speculation import Speculation
from bargein.core.turn_taking import Sides, TurnTaking
from bargein.core.words import WordAligner

_TOLD_BY_THEMSELVES: Final = (events.AudioAppended, events.SpeechWeighed, events.TimeLost)
"""Events that a method stands for, where it is called instead."""


class Conversation:
    """The sans-IO core of one session.

    :param new_id: names things: a prefix in, an id out that no other call gives.
    :param measures: what must be known of stored sound: whether the caller is our own echo.
    :param aligner: where the words of its replies are in their sound. It is this conversation's own.
    :param reports: the caller reports its play-out (``bargein.v1``).
    :param unix_offset_s: what to add to ``now`` for Unix time.
    """

    def __init__(
        self,
        config: SessionConfig,
        policy: CorePolicy,
        new_id: NewId,
        measures: Measures,
        aligner: WordAligner,
        *,
        reports: bool = False,
        unix_offset_s: float = 0.0,
    ) -> None:
        self.id = new_id("conv")
        self.history = History(policy.max_items)
        self.floor = Floor()
        self.caller = Caller(config, policy, new_id, self.floor)
        self._policy = policy
        cutter = Cutter(self.history, aligner)
        maker = ReplyMaker(
            self.history,
            policy,
            aligner,
            new_id,
            conversation_id=self.id,
            reports=reports,
            unix_offset_s=unix_offset_s,
            line=self.caller.line,
        )
        self.agent = Agent(policy, self.floor, cutter, maker)
        self._speculation = Speculation(maker, policy)
        self._idle = IdleTimeout(self.history, self.agent, self.floor)
        self._items = ItemEvents(self.history, policy, self.caller, self.agent, cutter, self._idle, new_id)
        sides = Sides(self.floor, self.caller, self.agent, self.history, cutter)
        self._turns = TurnTaking(config, policy, new_id, measures, sides, self._speculation, self._idle)
        self.on_event: Callable[[Event, float], None] | None = None
        """Told of everything that happens, before it is dealt with, while somebody records."""

    def __repr__(self) -> str:
        return f"<Conversation {self.id}: {self.caller!r}, {self.agent!r}>"

    @property
    def config(self) -> SessionConfig:
        """What the caller has configured last."""
        return self._turns.config

    @property
    def echo(self) -> EchoGuard:
        """Whether the caller's microphone hears the agent."""
        return self._turns.echo

    def explain(self, wanted: bool) -> None:
        """Say which rules are asked, from now on, as :class:`~bargein.core.decisions.RuleAsked`."""
        self.floor.on_rule = self._turns.note_rule if wanted else None

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event. Each branch names its section of OpenAI's reference (api-reference/realtime-client-events and
        realtime-server-events, guides/realtime-vad and realtime-conversations), where it has one.

        :param now: seconds on a clock that never goes back.
        :returns: what must be done, in order, as values: keep them as long as you like.
        :raises CallerError: the caller asked for something impossible; nothing has changed.
        """
        out: list[Action] = []
        self._record(event, now)
        stale = self._speculation.response_id is not None and self._speculation.is_ended_by(event)
        if stale:
            self._speculation.tell_ended(out, now)
        if stale and isinstance(event, events.Configured):
            # It is never refused; and a turn that ends by it is to be asked about anew.
            self._speculation.ended()
            stale = False
        done = self._deal_with(event, now, out)
        if stale:
            self._speculation.ended()
        return done

    def _deal_with(self, event: Event, now: float, out: list[Action]) -> list[Action]:
        match event:
            case events.AudioAppended() | events.SpeechWeighed() | events.UtteranceJudged() | events.PhraseHeard():
                return self._handle_speech(event, now)
            case events.StreamProgressed(response_id, piece):
                # Server events, from response.output_item.added to response.done.
                self._progress(response_id, piece, now, out)
            case events.TimerFired():
                # input_audio_buffer.timeout_triggered; what else time brings has no section.
                self.agent.pump(now, out)
                self._turns.check_lapse(now, out)
                self._turns.check_judging(now, out)
                self._check_idle(now, out)
            case events.TimeLost(lost_s):
                self.forgive(lost_s, now)
            case events.EchoGone():
                self.echo.forget()
            case events.PlaybackReported() | events.PlaybackFlushed():
                # bargein.played, bargein.flushed: of `bargein.v1`, not of the reference.
                self._handle_playback(event, now, out)
            case events.StreamFailed():
                # response.done with status "failed" and status_details.error.
                self._fail(event, now, out)
            case events.CallerLeft():
                self._speculation.leave(out, now)
                self._turns.judging.stop(out)
                self.agent.leave(now, out)
            case events.Configured(config):
                # session.update.
                self._configure(config, now, out)
            case events.ResponseRequested():
                # response.create; with conversation "none", guides/realtime-conversations.
                self.agent.respond(event, now, out, answers=event.answers)
            case events.CancelRequested(response_id):
                # response.cancel.
                self.agent.cancel(response_id, now, out)
            case events.CommitRequested():
                # input_audio_buffer.commit.
                self._commit(now, out)
            case events.ClearRequested():
                # input_audio_buffer.clear.
                speech_id, end_ms = self.caller.speech_item_id, self.caller.position_ms
                self.caller.clear()
                self._turns.tell_taken(speech_id, end_ms, out)
                out.append(actions.InputCleared())
                self._turns.follow(Signal(CallerTrigger.TAKEN, self.caller.buffer.end_sample), now, out)
            case _:
                self._handle_item(event, now, out)
        self._turns.tell_rules(out)
        return out

    def _record(self, event: Event, now: float) -> None:
        if self.on_event is not None and not isinstance(event, _TOLD_BY_THEMSELVES):
            self.on_event(event, now)

    def _progress(self, response_id: str, piece: StreamPiece, now: float, out: list[Action]) -> None:
        if response_id == self._speculation.response_id:
            self._speculation.progress(piece)
        else:
            self.agent.progress(response_id, piece, now, out)

    def _fail(self, event: events.StreamFailed, now: float, out: list[Action]) -> None:
        if event.response_id == self._speculation.response_id:
            self._speculation.fail(out, now, processed=event.processed)
        else:
            self.agent.fail(event.response_id, event.failure, now, out, processed=event.processed)

    def _handle_playback(
        self, event: events.PlaybackReported | events.PlaybackFlushed, now: float, out: list[Action]
    ) -> None:
        match event:
            case events.PlaybackReported(_, item_id, sample_count, playing):
                self.agent.played(item_id, sample_count, now, out, playing=playing)
            case events.PlaybackFlushed(_, item_id, sample_count):
                self.agent.flushed(item_id, sample_count, now, out)

    def _handle_item(self, event: ItemEvent, now: float, out: list[Action]) -> None:
        self._items.handle(event, now, out)
        if isinstance(event, events.TranscriptionCompleted | events.TranscriptionFailed) and event.told:
            self._turns.second_chance.written(event, now, out)

    def _handle_speech(
        self,
        event: events.AudioAppended | events.SpeechWeighed | events.UtteranceJudged | events.PhraseHeard,
        now: float,
    ) -> list[Action]:
        out: list[Action] = []
        match event:
            case events.AudioAppended(audio, windows, echo_db):
                # input_audio_buffer.append; what follows from it: guides/realtime-vad.
                return self.hear(audio, windows, now, echo_db)
            case events.SpeechWeighed(weighed):
                return self.weigh(weighed, now)
            case events.UtteranceJudged():
                self._turns.judged(event, now, out)
                return out
            case events.PhraseHeard():
                self._turns.pauses.phrase_heard(event, self.config, out)
                return out

    def hear(self, audio: bytes, windows: Sequence[Window], now: float, echo_db: float = -math.inf) -> list[Action]:
        """Take sound of the caller, and the windows that were completed by it: as
        :class:`~bargein.core.events.AudioAppended`, without the event.

        :param echo_db: the level that the agent's echo can have in it, where that is known: what is no louder is no
            evidence of anybody else.
        """
        if self.on_event is not None:
            self.on_event(events.AudioAppended(audio, tuple(windows), echo_db), now)
        return self._turns.hear(audio, windows, now, echo_db)

    @property
    def undecided_from(self) -> int | None:
        """From which sample of the input on the second detector should listen, so that it is warm by the onset of what
        is undecided; ``None`` while nothing is. What it finds goes to :meth:`weigh`.
        """
        return self._turns.undecided_from

    def weigh(self, windows: Sequence[WeighedWindow], now: float) -> list[Action]:
        """Take what the second detector says of the sound from :attr:`undecided_from` on: as
        :class:`~bargein.core.events.SpeechWeighed`, without the event.
        """
        if self.on_event is not None:
            self.on_event(events.SpeechWeighed(tuple(windows)), now)
        return self._turns.weigh(windows, now)

    @property
    def weigh_above_db(self) -> float:
        """The level from which the detector should weigh the voicing of the next window: it decides about an
        interruption, and only if the window counts as speech. Infinity where it decides about nothing.
        """
        return self._turns.weigh_above_db

    def playing(self, now: float) -> tuple[OutputAudio, int] | None:
        """The sound that the caller's loudspeaker plays, as far as is known, and which sample of it."""
        return self.agent.playout.playing(now)

    def next_timer(self, now: float) -> float | None:
        """When to send :class:`~bargein.core.events.TimerFired`, if nothing else happens before."""
        due = (
            self.agent.next_timer(now),
            self.caller.lapses_at,
            self._idle.due_at(self.config),
            self._turns.judging.due_at,
        )
        return min((at for at in due if at is not None), default=None)

    def forgive(self, lost_s: float, now: float) -> None:
        """Nobody could hear or be heard in the last ``lost_s``, for the process stood still: what was waited for has so
        much longer.
        """
        if self.on_event is not None:
            self.on_event(events.TimeLost(lost_s), now)
        self.agent.forgive(lost_s)
        self.caller.forgive(lost_s, now)
        self._turns.judging.forgive(lost_s)

    # Speech.

    def _commit(self, now: float, out: list[Action]) -> None:
        speech_id, end_ms, dropped_ms = self.caller.speech_item_id, self.caller.position_ms, self.caller.dropped_ms
        item = self.caller.take_all()
        self._turns.tell_taken(speech_id, end_ms, out)
        self._idle.caller_spoke()
        self._turns.enter_turn(item, out)
        if dropped_ms:
            out.append(actions.InputMissing(item.id, dropped_ms, self._policy.input_limit_ms))
        self._turns.follow(Signal(CallerTrigger.TAKEN, self.caller.buffer.end_sample), now, out)

    def _configure(self, config: SessionConfig, now: float, out: list[Action]) -> None:
        if config.input_format != self.caller.buffer.format:
            self._end_format(now, out)
        before, self._turns.config = self.config.turn_detection, config
        speech_id, end_ms = self.caller.speech_item_id, self.caller.position_ms
        self.echo.configure(config.echo_cancellation)
        taken = self.caller.configure(config)
        if taken:
            self._turns.tell_taken(speech_id, end_ms, out)
        after = config.turn_detection
        if after is not None and (before is None or before.idle_timeout_ms != after.idle_timeout_ms):
            self._idle.caller_sent(now)
        if taken:
            self._turns.follow(Signal(CallerTrigger.TAKEN, self.caller.buffer.end_sample), now, out)
        given_up_id = self.caller.given_up_id
        if after is not None and given_up_id is not None:
            # Detection is on again, and would drop it as the silence in front of the next turn.
            self._commit(now, out)
            self._turns.answer_if_wanted(given_up_id, now, out)

    def _end_format(self, now: float, out: list[Action]) -> None:
        """What was said in a format that ends becomes an item of its own: none holds sound of two."""
        endpointer = self.caller.endpointer
        if endpointer is not None:
            self._turns.end_speech(endpointer, now, out)
        elif self.caller.buffer.duration_ms >= SHORTEST_COMMIT_MS:
            self._commit(now, out)

    # Idling.

    def _check_idle(self, now: float, out: list[Action]) -> None:
        idle_at = self._idle.due_at(self.config)
        detection = self.config.turn_detection
        if idle_at is None or now < idle_at or detection is None or detection.idle_timeout_ms is None:
            return
        end_ms = self.caller.position_ms
        item = self.caller.take_silence(detection.idle_timeout_ms)
        out.append(actions.IdleTimedOut(item.id, max(0, end_ms - detection.idle_timeout_ms), end_ms))
        self._idle.fired()
        self._turns.enter_turn(item, out)
        self._turns.answer(item.id, now, out)
