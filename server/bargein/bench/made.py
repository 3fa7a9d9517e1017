"""Sounds that are no speech, made by calculation from a seed: what people do beside talking, and what is around them.

They are likenesses, not recordings: folders of recordings bring the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.bench.scene import Made, Spoken
from bargein.bench.voices import callers, spoken
from bargein.bench.waves import RATE_HZ, Sound, at_level, looped, nothing, over, samples, seeded, shaped

Chance = np.random.Generator
_LEVEL_DB: Final = -20.0
_TALK: Final = (
    "so I told him that the train would not be there before nine in the evening",
    "the weather will be cloudy in the morning with some rain in the north",
    "and then they went over to the other house and asked for the keys again",
    "prices have risen by two percent since the beginning of the year",
    "have you seen where I put the small blue box with the letters",
)


def _time(seconds: float) -> npt.NDArray[np.float64]:
    return np.arange(samples(seconds)) / RATE_HZ


def _arc(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Up from nothing and down again."""
    return np.asarray(np.maximum(np.sin(np.pi * at / at[-1]), 0))


def _burst(seconds: float, centres: tuple[float, ...], width: float, decay: float, rng: Chance) -> Sound:
    """Noise through resonances, that dies away."""

    def gain(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.sum([1 / (1 + ((hz - centre) / width) ** 2) for centre in centres], axis=0))

    at = _time(seconds)
    envelope = np.minimum(at / 0.006, 1) * np.exp(-at / decay)
    return np.asarray(shaped(len(at), gain, rng) * envelope, np.float32)


def cough(rng: Chance) -> Sound:
    """One to three explosions of breath, each with a voiceless tail."""
    whole = nothing(1.4)
    at = 0.0
    for _ in range(int(rng.integers(1, 4))):
        centres = (rng.uniform(350, 700), rng.uniform(1100, 1900), rng.uniform(2400, 3600))
        whole = over(whole, _burst(rng.uniform(0.18, 0.35), centres, rng.uniform(200, 500), 0.07, rng), at)
        at += rng.uniform(0.28, 0.42)
    return whole[: samples(at)]


def sneeze(rng: Chance) -> Sound:
    """A short drawn breath, and a burst with hiss."""
    breath = _burst(rng.uniform(0.2, 0.4), (1500.0,), 900, 0.3, rng) * np.float32(0.15)
    burst = _burst(rng.uniform(0.25, 0.4), (900.0, rng.uniform(3000, 5000)), 1200, 0.1, rng)
    return np.concatenate([breath, burst])


def _throat(hz: float) -> float:
    """How strong a voice's harmonic is: of an open mouth."""
    return float(np.exp(-(((hz - 750) / 400) ** 2)) + 0.5 * np.exp(-(((hz - 1300) / 500) ** 2)) + 0.03)


def laughter(rng: Chance) -> Sound:
    """Ha ha ha: syllables of breath and voice, five a second, falling in pitch and strength."""
    pitch, count = rng.uniform(140, 330), int(rng.integers(3, 8))
    whole = nothing(count * 0.21 + 0.2)
    for number in range(count):
        at = _time(0.13)
        hz = pitch * (1 - 0.04 * number) * (1 + 0.1 * np.exp(-at / 0.03))
        phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
        harmonics = range(1, int(4000 / pitch))
        formants = [_throat(n * pitch) for n in harmonics]
        voice = np.sum([gain * np.sin(n * phase) for n, gain in zip(harmonics, formants, strict=True)], axis=0)
        breath = rng.standard_normal(len(at)) * 0.25
        envelope = _arc(at) ** 0.6 * 0.92**number
        whole = over(whole, np.asarray((voice + breath) * envelope, np.float32), number * rng.uniform(0.19, 0.21))
    return whole


def knock(rng: Chance) -> Sound:
    """Two to four on a door."""
    whole = nothing(1.2)
    pitch = rng.uniform(90, 300)
    for number in range(int(rng.integers(2, 5))):
        at = _time(0.2)
        blow = np.sin(2 * np.pi * pitch * at) * np.exp(-at / rng.uniform(0.015, 0.04))
        click = rng.standard_normal(len(at)) * np.exp(-at / 0.004) * 0.4
        whole = over(whole, np.asarray(blow + click, np.float32), number * rng.uniform(0.17, 0.24))
    return whole


