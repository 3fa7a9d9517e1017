"""Level and hiss, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.build import is_compiled
from bargein.sound.levels import SILENCE_DB, loudness
from bargein.sound.speech_curve import IN_C, speech_curve, speech_curve_in_numpy
from support.sounds import speech


def tone(frequency_hz: float, rate_hz: int, duration_s: float = 0.2) -> np.ndarray:
    times = np.arange(int(rate_hz * duration_s)) / rate_hz
    return (8000 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.int16)


@pytest.mark.parametrize(
    ("frequency_hz", "rate_hz", "hisses"),
    [(200, 24_000, False), (2_000, 24_000, False), (6_000, 24_000, True), (900, 8_000, False), (3_300, 8_000, True)],
)
def test_high_tones_hiss(frequency_hz: float, rate_hz: int, hisses: bool) -> None:
    _, found = speech_curve(tone(frequency_hz, rate_hz), rate_hz, 20)
    assert found == [hisses] * 10


def test_the_level_is_that_of_the_meter() -> None:
    samples = (tone(3_000, 24_000, 1.0) * np.repeat(np.linspace(0.01, 1, 50), 480)).astype(np.int16)
    levels_db, _ = speech_curve(samples, 24_000, 20)
    assert levels_db == pytest.approx(loudness(samples.astype("<i2").tobytes(), 24_000, 20), abs=0.01)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("below", ["offset", "50 Hz", "60 and 120 Hz"])
def test_what_lies_below_the_voice_hides_no_pause_and_no_hiss(below: str, rate_hz: int) -> None:
    vowel, hiss, pause = tone(220, rate_hz), tone(min(6_000, 0.4 * rate_hz), rate_hz) // 8, tone(220, rate_hz) // 1000
    said = np.concatenate((vowel, pause, hiss, pause, vowel))
    at_s = np.arange(len(said)) / rate_hz
    hidden = {
        "offset": np.full(len(said), 1114),
        "50 Hz": 800 * np.sin(2 * np.pi * 50 * at_s + 1),
        "60 and 120 Hz": 400 * np.sin(2 * np.pi * 60 * at_s + 2) + 400 * np.sin(2 * np.pi * 120 * at_s),
    }[below]
    levels_db, hisses = speech_curve((said + hidden).astype(np.int16), rate_hz, 20)
    plain_db, plain_hisses = speech_curve(said, rate_hz, 20)
    gate_db = max(levels_db) - 35
    assert [level_db > gate_db for level_db in levels_db] == [level_db > gate_db for level_db in plain_db]
    assert [on for on, level_db in zip(hisses, levels_db, strict=True) if level_db > gate_db] == [False] * 10 + [
        True
    ] * 10 + [False] * 10
    assert [on for on, level_db in zip(plain_hisses, plain_db, strict=True) if level_db > gate_db].count(True) == 10


def test_a_deep_voice_keeps_its_level() -> None:
    """80 Hz and its harmonics: what is left out of the level is the fundamental."""
    at_s = np.arange(24_000) / 24_000
    harmonics = np.sum([np.sin(2 * np.pi * 80 * number * at_s) / number for number in range(1, 30)], 0)
    above = harmonics - np.sin(2 * np.pi * 80 * at_s)
    levels_db, _ = speech_curve((4000 * harmonics).astype(np.int16), 24_000, 20)
    expected_db, _ = speech_curve((4000 * above).astype(np.int16), 24_000, 20)
    assert levels_db == pytest.approx(expected_db, abs=1.5)


def test_silence_is_silent_and_does_not_hiss() -> None:
    levels_db, hisses = speech_curve(np.zeros(960, np.int16), 24_000, 20)
    assert levels_db == pytest.approx([SILENCE_DB] * 2)
    assert hisses == [False] * 2


def test_less_than_a_step_is_nothing() -> None:
    assert speech_curve(np.ones(479, np.int16), 24_000, 20) == ([], [])


def test_a_compiled_package_has_it_in_c() -> None:
    assert is_compiled() == IN_C


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 32_000, 48_000])
@pytest.mark.parametrize("offset", [0, -9_000])
def test_c_and_numpy_find_the_same(rate_hz: int, offset: int) -> None:
    """In speech over a hum; an offset of a quarter of full scale costs numpy the last digits of what is quiet."""
    said = speech("She sells sea shells. Stop.")
    at_s = np.arange(len(said)) / rate_hz
    samples = np.clip(said / 2 + 900 * np.sin(2 * np.pi * 50 * at_s) + offset, -32768, 32767).astype("<i2")
    samples = samples[: len(samples) - len(samples) % (rate_hz // 50)]
    levels_db, hisses = speech_curve(samples, rate_hz, 20)
    threshold = 4.0 * np.sin(np.pi * min(4_400 / rate_hz, 0.3)) ** 2
    expected_db, expected = speech_curve_in_numpy(samples.reshape(-1, rate_hz // 50), 20, threshold)
    loud = np.array(expected_db) > max(expected_db) - 35.0
    assert np.array(levels_db)[loud] == pytest.approx(np.array(expected_db)[loud], abs=0.2)
    assert np.mean(np.array(hisses)[loud] != np.array(expected)[loud]) < 0.01


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
@pytest.mark.parametrize(("count", "step"), [(479, 480), (480, 0), (480, -4), (2048, 2048), (6, 3)])
def test_c_refuses_what_does_not_fit(count: int, step: int) -> None:
    from bargein.sound import _speech_curve  # noqa: PLC0415 - only there where the package was compiled

    with pytest.raises(ValueError, match="do not fit together"):
        _speech_curve.measure(bytes(2 * count), step, b"", b"", 1e-10, 1.0)
