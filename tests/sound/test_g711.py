"""G.711 against the recommendation's own sequences and the reference implementation of ITU-T G.191."""

import numpy as np
import pytest

from bargein.sound.g711 import alaw_to_pcm16, pcm16_to_alaw, pcm16_to_ulaw, ulaw_to_pcm16

ALL_SAMPLES = np.arange(-32768, 32768).astype(np.int16)
ALL_CODES = bytes(range(256))

# Table 5 and 6 of the recommendation: one period of 1 kHz at 0 dBm0.
MILLIWATT_ALAW = bytes.fromhex("34 21 21 34 b4 a1 a1 b4")
MILLIWATT_ULAW = bytes.fromhex("1e 0b 0b 1e 9e 8b 8b 9e")


def reference_ulaw(sample: int) -> int:
    """``ulaw_compress`` of ITU-T G.191, one sample."""
    absno = min(((~sample if sample < 0 else sample) >> 2) + 33, 0x1FFF)
    segment = (absno >> 6).bit_length() + 1
    code = ((8 - segment) << 4) | (15 - ((absno >> segment) & 15))
    return code if sample < 0 else code | 0x80


def reference_alaw(sample: int) -> int:
    """``alaw_compress`` of ITU-T G.191, one sample."""
    code = (~sample if sample < 0 else sample) >> 4
    if code > 15:
        exponent = 1
        while code > 31:
            code >>= 1
            exponent += 1
        code += (exponent << 4) - 16
    return (code if sample < 0 else code | 0x80) ^ 0x55


def test_every_sample_is_encoded_as_the_reference_does() -> None:
    assert pcm16_to_ulaw(ALL_SAMPLES) == bytes(reference_ulaw(int(sample)) for sample in ALL_SAMPLES)
    assert pcm16_to_alaw(ALL_SAMPLES) == bytes(reference_alaw(int(sample)) for sample in ALL_SAMPLES)


def test_the_digital_milliwatt_survives_and_has_its_level() -> None:
    for sequence, decode, encode, headroom_db in (
        (MILLIWATT_ALAW, alaw_to_pcm16, pcm16_to_alaw, 3.14),
        (MILLIWATT_ULAW, ulaw_to_pcm16, pcm16_to_ulaw, 3.17),
    ):
        samples = decode(sequence)
        assert encode(samples) == sequence
        exact = samples.astype(np.float64)
        largest = decode(ALL_CODES).max()
        below_sine_db = 20 * np.log10(largest / np.sqrt(2) / np.sqrt(np.mean(exact**2)))
        # The clipping level lies half a step above the largest output value.
        assert below_sine_db == pytest.approx(headroom_db, abs=0.2)
        assert abs(np.fft.rfft(np.tile(exact, 8)))[8] == abs(np.fft.rfft(np.tile(exact, 8))).max()


@pytest.mark.parametrize(
    ("code", "ulaw", "alaw"),
    [
        (0x00, -32124, -5504),
        (0x80, 32124, 5504),
        (0xFF, 0, 848),
        (0x7F, 0, -848),
        (0xD5, 716, 8),
        (0x2A, -5372, -32256),
    ],
)
def test_known_codes(code: int, ulaw: int, alaw: int) -> None:
    assert ulaw_to_pcm16(bytes([code])).tolist() == [ulaw]
    assert alaw_to_pcm16(bytes([code])).tolist() == [alaw]


def test_every_code_but_negative_zero_comes_back() -> None:
    assert pcm16_to_alaw(alaw_to_pcm16(ALL_CODES)) == ALL_CODES
    back = pcm16_to_ulaw(ulaw_to_pcm16(ALL_CODES))
    assert [code for code in range(256) if back[code] != code] == [0x7F]


def test_the_error_is_never_more_than_half_a_step() -> None:
    for encode, decode in ((pcm16_to_ulaw, ulaw_to_pcm16), (pcm16_to_alaw, alaw_to_pcm16)):
        error = np.abs(decode(encode(ALL_SAMPLES)).astype(np.int32) - ALL_SAMPLES)
        assert (error <= np.abs(ALL_SAMPLES.astype(np.int32)) // 31 + 8).all()


def test_nothing_in_nothing_out() -> None:
    assert pcm16_to_ulaw(ulaw_to_pcm16(b"")) == b""
    assert pcm16_to_alaw(alaw_to_pcm16(b"")) == b""