def clap(rng: Chance) -> Sound:
    """One to five, of hands."""
    whole = nothing(1.5)
    for number in range(int(rng.integers(1, 6))):
        blow = _burst(0.12, (rng.uniform(900, 1800), rng.uniform(2000, 3500)), 900, 0.018, rng)
        whole = over(whole, blow, number * rng.uniform(0.2, 0.28))
    return whole


def keys(rng: Chance) -> Sound:
    """Typing for two seconds."""
    whole = nothing(2.2)
    at = 0.0
    while at < 2.0:
        press = _burst(0.05, (rng.uniform(1500, 4500),), 1500, 0.008, rng) * np.float32(rng.uniform(0.4, 1))
        whole = over(whole, press, at)
        at += rng.uniform(0.07, 0.25)
    return whole


def tap(rng: Chance) -> Sound:
    """A knock against the microphone."""
    at = _time(0.25)
    low = np.sin(2 * np.pi * rng.uniform(40, 120) * at) * np.exp(-at / rng.uniform(0.02, 0.06))
    return np.asarray(low + rng.standard_normal(len(at)) * np.exp(-at / 0.01) * 0.5, np.float32)


def bark(rng: Chance) -> Sound:
    """A dog: short barks, with a pitch that rises and falls."""
    whole = nothing(1.8)
    pitch = rng.uniform(280, 700)
    for number in range(int(rng.integers(1, 4))):
        at = _time(rng.uniform(0.12, 0.22))
        arc = _arc(at)
        phase = 2 * np.pi * np.cumsum(pitch * (0.7 + 0.5 * arc)) / RATE_HZ
        voice = np.sum([np.sin(n * phase + n) / n**0.7 for n in range(1, 8)], axis=0)
        noise = rng.standard_normal(len(at))
        whole = over(whole, np.asarray((voice + 1.2 * noise) * arc**0.5, np.float32), number * rng.uniform(0.4, 0.55))
    return whole


def tones(rng: Chance) -> Sound:
    """A telephone's keys: pairs of tones, a tenth of a second each."""
    rows, columns = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0)
    parts = []
    for _ in range(int(rng.integers(2, 8))):
        at = _time(rng.uniform(0.08, 0.2))
        parts.append(np.sin(2 * np.pi * rng.choice(rows) * at) + np.sin(2 * np.pi * rng.choice(columns) * at))
        parts.append(np.zeros(samples(rng.uniform(0.05, 0.15))))
    return np.asarray(np.concatenate(parts), np.float32)


def alarm(rng: Chance) -> Sound:
    """A clock's or an oven's: a steady beep, on and off."""
    pitch, period = rng.uniform(800, 3000), rng.uniform(0.15, 0.5)
    at = _time(rng.uniform(1.5, 3.5))
    square = sum(np.sin(2 * np.pi * pitch * n * at) / n for n in (1, 3, 5))
    return np.asarray(square * ((at % period) < period / 2), np.float32)


def ring(rng: Chance) -> Sound:
    """A telephone: two tones that beat, a second long."""
    at = _time(2.2)
    low = rng.uniform(400, 480)
    tone = np.sin(2 * np.pi * low * at) + np.sin(2 * np.pi * (low + rng.uniform(20, 60)) * at)
    return np.asarray(tone * ((at % 1.2) < 0.9), np.float32)


def siren(rng: Chance) -> Sound:
    at = _time(3.0)
    hz = 900 + 450 * np.sin(2 * np.pi * at * rng.uniform(0.3, 2.0))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    return np.asarray(np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase), np.float32)


