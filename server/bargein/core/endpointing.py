"""From judged windows to the turns of the caller: evidence, confirmation, misfire, pause, end.

A window counts as speech when the detector says so and its level stands out from the caller's noise floor. Decisions
are votes over short spans of windows, so a single window never decides: the share of speech in the span must reach
the ``threshold`` that the caller has set. All durations are counted in samples received; there is no clock: whoever has
one calls :meth:`Endpointer.lapse` when no more samples come.

Where there is a second detector, evidence is the first one's and :meth:`Endpointer.weigh` decides about it. The end of
a turn is the first one's again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from bargein.core.config import CorePolicy, TurnDetection
from bargein.core.decisions import Figures, TurnEndReason
from bargein.core.events import WeighedWindow, Window
from bargein.core.floor import CallerState, CallerTrigger, Floor
from bargein.core.level_gate import LevelGate
from bargein.core.recent_windows import RecentWindows
from bargein.core.rules import BOUND_TABLE, LAPSE_TABLE
from bargein.core.sound_judge import UtteranceFigures
from bargein.core.turn_end import NOTICED_MS, Pause, Rhythm
from bargein.core.weighing import (
    DENIED_AFTER_MS,
    LITTLE_MS,
    STEADY_FACTOR,
    STEADY_SPREAD_DB,
    STEADY_WINDOWS,
    WARM_UP_MS,
    WARY_EVIDENCE_MS,
    Weighing,
    sounding_above_db,
)

BLIP_MS: Final = 40
"""Speech shorter than this inside a silence does not end the silence."""
PAUSE_MS: Final = 60
"""Silence that makes a pause."""
VOICED_SHARE: Final = 0.4
"""How much of the speech that confirms must be voiced: consonants are not."""
UNVOICED_FACTOR: Final = 3.0
"""A sound without a voice (a whisper, a long hum) is confirmed after this many times the usual span."""
SHORT_QUIET_MS: Final = 96
"""Quiet after which an utterance over a reply may be a short one: it is given to be judged."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened in the caller's speech."""

    trigger: CallerTrigger
    at_sample: int
    """Position in the input at which it became known."""
    quiet_samples: int = 0
    """Silence before it, where it ends a turn."""
    reason: TurnEndReason = "silence"
    """Of a turn's end."""
    figures: Figures | None = None


