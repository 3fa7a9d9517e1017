"""The agent's side of the floor: its responses, their pacing, holds and cuts.

Five things can be there at once, and most of what is hard here is how they overlap.

*Active* is the one response of the conversation that is not done: the model is at it, or its sound is still being sent.
There is one, because each is asked with the whole conversation, and an answer that does not know the one before it is
no answer. The protocol says so too: a second ``response.create`` is refused while the model is at the first.

*Queued* is the one response that begins when the active one is done. Turn detection puts its answers there, and so may
the caller from the moment at which the model is done with the active one, though sound of that is still to be sent. Two
turns that wait share one answer; what the caller asks for stands in for an answer, for it is told the same.

*Tails* are what was sent of responses that are done, and is still being heard. Sound leaves a lead ahead of play-out,
so every spoken response leaves one, of ``lead_ms`` at most. The active response's sound waits for it: two replies must
not sound at once. (Without pacing everything was sent already, in order, and there may be several.) Tails are what the
state ``DRAINING`` is about, beside an active response whose stream has ended; so nothing may be active in it. A tail
ends when it has been heard, or when its caller, who was to report that, has not for too long.

A *hold* stops all of this while it is being decided whether the caller interrupts. Nothing is lost by it: no sound is
sent, a player that can be told pauses, tails do not end. A player that can make it quieter is sent on, and plays on:
what it plays meanwhile counts as heard. Of a response that was not heard yet nothing is even told
(:attr:`~bargein.core.rulings.Flow.GATE`): should it be cancelled, it was never there. A hold belongs to the floor, not
to a response: it may begin before there is one, outlive the one during which it began, and hold back the next. It ends
by a decision, or by its limit, for a caller who is muted sends nothing that would decide.

*Waiting* is an active response that was asked for while the caller had the floor. Whatever it has to tell but sound is
told; its sound has no limit in time to wait for, only the caller's end. A hold and waiting overlap where there is
evidence of speech and nobody knows whether it is: it waits, and the hold bounds how long.

An interruption, a cancellation and the caller's leaving end all of it at once (:meth:`Agent._stop`): what sounds is cut
at what was heard, tails first, in the order in which they are heard; the queue is emptied, or begins.

*Beside* the conversation run the responses out of band. They are neither paced nor heard by the microphone's ear, have
no state on the floor, and nothing of the above touches them.
"""

from __future__ import annotations

from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.completion import StreamPiece, Usage
from bargein.core.config import CorePolicy
from bargein.core.cutting import Cutter, Stopped
from bargein.core.decisions import HoldEndReason
from bargein.core.events import ResponseRequested
from bargein.core.floor import AgentState, AgentTrigger, Floor
from bargein.core.history import Heard
from bargein.core.hold import Hold
from bargein.core.items import Failure, ResponseStatus, StatusReason
from bargein.core.playback import ReportedPosition
from bargein.core.playout import PlayOut
from bargein.core.queued import ResponseQueue
from bargein.core.replies import OutOfBand, ReplyMaker
from bargein.core.reply import Reply
from bargein.core.rules import BEGINNING_TABLE, FLOW_TABLE, GIVING_WAY_TABLE, HOLD_TABLE, REQUEST_TABLE, TURNOUT_TABLE
from bargein.core.rulings import Active, Asker, Flow, Holding, Output, Request, Turnout, Way
from bargein.core.speculation import Started, used
from bargein.errors import CallerError

REFILL_SHARE: Final = 0.75
"""The model is read again when the backlog has fallen to this share of its limit."""


