"""One line of the log for each reply of a conversation: how long everything took, and how much of it was heard.

A line is written as soon as it is known what was heard: of a reply that was interrupted or cancelled when it is cut, of
any other when the next one begins to sound, and at the latest when the session ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from bargein.core.items import Response
from bargein.session.latency import FirstSound


@dataclass(slots=True)
class _Reply:
    """What is known of a reply by now; ``None``: it has not come to that."""

    began_at: float
    """When the model was asked."""
    rate_hz: int = 0
    beside: bool = False
    """Out of band: it is no turn of the conversation."""
    first_piece_at: float | None = None
    first_sound: FirstSound | None = None
    first_sound_at: float = 0.0
    sent_samples: int = 0
    heard_samples: int | None = None
    holds: int = 0
    hold_s: float | None = None
    confirm_s: float | None = None
    interrupted: bool = False
    takes_up: str | None = None
    done: Response | None = None


@dataclass(slots=True)
class TurnLog:
    """Collects what happens to the replies of one session. All times are in seconds on one clock."""

    log: FilteringBoundLogger
    _replies: dict[str, _Reply] = field(default_factory=dict)
    """Those of which no line was written yet, in the order in which they began."""

    def __len__(self) -> int:
        """How many lines are yet to be written."""
        return len(self._replies)

    def asked(self, response_id: str, now: float) -> None:
        """The model is asked, for the first time or once more. A turn that may not be over yet may be meant."""
        if response_id not in self._replies:
            self._replies[response_id] = _Reply(now)

    def dropped(self, response_id: str) -> None:
        """What was asked for before the turn was over was thrown away."""
        self._replies.pop(response_id, None)

    def created(self, response: Response, now: float) -> None:
        """The caller is told of a response."""
        self.asked(response.id, now)
        reply = self._replies[response.id]
        reply.beside = response.conversation_id is None
        reply.rate_hz = response.settings.output_format.rate_hz

    def piece_came(self, response_id: str, now: float) -> None:
        """A piece of the model's answer came, whatever it holds."""
        reply = self._replies.get(response_id)
        if reply is not None and reply.first_piece_at is None:
            reply.first_piece_at = now

    def sound_sent(self, response_id: str, sample_count: int) -> None:
        """A piece of sound left for the caller."""
        reply = self._replies.get(response_id)
        if reply is not None:
            reply.sent_samples += sample_count

    def began_to_sound(self, response_id: str, first: FirstSound, now: float) -> None:
        """The first sound of a response left for the caller. Those before it have been heard."""
        reply = self._replies.get(response_id)
        if reply is None:
            return
        reply.first_sound = first
        reply.first_sound_at = now
        if not reply.beside:
            for earlier_id, earlier in list(self._replies.items()):
                if earlier_id != response_id and earlier.done is not None:
                    self._write(earlier_id, earlier)

    def held(self, response_id: str, since_onset_s: float | None) -> None:
        """Play-out is held, so long after the onset of the caller's speech."""
        reply = self._replies.get(response_id)
        if reply is not None:
            reply.holds += 1
            reply.hold_s = since_onset_s

    def interrupted(self, response_id: str, cancelled: str | None, since_onset_s: float | None) -> None:
        """An interruption was confirmed, so long after its onset. ``cancelled``: the response that ended by it."""
        for interrupted_id in dict.fromkeys((response_id, cancelled)):
            reply = None if interrupted_id is None else self._replies.get(interrupted_id)
            if interrupted_id is not None and reply is not None:
                reply.interrupted = True
                reply.confirm_s = since_onset_s
                self._write_if_known(interrupted_id, reply)

    def cut(self, response_id: str, heard_samples: int) -> None:
        """No more than this is heard of a reply."""
        reply = self._replies.get(response_id)
        if reply is not None:
            reply.heard_samples = heard_samples
            self._write_if_known(response_id, reply)

    def taken_up(self, response_id: str, by: str) -> None:
        """What was left of a reply is played as another response."""
        reply = self._replies.get(by)
        if reply is not None:
            reply.takes_up = response_id

    def done(self, response: Response) -> None:
        """The response is over; it may sound for a while yet."""
        reply = self._replies.get(response.id)
        if reply is None:
            return
        if reply.beside:
            del self._replies[response.id]
            return
        reply.done = response
        self._write_if_known(response.id, reply)

    def ended(self, now: float) -> None:
        """The caller has gone. What sounded then was heard up to now, as far as the clock tells."""
        for response_id, reply in list(self._replies.items()):
            if reply.done is not None:
                if reply.heard_samples is None and reply.sent_samples:
                    passed = int((now - reply.first_sound_at) * reply.rate_hz)
                    reply.heard_samples = min(reply.sent_samples, passed)
                self._write(response_id, reply)
        self._replies.clear()

    def _write_if_known(self, response_id: str, reply: _Reply) -> None:
        """Write the line of a reply of which nothing more will be known."""
        done = reply.done
        if done is None or (reply.sent_samples and reply.heard_samples is None):
            return
        # Who was interrupted is told of after the cut.
        if reply.interrupted or done.reason == "client_cancelled" or (not reply.sent_samples and _is_known(done)):
            self._write(response_id, reply)

    def _write(self, response_id: str, reply: _Reply) -> None:
        del self._replies[response_id]
        done, first = reply.done, reply.first_sound
        heard = reply.sent_samples if reply.heard_samples is None else reply.heard_samples
        stages = {} if first is None else first.measured.stages_ms
        times = {
            "speech_to_sound_ms": None if first is None or first.since_speech_s is None else first.since_speech_s * 1e3,
            "endpointing_ms": stages.get("endpointing"),
            "model_first_piece_ms": None
            if reply.first_piece_at is None
            else (reply.first_piece_at - reply.began_at) * 1e3,
            "model_first_sound_ms": stages.get("model"),
            "onset_to_hold_ms": None if reply.hold_s is None else reply.hold_s * 1e3,
            "onset_to_confirmed_ms": None if reply.confirm_s is None else reply.confirm_s * 1e3,
        }
        fields: dict[str, object] = {name: round(ms, 1) for name, ms in times.items() if ms is not None}
        if reply.takes_up is not None:
            fields["takes_up"] = reply.takes_up
        self.log.info(
            "turn",
            response_id=response_id,
            status="in_progress" if done is None else done.status,
            interrupted=reply.interrupted,
            holds=reply.holds,
            sent_ms=_ms(reply.sent_samples, reply.rate_hz),
            heard_ms=_ms(heard, reply.rate_hz),
            **fields,
        )


def _is_known(done: Response) -> bool:
    """Whether nothing follows that says more of a response without sound."""
    return done.reason != "turn_detected"


def _ms(samples: int, rate_hz: int) -> int:
    return 0 if rate_hz == 0 else samples * 1000 // rate_hz
