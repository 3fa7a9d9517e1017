"""Turns while the agent is silent: words that must not be missed, and turns with pauses in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bargein.bench.kinds.people import CLIENTS, COMMANDS, SENTENCES, scene, set_of_voice
from bargein.bench.scene import Made, Scene, Spoken, Wanted
from bargein.bench.voices import callers, spoken
from bargein.bench.waves import RATE_HZ, seeded

DICTATED: Final = (
    "my number is | four four nine | two one | seven eight three",
    "it is | zero three | five five one | nine two",
    "the code is | B T | seven four | K",
    "one two three four | five six seven eight | nine zero one two",
)
PAUSED: Final = (
    "I would like to book a table | for four people | on friday evening",
    "well | I was wondering | whether you could help me with my bill",
    "the thing is that I ordered it last week | and it has not come yet",
    "can you tell me | when the next train leaves | for the airport",
)
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.3, 0.9
ANSWERED_S: Final = 3.5
DETECTIONS: Final = ("server_vad", "semantic_vad")


def turns(seeds: int) -> Iterator[Scene]:
    """All of them."""
    for number, (voice, words, seed) in enumerate(
        itertools.product(callers(), (*COMMANDS[:3], "yes", *SENTENCES[:3]), range(seeds))
    ):
        said = Spoken(voice.name, words)
        noise = Made("fan", number % 9, 8.0) if number % 3 == 1 else None
        spoke = scene(
            f"turn/{voice.name}/{words}/{seed}",
            family="turn begins", kind="word" if " " not in words else "sentence", wanted=Wanted.TURN,
            set_=set_of_voice(voice), sound=said, seconds=len(spoken(said)) / RATE_HZ,
            level_db=(-20, -28, -36)[number // 2 % 3], noise=noise, snr_db=15, client=CLIENTS[number % 2],
        )  # fmt: skip
        yield replace(spoke, reply=None)
    for voice, detection, (kind, texts) in itertools.product(
        callers(), DETECTIONS, (("dictation", DICTATED), ("phrases", PAUSED))
    ):
        for seed in range(2 * seeds):
            name = f"pauses/{kind}/{voice.name}/{seed}/{detection}"
            rng = seeded("pauses", kind, voice.name, seed)
            words = texts[int(rng.integers(len(texts)))]
            pauses = tuple(
                round(float(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)), 3) for _ in words.split("|")[1:]
            )
            said = Spoken(voice.name, words, pauses)
            seconds = len(spoken(said)) / RATE_HZ
            paused = scene(
                name, family="turn with pauses", kind=f"{kind}, {detection}", wanted=Wanted.ONE_TURN,
                set_=set_of_voice(voice), sound=said, seconds=seconds, level_db=-24,
                client=CLIENTS[(seed + len(voice.name)) % 2],
            )  # fmt: skip
            yield replace(
                paused, reply=None, answered=True, turn_detection=detection, at_s=1.0, seconds=1 + seconds + ANSWERED_S
            )
