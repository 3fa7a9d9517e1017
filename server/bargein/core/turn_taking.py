"""Taking turns: from what the caller's sound shows to what is done about it, by the rules of the floor.

A signal of the endpointer becomes a ruling (:mod:`bargein.core.rules`), unless it is the agent's echo, and the ruling
actions. What short utterances mean, which turns belong together, and what is asked ahead is decided in rooms of their
own: :mod:`bargein.core.judging`, :mod:`bargein.core.healing`, :mod:`bargein.core.second_chance`,
:mod:`bargein.core.speculation`.

What is hard here is that several ears tell of the same speech, each when it is ready, and nobody waits for the
slowest. *Evidence* is the first detector's: soon, cheap, and often wrong. So it may do only what can be undone without
a trace, and holds. *Confirmation* is the second detector's, about the same sound from its beginning on. How much speech
it takes goes by what a mistake would cost: little where nobody is interrupted, for that costs a turn without words;
over a reply that is being heard, longer than most nods last, and longer still while the words so far are those of a
nod; over a reply of which nothing is heard yet, less, for there is nothing to nod to. *Meaning* is what judges are
asked for when an utterance has ended before that, and while it lasts. The hold waits for them until a deadline; then
the sound decides.

Whoever is first moves the floor, and the others find it moved. So every question has an id, and an answer to one that
is not open any more changes nothing: it must not fall upon the next utterance, which may have begun by then.

A signal can bring about another: evidence that turns out to be an echo is forgotten, and that is a signal too, dealt
with inside the first. Figures and rules that were asked are therefore kept for the signal in hand, and told when the
outermost is done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.confirming import Confirming
from bargein.core.cutting import Cutter
from bargein.core.decisions import (
    BargeInRefused,
    Figures,
    HoldEndReason,
    Interrupted,
    InterruptionReason,
    RuleAsked,
    TurnEnded,
    TurnHealed,
    UtteranceVerdict,
)
from bargein.core.echo_guard import EchoGuard
from bargein.core.endpointing import Endpointer, Signal
from bargein.core.events import ResponseRequested, UtteranceJudged, WeighedWindow, Window
from bargein.core.floor import AgentState, AnyTable, CallerState, CallerTrigger, Floor, name_of
from bargein.core.healing import Healing
from bargein.core.history import History
from bargein.core.idling import IdleTimeout
from bargein.core.items import InputAudio, Message
from bargein.core.judging import TRIGGERS, Judging
from bargein.core.measures import Measures
from bargein.core.nods import Nods
from bargein.core.pauses import Pauses
from bargein.core.reasons import DISMISSED, REFUSED
from bargein.core.reply import NewId
from bargein.core.rules import (
    ECHO_TABLE,
    INTERRUPTING_TABLE,
    POLITE_TABLE,
    SO_FAR_TABLE,
    TURN_END_TABLE,
    VOICE_TABLE,
    WEIGHED_TABLE,
    Joint,
)
from bargein.core.rulings import Answering, EchoRule, Enough, Ruling, SoFar, TurnEnd
from bargein.core.second_chance import SecondChance
from bargein.core.snapshots import message_now
from bargein.core.speculation import Speculation

_SETTLED: Final = frozenset({CallerState.SILENT, CallerState.JUDGING})
_GOING_ON: Final = frozenset({CallerTrigger.GO_ON, CallerTrigger.NEXT_GOES_ON})


@dataclass(frozen=True, slots=True)
class Sides:
    """Who takes turns, and what both know."""

    floor: Floor
    caller: Caller
    agent: Agent
    history: History
    cutter: Cutter


class TurnTaking:
    """Joins the caller's side and the agent's side of the floor. Times are in seconds on the clock of whoever drives
    the conversation; every method that takes ``out`` appends to it what must be done.
    """

    def __init__(
        self,
        config: SessionConfig,
        policy: CorePolicy,
        new_id: NewId,
        measures: Measures,
        sides: Sides,
        speculation: Speculation,
        idle: IdleTimeout,
    ) -> None:
        history, agent = sides.history, sides.agent
        self.config = config
        self.history = history
        self.floor = sides.floor
        self.caller = sides.caller
        self.agent = agent
        self.echo = EchoGuard(agent, measures)
        self.echo.configure(config.echo_cancellation)
        self.second_chance = SecondChance(policy, history, sides.floor, agent, sides.cutter)
        self.judging = Judging(policy, new_id, sides.caller, agent)
        self._confirming = Confirming(policy, sides.floor, agent, self.judging)
        self._policy = policy
        self._speculation = speculation
        self._idle = idle
        self._healing = Healing(history, agent, policy.input_limit_ms)
        self.pauses = Pauses(policy, new_id, measures, sides.caller, agent, speculation, self._healing)
        self._nods = Nods(history, new_id, wanted=policy.tells_backchannels)
        self._last_window = Window(0, 0.0, 0.0)
        self._voice_told = False
        self._figures: Figures | None = None
        """Of the speech about which something is being decided."""
        self._explained: list[RuleAsked] = []
        """Rules that were asked and not told of yet."""

    def hear(self, audio: bytes, windows: Sequence[Window], now: float, echo_db: float) -> list[Action]:
        """See :meth:`Conversation.hear <bargein.core.conversation.Conversation.hear>`."""
        out: list[Action] = []
        caller = self.caller
        caller.append(audio, now)
        endpointer = caller.endpointer
        if endpointer is not None and windows:
            self._last_window = windows[-1]
            agent = self.agent
            for window in windows:
                audible = window.probability > 0.0 and agent.audible
                signal = endpointer.feed(window, agent_audible=audible, echo_db=echo_db)
                if signal is not None:
                    self._on_signal(signal, now, out)
                    self.tell_rules(out)
                elif endpointer.pause_noticed:
                    answers = self._answering is not Answering.NONE
                    self.pauses.noticed(endpointer, self.config, now, out, answers=answers)
            caller.forget_silence()
        caller.keep_to_limit()
        return out

    @property
    def undecided_from(self) -> int | None:
        """See :attr:`Conversation.undecided_from <bargein.core.conversation.Conversation.undecided_from>`."""
        endpointer = self.caller.endpointer
        return endpointer.undecided_from if endpointer is not None and endpointer.undecided else None

    def weigh(self, windows: Sequence[WeighedWindow], now: float) -> list[Action]:
        """See :meth:`Conversation.weigh <bargein.core.conversation.Conversation.weigh>`."""
        out: list[Action] = []
        endpointer = self.caller.endpointer
        if endpointer is not None:
            confirming, config = self._confirming, self.config
            for window in windows:
                if not endpointer.undecided:
                    break
                enough = confirming.enough(config)
                may_judge = enough is not Enough.ANNOUNCED
                signal = endpointer.weigh(window, confirming.needed_ms(enough, config), may_judge=may_judge)
                if signal is not None:
                    self._on_signal(signal, now, out)
                    self.tell_rules(out)
                elif may_judge and self.floor.caller_state is CallerState.STARTING:
                    self.judging.ask_so_far(endpointer, self.config, now, out)
            if self._explained:
                self.tell_rules(out)
        return out

    @property
    def weigh_above_db(self) -> float:
        """See :attr:`Conversation.weigh_above_db <bargein.core.conversation.Conversation.weigh_above_db>`."""
        # No rule: what would be found is not needed in the other states. It is asked for every frame.
        endpointer, detection, floor = self.caller.endpointer, self.config.turn_detection, self.floor
        if floor.agent_state is AgentState.IDLE or endpointer is None or detection is None:
            return math.inf
        undecided = floor.caller_state is CallerState.SILENT or floor.caller_state is CallerState.STARTING
        return endpointer.gate_db if undecided and detection.interrupt_response else math.inf

    def _on_signal(self, signal: Signal, now: float, out: list[Action]) -> None:
        if self.caller.endpointer is None or not self.caller.endpointer.pausing:
            self.pauses.forget(out)
        if signal.trigger is CallerTrigger.PAUSE:
            self.caller.paused_at = now
        self._tell_voice(signal.at_sample, out)
        self.follow(signal, now, out)

    def follow(self, signal: Signal, now: float, out: list[Action]) -> None:
        """Do what the rules of the floor say about what the caller did."""
        floor = self.floor
        self._figures = signal.figures
        if self._speculation.response_id is not None and signal.trigger in _GOING_ON:
            self._speculation.drop(out, now)
        has_floor = floor.agent_state is not AgentState.IDLE and floor.agent_state is not AgentState.WAITING
        ruling = floor.ask(self._joint_table, (signal.trigger, floor.agent_state))
        if signal.trigger is CallerTrigger.EVIDENCE and self._policy.weighs:
            ruling = floor.ask(WEIGHED_TABLE, ruling)
        if self._ignores_echo(ruling, signal, now, out):
            return
        self._carry_out(ruling, signal, now, out)
        refused = REFUSED.get((ruling, signal.trigger))
        if refused is not None and has_floor:
            out.append(BargeInRefused(refused, self.caller.position_ms, self._figures))
        if self.judging.due_at is not None and floor.caller_state is not CallerState.JUDGING:
            self.judging.stop(out)
        if floor.caller_state is not CallerState.STARTING and floor.caller_state is not CallerState.JUDGING:
            self.judging.forget(out)
            self._confirming.begin_anew()

    def _carry_out(self, ruling: Ruling, signal: Signal, now: float, out: list[Action]) -> None:
        match ruling:
            case Ruling.LISTEN | Ruling.SPEAK_ON:
                if self.caller.endpointer is not None:
                    self.caller.endpointer.confirm()
                self._announce(out)
                self._resume("announced", now, out)
            case Ruling.ANNOUNCE | Ruling.NEXT_TURN:
                self._announce(out)
                self._resume("announced", now, out)
            case Ruling.WAIT_ON:
                self._announce(out)
                self.agent.wait_on(now, out)
            case Ruling.HOLD:
                self.agent.hold(now, out, cancels_echo=self.echo.wants_cancelling)
            case Ruling.BARGE_IN:
                self._barge_in(now, out)
            case Ruling.INTERRUPT:
                self._interrupt("went on", now, out)
            case Ruling.JUDGE:
                assert self.caller.endpointer is not None, "speech was found"
                self.judging.start(self.caller.endpointer, self.config, now, out)
            case Ruling.DISMISS:
                self._resume(DISMISSED[signal.trigger], now, out)
            case Ruling.RESUME:
                self._resume("echo" if signal.trigger is CallerTrigger.ECHO else "taken", now, out)
            case Ruling.COMMIT:
                self._commit_speech(signal, now, out)
                self._announce(out)
            case Ruling.END_TURN:
                self._end_turn(signal, now, out)
            case Ruling.NOTHING:
                pass

    def _resume(self, why: HoldEndReason, now: float, out: list[Action]) -> None:
        self.agent.resume(why, now, out)

    def _barge_in(self, now: float, out: list[Action]) -> None:
        """Announce the speech, then end the reply. Words of it that are known only now to have been heard go before:
        behind the speech that interrupts a reply nothing comes of it but its end.
        """
        announced: list[Action] = []
        ended: list[Action] = []
        self._announce(announced)
        self._interrupt("confirmed", now, ended)
        out.extend(action for action in ended if isinstance(action, actions.TranscriptSent))
        out.extend(announced)
        out.extend(action for action in ended if not isinstance(action, actions.TranscriptSent))

    def _interrupt(self, reason: InterruptionReason, now: float, out: list[Action]) -> None:
        endpointer, speech_id = self.caller.endpointer, self.caller.speech_item_id
        assert endpointer is not None, "speech was found"
        if speech_id is not None and self._healing.interrupted(speech_id, self.caller.onset_at(now), now):
            endpointer.learn_cut_off()
        self.second_chance.interrupted(speech_id)
        stopped = self.agent.barge_in(now, out)
        assert stopped.response_id is not None, "there was somebody to interrupt"
        onset_ms = self.caller.buffer.format.ms_of(endpointer.onset_sample)
        out.append(
            Interrupted(
                stopped.response_id,
                reason,
                self.caller.position_ms,
                onset_ms,
                stopped.held_ms,
                stopped.cancelled,
                stopped.flushed,
                self._figures,
            )
        )

    @property
    def _joint_table(self) -> Joint:
        detection = self.config.turn_detection
        return POLITE_TABLE if detection is not None and not detection.interrupt_response else INTERRUPTING_TABLE

    @property
    def _answering(self) -> Answering:
        detection = self.config.turn_detection
        if detection is None or not detection.create_response:
            return Answering.NONE
        return Answering.AUTOMATIC if detection.interrupt_response else Answering.POLITE

    def _ignores_echo(self, ruling: Ruling, signal: Signal, now: float, out: list[Action]) -> bool:
        """Look for an echo where the rules say so; returns whether there is one that is forgotten."""
        rule = self.floor.ask(ECHO_TABLE, ruling)
        endpointer = self.caller.endpointer
        if rule is EchoRule.TRUST or endpointer is None:
            return False
        match = self.echo.compare(self.caller, endpointer, now, rule)
        if match is not None and self._figures is not None:
            self._figures = replace(self._figures, likeness=match.likeness, shape=match.shape)
        if match is None or not self.echo.is_echo(match, rule):
            return False
        if rule is not EchoRule.SURE:
            endpointer.learn_echo()
        if rule is EchoRule.LEARN:
            return False
        endpointer.forget(CallerTrigger.ECHO)
        self._on_signal(Signal(CallerTrigger.ECHO, signal.at_sample, figures=self._figures), now, out)
        return True

    def _tell_voice(self, at_sample: int, out: list[Action]) -> None:
        """Tell whether a voice is heard, if that has changed."""
        speech = self.floor.ask(VOICE_TABLE, self.floor.caller_state)
        if speech is not self._voice_told:
            self._voice_told = speech
            at_ms = self.caller.buffer.format.ms_of(at_sample)
            window = self._last_window
            out.append(actions.VoiceChanged(speech, at_ms, window.level_db, window.probability))

    def tell_taken(self, speech_id: str | None, end_ms: int, out: list[Action]) -> None:
        """Speech in progress, announced as ``speech_id`` or not, was taken by hand: nothing follows that would end
        it.
        """
        if speech_id is not None:
            out.append(actions.SpeechStopped(speech_id, end_ms))
            out.append(TurnEnded(speech_id, "taken", end_ms, 0.0, "taken"))
        self._tell_voice(self.caller.buffer.end_sample, out)

    def _announce(self, out: list[Action]) -> None:
        item_id, start_ms = self.caller.announce()
        self._idle.caller_spoke()
        out.append(actions.SpeechStarted(item_id, start_ms))

    def _end_turn(self, signal: Signal, now: float, out: list[Action]) -> None:
        item, quiet_ms = self._commit_speech(signal, now, out)
        self._healing.turn_ended(item.id)
        then = self.floor.ask(TURN_END_TABLE, (self._answering, self.floor.agent_state))
        end_ms = self.caller.buffer.format.ms_of(signal.at_sample)
        out.append(TurnEnded(item.id, signal.reason, end_ms, quiet_ms, then.value))
        match then:
            case TurnEnd.ANSWER:
                self.answer(item.id, now, out)
            case TurnEnd.ANSWER_INSTEAD:
                self.agent.give_way(now, out)
                self.answer(item.id, now, out)
            case TurnEnd.LEAVE:
                pass
        self._resume("announced", now, out)
        if then is TurnEnd.ANSWER:
            speech_ms = max(0.0, end_ms - self._onset_ms - quiet_ms)
            self.second_chance.turn_ended(item, speech_ms, self.config.transcription, now, out)

    @property
    def _onset_ms(self) -> int:
        """First sample of the speech in progress, or just over."""
        endpointer = self.caller.endpointer
        return 0 if endpointer is None else self.caller.buffer.format.ms_of(endpointer.onset_sample)

    def _commit_speech(self, signal: Signal, now: float, out: list[Action]) -> tuple[Message, float]:
        """Returns the item, and for how long the caller had been quiet, in ms."""
        fmt = self.caller.buffer.format
        item = self.caller.take_turn(signal.at_sample)
        quiet_ms = fmt.ms_of(signal.quiet_samples) + (now - self.caller.heard_at) * 1000
        out.append(actions.SpeechStopped(item.id, fmt.ms_of(signal.at_sample), quiet_ms))
        self.enter_turn(item, out)
        return item, quiet_ms

    def answer_if_wanted(self, item_id: str, now: float, out: list[Action]) -> None:
        """A turn ended while nobody listened for its end: it is answered as any other, if turns are."""
        self._healing.turn_ended(item_id)
        if self.floor.ask(TURN_END_TABLE, (self._answering, self.floor.agent_state)) is TurnEnd.ANSWER:
            self.answer(item_id, now, out)

    def answer(self, item_id: str, now: float, out: list[Action]) -> None:
        wanted = ResponseRequested(self.config.response)
        started = self._speculation.take()
        if started is not None:
            self.agent.take_up(wanted, started, self._speculation.take_unpaid(), now, out)
            return
        self.agent.respond(wanted, now, out, answers=item_id)
        reply = self.agent.active
        if reply is not None and reply.follows == item_id:
            reply.charge(self._speculation.take_unpaid())

    def note_rule(self, table: AnyTable, key: object, answer: object) -> None:
        parts = key if isinstance(key, tuple) else (key,)
        case = ", ".join(name_of(part) for part in parts)
        self._explained.append(RuleAsked(table.name, case, name_of(answer), self.caller.position_ms, self._figures))

    def tell_rules(self, out: list[Action]) -> None:
        out.extend(self._explained)
        self._explained.clear()
        self._figures = None

    def judged(self, event: UtteranceJudged, now: float, out: list[Action]) -> None:
        """Somebody who was asked why the caller spoke has answered."""
        if self.second_chance.judged(event, now, out):
            return
        if self.judging.understood(event):
            so_far = event.verdict
            if so_far is None:
                return
            match self.floor.ask(SO_FAR_TABLE, (self.floor.caller_state, so_far)):
                case SoFar.CONFIRM:
                    self.judging.explain(event, so_far, out)
                    self._follow_verdict("interruption", now, out)
                case SoFar.LISTEN_ON:
                    self.judging.listen_on()
                case SoFar.NOTHING:
                    pass
            return
        self._nods.judged(event)
        verdict = self.judging.answered(event, now, out)
        if verdict is not None:
            self._follow_verdict(verdict, now, out)

    def check_lapse(self, now: float, out: list[Action]) -> None:
        """No sound comes any more: whatever silence would bring about, time does."""
        endpointer, lapses_at = self.caller.endpointer, self.caller.lapses_at
        if endpointer is not None and lapses_at is not None and now >= lapses_at:
            self._let_lapse(endpointer, now, out, judges=True)

    def end_speech(self, endpointer: Endpointer, now: float, out: list[Action]) -> None:
        """Let the speech in progress, if there is any, end as silence would end it. What is in doubt was none."""
        self._let_lapse(endpointer, now, out, judges=False)

    def _let_lapse(self, endpointer: Endpointer, now: float, out: list[Action], *, judges: bool) -> None:
        judged = judges and endpointer.short_utterance and self._confirming.enough(self.config) is not Enough.ANNOUNCED
        # What is being judged ends by the verdict.
        while self.floor.caller_state not in _SETTLED:
            self._on_signal(endpointer.lapse(judged=judged), now, out)

    def check_judging(self, now: float, out: list[Action]) -> None:
        """Nobody who hears words has answered in time: the sound decides."""
        due_at = self.judging.due_at
        if due_at is not None and now >= due_at:
            verdict = self.judging.by_sound(now, out)
            if verdict is not None:
                self._follow_verdict(verdict, now, out)

    def _follow_verdict(self, verdict: UtteranceVerdict, now: float, out: list[Action]) -> None:
        endpointer = self.caller.endpointer
        assert endpointer is not None, "what is judged was heard"
        self._on_signal(endpointer.judged(TRIGGERS[verdict]), now, out)
        self.tell_rules(out)

    def enter_turn(self, item: Message, out: list[Action]) -> None:
        self._nods.tell(out)
        previous = self.history.append(item)
        healed = self._healing.entered(item)
        self.history.forget_sound(self._policy.history_audio_limit_bytes)
        out.append(actions.InputCommitted(message_now(item), previous))
        if healed is not None:
            out.append(TurnHealed(item.id, healed.before_id, healed.response_id, healed.heard_ms))
        speech = item.parts[0]
        asked_for = self.config.transcription
        transcription = asked_for or self._policy.history_transcription
        if transcription is not None and isinstance(speech, InputAudio):
            told = asked_for is not None
            out.append(actions.StartTranscription(item.id, replace(speech), transcription, told))
