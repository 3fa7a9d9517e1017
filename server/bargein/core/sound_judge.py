"""Why somebody spoke, as far as its sound alone tells: the last of the judges, for where there are no words.

A short utterance over a reply is judged when it has ended: an interruption, a backchannel ("mm-hm": go on), or no
speech at all. Where nobody who hears words has answered by the deadline, this counts. It is a pure function of what was
measured, so that what it decides can be tried on a table of figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bargein.core.decisions import UtteranceVerdict

Leaning = Literal["interrupt", "ignore", "judge"]
"""Which way a short utterance without words counts: always as an interruption, never, or by its sound."""

JUDGE_NAME: Final = "sound"
"""How this judge is called where decisions are explained."""
LITTLE_SPEECH_MS: Final = 60
"""Less speech than this is a click, or the edge of something else."""
LONG_MS: Final = 320
"""Speech of an interruption; backchannels have less. It is the speech that counts, not the time from beginning to end:
people's "mm-hm" die away, and little of them is speech."""


@dataclass(frozen=True, slots=True)
class UtteranceFigures:
    """What was measured of one utterance, from its onset to its last speech. The level is relative to full scale."""

    duration_ms: float
    """From the onset to the end of its last speech."""
    speech_ms: float
    """What of it the neural detector takes for speech."""
    probability: float
    """Of speech: the mean over the windows that are speech, 0 to 1."""
    level_db: float
    """Mean level of its speech."""
    audible: bool
    """Something of the agent's could be heard meanwhile: without that there is nothing to nod to."""
    ignored_before: bool = False
    """Another was ignored in the last seconds: a caller who tries again means it."""


def judge_by_sound(figures: UtteranceFigures, leaning: Leaning) -> UtteranceVerdict:
    """What the utterance is, going by its sound.

    :param leaning: ``interrupt`` and ``ignore`` decide about all that is speech.
    """
    if figures.speech_ms < LITTLE_SPEECH_MS:
        return "noise"
    if not figures.audible:
        return "interruption"
    if leaning != "judge":
        return "interruption" if leaning == "interrupt" else "backchannel"
    longest_ms = LONG_MS / 2 if figures.ignored_before else LONG_MS
    return "interruption" if figures.speech_ms >= longest_ms else "backchannel"
