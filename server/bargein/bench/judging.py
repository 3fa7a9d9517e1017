"""Stands for the recogniser that a short utterance is given to: it hears what the scene says, and never errs.

What words can do for decisions at best, then: a run with it says "ideal words" wherever it is shown.
"""

from __future__ import annotations

from typing import Final

from bargein.bench.scene import Scene, Spoken, Wanted
from bargein.bench.voices import phrase_ends
from bargein.core.actions import StartJudging, StartPhrase
from bargein.core.events import PhraseHeard, UtteranceJudged
from bargein.judging.phrases import phrase_end
from bargein.judging.words import Vocabulary

NAME: Final = "ideal words"
TAKES_S: Final = 0.25
"""From the end of an utterance to its words: a small recogniser on a machine that is not idle takes about as long."""

UNWRITTEN: Final = "something that nobody wrote down"
"""Stands for the words of recordings of people who want to speak, where an index does not know them."""
HUMMED: Final = frozenset("mh-")
"""Letters of a hum."""


def judged(scene: Scene, asked: StartJudging, vocabulary: Vocabulary, share: float) -> UtteranceJudged | None:
    """What is answered after :data:`TAKES_S`; ``None`` where nobody knows what is said, or nothing is certain.

    :param share: how much of what is said was heard by now.
    """
    words = scene.words
    if words is None and scene.wanted is Wanted.YIELD:
        words = UNWRITTEN
    if words is None:
        return None
    if not asked.over:
        words = _begun(words, share)
        certain = vocabulary.read_so_far(words, language=asked.language or scene.language, said=asked.said)
        return UtteranceJudged(asked.utterance_id, certain, NAME, 1000 * TAKES_S, words)
    verdict = vocabulary.read(words, language=asked.language or scene.language, said=asked.said, unsaid=asked.unsaid)
    if verdict is None:
        return None
    return UtteranceJudged(asked.utterance_id, verdict, NAME, 1000 * TAKES_S, words)


def phrase_heard(scene: Scene, asked: StartPhrase, since_onset_s: float) -> PhraseHeard | None:
    """What is answered about a pause after :data:`TAKES_S`; ``None`` where nobody knows what is said.

    :param since_onset_s: how long ago the first sample of what is said was heard.
    """
    said = scene.sound
    if not isinstance(said, Spoken):
        return None
    ended = sum(end_s <= since_onset_s for end_s in phrase_ends(said))
    words = " ".join(phrase.strip() for phrase in said.words.split("|")[:ended])
    return PhraseHeard(asked.phrase_id, phrase_end(words, language=asked.language or scene.language))


def _begun(words: str, share: float) -> str:
    """The words that are over when so much was said: letters take as long as each other, roughly. A hum is one from its
    beginning on.
    """
    whole, heard = words.split(), share * len(words)
    known = []
    at = 0
    for word in whole:
        at += len(word)
        if at > heard:
            known += ["mm"] if set(word.lower()) <= HUMMED else []
            break
        known.append(word)
        at += 1
    return " ".join(known)
