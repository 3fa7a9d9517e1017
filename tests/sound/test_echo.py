"""One's own voice, from a loudspeaker, and somebody else's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bargein.sound.echo import likeness
from bargein.sound.resample import resample
from support.sounds import at_level, speech

Sound = npt.NDArray[np.float64]
TAKEN_FOR_ECHO = 0.3


def narrow(sound: Sound) -> Sound:
    return resample(sound.astype(np.int16), 24_000, 8_000).astype(np.float64)


SAID = narrow(speech("Once upon a time, in a small town by the sea, there lived a clockmaker who never slept."))
STARTS = range(3000, len(SAID) - 6000, 2000)


def around(start: int, count: int) -> Sound:
    """What was said from somewhat before ``start`` on."""
    return SAID[start - 3000 : start + count + 1600]


@pytest.mark.parametrize("level", [0.3, 0.03])
def test_an_echo_is_known_at_any_level(level: float) -> None:
    for start in STARTS:
        assert likeness(level * SAID[start : start + 2560], around(start, 2560)) > TAKEN_FOR_ECHO


def test_an_echo_is_known_in_a_noisy_room_with_walls() -> None:
    rng = np.random.default_rng(3)
    walls = rng.normal(0, 0.08, 1600) * np.exp(-6.9 * np.arange(1600) / 1600)
    walls[0] = 1
    room = np.convolve(SAID, walls)[: len(SAID)]
    found = []
    for start in STARTS:
        heard = 0.1 * room[start : start + 2560]
        found.append(likeness(heard + rng.normal(0, heard.std() / 5, 2560), around(start, 2560)))
    assert np.median(found) > TAKEN_FOR_ECHO


AT_S = np.arange(len(SAID)) / 8_000
BELOW_THE_VOICE = {
    "offset": np.full(len(SAID), 1500.0),
    "hum": at_level(np.sin(2 * np.pi * 50 * AT_S) + np.sin(2 * np.pi * 100 * AT_S), -24),
}


@pytest.mark.parametrize("below", BELOW_THE_VOICE)
def test_an_echo_is_known_beside_what_lies_below_the_voice(below: str) -> None:
    """At -20 dB of the loudspeaker, into a microphone with an offset or a hum."""
    hidden = BELOW_THE_VOICE[below]
    found = [likeness(0.1 * SAID[at : at + 2560] + hidden[at : at + 2560], around(at, 2560)) for at in STARTS]
    assert min(found) > TAKEN_FOR_ECHO


@pytest.mark.parametrize("below", BELOW_THE_VOICE)
def test_what_lies_below_both_voices_makes_no_echo(below: str) -> None:
    """The same hum, or an offset, in what was said and in what is heard is not the agent's voice."""
    hidden = BELOW_THE_VOICE[below]
    other = narrow(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"))
    for start in STARTS:
        at = 1600 + start % 4000
        said = around(start, 2560) + hidden[: 2560 + 4600]
        assert likeness(0.1 * other[at : at + 2560] + hidden[:2560], said) < TAKEN_FOR_ECHO


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-gb+m3"])
def test_another_voice_is_no_echo_even_with_the_same_words(voice: str) -> None:
    other = narrow(speech("Wait, stop, I wanted to ask something else, in a small town by the sea.", voice))
    found = [likeness(other[at : at + 2560], around(start, 2560)) for start in STARTS for at in range(0, 8000, 800)]
    assert np.quantile(found, 0.97) < TAKEN_FOR_ECHO


def test_a_caller_who_is_twice_as_loud_as_the_echo_is_no_echo() -> None:
    other = narrow(speech("Wait, stop, I wanted to ask something else.", "en-us+f3"))
    for start in STARTS:
        echo = 0.1 * SAID[start : start + 2560]
        at = 1600 + start % 4000
        caller = other[at : at + 2560]
        mixed = echo + 2 * echo.std() / caller.std() * caller
        assert likeness(mixed, around(start, 2560)) < TAKEN_FOR_ECHO


@pytest.mark.parametrize(("heard", "said"), [(0, 0), (100, 5000), (2560, 2560), (2560, 100)])
def test_too_little_to_compare_is_no_echo(heard: int, said: int) -> None:
    assert likeness(SAID[3000 : 3000 + heard], SAID[3000 : 3000 + said]) == 0.0


def test_silence_is_no_echo() -> None:
    assert likeness(np.zeros(2560), SAID[:8000]) == 0.0
    assert likeness(SAID[3000:5560], np.zeros(8000)) < 0.01
