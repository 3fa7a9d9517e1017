"""What short utterances over a reply mean, by their words.

Nothing is noise, what is in the lists is a backchannel, anything else an interruption. The lists are data, one file for
each language (``lists/LANGUAGE.txt``): ``[nods]`` are words that also answer a question, ``[sounds]`` never do,
``[not]`` are no backchannels though they may look like some, and ``[noise]`` is what recognisers invent where nobody
spoke. ``[open]`` and ``[numbers]`` are for :mod:`bargein.judging.phrases`. Words are compared as
:mod:`bargein.judging.spelling` spells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Final

from bargein.core.decisions import UtteranceVerdict
from bargein.judging.spelling import is_question, units_of

EVERYWHERE: Final = "any"
"""The list that is read beside that of any language."""
WORDS_AFTER: Final = 3
"""So much the agent may have said after a question, and it still waits for the answer."""
WORDS_BEFORE: Final = 2
"""So much of a question may be left to say when it is answered."""
WORDS_CERTAIN: Final = 2
"""Of an utterance that goes on: so many that begin no backchannel are something that is said."""
LETTERS_OF_A_WORD: Final = 2
"""In scripts without spaces."""

_REMARK: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)|\uff08[^\uff09]*\uff09|【[^】]*】|<[^>]*>|\*[^*]+\*|♪[^♪]*♪?")
"""What a recogniser says about a sound: "[laughter]", "(coughs)"."""
_LAUGHS: Final = re.compile(
    r"laugh|chuckl|giggl|haha|lach|rire|\brit\b|risa|rid[ei]|笑|смех|смі|skratt|gelach|웃음", re.IGNORECASE
)
_UNKNOWN: Final = re.compile(
    r"inaudible|unintelligible|indistinct|not understood|speech|speak|talk|foreign|unverständlich|incompréhensible",
    re.IGNORECASE,
)
_ASKS: Final = re.compile("[?\uff1f\u061f\u037e]|か[。、]|[吗嗎么麼][。\uff0c]?(?=\\s|$|[。\uff0c])")
_ENDS: Final = re.compile("[.!?。\uff01\uff1f\u061f\u037e]")

Phrase = tuple[str, ...]


@dataclass(slots=True)
class WordList:
    """The phrases of one language, or of several."""

    nods: set[Phrase] = field(default_factory=set)
    sounds: set[Phrase] = field(default_factory=set)
    never: set[Phrase] = field(default_factory=set)
    """Phrases with a ``?`` behind them are meant where they are asked."""
    noise: set[Phrase] = field(default_factory=set)
    open: set[Phrase] = field(default_factory=set)
    """What no phrase ends with."""
    numbers: set[Phrase] = field(default_factory=set)
    """Digits, as they are called."""

    def add(self, other: WordList) -> None:
        self.nods |= other.nods
        self.sounds |= other.sounds
        self.never |= other.never
        self.noise |= other.noise
        self.open |= other.open
        self.numbers |= other.numbers


def languages() -> list[str]:
    """Of which there are lists."""
    found = (entry.name for entry in (resources.files("bargein.judging") / "lists").iterdir())
    return sorted(name.removesuffix(".txt") for name in found if name.endswith(".txt") and name != f"{EVERYWHERE}.txt")


@lru_cache(maxsize=64)
def word_list(language: str) -> WordList:
    """The list of one language.

    :raises FileNotFoundError: there is none.
    """
    sections = WordList()
    named = {"nods": sections.nods, "sounds": sections.sounds, "not": sections.never, "noise": sections.noise}
    named |= {"open": sections.open, "numbers": sections.numbers}
    into = sections.nods
    text = (resources.files("bargein.judging") / "lists" / f"{language}.txt").read_text("utf-8")
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            into = named[line.strip("[]")]
        elif not line.startswith("#"):
            into.update(_phrases(line.split(",")))
    return sections


@lru_cache(maxsize=64)
def list_of(language: str | None) -> WordList:
    """The list of a language as callers name it. Without one, or without a list of it: the digits of all languages."""
    name = _bare(language)
    if name in languages():
        return word_list(name)
    numbers = WordList()
    for one in languages():
        numbers.numbers |= word_list(one).numbers
    return numbers


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What counts as a backchannel here.

    :param backchannels: phrases that are ones, beside those of the lists.
    :param interruptions: phrases that are none, whatever the lists say.
    """

    backchannels: tuple[str, ...] = ()
    interruptions: tuple[str, ...] = ()

    def read(
        self, text: str, *, language: str | None = None, said: str = "", unsaid: str = ""
    ) -> UtteranceVerdict | None:
        """What an utterance means that was written down as ``text``. ``None``: somebody spoke, and what they said was
        not understood.

        :param language: as callers name it, ``pt`` or ``pt-BR``; without it, or without a list of it, all lists count.
        :param said: what the caller has heard of the reply.
        :param unsaid: what would follow.
        """
        bare = _REMARK.sub(" ", text)
        units = units_of(bare)
        if not units:
            return _verdict_of_remarks(_REMARK.findall(text))
        words = _words_of(language, self.backchannels, self.interruptions)
        if units in words.noise:
            return "noise"
        if units in words.never or (is_question(bare) and (*units, "?") in words.never):
            return "interruption"
        if not _is_made_of(units, words.nods | words.sounds):
            return "interruption"
        answers = not _is_made_of(units, words.sounds - words.nods)
        return "interruption" if answers and awaits_answer(said, unsaid) else "backchannel"

    def read_so_far(self, text: str, *, language: str | None = None, said: str = "") -> UtteranceVerdict | None:
        """What an utterance means that goes on, of which ``text`` was written down so far: the last word may be cut.
        ``None``: that is not certain yet.

        One word is an interruption only if the lists say that it is none of the others ("stop"); two are one where
        they cannot be the beginning of a backchannel. Nothing is never noise here: the words are yet to come.
        """
        bare = _REMARK.sub(" ", text)
        units = units_of(bare)
        words = _words_of(language, self.backchannels, self.interruptions)
        if not units or units in words.noise:
            return None
        if units in words.never:
            return "interruption"
        nods = words.nods | words.sounds
        if _is_made_of(units, nods):
            answers = not _is_made_of(units, words.sounds - words.nods)
            return None if answers and awaits_answer(said, "") else "backchannel"
        letters = len(units) if all(map(str.isascii, units)) else len("".join(units)) / LETTERS_OF_A_WORD
        return "interruption" if letters >= WORDS_CERTAIN and not _begins(units, nods) else None


