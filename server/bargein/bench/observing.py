"""Watches a call: from what the server decided and the loudspeaker played, what came of the scene."""

from __future__ import annotations

from typing import Final

from bargein.bench.loudspeaker import Loudspeaker
from bargein.bench.outcome import Noted, Outcome
from bargein.bench.rendering import Rendered
from bargein.bench.scene import Scene, Wanted
from bargein.bench.waves import RATE_HZ
from bargein.core import actions, decisions
from bargein.core.actions import Action

SETTLING_S: Final = 2.5
"""So long after the end of a sound it still counts what becomes of it."""
SPEAKS_S: Final = 0.5
"""By then the reply is heard."""
SLACK_S: Final = 0.02
"""A decision may come so long before the labelled onset: labels are coarse."""
TOLD: Final = (
    actions.SpeechStarted,
    actions.SpeechStopped,
    actions.Held,
    actions.Resumed,
    actions.Flushed,
    actions.StartStream,
    actions.CancelStream,
    decisions.Interrupted,
    decisions.HoldEnded,
    decisions.PauseJudged,
    decisions.TurnEnded,
    decisions.TurnHealed,
    decisions.BargeInRefused,
    decisions.Judged,
    decisions.ReplyTakenUp,
    actions.StartJudging,
    actions.StopJudging,
    actions.StartPhrase,
    actions.StopPhrase,
)


class Observer:
    """Watches one call."""

    def __init__(self, scene: Scene, rendered: Rendered, speaker: Loudspeaker) -> None:
        self._scene = scene
        self._rendered = rendered
        self._speaker = speaker
        self._holds: list[float] = []
        self._held_since: float | None = None
        self._held_at_onset = False
        self._interruptions: list[tuple[float, str]] = []
        self._turns: list[float] = []
        self._commits: list[float] = []
        self._resumes = 0
        self._requests = 0
        self._healed = 0
        self._sent = 0
        self._garbled = 0
        self._judged: list[str] = []
        self._judged_ms: list[float] = []
        self._noted: list[Noted] = []

    def sent(self, count: int, *, intact: bool) -> None:
        """The server has sent sound; ``intact``: it is what the model said."""
        self._sent += count
        if not intact:
            self._garbled += count

    def note(self, action: Action, at_s: float) -> None:
        """The server has done something."""
        onset_s = self._rendered.onset_s
        match action:
            case actions.Held():
                self._holds.append(at_s)
                self._held_since = at_s
            case actions.Resumed():
                self._resumes += 1
                self._held_at_onset |= self._spans_onset(at_s)
                self._held_since = None
            case actions.Flushed():
                self._held_at_onset |= self._spans_onset(at_s)
                self._held_since = None
            case decisions.Interrupted(response_id=response_id):
                self._interruptions.append((at_s, response_id))
            case actions.SpeechStarted():
                self._turns.append(at_s)
            case actions.InputCommitted():
                self.committed(at_s)
            case actions.StartStream():
                self._requests += 1
            case decisions.TurnHealed():
                self._healed += 1
            case decisions.Judged(verdict=verdict, judge=judge, took_ms=took_ms):
                self._judged.append(f"{verdict} by {judge}")
                self._judged_ms.append(round(took_ms, 1))
            case _:
                pass
        if isinstance(action, TOLD):
            self._noted.append(Noted(round(at_s - onset_s, 3), _worded(action)))

    def committed(self, at_s: float) -> None:
        """A turn was committed."""
        self._commits.append(at_s)
        self._noted.append(Noted(round(at_s - self._rendered.onset_s, 3), "InputCommitted"))

    def outcome(self, said: int) -> Outcome:
        """What came of it, when the call is over.

        :param said: how many turns of the caller's there are in the conversation.
        """
        scene, rendered, speaker = self._scene, self._rendered, self._speaker
        onset_s = rendered.onset_s
        after_s = onset_s - SLACK_S
        found = Outcome(
            scene=scene,
            onset_s=onset_s,
            end_s=rendered.end_s,
            heard_s=speaker.heard_s(0.0, scene.seconds),
            lasted_s=scene.seconds,
            lost_samples=speaker.lost_samples + self._garbled,
            repeated_samples=speaker.repeated_samples,
            resumes=self._resumes,
            samples_sent=self._sent,
            requests=self._requests,
            noted=self._noted,
            judged=self._judged,
            judged_ms=self._judged_ms,
            heard=[(round(played.at / RATE_HZ, 3), round(played.stop_s, 3)) for played in speaker.log],
        )
        quiet = scene.reply is None
        events = self._turns if quiet else [at for at, _ in self._interruptions]
        found.early = sum(at < after_s for at in events)
        found.interruptions = sum(at >= after_s for at, _ in self._interruptions)
        found.turns = sum(at >= after_s for at in self._turns) if quiet else 0
        found.holds = sum(at >= after_s for at in self._holds)
        self._time(found, after_s)
        if not quiet and onset_s > SPEAKS_S and not speaker.heard_s(onset_s - 0.3, onset_s) and not self._held_at_onset:
            found.void = "the agent was silent at the onset"
        if scene.wanted is Wanted.ONE_TURN:
            self._answers(found, said)
        return found

    def _time(self, found: Outcome, after_s: float) -> None:
        onset_s, speaker = self._rendered.onset_s, self._speaker
        hold = next((at for at in self._holds if at >= after_s), None)
        if self._held_at_onset or (self._held_since is not None and self._held_since < after_s):
            hold = onset_s
        found.hold_ms = None if hold is None else 1000 * max(0.0, hold - onset_s)
        if self._scene.reply is None:
            began = next((at for at in self._turns if at >= after_s), None)
            found.confirm_ms = None if began is None else 1000 * max(0.0, began - onset_s)
            return
        first = next(((at, response_id) for at, response_id in self._interruptions if at >= after_s), None)
        if first is not None:
            found.confirm_ms = 1000 * max(0.0, first[0] - onset_s)
            last_s = speaker.last_heard_s(first[1])
            found.silence_ms = None if last_s is None else 1000 * max(0.0, last_s - onset_s)
            loud_s = speaker.last_loud_s(first[1])
            found.quiet_ms = None if loud_s is None else 1000 * max(0.0, loud_s - onset_s)
            return
        until_s = min(self._scene.seconds, self._rendered.end_s + SETTLING_S)
        found.silence_heard_ms = 1000 * speaker.silence_s(max(onset_s, SPEAKS_S), until_s)
        found.quiet_heard_ms = 1000 * speaker.quiet_s(max(onset_s, SPEAKS_S), until_s)

    def _answers(self, found: Outcome, said: int) -> None:
        """Of a turn with pauses in it: whether it was answered once, after its end."""
        onset_s, end_s = self._rendered.onset_s, self._rendered.end_s
        found.cut_off = any(onset_s < at < end_s for at in self._commits)
        found.healed = self._healed
        found.early_answer = found.cut_off and said - self._healed > 1
        later = [played.at / RATE_HZ for played in self._speaker.log if played.at / RATE_HZ >= end_s]
        found.answer_ms = 1000 * (later[0] - end_s) if later else None

    def _spans_onset(self, until_s: float) -> bool:
        onset_s = self._rendered.onset_s
        return self._held_since is not None and self._held_since < onset_s - SLACK_S and until_s >= onset_s


