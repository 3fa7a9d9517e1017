"""Sounds that are nobody who wants to speak: short ones, and backgrounds that last, or begin."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from bargein.bench.kinds.people import CLIENTS, REPLIES, scene, set_of_seed
from bargein.bench.made import BACKGROUNDS, MAKERS
from bargein.bench.scene import Client, Made, Scene, Set, Source, Wanted

BACKGROUND_S: Final = 16.0
BEGINS_S: Final = 3.0
OF_PEOPLE: Final = ("television", "tv", "babble", "radio")
"""Speech that is none of the caller's: a class of its own, for no detector of speech can tell."""


def noises(seeds: int) -> Iterator[Scene]:
    """All of them."""
    for what, seed in itertools.product(MAKERS, range(9 * seeds)):
        if what == "laughter":
            continue
        yield scene(
            f"short/{what}/made/{seed}",
            family="short sound", kind=f"{what} made", wanted=Wanted.SURVIVE, set_=set_of_seed(seed),
            sound=Made(what, seed), seconds=2.5, level_db=(-18, -24, -30)[seed // 2 % 3], client=CLIENTS[seed % 2],
        )  # fmt: skip
    for what, seed, begins in itertools.product(BACKGROUNDS, range(3 * seeds), (False, True)):
        sound = Made(what, 100 + seed, BACKGROUND_S)
        for silent in (False, True):
            client = CLIENTS[(seed + begins) % 2]
            yield background(what, f"made/{seed}", sound, set_of_seed(seed), client, begins=begins, silent=silent)


def background(what: str, name: str, sound: Source, set_: Set, client: Client, *, begins: bool, silent: bool) -> Scene:
    """One that lasts: from before the call, or from its third second on; over a reply, or while nobody speaks."""
    people = any(word in what for word in OF_PEOPLE)
    at_s = BEGINS_S if begins else 0.0
    how = "begins" if begins else "lasts"
    number = len(name) + len(what)
    return Scene(
        name=f"background/{what} {how}/{name}/{'idle' if silent else 'reply'}/{client}",
        family=("background, idle" if silent else "background") + (" (people)" if people else ""),
        kind=f"{what} {how}" + (", idle" if silent else ""),
        wanted=Wanted.QUIET if silent else Wanted.SURVIVE,
        set=set_,
        sound=sound,
        at_s=at_s,
        level_db=(-30.0, -36.0, -26.0)[number % 3],
        seconds=at_s + BACKGROUND_S,
        reply=None if silent else REPLIES[number % len(REPLIES)],
        client=client,
    )
