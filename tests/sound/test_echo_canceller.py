"""Taking an echo out of a microphone: what is left of it, and of those who speak over it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bargein.sound.echo_canceller import EchoCanceller
from bargein.sound.levels import mean_square_of, power_db
from bargein.sound.resample import resample
from support.echo_room import walls
from support.sounds import RATE_HZ, at_level, room, speech

Sound = npt.NDArray[Any]
STORY = "Once upon a time, in a small town by the sea, there lived a clockmaker who never slept. Every night he walked."
BLOCK = RATE_HZ // 50
SAID = np.tile(at_level(speech(STORY), -22), 2)
LATE = np.zeros(RATE_HZ // 50)
ECHO = 0.5 * np.convolve(np.concatenate((LATE, SAID)), walls(0.2, 0.04))[: len(SAID)]
NOISE = room(len(SAID) * 1000 // RATE_HZ + 1, -65)[: len(SAID)]


def blocks(sound: Sound) -> list[npt.NDArray[np.float32]]:
    exact = sound.astype(np.float32)
    return [exact[at : at + BLOCK] for at in range(0, len(exact) - BLOCK + 1, BLOCK)]


def left_of(heard: Sound, said: Sound, canceller: EchoCanceller | None = None) -> tuple[Sound, list[float]]:
    """What is left, and how loud an echo was expected, block by block."""
    canceller = canceller or EchoCanceller(RATE_HZ)
    left, expected_db = [], []
    for near, far in zip(blocks(heard), blocks(said), strict=True):
        if canceller.plays(far):
            part = canceller.cancel(near)
            canceller.follow(part)
        else:
            part = near
        left.append(part)
        expected_db.append(canceller.echo_db)
    return np.concatenate(left).astype(np.float64), expected_db


def level_db(sound: Sound) -> float:
    """Below 4 kHz, as a voice detector hears it."""
    spectrum = np.fft.rfft(sound)[: len(sound) // 6]
    return power_db(2 * float(np.vdot(spectrum, spectrum).real) / len(sound) ** 2)


def below_4_khz(sound: Sound) -> Sound:
    return resample(np.clip(sound, -32768, 32767).astype(np.int16), RATE_HZ, 8_000).astype(np.float64)


def test_an_echo_is_taken_out_within_seconds() -> None:
    left, _ = left_of(ECHO + NOISE, SAID)
    late = slice(4 * RATE_HZ, None)
    assert level_db(left[late]) < level_db(ECHO[late]) - 18


def db_of(sound: Sound) -> npt.NDArray[np.float64]:
    """Of each block."""
    return np.array([level_db(part.astype(np.float64)) for part in blocks(sound)])


def test_what_is_expected_of_the_echo_is_no_less_than_what_is_left_of_it() -> None:
    left, expected_db = left_of(ECHO + NOISE, SAID)
    left_db = db_of(left)
    assert np.mean((left_db > -52) & (left_db > expected_db)) < 0.03


def test_a_caller_who_is_weaker_than_the_echo_passes_unchanged() -> None:
    caller = at_level(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"), level_db(ECHO) - 6)
    start = 6 * RATE_HZ
    heard = ECHO + NOISE
    heard[start : start + len(caller)] += caller
    left, expected_db = left_of(heard, SAID)
    alike = np.corrcoef(below_4_khz(left[start : start + len(caller)]), below_4_khz(caller))[0, 1]
    assert alike > 0.9
    during = slice(start // BLOCK, (start + len(caller)) // BLOCK)
    louder = db_of(caller)[: during.stop - during.start] > expected_db[during]
    assert louder[:12].all(), "a quarter of a second: enough to be confirmed"


def test_nothing_is_made_louder_by_an_echo_that_was_never_there() -> None:
    caller = np.tile(at_level(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"), -26), 8)[: len(SAID)]
    left, _ = left_of(caller, SAID[: len(caller)])
    caller = caller[: len(left)]
    assert level_db(left) > level_db(caller) - 1
    assert level_db(left - caller) < level_db(caller) - 10


def test_where_nothing_is_played_nothing_is_expected_and_nothing_changed() -> None:
    left, expected_db = left_of(NOISE, np.zeros(len(NOISE)))
    assert np.array_equal(left, NOISE.astype(np.float32)[: len(left)])
    assert set(expected_db) == {-math.inf}


def test_a_muted_microphone_teaches_nothing() -> None:
    canceller = EchoCanceller(RATE_HZ)
    half = len(SAID) // 2 // BLOCK * BLOCK
    left_of(ECHO[:half] + NOISE[:half], SAID[:half], canceller)
    left_of(np.zeros(3 * RATE_HZ), SAID[: 3 * RATE_HZ], canceller)
    left, _ = left_of(ECHO[half:] + NOISE[half:], SAID[half:], canceller)
    second = slice(RATE_HZ, 2 * RATE_HZ)
    assert level_db(left[second]) < level_db(ECHO[half:][second]) - 12


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_any_rate_is_served(rate_hz: int) -> None:
    canceller = EchoCanceller(rate_hz)
    said = resample(SAID.astype(np.int16), RATE_HZ, rate_hz)
    echo = 0.5 * np.concatenate((np.zeros(rate_hz // 100), said)).astype(np.float64)
    heard, left = [], []
    for at in range(0, 6 * rate_hz, canceller.block_samples):
        canceller.plays(said[at : at + canceller.block_samples].astype(np.float32))
        heard.append(echo[at : at + canceller.block_samples].astype(np.float32))
        left.append(canceller.cancel(heard[-1]))
    assert canceller.block_samples == rate_hz // 50
    assert mean_square_of(np.concatenate(left[-50:])) < 0.2 * mean_square_of(np.concatenate(heard[-50:]))