def _worded(action: Action) -> str:
    match action:
        case decisions.HoldEnded(reason, lasted_ms, _):
            return f"hold ends: {reason}, after {lasted_ms:.0f} ms"
        case decisions.Interrupted(reason=reason, figures=figures):
            return f"INTERRUPTED: {reason}{_figures(figures)}"
        case decisions.BargeInRefused(reason, _, figures):
            return f"no interruption: {reason}{_figures(figures)}"
        case decisions.Judged():
            words = "" if action.words is None else f", who understood {action.words!r}"
            return (
                f"JUDGED: {action.verdict} by {action.judge} after {action.took_ms:.0f} ms{words} "
                f"({action.duration_ms:.0f} ms, {action.level_db:.0f} dB, speech {action.probability:.2f})"
            )
        case decisions.TurnEnded(reason=reason, quiet_ms=quiet_ms, then=then):
            return f"turn ends: {reason}, quiet for {quiet_ms:.0f} ms, then {then}"
        case _:
            return type(action).__name__


def _figures(figures: decisions.Figures | None) -> str:
    if figures is None:
        return ""
    likeness = "" if figures.likeness is None else f", like the agent {figures.likeness:.2f}"
    if figures.shape is not None:
        likeness += f", its shape {figures.shape:.2f}"
    return (
        f" (level {figures.level_db:.0f} dB over {figures.floor_db:.0f}, evidence {figures.evidence_ms:.0f} ms, "
        f"voiced {figures.voiced_ms:.0f} ms{likeness})"
    )
