"""Which of the caller's turns are told by their sound, and which by their words.

Sound costs some fifteen times what its words do, and the whole history is told with every turn. So only the newest
turns are told by their sound, and from some time on a turn is told by its transcript.

*In whole steps.* A provider bills the beginning that a request shares with an earlier one at a fraction, or need not
compute it again; what follows the first change is read anew. Were the oldest sound written down with every turn, each
request would change in front of the sound that is kept. So nothing is changed until there are twice as many turns of
sound as are to be kept; then half of them are written at once. In between, each request begins with all of the one
before it. Per request less than two turns of sound are new to the model on average (``2 - 1 / kept``), however many
are kept; a window that slides would tell ``kept`` of them anew each time.

*For good.* What was told in words once is told so from then on, whatever is deleted or added later. A turn that nobody
has written down is told by its sound for as long as that is kept, and does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableSet
from dataclasses import replace
from typing import Final

from bargein.core.items import InputAudio, InputText, Item, Message

NO_WORDS: Final = "(There was a sound here, in which the recogniser found no words.)"
"""Stands for a turn of which that is known."""


def step_on(turns: Iterable[Item], in_words: MutableSet[str], kept: int) -> None:
    """Let old turns be told by their words, if there are enough of them for a step.

    :param in_words: the ids of those that are; others are added.
    :param kept: so many of the newest stay sound.
    """
    sounds = [turn for turn in turns if isinstance(turn, Message) and turn.id not in in_words and _is_sound(turn)]
    old = [turn.id for turn in sounds[:-kept] if _is_written(turn)]
    if len(old) >= kept:
        for item_id in old:
            in_words.add(item_id)


def written(turn: Message) -> Message:
    """The turn with its words for its sound."""
    parts = [
        InputText(part.transcript or NO_WORDS) if isinstance(part, InputAudio) and part.transcript is not None else part
        for part in turn.parts
    ]
    return replace(turn, parts=parts)


def _is_sound(turn: Message) -> bool:
    return turn.role == "user" and any(isinstance(part, InputAudio) and part.audio for part in turn.parts)


def _is_written(turn: Message) -> bool:
    return all(part.transcript is not None for part in turn.parts if isinstance(part, InputAudio))
