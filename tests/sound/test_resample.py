"""Resampling: no sample too many or too few, no seam between chunks, no alias in the voice."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.sound.resample import Decimator, Resampler, decimate, resample

Samples = npt.NDArray[np.int16]


def tone(frequency_hz: float, rate_hz: int, duration_s: float = 1.0, amplitude: float = 16_000) -> Samples:
    at = np.arange(int(rate_hz * duration_s)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * at)).astype(np.int16)


def cut(samples: Samples, lengths: list[int]) -> list[Samples]:
    pieces, place = [], 0
    for length in lengths:
        pieces.append(samples[place : place + length])
        place += length
    return [*pieces, samples[place:]]


def level_db(samples: npt.NDArray[np.floating | np.int16]) -> float:
    exact = samples.astype(np.float64)
    return float(10 * np.log10(np.mean(exact**2) + 1e-9))


lengths = st.lists(st.integers(0, 1500), max_size=12)


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_decimator_gives_in_chunks_what_it_gives_of_the_whole(factor: int) -> None:
    sound = tone(440, 24_000, 0.4)
    whole = decimate(sound, factor)
    assert len(whole) == len(sound) // factor
    decimator = Decimator(factor, 480)
    padded = np.concatenate((np.zeros(decimator.past_samples, np.int16), sound))
    size = decimator.past_samples + 480
    chunks = [decimator.decimate(padded[start : start + size]).copy() for start in range(0, len(sound), 480)]
    assert np.allclose(np.concatenate(chunks), whole, atol=1e-2)


def test_a_decimator_needs_whole_blocks() -> None:
    with pytest.raises(ValueError, match="multiple of 48, got 500"):
        Decimator(3, 500)


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
def test_decimation_lets_no_alias_through(factor: int) -> None:
    for frequency_hz in range(5_000, 4_000 * factor, 250):
        sound = tone(frequency_hz, 8_000 * factor)
        assert level_db(decimate(sound, factor)[100:]) - level_db(sound) < -60


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
@pytest.mark.parametrize("frequency_hz", [100, 300, 1_000, 2_000, 3_000])
def test_decimation_keeps_the_voice(frequency_hz: int, factor: int) -> None:
    sound = tone(frequency_hz, 8_000 * factor)
    assert abs(level_db(decimate(sound, factor)[100:]) - level_db(sound)) < 1


@given(lengths=lengths, rates=st.sampled_from([(24_000, 8_000), (8_000, 24_000), (44_100, 24_000), (24_000, 24_000)]))
def test_resampler_neither_loses_nor_makes_samples(lengths: list[int], rates: tuple[int, int]) -> None:
    from_hz, to_hz = rates
    sound = tone(440, from_hz, 0.5)
    stream = Resampler(from_hz, to_hz)
    outputs = [stream.feed(piece) for piece in cut(sound, lengths)]
    outputs.append(stream.flush())
    assert all(output.dtype == np.int16 for output in outputs)
    assert abs(sum(map(len, outputs)) - len(sound) * to_hz / from_hz) <= 1


@pytest.mark.parametrize(("from_hz", "to_hz"), [(24_000, 8_000), (8_000, 24_000), (44_100, 24_000)])
def test_resampler_has_no_seams_and_does_not_shift(from_hz: int, to_hz: int) -> None:
    sound = tone(700, from_hz, 2.0)
    stream = Resampler(from_hz, to_hz)
    outputs = [stream.feed(sound[start : start + 441]) for start in range(0, len(sound), 441)]
    heard = np.concatenate([*outputs, stream.flush()]).astype(np.float64)
    expected = tone(700, to_hz, 2.0).astype(np.float64)[: len(heard)]
    inner = slice(to_hz // 10, len(heard) - to_hz // 10)
    assert level_db(heard[inner] - expected[inner]) - level_db(expected[inner]) < -60


def test_a_long_stream_does_not_drift() -> None:
    stream = Resampler(44_100, 24_000)
    chunk = tone(440, 44_100, 0.02)
    count = sum(len(stream.feed(chunk)) for _ in range(3_000)) + len(stream.flush())
    assert abs(count - 3_000 * len(chunk) * 24_000 / 44_100) <= 1


def test_a_whole_sound() -> None:
    sound = tone(440, 16_000, 0.1)
    assert resample(sound, 16_000, 16_000) is sound
    assert abs(len(resample(sound, 16_000, 24_000)) - 2_400) <= 1
