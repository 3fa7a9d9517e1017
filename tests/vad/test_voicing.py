"""What is voiced."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.build import is_compiled
from bargein.sound.resample import resample
from bargein.vad.voicing import IN_C, RATE_HZ, SPAN_SAMPLES, voicing, voicing_in_numpy
from support.sounds import cough, speech

AT_S = np.arange(SPAN_SAMPLES) / RATE_HZ


def pcm(samples: np.ndarray) -> bytes:
    return bytes(np.rint(samples).astype("<i2"))


def spans(samples: np.ndarray) -> list[bytes]:
    """Every 40 ms of a sound at 24 kHz, 20 ms apart."""
    heard = resample(np.rint(samples).astype(np.int16), 24_000, RATE_HZ)
    starts = range(0, len(heard) - SPAN_SAMPLES + 1, SPAN_SAMPLES // 2)
    return [pcm(heard[start : start + SPAN_SAMPLES]) for start in starts]


@pytest.mark.parametrize("pitch_hz", [75, 120, 220, 390])
def test_what_repeats_itself_at_the_pitch_of_a_voice_is_voiced(pitch_hz: int) -> None:
    harmonics = np.arange(1, 6)[:, None]
    vowel = (np.sin(2 * np.pi * pitch_hz * harmonics * AT_S) / harmonics).sum(axis=0)
    assert voicing(pcm(3000 * vowel)) == 1.0


def test_noise_and_silence_are_not() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, SPAN_SAMPLES)
    assert voicing(pcm(noise)) == 0.0
    assert voicing(bytes(2 * SPAN_SAMPLES)) == 0.0


def test_an_offset_is_no_voice_and_hides_none() -> None:
    noise = np.random.default_rng(1).normal(0, 300, SPAN_SAMPLES)
    vowel = 300 * np.sin(2 * np.pi * 140 * AT_S)
    assert voicing(pcm(noise + 8000)) == 0.0
    assert voicing(pcm(vowel + 8000)) == 1.0


def test_a_compiled_package_has_it_in_c() -> None:
    assert is_compiled() == IN_C


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
def test_c_and_numpy_find_the_same() -> None:
    heard = [*spans(speech("She sells sea shells. Wait, stop, that is enough.")), *spans(cough(400, 1))]
    found = [voicing(span) for span in heard]
    assert 20 < sum(found) < len(found) - 20
    assert found == [voicing_in_numpy(span) for span in heard]


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
@pytest.mark.parametrize(
    ("samples", "window", "shortest", "gains"), [(0, 0, 1, 0), (9, 8, 1, 2), (8, 8, 0, 2), (8, 8, 4, 5)]
)
def test_c_refuses_what_does_not_fit(samples: int, window: int, shortest: int, gains: int) -> None:
    from bargein.vad import _voicing  # noqa: PLC0415 - only there where the package was compiled

    with pytest.raises(ValueError, match="do not fit together"):
        _voicing.is_periodic(bytes(2 * samples), bytes(4 * window), shortest, bytes(4 * gains), 0.5)
