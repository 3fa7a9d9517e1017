"""One's own voice where the walls have blurred it, and somebody else's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bargein.core.echo_guard import ECHO_LIKENESS, ECHO_SHAPE
from bargein.sound.echo import likeness
from bargein.sound.echo_shape import HOP_SAMPLES, match
from bargein.sound.resample import resample
from support.sounds import at_level, speech

Sound = npt.NDArray[np.float64]
RATE_HZ = 8_000
COUNT = RATE_HZ // 2


def narrow(sound: Sound) -> Sound:
    return resample(sound.astype(np.int16), 24_000, RATE_HZ).astype(np.float64)


SAID = narrow(speech("Once upon a time, in a small town by the sea, there lived a clockmaker who never slept."))
STARTS = range(RATE_HZ, len(SAID) - 2 * COUNT, 1200)


def around(start: int) -> Sound:
    return SAID[max(0, start - RATE_HZ) : start + COUNT + 1600]


def between_bare_walls(reverberation_s: float) -> Sound:
    """Nearly all of what is heard comes from the walls: 13 to 19 dB more than straight from the loudspeaker."""
    rng = np.random.default_rng(11)
    at_s = np.arange(int(0.4 * RATE_HZ)) / RATE_HZ
    room = rng.normal(0, 0.5, len(at_s)) * np.exp(-6.9 * at_s / reverberation_s)
    room[0] = 1.0
    sound = np.convolve(SAID, room)[: len(SAID)]
    scaled: Sound = sound / np.std(sound) * np.std(SAID)
    return scaled


@pytest.mark.parametrize("level", [0.5, 0.03])
@pytest.mark.parametrize("reverberation_s", [0.3, 0.6, 1.0])
def test_an_echo_is_known_between_bare_walls(reverberation_s: float, level: float) -> None:
    heard = level * between_bare_walls(reverberation_s)
    found = [match(heard[start : start + COUNT], around(start))[0] for start in STARTS]
    assert np.median(found) > ECHO_SHAPE


@pytest.mark.parametrize("level", [0.5, 0.03])
@pytest.mark.parametrize("reverberation_s", [0.3, 0.6, 1.0])
def test_the_echo_of_a_reply_s_first_word_is_known_between_bare_walls(reverberation_s: float, level: float) -> None:
    """There all of it rises out of silence: a third of a second is enough."""
    silence = np.zeros(COUNT)
    first = np.concatenate((silence, level * between_bare_walls(reverberation_s)))[: COUNT + int(0.34 * RATE_HZ)]
    assert match(first[-COUNT:], np.concatenate((silence, SAID[: RATE_HZ // 2])))[0] > ECHO_SHAPE


def test_no_short_filter_would_know_it() -> None:
    heard = 0.1 * between_bare_walls(1.0)
    found = [likeness(heard[start : start + COUNT], around(start)) for start in STARTS]
    assert np.median(found) < ECHO_LIKENESS


def test_it_is_found_where_it_was_said() -> None:
    heard = 0.1 * between_bare_walls(0.6)
    for start in STARTS:
        _, at = match(heard[start : start + COUNT], around(start))
        assert abs(at - min(start, RATE_HZ)) <= 2 * HOP_SAMPLES


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-gb+m3"])
def test_another_voice_has_another_shape_even_with_the_same_words(voice: str) -> None:
    other = narrow(speech("Wait, stop, I wanted to ask something else, in a small town by the sea.", voice))
    found = [match(other[at : at + COUNT], around(start))[0] for start in STARTS for at in range(0, 8000, 800)]
    assert np.quantile(found, 0.98) < ECHO_SHAPE


def test_who_talks_over_an_echo_is_not_taken_for_it() -> None:
    echo = 0.1 * between_bare_walls(0.6)
    other = narrow(speech("Wait, stop, I wanted to ask something else, please.", "en-us+f3"))
    other *= 2 * np.std(echo) / np.std(other)
    found = [match(echo[start : start + COUNT] + other[1600 : 1600 + COUNT], around(start))[0] for start in STARTS]
    assert np.quantile(found, 0.9) < ECHO_SHAPE


@pytest.mark.parametrize("level_db", [-30, -50])
def test_what_lies_below_the_voice_hides_no_echo(level_db: float) -> None:
    """At -20 dB of the loudspeaker, into a microphone with an offset or a hum."""
    at_s = np.arange(len(SAID)) / RATE_HZ
    hum = at_level(np.sin(2 * np.pi * 50 * at_s) + np.sin(2 * np.pi * 100 * at_s), level_db) + 500
    heard = 0.1 * between_bare_walls(0.6) + hum
    found = [match(heard[start : start + COUNT], around(start))[0] for start in STARTS]
    assert np.median(found) > ECHO_SHAPE


@pytest.mark.parametrize("heard", [np.zeros(COUNT), np.full(COUNT, 300.0), np.zeros(100)])
def test_silence_is_like_nothing(heard: Sound) -> None:
    assert match(heard, SAID)[0] < ECHO_SHAPE


def test_nothing_is_like_silence() -> None:
    assert match(SAID[RATE_HZ : RATE_HZ + COUNT], np.zeros(2 * RATE_HZ))[0] < ECHO_SHAPE
    assert match(SAID[:COUNT], SAID[:100]) == (0.0, 0)