def _begins(units: Phrase, phrases: set[Phrase]) -> bool:
    """Whether it is the beginning of phrases in a row, the last of which may be cut anywhere."""
    for at in range(len(units)):
        *before, cut = units[at:]
        last = len(before)
        if (at == 0 or _is_made_of(units[:at], phrases)) and any(
            phrase[:last] == tuple(before) and len(phrase) > last and phrase[last].startswith(cut) for phrase in phrases
        ):
            return True
    return False


def awaits_answer(said: str, unsaid: str) -> bool:
    """Whether the agent has just asked something, or is about to have."""
    asked = [match.end() for match in _ASKS.finditer(said)]
    if asked and _count(said[asked[-1] :]) <= WORDS_AFTER:
        return True
    end = _ENDS.search(unsaid)
    asks = _ASKS.search(unsaid)
    if end is None or asks is None or asks.start() > end.start() or not said.strip():
        return False
    return _count(unsaid[: asks.start()]) <= WORDS_BEFORE


def _count(text: str) -> float:
    return sum(1 if len(unit) > 1 or unit.isascii() else 1 / LETTERS_OF_A_WORD for unit in units_of(text))


def _verdict_of_remarks(remarks: Iterable[str]) -> UtteranceVerdict | None:
    """Of what a recogniser only remarked upon."""
    verdict: UtteranceVerdict = "noise"
    for remark in remarks:
        if _UNKNOWN.search(remark):
            return None
        if _LAUGHS.search(remark):
            verdict = "backchannel"
    return verdict


@lru_cache(maxsize=64)
def _words_of(language: str | None, backchannels: tuple[str, ...], interruptions: tuple[str, ...]) -> WordList:
    words = WordList()
    words.add(word_list(EVERYWHERE))
    name = _bare(language)
    known = languages()
    for one in [name] if name in known else known:
        words.add(word_list(one))
    own, never = set(_phrases(backchannels)), set(_phrases(interruptions))
    words.never = (words.never - own) | never
    words.nods = (words.nods | own) - words.never
    words.sounds -= words.never
    return words


def _bare(language: str | None) -> str:
    return re.split("[-_]", (language or "").casefold())[0]


def _phrases(given: Iterable[str]) -> Iterable[Phrase]:
    for phrase in given:
        units = units_of(phrase)
        if units:
            yield (*units, "?") if is_question(phrase) else units


def _is_made_of(units: Phrase, phrases: set[Phrase]) -> bool:
    """Whether phrases in a row make all of it."""
    longest = max(map(len, phrases), default=0)
    reached = [True] + [False] * len(units)
    for stop in range(1, len(units) + 1):
        starts = range(max(0, stop - longest), stop)
        reached[stop] = any(reached[start] and units[start:stop] in phrases for start in starts)
    return reached[-1]
