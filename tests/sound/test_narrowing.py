"""What the detector hears: the same from C and from numpy, and never beyond full scale."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from bargein.build import is_compiled
from bargein.sound.g711 import ALAW_TO_PCM, ULAW_TO_PCM, pcm16_to_ulaw
from bargein.sound.levels import power_db
from bargein.sound.narrowing import IN_C, WINDOW_SAMPLES, Narrower, alaw_narrower, pcm_narrower, ulaw_narrower
from bargein.sound.resample import UNITY, low_pass_taps
from bargein.sound.voice_band import SECTIONS
from support.sounds import pcm16, room, speech, within

FACTORS = [1, 2, 3, 4, 6]


def narrowed(
    sound: bytes, narrower: Narrower, window_bytes: int, *, in_numpy: bool
) -> tuple[npt.NDArray[np.int16], list[float]]:
    """All of a sound, window by window, and the mean square of each."""
    narrow = narrower.narrow_in_numpy if in_numpy else narrower.narrow
    memory, pieces, mean_squares = narrower.new_memory(), [], []
    for start in range(0, len(sound) - window_bytes + 1, window_bytes):
        kept, mean_square = narrow(memory, sound[start : start + window_bytes])
        pieces.append(np.frombuffer(kept, np.int16))
        mean_squares.append(mean_square)
    return np.concatenate(pieces), mean_squares


def window_bytes(factor: int) -> int:
    return 2 * factor * WINDOW_SAMPLES


def noise(rms: float, offset: float = 0.0) -> bytes:
    samples = np.random.default_rng(7).normal(offset, rms, 50 * 3 * WINDOW_SAMPLES)
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def recursive(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The voice's band as the definition of the filter has it, sample by sample."""
    for b0, b1, b2, a1, a2 in SECTIONS.tolist():
        filtered = [0.0, 0.0]
        before = np.concatenate(([0.0, 0.0], sound))
        for at in range(len(sound)):
            ahead = b0 * before[at + 2] + b1 * before[at + 1] + b2 * before[at]
            filtered.append(ahead - a1 * filtered[-1] - a2 * filtered[-2])
        sound = np.array(filtered[2:])
    return sound


def test_a_compiled_package_has_it_in_c() -> None:
    assert is_compiled() == IN_C


@pytest.mark.parametrize("factor", FACTORS)
def test_the_taps_are_whole_and_their_sums_fit(factor: int) -> None:
    taps = low_pass_taps(factor).astype(np.float64) * UNITY
    assert (taps == np.rint(taps)).all()
    assert taps.sum() == UNITY
    assert np.abs(taps).sum() < 2 * UNITY  # So a sum of 16-bit samples fits into 32 bits.


@pytest.mark.parametrize("offset", [0, 6000])
@pytest.mark.parametrize("rms", [0, 0.5, 33, 300])
def test_sound_is_as_the_filters_are_defined(rms: float, offset: float) -> None:
    """Both ways give what the filters give in exact arithmetic, but for the last sample at an offset."""
    sound = noise(rms, offset)
    samples = np.concatenate((np.zeros(45), np.frombuffer(sound, "<i2"))).astype(np.float64)
    exact = recursive(np.convolve(samples, low_pass_taps(3).astype(np.float64)[::-1], "valid")[::3])
    for in_numpy in (False, True):
        kept, mean_squares = narrowed(sound, pcm_narrower(3), window_bytes(3), in_numpy=in_numpy)
        assert np.abs(kept - exact.astype(int)).max() <= 1
        assert np.mean(kept != exact.astype(int)) < 0.01
        assert math.isclose(np.mean(mean_squares), np.mean(exact**2), rel_tol=1e-3, abs_tol=1e-3)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("voice", ["en-us", "en-gb+m3"])
def test_speech_is_the_same_from_c_and_from_numpy(voice: str, factor: int) -> None:
    said = pcm16(within(room(4000, -60), 500, speech("Wait, stop, I wanted to ask something else.", voice)))
    kept, mean_squares = narrowed(said, pcm_narrower(factor), window_bytes(factor), in_numpy=False)
    expected, expected_squares = narrowed(said, pcm_narrower(factor), window_bytes(factor), in_numpy=True)
    assert np.abs(kept.astype(int) - expected).max() <= 1
    for found, wanted in zip(mean_squares, expected_squares, strict=True):
        assert power_db(found) == pytest.approx(power_db(wanted), abs=0.01)