class Endpointer:
    """One caller's speech, followed window by window.

    :param floor: where the caller's state is kept; without one it keeps its own.
    """

    def __init__(self, detection: TurnDetection, policy: CorePolicy, rate_hz: int, floor: Floor | None = None) -> None:
        self._rate_hz = rate_hz
        self._policy = policy
        self._floor = Floor() if floor is None else floor
        self._gate = LevelGate(policy, rate_hz)
        self._recent = RecentWindows()
        self.position_samples = 0
        """Samples judged since the beginning of the session."""
        self.onset_sample = 0
        """First sample of the speech in progress."""
        self._item_sample = 0
        """Where the part of it begins that was not committed yet."""
        self._goes_on = False
        """What is heard is still the speech whose turn was ended by its limit: it has not rested since."""
        self._levels_db: list[float] = []
        """Of the windows that speak for the speech in progress, or just over."""
        self._quiet_samples = 0
        self._blip_samples = 0
        self._unvoiced_samples = 0
        self._rest_samples = 0
        self._rhythm = Rhythm()
        self._wait_samples = 0
        """How long the pause in progress may last."""
        self.pause_sample = 0
        """Where the newest pause begins: behind the last speech."""
        self._burst_sample = 0
        """Where the speech before it began."""
        self._pause_is_known = False
        self.pause_noticed = False
        """The pause in progress is one, and its end is yet to be found: for :meth:`notice_pause`."""
        self._weighing = Weighing(rate_hz) if policy.weighs else None
        self.undecided = False
        """The second detector is to listen: see :attr:`undecided_from`."""
        self.configure(detection)

    @property
    def state(self) -> CallerState:
        return self._floor.caller_state

    @property
    def reach_samples(self) -> int:
        """How far back from now an onset that is yet to be found can lie, and what the second detector hears before."""
        return self._evidence_span + (0 if self._weighing is None else self._samples(WARM_UP_MS))

    @property
    def undecided_from(self) -> int:
        """Where the second detector begins to listen to what is undecided."""
        return max(0, self.onset_sample - self._samples(WARM_UP_MS))

    @property
    def gate_db(self) -> float:
        """What begins as speech is no quieter than this, for now: it moves with the background."""
        return self._gate.lowest_db

    def configure(self, detection: TurnDetection) -> None:
        """Take new parameters; speech in progress goes on."""
        share = min(max(detection.threshold, 0.1), 0.95)
        self._hold_samples = self._samples(self._policy.hold_after_ms)
        self._confirm_samples = self._samples(self._policy.confirm_after_ms)
        self._evidence_span = int(self._hold_samples / share)
        self._confirm_span = int(self._confirm_samples / share)
        self._longest_span = int(UNVOICED_FACTOR * self._confirm_span)
        self._recent.reach_samples = self._longest_span
        self._misfire_samples = self._samples(self._policy.misfire_after_ms)
        # Speech is trusted after a blip's length: less silence than that would be found in speech itself.
        self._silence_samples = self._samples(max(detection.silence_duration_ms, BLIP_MS))
        self._wait_samples = self._silence_samples
        self._noticed_samples = self._samples(NOTICED_MS)
        self._max_wait_samples = None if detection.max_wait_ms is None else self._samples(detection.max_wait_ms)
        self._gate.configure(share)
        if self._weighing is not None:
            self._weighing.share = share
        self._longest_turn_samples = self._samples(self._policy.turn_limit_ms)
        self._longest_item_samples = self._samples(self._policy.longest_item_ms(detection))

    def notice_pause(self) -> Pause:
        """What is known of the pause in progress. Call once, when :attr:`pause_noticed`."""
        self.pause_noticed = False
        return self._rhythm.paused(self._ms(self.pause_sample - self._burst_sample))

    @property
    def pausing(self) -> bool:
        """A pause that was noticed is in progress."""
        return self._pause_is_known

    @property
    def pause_may_last_s(self) -> float:
        """How long the pause in progress may last, in seconds of sound."""
        return self._wait_samples / self._rate_hz

    def wait(self, wait_ms: int) -> None:
        """The pause in progress may last for ``wait_ms``."""
        self._wait_samples = self._samples(wait_ms)

    def learn_cut_off(self) -> None:
        """The speech in progress is the rest of the turn before it."""
        self._rhythm.was_cut_off(self._ms(self.onset_sample - self.pause_sample))

    def forget(self, trigger: CallerTrigger) -> Signal:
        """Forget the speech in progress, because of ``TAKEN`` or ``ECHO``: the caller is silent until heard anew. The
        noise floor is kept.
        """
        return self._step(trigger)

    def lapse(self, *, judged: bool) -> Signal:
        """No more sound comes: what silence would bring about next. Call it until the caller is silent, or judged.

        :param judged: what is undecided is a :attr:`short_utterance` that is to be judged.
        """
        return self._step(self._floor.ask(LAPSE_TABLE, (self._floor.caller_state, judged)), "no sound")

    def confirm(self) -> None:
        """The evidence is enough: nobody else has the floor."""
        self._step(CallerTrigger.CONFIRM)

    def learn_echo(self) -> None:
        """What was just taken for speech was the agent's own voice."""
        self._gate.learn_echo(self._levels_db, self.position_samples)

    def feed(self, window: Window, *, agent_audible: bool, echo_db: float = -math.inf) -> Signal | None:
        """Judge one window.

        :param echo_db: the level that the agent's echo can have in it: what is no louder is no speech of the caller's.
        :param agent_audible: the agent's sound is playing at the caller's, and may come back through the microphone.
        :returns: what happened by it, if anything did; the state has then been changed.
        """
        self.position_samples += window.sample_count
        state = self._floor.caller_state
        speech = window.probability > 0.0 and self._gate.lets_through(
            window, state, agent_audible=agent_audible, echo_db=echo_db
        )
        self._gate.note(window)
        if self._goes_on:
            self._note_rest(window.sample_count, speech)
        if state is CallerState.SILENT:
            if not speech and self._recent.is_empty:
                return None
            self._recent.add(window, is_speech=speech)
            return self._look_for_evidence(window, speech)
        self._recent.add(window, is_speech=speech)
        if state is CallerState.STARTING:
            return self._look_for_confirmation(window, speech)
        if state is CallerState.JUDGING:
            self._quiet_samples = 0 if speech else self._quiet_samples + window.sample_count
            return None
        return self._look_for_end(window, speech)

    def _look_for_evidence(self, window: Window, lately: bool) -> Signal | None:
        weighing = self._weighing
        if weighing is not None and weighing.suspected:
            self._quiet_samples = 0 if lately else self._quiet_samples + window.sample_count
            if self._quiet_samples >= self._misfire_samples:
                self._end_suspicion(weighing)
            return None
        speech, _, first = self._recent.sums(self._evidence_span, self.position_samples)
        if speech < self._hold_samples:
            if speech == 0:
                self._recent.clear()
            return None
        if weighing is not None:
            weighing.begin(first)
            if weighing.is_wary(self.position_samples) and not self._goes_on:
                weighing.suspected = self.undecided = True
                self.onset_sample = first
                self._quiet_samples = 0
                return None
        self.onset_sample = self._item_sample = self._burst_sample = first
        self._levels_db = self._recent.speech_levels_db
        self._reset_counters()
        return self._step(CallerTrigger.NEXT if self._goes_on else CallerTrigger.EVIDENCE)

    def _look_for_confirmation(self, window: Window, speech: bool) -> Signal | None:
        self._quiet_samples = 0 if speech else self._quiet_samples + window.sample_count
        if speech:
            self._levels_db.append(window.level_db)
        if self._weighing is not None:
            return self._reach_bound() if self._is_too_long else None
        if self._quiet_samples >= self._misfire_samples:
            return self._step(CallerTrigger.MISFIRE)
        if self._is_too_long:
            return self._reach_bound()
        lately, voiced, _ = self._recent.sums(self._confirm_span, self.position_samples)
        if lately >= self._confirm_samples and voiced >= VOICED_SHARE * self._confirm_samples:
            return self._step(CallerTrigger.CONFIRM)
        long_speech, _, _ = self._recent.sums(self._longest_span, self.position_samples)
        if long_speech >= UNVOICED_FACTOR * self._confirm_samples:
            return self._step(CallerTrigger.CONFIRM)
        return None

    # What the second detector decides.

    def weigh(self, window: WeighedWindow, needed_ms: float, *, may_judge: bool) -> Signal | None:
        """Take what the second detector says of one window of what is undecided.

        :param needed_ms: speech that confirms.
        :param may_judge: an utterance that ends before is to be judged; otherwise it was none.
        :returns: what happened by it, if anything did.
        """
        weighing, state = self._weighing, self._floor.caller_state
        if weighing is None or not self.undecided:
            return None
        speech = weighing.feed(window, self._sounding_samples(window))
        if speech is None:
            return None
        if state is CallerState.SILENT:
            return self._weigh_suspicion(weighing)
        if state is CallerState.JUDGING:
            return self._step(CallerTrigger.TAKE_UP) if speech else None
        spoken = weighing.spoken_samples
        if spoken >= self._needed_samples(weighing, needed_ms, may_judge=may_judge):
            return self._confirm(weighing)
        quiet = max(weighing.calm_samples, self._quiet_samples)
        if speech or quiet < self._samples(SHORT_QUIET_MS):
            return None
        if spoken <= self._samples(LITTLE_MS):
            enough = self._samples(DENIED_AFTER_MS)
            if weighing.listened_samples < enough and self._quiet_samples < self._misfire_samples:
                return None
            weighing.deny(self.position_samples)
            return self._step(CallerTrigger.MISFIRE)
        if may_judge:
            return self._step(CallerTrigger.CEASE)
        return self._step(CallerTrigger.MISFIRE) if quiet >= self._misfire_samples else None

    @property
    def spoken_samples(self) -> int:
        """Speech by the second detector in what is undecided."""
        return 0 if self._weighing is None else self._weighing.spoken_samples

    @property
    def short_utterance(self) -> bool:
        """What is undecided holds speech by the second detector: if it ends now it is to be judged."""
        weighing = self._weighing
        spoken = 0 if weighing is None else weighing.spoken_samples
        return self._floor.caller_state is CallerState.STARTING and spoken > self._samples(LITTLE_MS)

    def judged(self, trigger: CallerTrigger) -> Signal:
        """It was judged: ``CONFIRM``, ``BACKCHANNEL`` or ``NOISE``."""
        weighing = self._weighing
        assert weighing is not None, "what is judged was weighed"
        if trigger is CallerTrigger.CONFIRM:
            return self._confirm(weighing)
        weighing.ignore(self.position_samples)
        return self._step(trigger)

    @property
    def quiet_s(self) -> float:
        """How long ago, in samples received, the last of what is undecided was heard."""
        weighing = self._weighing
        end = self.position_samples if weighing is None else weighing.spoken_to
        return max(0, self.position_samples - end) / self._rate_hz

    def utterance(self, *, audible: bool) -> UtteranceFigures:
        """What was measured of the utterance that is undecided.

        :param audible: something of the agent's could be heard meanwhile.
        """
        weighing = self._weighing
        assert weighing is not None, "what is judged was weighed"
        ms = 1000 / self._rate_hz
        levels_db = self._levels_db or [self._gate.floor_db]
        return UtteranceFigures(
            duration_ms=(weighing.spoken_to - self.onset_sample) * ms,
            speech_ms=weighing.spoken_samples * ms,
            probability=weighing.likely,
            level_db=sum(levels_db) / len(levels_db),
            audible=audible,
            ignored_before=weighing.is_eager(self.position_samples),
        )

    def _sounding_samples(self, window: WeighedWindow) -> int:
        """How much of a window of the second detector is as loud as what the caller says."""
        start, end = window.start_sample, window.start_sample + window.sample_count
        above_db = sounding_above_db(self._gate.floor_db, max(self._levels_db, default=self._gate.floor_db))
        return self._recent.loud_samples(start, end, self.position_samples, above_db=above_db)

    def _weigh_suspicion(self, weighing: Weighing) -> Signal | None:
        if weighing.spoken_samples < self._samples(WARY_EVIDENCE_MS):
            return None
        weighing.begin_at_run()
        self.onset_sample = self._item_sample = weighing.onset_sample
        self._levels_db = self._recent.speech_levels_db
        self._reset_counters()
        return self._step(CallerTrigger.EVIDENCE)

    def _end_suspicion(self, weighing: Weighing) -> None:
        weighing.suspected = self.undecided = False
        weighing.deny(self.position_samples)
        self._recent.clear()
        self._reset_counters()

    def _needed_samples(self, weighing: Weighing, needed_ms: float, *, may_judge: bool) -> int:
        if may_judge and weighing.is_eager(self.position_samples):
            needed_ms /= 2
        if len(self._levels_db) >= STEADY_WINDOWS and _spread_db(self._levels_db) < STEADY_SPREAD_DB:
            needed_ms *= STEADY_FACTOR
        return self._samples(needed_ms)

    def _confirm(self, weighing: Weighing) -> Signal:
        weighing.trust()
        return self._step(CallerTrigger.CONFIRM)

    def _look_for_end(self, window: Window, speech: bool) -> Signal | None:
        self._blip_samples = self._blip_samples + window.sample_count if speech else 0
        lasting = speech and self._blip_samples >= self._samples(BLIP_MS)
        self._quiet_samples = 0 if lasting else self._quiet_samples + window.sample_count
        voiced = lasting and window.voicing > 0.5
        self._unvoiced_samples = 0 if voiced else self._unvoiced_samples + window.sample_count
        if self._is_too_long:
            return self._reach_bound()
        if self._floor.caller_state is CallerState.STOPPING:
            waited_out = self._max_wait_samples is not None and self._unvoiced_samples >= self._max_wait_samples
            if self._quiet_samples >= self._wait_samples:
                return self._step(CallerTrigger.END)
            if waited_out:
                return self._step(CallerTrigger.END, "longest wait")
            if not lasting:
                self._note_pause()
                return None
            self._note_speech()
            return self._step(CallerTrigger.NEXT_GOES_ON if self._goes_on else CallerTrigger.GO_ON)
        if self._quiet_samples >= min(self._samples(PAUSE_MS), self._silence_samples):
            self.pause_sample = self.position_samples - self._quiet_samples
            self._wait_samples = self._silence_samples
            return self._step(CallerTrigger.PAUSE)
        if self.position_samples - self._item_sample >= self._longest_item_samples:
            self._item_sample = self.position_samples
            return self._step(CallerTrigger.FULL)
        return None

    def _note_pause(self) -> None:
        if not self._pause_is_known and self._quiet_samples >= self._noticed_samples:
            self._pause_is_known = self.pause_noticed = True

    def _note_speech(self) -> None:
        """The turn goes on after a pause."""
        if self._pause_is_known:
            self._pause_is_known = self.pause_noticed = False
            self._burst_sample = self.position_samples - self._blip_samples
            self._rhythm.went_on(self._ms(self._burst_sample - self.pause_sample))

    @property
    def _is_too_long(self) -> bool:
        return self.position_samples - self.onset_sample >= self._longest_turn_samples

    def _note_rest(self, sample_count: int, speech: bool) -> None:
        """Whoever rests for as long as makes a misfire, and speaks then, says something new."""
        self._rest_samples = 0 if speech else self._rest_samples + sample_count
        if self._rest_samples >= self._misfire_samples:
            self._goes_on = False

    def _reach_bound(self) -> Signal:
        bound = self._floor.ask(BOUND_TABLE, self._floor.caller_state)
        signal = self._step(bound.trigger, "limit")
        self._goes_on = bound.goes_on
        return signal

    def _step(self, trigger: CallerTrigger, reason: TurnEndReason = "silence") -> Signal:
        self._floor.take(trigger)
        figures = self._figures()
        state = self._floor.caller_state
        weighing = self._weighing
        if weighing is not None:
            self.undecided = state is CallerState.STARTING or state is CallerState.JUDGING
            weighing.suspected = False
        if state is not CallerState.SILENT:
            return Signal(trigger, self.position_samples, 0, reason, figures)
        # The speech in progress is over.
        self._pause_is_known = self.pause_noticed = False
        self._rhythm.ended()
        signal = Signal(trigger, self.position_samples, self._quiet_samples, reason, figures)
        self._recent.clear()
        self._reset_counters()
        self._goes_on = False
        return signal

    def _figures(self) -> Figures:
        speech, voiced, _ = self._recent.sums(self._confirm_span, self.position_samples)
        level_db = self._recent.newest_level_db
        ms = 1000 / self._rate_hz
        weighed_ms = None if self._weighing is None else self._weighing.spoken_samples * ms
        return Figures(level_db, self._gate.floor_db, speech * ms, voiced * ms, weighed_ms=weighed_ms)

    def _reset_counters(self) -> None:
        self._quiet_samples = 0
        self._blip_samples = 0
        self._unvoiced_samples = 0
        self._rest_samples = 0

    def _ms(self, samples: int) -> int:
        return samples * 1000 // self._rate_hz

    def _samples(self, duration_ms: float) -> int:
        return int(duration_ms * self._rate_hz / 1000)


def _spread_db(levels_db: list[float]) -> float:
    """From their tenth to their ninetieth percentile."""
    ordered = sorted(levels_db)
    last = len(ordered) - 1
    return ordered[last - last // 10] - ordered[last // 10]