def _coloured(seconds: float, low_hz: float, high_hz: float, slope: float, rng: Chance) -> Sound:
    def gain(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        hz = np.maximum(hz, 1)
        return np.asarray((hz / 1000) ** slope / (1 + (low_hz / hz) ** 4) / (1 + (hz / high_hz) ** 4))

    return shaped(samples(seconds), gain, rng)


def rain(seconds: float, rng: Chance) -> Sound:
    """A hiss with drops in it."""
    hiss = at_level(_coloured(seconds, 400, 9000, 0.1, rng), -30)
    drops = nothing(seconds)
    for at in rng.uniform(0, seconds, int(seconds * 30)):
        drops = over(drops, _burst(0.02, (rng.uniform(1500, 6000),), 1500, 0.004, rng) * np.float32(0.5), float(at))
    return hiss + at_level(drops, -30)


def engine(seconds: float, rng: Chance) -> Sound:
    """A saw, a drill, a vacuum cleaner: a harmonic drone that wavers, and noise."""
    at = _time(seconds)
    hz = rng.uniform(70, 180) * (1 + 0.12 * np.sin(2 * np.pi * at * rng.uniform(0.2, 0.9)))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    drone = np.sum([np.sin(n * phase + n * n) / n**0.6 for n in range(1, 30)], axis=0)
    return at_level(np.asarray(drone, np.float32), -24) + at_level(_coloured(seconds, 200, 5000, -0.2, rng), -30)


def fan(seconds: float, rng: Chance) -> Sound:
    return _coloured(seconds, 60, 3000, -0.5, rng)


def street(seconds: float, rng: Chance) -> Sound:
    """A rumble, with cars that come and go."""
    whole = at_level(_coloured(seconds, 40, 1500, -0.6, rng), -32)
    for at in np.arange(rng.uniform(0, 3), seconds, rng.uniform(3, 6)):
        length = rng.uniform(2, 5)
        arc = _arc(_time(length)) ** 2
        whole = over(whole, np.asarray(at_level(_coloured(length, 100, 2500, -0.3, rng), -24) * arc, np.float32), at)
    return whole


def music(seconds: float, rng: Chance) -> Sound:
    """Chords, a bass and a beat, two to the second."""
    beat = rng.uniform(0.4, 0.6)
    roots = rng.permutation([220.0, 196.0, 174.6, 261.6])
    whole = nothing(seconds)
    for number, start in enumerate(np.arange(0, seconds, beat)):
        root = roots[(number // 4) % 4]
        at = _time(beat * 1.4)
        notes = [root, root * rng.choice([1.26, 1.19]), root * 1.5, root * 2 * rng.choice([1, 1.125, 1.26, 1.5])]
        chord = sum(np.sin(2 * np.pi * note * at * k) / k for note in notes for k in (1, 2, 3))
        bass = 3 * np.sin(2 * np.pi * root / 2 * at)
        drum = rng.standard_normal(len(at)) * np.exp(-at / (0.02 if number % 2 else 0.05)) * 3
        envelope = np.minimum(at / 0.01, 1) * np.exp(-at / (beat * 0.8))
        whole = over(whole, np.asarray((chord + bass) * envelope + drum, np.float32), float(start))
    return whole


def television(seconds: float, rng: Chance) -> Sound:
    """One voice after another, over music, as a loudspeaker in the same room plays them."""
    return over(at_level(music(seconds, rng), -34), at_level(_talk(seconds, rng), -22), 0)


def babble(seconds: float, rng: Chance) -> Sound:
    """Six people at once."""
    return np.asarray(np.sum([np.roll(_talk(seconds, rng), rng.integers(0, RATE_HZ)) for _ in range(6)], 0), np.float32)


def _talk(seconds: float, rng: Chance) -> Sound:
    voices = callers()
    parts: list[Sound] = []
    while sum(map(len, parts)) < samples(seconds):
        voice = voices[int(rng.integers(len(voices)))]
        parts += [spoken(Spoken(voice.name, str(rng.choice(_TALK)))), nothing(rng.uniform(0.1, 0.5))]
    return np.concatenate(parts)[: samples(seconds)]


MAKERS: Final[dict[str, Callable[[Chance], Sound]]] = {
    maker.__name__: maker
    for maker in (cough, sneeze, laughter, knock, clap, keys, tap, bark, tones, alarm, ring, siren)
}
BACKGROUNDS: Final[dict[str, Callable[[float, Chance], Sound]]] = {
    maker.__name__: maker for maker in (rain, engine, fan, street, music, television, babble)
}


def made(what: Made) -> Sound:
    """The sound, about -20 dBFS loud."""
    rng = seeded(what.what, what.seed)
    if what.what in BACKGROUNDS:
        return at_level(looped(BACKGROUNDS[what.what](what.seconds, rng), what.seconds), _LEVEL_DB)
    return at_level(MAKERS[what.what](rng), _LEVEL_DB)
