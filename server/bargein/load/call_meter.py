"""Measures one call where the caller speaks and hears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.load.dialogue import Dialogue, Reply
from bargein.load.measurements import Measurements
from bargein.load.notices import ErrorReceived, Notice, Paused, Resumed, SpeechStarted
from bargein.load.speech_scheduler import Said, SpeechScheduler
from bargein.load.timeline import Timeline

PADDING_MS: Final = 300
"""``prefix_padding_ms`` as servers have it by default: speech begins this long after ``audio_start_ms``."""
TOLERANCE_MS: Final = 200
"""How far from the true onset the server may place it."""


class CallMeter:
    """Turns what happens into measurements.

    :param caller: its number, which every measurement carries.
    :param on_cut: told of each reply that was talked over, and how many samples of it were heard.
    """

    def __init__(
        self,
        caller: int,
        scheduler: SpeechScheduler,
        dialogue: Dialogue,
        measurements: Measurements,
        timeline: Timeline | None,
        on_cut: Callable[[Reply, int], None] | None = None,
    ) -> None:
        self._caller = caller
        self._scheduler = scheduler
        self._dialogue = dialogue
        self._measurements = measurements
        self._timeline = timeline
        self._on_cut = on_cut
        self._held_s: float | None = None
        self._open: Said | None = None
        """An interruption of which it is not known yet what came of it."""
        self._underruns_seen = 0
        self._stale_heard_seen = 0
        self._stale_received_seen = 0
        self._spans_seen = 0

    def begun(self, said: Said) -> None:
        """The caller began to make a sound."""
        if not said.is_speech:
            self._measurements.count("asides", self._caller)
            return
        self._measurements.count("turns", self._caller)
        if said.over is not None:
            self._measurements.count("interruptions", self._caller)
            self._open = said

    def ended(self, said: Said) -> None:
        if self._timeline is not None and said.end_s is not None:
            self._timeline.said(said.utterance.kind, said.onset_s, said.end_s)

    def answered(self, turn: Said | None, heard_s: float, now_s: float) -> None:
        """The first sound of a reply was heard; ``turn`` is what it answers, if that was the caller's."""
        self._measurements.count("replies", self._caller)
        if turn is not None and turn.end_s is not None:
            self._measurements.add("response", self._caller, heard_s, max(0.0, heard_s - turn.end_s))
        self.settle(now_s)

    def missing(self, now_s: float) -> None:
        self._measurements.count("missing_replies", self._caller)
        self._mark("missing reply", now_s)
        self.settle(now_s)

    def failed(self, now_s: float) -> None:
        self._measurements.count("failed_replies", self._caller)
        self._mark("failed reply", now_s)
        self.settle(now_s)

    def settle(self, now_s: float, *, cut_short: bool = False) -> None:
        """Say what came of the last interruption, if that is open, and take note of breaks and stale sound.

        :param cut_short: the call ended before it had to show: an interruption then counts only if it has succeeded.
        """
        said, self._open = self._open, None
        if said is not None and said.over is not None and (said.over.interrupted_s is not None or not cut_short):
            self._judge(said, said.over)
        self._collect(now_s)

    def notice(self, notice: Notice) -> bool:
        """Something arrived. True: a reply was cut off, or a turn begun, although the caller had not spoken."""
        match notice:
            case SpeechStarted():
                return self._speech_started(notice)
            case Paused():
                self._hold(notice)
            case Resumed() if self._held_s is not None:
                self._measurements.add("false_hold", self._caller, notice.at_s, notice.at_s - self._held_s)
                self._held_s = None
            case ErrorReceived():
                self._measurements.count("errors", self._caller)
                self._measurements.errors[notice.code] += 1
                self._mark(f"error {notice.code}", notice.at_s)
            case _:
                pass
        return False

    def _speech_started(self, notice: SpeechStarted) -> bool:
        self._held_s = None
        onset_ms = notice.audio_start_ms + PADDING_MS
        said = self._scheduler.said_between(onset_ms - TOLERANCE_MS, onset_ms + TOLERANCE_MS)
        if said is not None and said.is_speech:
            if said.confirmed_s is None:
                said.confirmed_s = notice.at_s
                name = "speech_started" if said.over is None else "confirm"
                self._measurements.add(name, self._caller, notice.at_s, notice.at_s - said.onset_s)
            return False
        cut_off = any(reply.interrupted_s == notice.at_s for reply in self._dialogue.replies.values())
        self._measurements.count("false_interruptions" if cut_off else "false_turns", self._caller)
        self._measurements.false_causes[said.utterance.kind if said is not None else "nothing said"] += 1
        self._mark("false interruption" if cut_off else "false turn", notice.at_s)
        return True

    def _hold(self, notice: Paused) -> None:
        said = self._scheduler.speaking
        if said is None or not said.is_speech:
            self._held_s = notice.at_s
        elif said.held_s is None and said.over is not None:
            said.held_s = notice.at_s
            self._measurements.add("hold", self._caller, notice.at_s, notice.at_s - said.onset_s)

    def _judge(self, said: Said, reply: Reply) -> None:
        listener = self._dialogue.listener
        items = [listener.items[item_id] for item_id in reply.item_ids if item_id in listener.items]
        if reply.interrupted_s is not None:
            silent_s = max(item.last_heard_s for item in items)
            self._measurements.count("barge_ins", self._caller)
            self._measurements.add("barge_in", self._caller, silent_s, max(0.0, silent_s - said.onset_s))
            self._mark("silence", silent_s)
            if self._on_cut is not None:
                self._on_cut(reply, sum(item.heard_samples for item in items))
        elif reply.status is not None and all(item.played_out for item in items):
            self._measurements.count("late_interruptions", self._caller)
        else:
            self._measurements.count("missed_barge_ins", self._caller)
            noticed = "not announced" if said.confirmed_s is None else "announced"
            self._measurements.missed_causes[f"{said.utterance.name}, {noticed}"] += 1
            self._mark("missed barge-in", said.onset_s)

    def _collect(self, now_s: float) -> None:
        dialogue, listener = self._dialogue, self._dialogue.listener
        listener.advance(now_s)
        for gap in listener.underruns[self._underruns_seen :]:
            self._measurements.add("underrun", self._caller, gap.start_s + gap.duration_s, gap.duration_s)
            self._mark("underrun", gap.start_s)
        self._underruns_seen = len(listener.underruns)
        heard = dialogue.stale_heard_samples()
        received = sum(reply.stale_samples for reply in dialogue.replies.values())
        self._measurements.count("stale_samples_heard", self._caller, heard - self._stale_heard_seen)
        self._measurements.count("stale_samples_received", self._caller, received - self._stale_received_seen)
        self._stale_heard_seen, self._stale_received_seen = heard, received
        if self._timeline is not None:
            # The last span may still grow.
            whole = len(listener.spans) if not listener.sounding else max(self._spans_seen, len(listener.spans) - 1)
            self._timeline.heard(listener.spans[self._spans_seen : whole], listener.rate_hz)
            self._spans_seen = whole

    def _mark(self, kind: str, at_s: float) -> None:
        if self._timeline is not None:
            self._timeline.mark(kind, at_s)
