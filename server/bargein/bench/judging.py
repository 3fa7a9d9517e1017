"""Stands for the recogniser that a short utterance is given to: it hears what the scene says, and never errs.

What words can do for decisions at best, then: a run with it says "ideal words" wherever it is shown.
"""

from __future__ import annotations

from typing import Final

from bargein.bench.scene import Scene
from bargein.core.actions import StartJudging
from bargein.core.events import UtteranceJudged
from bargein.judging.words import Vocabulary

NAME: Final = "ideal words"
TAKES_S: Final = 0.25
"""From the end of an utterance to its words: a small recogniser on a machine that is not idle takes about as long."""


def judged(scene: Scene, asked: StartJudging, vocabulary: Vocabulary) -> UtteranceJudged | None:
    """What is answered after :data:`TAKES_S`; ``None`` where nobody knows what is said."""
    words = scene.words
    if words is None:
        return None
    verdict = vocabulary.read(words, language=asked.language or scene.language, said=asked.said, unsaid=asked.unsaid)
    if verdict is None:
        return None
    return UtteranceJudged(asked.utterance_id, verdict, NAME, 1000 * TAKES_S, words)
