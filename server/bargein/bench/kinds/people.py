"""People over a reply: who want to speak, and who only nod or laugh."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from bargein.bench.scene import Channel, Client, Made, Scene, Set, Source, Spoken, Wanted
from bargein.bench.voices import ODD, VOICES, Voice, callers, spoken
from bargein.bench.waves import RATE_HZ, seeded

CLIENTS: Final[tuple[Client, ...]] = ("plain", "bargein.v1")
REPLIES: Final = ("bella", "carl", "adam", "fay")
"""Voices of the agent."""
SENTENCES: Final = (
    "no that is not what I meant",
    "can I ask you something else",
    "wait a moment, I have a question",
    "please tell me about the weather instead",
    "sorry, could you say that again",
    "I would like to speak to somebody",
    "actually I need to change my order",
    "how much does it cost",
)
SHORT: Final = ("excuse me", "hold on", "that's enough", "go back", "what time", "not that", "hang on", "one moment")
COMMANDS: Final = ("stop", "wait", "no", "stop it", "hold on", "excuse me")
NODS: Final = (
    "mm hmm", "uh huh", "yeah", "yes", "right", "okay", "sure", "I see", "got it", "oh really", "hmm", "aha", "alright",
)  # fmt: skip
NOISES: Final = ("fan", "rain", "street", "music", "babble", "engine")
LONG_S: Final = 1.0
MEDIUM_S: Final = 0.45
AFTER_S: Final = 3.2
"""A call goes on for so long after what happens in it."""


def people(seeds: int) -> Iterator[Scene]:
    """All of them."""
    yield from _interruptions(seeds)
    yield from _in_noise(seeds)
    yield from _hard_to_hear(seeds)
    yield from _short_words(seeds)
    yield from _laughs(seeds)


def length_class(seconds: float) -> str:
    """How long an interruption is, as it matters: what goes on, what may be a word, what is one."""
    return ">=1s" if seconds >= LONG_S else ">=0.45s" if seconds >= MEDIUM_S else "<0.45s"


def scene(  # noqa: PLR0913  # one for each field
    name: str,
    *,
    family: str,
    kind: str,
    wanted: Wanted,
    set_: Set,
    sound: Source,
    seconds: float,
    level_db: float = -24.0,
    noise: Source | None = None,
    snr_db: float = 0.0,
    client: Client = "plain",
    channel: Channel = "wide",
    room_db: float = -65.0,
) -> Scene:
    """One that happens over a reply, a while after it began: when, and whose reply, is chance."""
    rng = seeded("scene", name)
    return Scene(
        name=name,
        family=family,
        kind=kind,
        wanted=wanted,
        set=set_,
        sound=sound,
        at_s=(at_s := round(float(rng.uniform(1.6, 2.8)), 4)),
        level_db=level_db,
        seconds=at_s + seconds + AFTER_S,
        reply=REPLIES[int(rng.integers(len(REPLIES)))],
        client=client,
        channel=channel,
        noise=noise,
        snr_db=snr_db,
        room_db=room_db,
    )


def set_of_voice(voice: Voice) -> Set:
    return "report" if voice.for_report else "tune"


def _interruptions(seeds: int) -> Iterator[Scene]:
    """By level and length, in a quiet room."""
    numbers = itertools.count()
    for voice, level_db, seed in itertools.product(callers(), (-15, -22, -30, -40), range(seeds)):
        for words in (SENTENCES, SHORT):
            number = next(numbers)
            said = Spoken(voice.name, words[(number + seed) % len(words)])
            for client in CLIENTS:
                yield _speech(
                    f"quiet/{voice.name}/{level_db}/{said.words}/{seed}/{client}",
                    voice, said, "quiet", level_db=level_db, client=client,
                )  # fmt: skip


def _in_noise(seeds: int) -> Iterator[Scene]:
    numbers = itertools.count()
    for what, snr_db, voice, seed in itertools.product(NOISES, (20, 10, 5), callers(), range(seeds)):
        number = next(numbers)
        words = (SENTENCES, SHORT)[number % 2]
        said = Spoken(voice.name, words[number // 2 % len(words)])
        noise_seed = 3 * (number % 3) + (2 if voice.for_report else number % 2)
        yield _speech(
            f"{what} {snr_db} dB/{voice.name}/{said.words}/{seed}",
            voice, said, f"{what} {snr_db} dB", level_db=-22, client=CLIENTS[number // 2 % 2],
            noise=Made(what, noise_seed, 8.0), snr_db=snr_db,
        )  # fmt: skip


def _hard_to_hear(seeds: int) -> Iterator[Scene]:
    for name, seed, client in itertools.product(ODD, range(3 * seeds), CLIENTS):
        voice = VOICES[name]
        said = Spoken(name, SENTENCES[(seed + len(name)) % len(SENTENCES)])
        level_db = -34 if name.startswith("whisper") else -26
        kind = name.removesuffix("-2")
        yield _speech(
            f"{kind}/{name}/{said.words}/{seed}/{client}", voice, said, kind, level_db=level_db, client=client
        )
    channels: tuple[Channel, ...] = ("telephone", "clipped")
    for voice, channel, seed in itertools.product(callers(), channels, range(2 * seeds)):
        said = Spoken(voice.name, (SENTENCES, SHORT)[seed % 2][(seed + len(voice.name)) % 8])
        client = CLIENTS[seed // 2 % 2]
        level_db = -6 if channel == "clipped" else -24
        yield _speech(
            f"{channel}/{voice.name}/{said.words}/{seed}", voice, said, channel,
            level_db=level_db, client=client, channel=channel,
        )  # fmt: skip


def _speech(  # noqa: PLR0913  # one for each field
    name: str,
    voice: Voice,
    said: Spoken,
    kind: str,
    *,
    level_db: float,
    client: Client,
    noise: Source | None = None,
    snr_db: float = 0.0,
    channel: Channel = "wide",
) -> Scene:
    seconds = len(spoken(said)) / RATE_HZ
    return scene(
        f"interruption/{name}",
        family=f"interruption {length_class(seconds)}",
        kind=kind,
        wanted=Wanted.YIELD,
        set_=set_of_voice(voice),
        sound=said,
        seconds=seconds,
        level_db=level_db,
        noise=noise,
        snr_db=snr_db,
        client=client,
        channel=channel,
    )


def _short_words(seeds: int) -> Iterator[Scene]:
    for number, (voice, words, seed) in enumerate(itertools.product(callers(), COMMANDS, range(seeds))):
        said = Spoken(voice.name, words)
        yield scene(
            f"command/{voice.name}/{words}/{seed}",
            family="command", kind=words, wanted=Wanted.YIELD, set_=set_of_voice(voice), sound=said,
            seconds=len(spoken(said)) / RATE_HZ, level_db=(-22, -28)[(number + seed) % 2], client=CLIENTS[number % 2],
        )  # fmt: skip
    for number, (voice, words, seed) in enumerate(itertools.product(callers(), NODS, range(seeds))):
        said = Spoken(voice.name, words)
        yield scene(
            f"backchannel/{voice.name}/{words}/{seed}",
            family="backchannel", kind=words, wanted=Wanted.SURVIVE, set_=set_of_voice(voice), sound=said,
            seconds=len(spoken(said)) / RATE_HZ, level_db=(-24, -30)[(number + seed) % 2], client=CLIENTS[number % 2],
        )  # fmt: skip


def _laughs(seeds: int) -> Iterator[Scene]:
    for seed in range(18 * seeds):
        yield scene(
            f"laughter/made/{seed}",
            family="laughter", kind="laughter made", wanted=Wanted.SURVIVE, set_=set_of_seed(seed),
            sound=Made("laughter", seed), seconds=1.8, level_db=(-22, -28)[seed % 2], client=CLIENTS[seed // 2 % 2],
        )  # fmt: skip


def set_of_seed(seed: int) -> Set:
    return "report" if seed % 3 == 2 else "tune"