@pytest.mark.parametrize(("narrower", "table"), [(ulaw_narrower(), ULAW_TO_PCM), (alaw_narrower(), ALAW_TO_PCM)])
@pytest.mark.parametrize("in_numpy", [False, True])
def test_g711_is_looked_up(narrower: Narrower, table: npt.NDArray[np.int16], in_numpy: bool) -> None:
    codes = np.random.default_rng(3).integers(0, 256, 20 * WINDOW_SAMPLES, dtype=np.uint8)
    kept, mean_squares = narrowed(codes.tobytes(), narrower, WINDOW_SAMPLES, in_numpy=in_numpy)
    exact = recursive(table[codes].astype(np.float64))
    assert np.abs(kept.astype(int) - np.clip(exact, -32768, 32767).astype(int)).max() <= 1
    assert math.isclose(np.mean(mean_squares), np.mean(exact**2), rel_tol=1e-3)


def test_both_ways_go_on_from_what_the_other_remembers() -> None:
    sound, narrower = noise(300, 1000), pcm_narrower(3)
    whole, _ = narrowed(sound, narrower, window_bytes(3), in_numpy=True)
    memory, pieces = narrower.new_memory(), []
    for number, start in enumerate(range(0, len(sound), window_bytes(3))):
        narrow = narrower.narrow if number % 2 else narrower.narrow_in_numpy
        pieces.append(narrow(memory, sound[start : start + window_bytes(3)])[0])
    assert np.abs(np.frombuffer(b"".join(pieces), np.int16).astype(int) - whole).max() <= 1


def test_what_comes_after_digital_silence_costs_no_more() -> None:
    """What the recursion remembers dies away to nothing, not to numbers that are slow to calculate with."""
    for narrower in (pcm_narrower(3), ulaw_narrower()):
        memory = narrower.new_memory()
        silence = bytes(window_bytes(3)) if narrower is pcm_narrower(3) else pcm16_to_ulaw(np.zeros(160, np.int16))
        narrower.narrow(memory, noise(3000)[: len(silence)])
        for _ in range(200):
            narrower.narrow(memory, silence)
        assert not any(memory)


@pytest.mark.parametrize("in_numpy", [False, True])
def test_what_the_filters_overshoot_is_cut_off_at_full_scale(in_numpy: bool) -> None:
    """A square wave at full scale rings beyond it: wrapped around, it would be a click in the detector's ear."""
    half_wave = 60  # At 200 Hz, where the band of the voice has begun.
    square = np.repeat([32767, -32768] * 200, half_wave).astype("<i2")
    kept, _ = narrowed(square.tobytes(), pcm_narrower(3), window_bytes(3), in_numpy=in_numpy)
    assert kept.max() == 32767
    assert kept.min() == -32768
    exact = recursive(np.convolve(np.concatenate((np.zeros(45), square)), low_pass_taps(3)[::-1], "valid")[::3])
    assert np.abs(exact).max() > 33_000
    assert np.abs(kept.astype(int) - np.clip(exact, -32768, 32767).astype(int)).max() <= 1


@pytest.mark.skipif(not IN_C, reason="is about the C functions: `make test` runs it on the compiled package")
def test_what_does_not_fit_together_is_refused() -> None:
    from bargein.sound._narrowing import look_up, narrow  # noqa: PLC0415 - only there where it is compiled.

    taps, sections = bytes(2 * 48), SECTIONS.tobytes()
    for past, chunk, tap_bytes, factor in ((90, 958, 96, 3), (90, 0, 96, 3), (96, 960, 96, 0), (90, 8190, 96, 3)):
        with pytest.raises(ValueError, match="do not fit together"):
            narrow(bytearray(24 + past), bytes(chunk), taps[:tap_bytes], factor, sections)
    for memory in (bytearray(24 + 88), bytes(24 + 90), bytearray(0)):
        with pytest.raises(TypeError, match="memory must be a bytearray"):
            narrow(memory, bytes(960), taps, 3, sections)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="chunk must be the bytes of whole items of 2"):
        narrow(bytearray(24 + 90), bytes(959), taps, 3, sections)
    with pytest.raises(TypeError, match="sections must be the bytes"):
        narrow(bytearray(24 + 90), bytes(960), taps, 3, sections[:-8])
    assert narrow(bytearray(24 + 90), bytes(960), taps, 3, sections) == (bytes(320), 0.0)
    for codes, table in ((b"", bytes(512)), (bytes(5000), bytes(512)), (bytes(160), b"")):
        with pytest.raises(ValueError, match="do not fit together"):
            look_up(bytearray(24), codes, table, sections)
    with pytest.raises(TypeError, match="memory must be a bytearray"):
        look_up(bytearray(26), bytes(160), bytes(512), sections)
    assert look_up(bytearray(24), bytes(160), bytes(512), sections) == (bytes(320), 0.0)
