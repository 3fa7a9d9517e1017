"""What the detector hears: the same from C and from numpy, and never beyond full scale."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from bargein.build import is_compiled
from bargein.sound.levels import power_db
from bargein.sound.narrowing import IN_C, Narrower, narrower
from bargein.sound.resample import UNITY, low_pass_taps
from support.sounds import pcm16, room, speech, within

CHUNK_SAMPLES = 480


def narrowed(sound: bytes, narrower: Narrower, *, in_numpy: bool) -> tuple[npt.NDArray[np.int16], list[float]]:
    """All of a sound, chunk by chunk, and the mean square of each."""
    narrow = narrower.narrow_in_numpy if in_numpy else narrower.narrow
    past, pieces, mean_squares = bytes(narrower.past_bytes), [], []
    for start in range(0, len(sound), 2 * CHUNK_SAMPLES):
        chunk = sound[start : start + 2 * CHUNK_SAMPLES]
        kept, mean_square = narrow(past, chunk)
        past = chunk[-narrower.past_bytes :]
        pieces.append(np.frombuffer(kept, np.int16))
        mean_squares.append(mean_square)
    return np.concatenate(pieces), mean_squares


def noise(rms: float) -> bytes:
    samples = np.random.default_rng(7).normal(0, rms, 50 * CHUNK_SAMPLES)
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def test_a_compiled_package_has_it_in_c() -> None:
    assert is_compiled() == IN_C


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_the_taps_are_whole_and_their_sums_fit(factor: int) -> None:
    taps = low_pass_taps(factor).astype(np.float64) * UNITY
    assert (taps == np.rint(taps)).all()
    assert taps.sum() == UNITY
    assert np.abs(taps).sum() < 2 * UNITY  # So a sum of 16-bit samples fits into 32 bits.


@pytest.mark.parametrize("rms", [0, 0.5, 33, 300])
def test_quiet_sound_is_exact(rms: float) -> None:
    """Both ways give what the filter gives in exact arithmetic."""
    sound = noise(rms)
    samples = np.concatenate((np.zeros(45), np.frombuffer(sound, "<i2"))).astype(np.float64)
    exact = np.convolve(samples, low_pass_taps(3).astype(np.float64)[::-1], "valid")[::3]
    for in_numpy in (False, True):
        kept, mean_squares = narrowed(sound, narrower(3, CHUNK_SAMPLES), in_numpy=in_numpy)
        assert (kept == exact.astype(np.int16)).all()
        assert math.isclose(np.mean(mean_squares), np.mean(exact**2), rel_tol=1e-3, abs_tol=1e-3)


@pytest.mark.parametrize("voice", ["en-us", "en-gb+m3"])
def test_speech_is_the_same_from_c_and_from_numpy(voice: str) -> None:
    said = pcm16(within(room(4000, -60), 500, speech("Wait, stop, I wanted to ask something else.", voice)))
    said = said[: len(said) - len(said) % (2 * CHUNK_SAMPLES)]
    kept, mean_squares = narrowed(said, narrower(3, CHUNK_SAMPLES), in_numpy=False)
    expected, expected_squares = narrowed(said, narrower(3, CHUNK_SAMPLES), in_numpy=True)
    assert np.abs(kept.astype(int) - expected).max() <= 1
    for found, wanted in zip(mean_squares, expected_squares, strict=True):
        assert power_db(found) == pytest.approx(power_db(wanted), abs=0.01)


@pytest.mark.parametrize("in_numpy", [False, True])
def test_what_the_filter_overshoots_is_cut_off_at_full_scale(in_numpy: bool) -> None:
    """A square wave at full scale rings beyond it: wrapped around, it would be a click in the detector's ear."""
    square = np.repeat([32767, -32768] * 200, 120).astype("<i2")
    kept, _ = narrowed(square.tobytes(), narrower(3, CHUNK_SAMPLES), in_numpy=in_numpy)
    assert kept.max() == 32767
    assert kept.min() == -32768
    middle = kept[40:].reshape(-1, 40)[:, 18:38]  # Of each half wave, away from its edges.
    assert (np.sign(middle) == np.sign(middle[:, :1])).all()


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
def test_what_does_not_fit_together_is_refused() -> None:
    from bargein.sound._narrowing import narrow  # noqa: PLC0415 - only there where it is compiled.

    taps = bytes(2 * 48)
    for past, chunk, factor in ((92, 960, 3), (90, 958, 3), (90, 0, 3), (96, 960, 0), (90, 8190, 3)):
        with pytest.raises(ValueError, match="do not fit together"):
            narrow(bytes(past), bytes(chunk), taps, factor)
    with pytest.raises(TypeError, match="past must be the bytes of whole 16-bit samples"):
        narrow(bytes(89), bytes(960), taps, 3)
    assert narrow(bytes(90), bytes(960), taps, 3) == (bytes(320), 0.0)