class Agent:
    """Speaks for the model. Every method appends to ``out`` what must be done; time is in seconds on any steady
    clock.

    :param floor: where both sides' states are kept: what begins while the caller has it waits.
    """

    def __init__(self, policy: CorePolicy, floor: Floor, cutter: Cutter, maker: ReplyMaker) -> None:
        self.idle_since: float | None = None
        """When the last reply was heard out; ``None`` before the first, and while one is on."""
        self.playout = PlayOut(cutter)
        self._queue = ResponseQueue()
        self._hold: Hold | None = None
        self._beside = OutOfBand()
        self._policy = policy
        self._floor = floor
        self._flow = Flow.SEND
        """What becomes of what the model says, by the rules; of no meaning while nothing is active."""
        self._cutter = cutter
        self._maker = maker

    def __repr__(self) -> str:
        held = ", held" if self.held else ""
        return f"<Agent {self.state.value}{held}, active {self.playout.active!r}, tails {self.playout.tails!r}>"

    @property
    def state(self) -> AgentState:
        return self._floor.agent_state

    @property
    def active(self) -> Reply | None:
        """The response of the conversation that is not done."""
        return self.playout.active

    @property
    def audible(self) -> bool:
        """Sound of the agent may be playing at the caller's."""
        state = self._floor.agent_state
        return bool(self.playout.tails) or state is AgentState.SPEAKING or state is AgentState.DRAINING

    @property
    def held(self) -> bool:
        return self._hold is not None

    @property
    def is_free(self) -> bool:
        """A turn that ended now would be answered at once, and nothing is known that would change what is told."""
        return self._floor.agent_state is AgentState.IDLE and self._queue.asker is None and not self._cutter.is_waiting

    @property
    def is_asked_for_more(self) -> bool:
        """The caller has asked for a response that waits for the end of the active one."""
        return self._queue.asker is Asker.CALLER

    # Beginning and progress.

    def respond(
        self,
        wanted: ResponseRequested,
        now: float,
        out: list[Action],
        *,
        answers: str | None = None,
    ) -> None:
        """Begin a response, or queue it until the one whose sound is still being sent is done.

        :param answers: the item after which the server asks, not the caller (a turn that was detected, the output of a
            tool): it waits for its turn rather than being refused.
        :raises CallerError: one is being generated already, too many are out of band, or an item that ``input`` names
            does not exist.
        """
        if wanted.out_of_band:
            self._beside.check(self._policy.out_of_band_limit)
            self._begin(self._maker.resolve(wanted), now, out)
            return
        wanted = self._maker.resolve(wanted)
        asker = Asker.CALLER if answers is None else Asker.TURN
        match self._floor.ask(REQUEST_TABLE, (asker, self._activity)):
            case Request.BEGIN:
                self._queue.replace_answer(wanted)
                self._begin(wanted, now, out)
            case Request.QUEUE:
                if answers is not None:
                    self._queue.add_answer(wanted, answers)
                elif not self._queue.add(wanted):
                    raise self._refusal()
                self._begin_queued(now, out)
            case Request.REFUSE:
                raise self._refusal()

    def progress(self, response_id: str, piece: StreamPiece, now: float, out: list[Action]) -> None:
        """Take one piece of a stream. Pieces of responses that are over are dropped."""
        if response_id in self._beside:
            self._beside.progress(response_id, piece, now, out)
            return
        reply = self.playout.active
        if reply is None or reply.id != response_id or not self._streaming:
            return
        if self._hold is not None and self._flow is Flow.GATE:
            self._hold.gate(reply, piece)
            return
        self._take(reply, piece, out)
        self.pump(now, out)

    def fail(
        self,
        response_id: str,
        failure: Failure,
        now: float,
        out: list[Action],
        *,
        processed: bool,
    ) -> None:
        """The stream broke. What was said stays said; the response is ``failed``; the next turn works.

        :param processed: the model may have worked on the request: its tokens count.
        """
        if response_id in self._beside:
            self._beside.fail(response_id, failure, out, processed=processed)
            return
        reply = self.playout.active
        if reply is None or reply.id != response_id or not self._streaming:
            return
        reply.response.failure = failure
        reply.processed = processed
        self._release_hold("failed", now, out)
        self._retire(reply, "failed", None, now, out)
        self._begin_queued(now, out)

    def pump(self, now: float, out: list[Action]) -> None:
        """Send what is due, end what has ended, begin what was waiting."""
        if self._hold is not None and now >= self._hold.until:
            self.resume("expired", now, out)
            return
        self._settle_tails(now)
        reply = self.playout.active
        if reply is not None:
            flow = self._flow
            waits = flow is not Flow.SEND or (bool(self.playout.tails) and self._policy.lead_ms is not None)
            if not waits:
                self._speak(reply, now, out)
            self._regulate(reply, out)
            if (not waits or flow is Flow.WAIT) and not reply.stream_open and reply.backlog_samples == 0:
                status, reason = reply.outcome()
                self._retire(reply, status, reason, now, out)
        self._cutter.settle(now, out)
        self._begin_queued(now, out)

    def next_timer(self, now: float) -> float | None:
        """When :meth:`pump` has something to do next, if nothing happens before."""
        times = [] if self._hold is None else [self._hold.until]
        tails, active = self.playout.tails, self.playout.active
        if tails:
            if not self._tail_paused:
                times.append(tails.first_over_at(now))
        elif active is not None and self._flow is Flow.SEND and active.playback is not None:
            due = active.playback.next_due(now)
            if due is not None:
                times.append(due)
        settle = self._cutter.next_timer()
        if settle is not None:
            times.append(settle)
        return min(times, default=None)

    def forgive(self, lost_s: float) -> None:
        """See :meth:`Conversation.forgive`."""
        if self._hold is not None:
            self._hold.until += lost_s
        if self.idle_since is not None:
            self.idle_since += lost_s
        self.playout.tails.forgive(lost_s)
        self._cutter.forgive(lost_s)

    # The floor.

    def hold(self, now: float, out: list[Action], *, cancels_echo: bool = False) -> None:
        """Let callers whose player can play on quietly; else stop sending, and tell those who understand it to pause.
        Nothing is lost.

        :param cancels_echo: the agent's sound is taken out of the caller's.
        """
        if self._hold is not None:
            return
        sounding, duck_db = self.playout.sounding, self._policy.duck_db
        playback = None if sounding is None else sounding.playback
        ducks = duck_db is not None and playback is not None and isinstance(playback.position, ReportedPosition)
        holding = self._floor.ask(HOLD_TABLE, (ducks, cancels_echo))
        self._set_hold(Hold(now, now + self._policy.longest_hold_ms / 1000, sounding, holding))
        if sounding is not None and playback is not None and sounding.message is not None:
            by_db = duck_db if holding is Holding.DUCKED else None
            out.append(actions.Held(sounding.id, sounding.message.id, playback.heard(now), by_db))

    def resume(self, why: HoldEndReason, now: float, out: list[Action]) -> None:
        """It was no interruption, or the caller's turn is over: go on from the held sample, begin what waits.

        :param why: the hold ends, where there is one.
        """
        gated = self._release_hold(why, now, out)
        reply = self.playout.active
        if reply is not None:
            if self._floor.agent_state is AgentState.WAITING:
                self._take_floor(reply)
            for piece in reply.told_after_all(gated):
                self._take(reply, piece, out)
        self.pump(now, out)

    def wait_on(self, now: float, out: list[Action]) -> None:
        """It is speech, of a caller who had the floor first: a reply goes on waiting, without a limit in time now."""
        self._release_hold("waiting", now, out)

    def keep_back(self, limit_s: float, now: float) -> Reply | None:
        """Tell nothing of the response that was just asked for, for so long or until :meth:`resume`. Returns its reply;
        ``None`` where something is told or held already.
        """
        reply = self.playout.active
        if reply is None or self._hold is not None or self._floor.agent_state is not AgentState.THINKING:
            return None
        self._set_hold(Hold(now, now + limit_s, None))
        return reply

    def is_untold(self, reply: Reply) -> bool:
        """Nobody knows more of it than that it was asked for."""
        return self.playout.active is reply and not reply.response.output

    def speak_again(self, cut: Reply, kept: list[str | bytes] | None, now: float, out: list[Action]) -> str:
        """Drop the answer of which nothing was told, and go on with a reply that was cut before it. Returns the id of
        the response in which it goes on.

        :param kept: see :meth:`ReplyMaker.go_on`.
        """
        self._release_hold("noise", now, out)
        self._stop("turn_detected", now, out)
        self._cutter.settle(now, out, everything=True)
        reply, said = self._maker.go_on(cut, kept, now, out)
        self.playout.active = reply
        self._step(self._floor.ask(BEGINNING_TABLE, (self._floor.caller_state, self._floor.agent_state)).trigger)
        for piece in said:
            self._take(reply, piece, out)
        self.pump(now, out)
        return reply.id

    def give_way(self, now: float, out: list[Action]) -> None:
        """The caller's turn is over and will be answered: the reply whose sound waited for that is stopped, unheard."""
        reply = self.playout.active
        assert reply is not None, "nothing waits where nothing is active"
        spoken = reply.playback is not None or reply.response.settings.audio
        match self._floor.ask(GIVING_WAY_TABLE, Output.SOUND if spoken else Output.TEXT):
            case Way.STOP:
                self.barge_in(now, out)
            case Way.GO_ON:
                pass

    def barge_in(self, now: float, out: list[Action]) -> Stopped:
        """It was one: cancel the stream, flush the speaker, truncate the history. Call after announcing the
        speech.
        """
        wanted = self._queue.drop()
        stopped = self._stop("turn_detected", now, out)
        if wanted is not None:
            self._maker.refuse(wanted, "turn_detected", out)
        self.idle_since = None
        return stopped

    def cancel(self, response_id: str | None, now: float, out: list[Action]) -> None:
        """``response.cancel``: as a barge-in, by the caller's word; works until ``response.done``, and while nothing is
        active, of what is about to begin.

        :raises CallerError: there is no such response in progress.
        """
        if response_id is not None and response_id in self._beside:
            self._beside.cancel(response_id, out)
            return
        waiting = self._queue.take() if self.playout.active is None and response_id is None else None
        if waiting is not None:
            self._maker.refuse(waiting, "client_cancelled", out)
            return
        if self.playout.active is None or response_id not in {None, self.playout.active.id}:
            raise CallerError("Cancellation failed: no active response found", code="response_cancel_not_active")
        self._stop("client_cancelled", now, out)
        self._begin_queued(now, out)

    def leave(self, now: float, out: list[Action]) -> None:
        """The caller has gone: everything ends, in the conversation and beside it, and is counted."""
        self._queue.drop()
        self._beside.cancel_all(out)
        self._stop("client_cancelled", now, out)

    def withdraw(self, item_id: str) -> None:
        """An item is deleted: no answer to it is wanted any more."""
        self._queue.withdraw(item_id)

    # Play-out.

    def played(self, item_id: str, samples: int, now: float, out: list[Action], *, playing: bool) -> None:
        """``bargein.played``."""
        self.playout.reported(item_id, samples, now, playing=playing)
        self.pump(now, out)

    def flushed(self, item_id: str, samples: int, now: float, out: list[Action]) -> None:
        """``bargein.flushed``: the exact position of a cut, or the caller's own stop of a tail that is still
        playing.
        """
        if self._cutter.flushed(item_id, samples, out):
            self._begin_queued(now, out)
            return
        tail = self.playout.tails.of(item_id)
        if tail is None:
            return
        self.playout.stop_tail(tail, samples, now, out)
        if self.playout.active is None and not self.playout.tails:
            self._step(AgentTrigger.STOP)
            self.idle_since = now

    # Inside.

    def _heard_of(self, reply: Reply) -> Heard | None:
        return None if reply.message is None else self._cutter.heard_of(reply.message.id)

    def _begin(self, wanted: ResponseRequested, now: float, out: list[Action]) -> None:
        self._cutter.settle(now, out, everything=True)
        reply = self._maker.begin(wanted, now, out, self.playout.heard_so_far(now))
        if reply is None:
            return
        if wanted.out_of_band:
            self._beside.add(reply)
            return
        self._go(reply, now, out)

    def take_up(
        self, wanted: ResponseRequested, started: Started, charged: Usage | None, now: float, out: list[Action]
    ) -> None:
        """Begin a response that the model was asked for ahead. Nothing is active, and nothing queued.

        :param charged: what was thrown away before it.
        """
        self._cutter.settle(now, out, everything=True)
        reply = self._maker.take_up(wanted, started.response_id, started.request, out)
        reply.charge(charged)
        out.append(used(started, now))
        self._go(reply, now, out)
        for piece in started.pieces:
            self._take(reply, piece, out)
        self.pump(now, out)

    def _go(self, reply: Reply, now: float, out: list[Action]) -> None:
        """It is the active one."""
        self.playout.active = reply
        beginning = self._floor.ask(BEGINNING_TABLE, (self._floor.caller_state, self._floor.agent_state))
        self._step(beginning.trigger)
        if beginning.hold:
            self.hold(now, out)

    def _begin_queued(self, now: float, out: list[Action]) -> None:
        """Begin what is queued, if nothing is active, it is known what was heard, and the rules let it."""
        asker = self._queue.asker
        if asker is None or self._activity is not Active.NONE:
            return
        if self._floor.ask(TURNOUT_TABLE, (self._floor.caller_state, asker)) is Turnout.BEGIN:
            wanted = self._queue.take()
            if wanted is not None:
                self._begin(wanted, now, out)

    def _refusal(self) -> CallerError:
        active = "one that is about to begin" if self.playout.active is None else self.playout.active.id
        return CallerError(
            f"Conversation already has an active response in progress: {active}. "
            "Wait until the response is finished before creating a new one.",
            code="conversation_already_has_active_response",
        )

    def _take_floor(self, reply: Reply) -> None:
        """The caller has done: what waited may be heard."""
        self._step(AgentTrigger.FLOOR)
        if not reply.stream_open:
            self._step(AgentTrigger.STREAM_END)

    def _take(self, reply: Reply, piece: StreamPiece, out: list[Action]) -> None:
        reply.take(piece, out)
        if not reply.stream_open:
            self._step(AgentTrigger.STREAM_END)

    def _speak(self, reply: Reply, now: float, out: list[Action]) -> None:
        """Send what is due of a reply that nothing holds back."""
        if self.playout.tails and reply.playback is not None and reply.sent_samples == 0:
            reply.playback.position.begin_after(self.playout.tails.last_over_at(now))
        if reply.backlog_samples and self._floor.agent_state is AgentState.THINKING:
            self._step(AgentTrigger.SOUND)
        reply.send(now, out)

    def _regulate(self, reply: Reply, out: list[Action]) -> None:
        """Stop reading the model when enough is kept, read on when there is room again."""
        if reply.playback is None or not reply.stream_open:
            return
        limit = reply.playback.format.samples_in_ms(self._policy.backlog_limit_ms)
        if not reply.paused and reply.backlog_samples > limit:
            reply.paused = True
            out.append(actions.PauseStream(reply.id))
        elif reply.paused and reply.backlog_samples < limit * REFILL_SHARE:
            reply.paused = False
            out.append(actions.ContinueStream(reply.id))

    def _retire(
        self, reply: Reply, status: ResponseStatus, reason: StatusReason | None, now: float, out: list[Action]
    ) -> None:
        """The active response ends by itself; what was sent of its sound plays on as the tail."""
        self.playout.active = None
        if reply.playback is not None and reply.message is not None:
            if status == "failed" or reply.silent or reply.backlog_samples:
                # Its transcript ran ahead of the sound that will never come.
                self._cutter.cut_at(reply.message.id, reply.playback.audio, reply.playback.sent_samples)
            if reply.playback.sent_samples:
                self.playout.tails.add(reply, reply.playback, now)
        # Words without any sound are to be read, though nobody has heard them.
        reply.close(status, reason, out, None if reply.silent else self._heard_of(reply))
        self._step(AgentTrigger.DONE)
        self._settle_tails(now)

    def _settle_tails(self, now: float) -> None:
        """A tail ends when it has been heard out."""
        while not self._tail_paused and self.playout.take_heard_out(now):
            pass
        if not self.playout.tails and self.playout.active is None and self._floor.agent_state is AgentState.DRAINING:
            self._step(AgentTrigger.HEARD_OUT)
            self.idle_since = now

    @property
    def _tail_paused(self) -> bool:
        return self._holding is Holding.STOPPED and self.playout.tails.can_pause

    def _stop(self, reason: StatusReason, now: float, out: list[Action]) -> Stopped:
        """End everything that speaks for the conversation, at what was heard of it."""
        streaming, hold = self._streaming, self._hold
        self._set_hold(None)
        reply = self.playout.active
        if reply is not None and streaming:
            out.append(actions.CancelStream(reply.id))
        stopped, flushed = self.playout.stop(now, out)
        if reply is not None:
            reply.close("cancelled", reason, out, self._heard_of(reply))
        self.playout.tell_cuts(stopped, now, out)
        self._step(AgentTrigger.STOP)
        self.idle_since = now
        if hold is not None:
            out.append(hold.ended("confirmed" if reason == "turn_detected" else "stopped", now))
        return Stopped(
            stopped[0].id if stopped else None,
            None if hold is None else hold.lasted_ms(now),
            reply.id if reply is not None and streaming else None,
            flushed,
        )

    def _release_hold(self, why: HoldEndReason, now: float, out: list[Action]) -> list[StreamPiece]:
        hold = self._hold
        if hold is None:
            return []
        self._set_hold(None)
        self.playout.tails.wait_anew(now)
        resumed = hold.resumed(now)
        if resumed is not None:
            out.append(resumed)
        out.append(hold.ended(why, now))
        return hold.gated

    @property
    def _activity(self) -> Active:
        if self.playout.active is None:
            return Active.CUT if self._cutter.is_waiting else Active.NONE
        return Active.GENERATED if self._streaming else Active.SENT

    @property
    def _streaming(self) -> bool:
        """The model is still at the active response. A hold may have gated the end of its stream."""
        if self.playout.active is None or not self.playout.active.stream_open:
            return False
        return self._hold is None or not self._hold.gates_the_end

    def _step(self, trigger: AgentTrigger) -> None:
        self._floor.take(trigger)
        if self._floor.agent_state is not AgentState.IDLE:
            self.idle_since = None
        self._note_flow()

    @property
    def _holding(self) -> Holding:
        return Holding.NONE if self._hold is None else self._hold.holding

    def _set_hold(self, hold: Hold | None) -> None:
        self._hold = hold
        self._note_flow()

    def _note_flow(self) -> None:
        if self.playout.active is not None:
            self._flow = self._floor.ask(FLOW_TABLE, (self._floor.agent_state, self._holding))
