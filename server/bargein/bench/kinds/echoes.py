"""The agent's own voice in the caller's microphone: alone, and with somebody who talks over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from bargein.bench.kinds.people import AFTER_S, CLIENTS, REPLIES, SENTENCES, set_of_voice
from bargein.bench.scene import Client, Echo, Scene, Set, Spoken, Wanted
from bargein.bench.voices import callers, spoken
from bargein.bench.waves import RATE_HZ, seeded

ROOMS: Final = ("walls:0.02", "walls:0.15", "walls:0.3", "walls:0.6", "walls:1.0")
ECHO_DB: Final = (-6, -12, -18, -24, -30)
DELAYS_MS: Final = (20, 60, 150, 300, 500)
ALONE_S: Final = 14.0
REPORT_ROOMS: Final = ("walls:0.3",)


def echoes(seeds: int) -> Iterator[Scene]:
    """In rooms made by calculation."""
    yield from echoes_in(ROOMS, seeds)


def echoes_in(rooms: tuple[str, ...], seeds: int, *, set_: Set | None = None) -> Iterator[Scene]:
    """In these rooms.

    :param set_: of all of them, where that is not for each to say.
    """
    numbers = itertools.count()
    for room, level_db, seed in itertools.product(rooms, ECHO_DB, range(2 * seeds)):
        number = next(numbers)
        delay_ms = DELAYS_MS[number % len(DELAYS_MS)]
        room_set: Set = set_ or ("report" if room in REPORT_ROOMS or number % 7 == 3 else "tune")
        for client in CLIENTS:
            yield _alone(Echo(room, level_db, delay_ms), seed, room_set, client)
    people = callers()
    for room, level_db, seed in itertools.product(rooms, ECHO_DB[:4], range(2 * seeds)):
        number = next(numbers)
        voice = people[number % len(people)]
        echo = Echo(room, level_db, DELAYS_MS[number % len(DELAYS_MS)])
        # Beside the echo, whose reply has -20 dBFS: as loud, louder, and quieter.
        beside_db = (6, 0, -6, 12)[number % 4]
        yield _double_talk(echo, voice.name, beside_db, seed, set_ or set_of_voice(voice), CLIENTS[number // 4 % 2])


def _room_name(echo: Echo) -> str:
    return echo.room.rsplit("/", 1)[-1]


def _alone(echo: Echo, seed: int, set_: Set, client: Client) -> Scene:
    name = f"echo/{_room_name(echo)}/{echo.level_db:g} dB/{echo.delay_ms} ms/{seed}/{client}"
    return Scene(
        name=name,
        family="echo",
        kind=f"echo {echo.level_db:g} dB",
        wanted=Wanted.SURVIVE,
        set=set_,
        sound=None,
        at_s=1.0,
        level_db=-90,
        seconds=ALONE_S,
        reply=REPLIES[seed % len(REPLIES)],
        client=client,
        echo=echo,
    )


def _double_talk(echo: Echo, voice: str, beside_db: int, seed: int, set_: Set, client: Client) -> Scene:
    name = f"double talk/{_room_name(echo)}/{echo.level_db:g} dB/{echo.delay_ms} ms/{voice}/{beside_db} dB/{seed}"
    said = Spoken(voice, SENTENCES[int(seeded(name).integers(len(SENTENCES)))])
    replies = [reply for reply in REPLIES if reply != voice]
    return Scene(
        name=name,
        family="double talk",
        kind=f"double talk, {beside_db:+d} dB beside its echo",
        wanted=Wanted.YIELD,
        set=set_,
        sound=said,
        at_s=6.0,  # Long enough to have learnt the echo.
        level_db=max(-40.0, -20 + echo.level_db + beside_db),
        seconds=6.0 + len(spoken(said)) / RATE_HZ + AFTER_S,
        reply=replies[seed % len(replies)],
        client=client,
        echo=echo,
    )
