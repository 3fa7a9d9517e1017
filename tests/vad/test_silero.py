"""The neural detector against the reference, and in its two roles."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bargein.build import is_compiled
from bargein.core.audio import PCM16_24K, PCMA_8K, PCMU_8K, AudioFormat, Encoding
from bargein.errors import SettingsError
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.resample import resample
from bargein.vad.choice import ears
from bargein.vad.silero import SileroDetector, SileroState, SileroWeigher
from bargein.vad.silero_network import (
    AT_ONCE,
    CONTEXT_SAMPLES,
    IN_C,
    MEMORY,
    RATE_HZ,
    WINDOW_SAMPLES,
    Network,
    network,
    new_memory,
)
from bargein.vad.webrtc import WebRtcDetector
from support.sounds import Sound, cough, keys, knock, pcm16, room, speech, tones, within

FORMATS = [
    *(AudioFormat(Encoding.PCM16, 1000 * rate) for rate in (8, 16, 24, 32, 48)),
    PCMU_8K,
    PCMA_8K,
]


def vowels() -> Sound:
    """Two seconds that are a little like a voice, made of sums alone, so that they are the same everywhere."""
    at = np.arange(2 * RATE_HZ) / RATE_HZ
    pitch = 2 * np.pi * (120 * at + 4 * np.sin(2 * np.pi * 2.5 * at))
    sound = sum(np.sin(n * pitch) * np.exp(-(((120 * n - f) / 220) ** 2)) for n in range(1, 30) for f in (550, 1500))
    syllables = np.clip(np.sin(2 * np.pi * 3 * at), 0, 1) * (at > 0.4)
    return np.asarray(4000 * sound * syllables + 30 * np.sin(at * 9000), np.float64)


REFERENCE = [
    0.0452217,
    0.0548358,
    0.0458107,
    0.0344288,
    0.0259772,
    0.0178990,
    0.0147837,
    0.0138693,
    0.0115778,
    0.0094815,
    0.0089375,
    0.0078633,
    0.0960350,
    0.5789146,
    0.1757885,
    0.7295794,
    0.9317048,
    0.9202503,
    0.6890605,
    0.4056419,
    0.4875185,
    0.9464576,
    0.9690064,
    0.9105354,
    0.9302012,
    0.9435011,
    0.6599998,
    0.8479619,
    0.6184628,
    0.3166475,
    0.1049403,
    0.7034154,
    0.9375936,
    0.9676714,
    0.9789172,
    0.9817518,
    0.9652399,
    0.9786077,
    0.9346590,
    0.6777896,
    0.3545114,
    0.5891464,
    0.7886149,
    0.9540625,
    0.9386514,
    0.9603529,
    0.9482400,
    0.9374443,
    0.8962468,
    0.6926711,
    0.3896761,
    0.1645888,
    0.8044149,
    0.9255326,
    0.9754071,
    0.9772304,
    0.9708215,
    0.5953693,
    0.6207099,
    0.3824303,
    0.1806053,
    0.0694072,
]
"""What ``silero_vad.onnx`` of silero-vad 6.2.3 says of :func:`vowels` at 8 kHz, run by onnxruntime 1.32."""


def test_it_says_what_the_reference_says() -> None:
    samples = np.rint(vowels()).astype(np.int16)
    assert SileroState().feed(samples.astype("<i2").tobytes()) == pytest.approx(REFERENCE, abs=1e-3)


def test_it_says_what_the_reference_says_of_speech() -> None:
    """Where onnxruntime and the reference are: ``pip install onnxruntime; pip install --no-deps silero-vad``."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: literals stand in for it")
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        pytest.skip("silero-vad is not installed: literals stand in for it")
    session = onnxruntime.InferenceSession(str(Path(spec.origin).with_name("data") / "silero_vad.onnx"))
    sound = within(room(3000, -50), 500, speech("Wait, stop, that is enough."))
    samples = resample(np.frombuffer(pcm16(sound), "<i2"), 24_000, RATE_HZ)
    memory: Any = np.zeros((2, 1, 128), np.float32)
    context = np.zeros(CONTEXT_SAMPLES, np.float32)
    expected = []
    for start in range(0, len(samples) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
        heard = np.concatenate([context, samples[start : start + WINDOW_SAMPLES].astype(np.float32) / 32768])
        said, memory = session.run(None, {"input": heard[None], "state": memory, "sr": np.array(RATE_HZ)})
        expected.append(float(said[0, 0]))
        context = heard[-CONTEXT_SAMPLES:]
    assert SileroState().feed(samples.astype("<i2").tobytes()) == pytest.approx(expected, abs=1e-3)


def test_however_the_sound_is_cut_it_is_judged_the_same() -> None:
    audio = pcm16(within(room(1500, -50), 300, speech("stop")))
    whole = SileroWeigher(PCM16_24K, 7).feed(audio)
    weigher = SileroWeigher(PCM16_24K, 7)
    pieces = [window for at in range(0, len(audio), 334) for window in weigher.feed(audio[at : at + 334])]
    assert [window.probability for window in pieces] == pytest.approx(
        [window.probability for window in whole], abs=1e-5
    )
    assert [window.start_sample for window in pieces] == [window.start_sample for window in whole]
    assert [window.start_sample for window in whole[:3]] == [7, 7 + 768, 7 + 2 * 768]
    assert {window.sample_count for window in whole} == {768}


def in_format(sound: Sound, fmt: AudioFormat) -> bytes:
    samples = resample(np.frombuffer(pcm16(sound), "<i2"), 24_000, fmt.rate_hz)
    match fmt.encoding:
        case Encoding.PCM16:
            return samples.astype("<i2").tobytes()
        case Encoding.PCMU:
            return pcm16_to_ulaw(samples)
        case Encoding.PCMA:
            return pcm16_to_alaw(samples)


def spoken_ms(sound: Sound, fmt: AudioFormat = PCM16_24K) -> int:
    windows = SileroWeigher(fmt, 0).feed(in_format(sound, fmt))
    return 32 * sum(window.probability >= 0.5 for window in windows)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_it_hears_speech_in_every_format(fmt: AudioFormat) -> None:
    assert spoken_ms(within(room(3000, -55), 500, speech("Wait, stop, I have another question.")), fmt) >= 700


def test_it_hears_no_speech_in_coughs_keys_and_tones() -> None:
    for sound in (cough(400, 1), keys(1), knock(2), tones([697, 1209], 800, -20)):
        assert spoken_ms(within(room(3000, -55), 500, sound)) <= 64


def test_a_compiled_package_has_it_in_c() -> None:
    assert is_compiled() == IN_C


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
def test_c_and_numpy_say_the_same() -> None:
    """Of speech, of what is as loud as can be, and of nothing at all; one window at a time, and all at once."""
    said = resample(np.frombuffer(pcm16(speech("Wait, stop, that is enough.")), "<i2"), 24_000, RATE_HZ)
    loud = np.resize([32767, -32768, -32768], 20 * WINDOW_SAMPLES)
    samples = np.concatenate([np.zeros(CONTEXT_SAMPLES + 20 * WINDOW_SAMPLES), loud, said])
    count = (len(samples) - CONTEXT_SAMPLES) // WINDOW_SAMPLES
    heard = samples[: CONTEXT_SAMPLES + count * WINDOW_SAMPLES].astype("<i2").tobytes()
    memory, expected_memory, single_memory = new_memory(), new_memory(), new_memory()
    found = Network(in_c=True).judge(heard, memory)
    expected = Network(in_c=False).judge(heard, expected_memory)
    assert len(found) == count
    assert max(found) > 0.9
    assert found == pytest.approx(expected, abs=1e-5)
    assert np.frombuffer(memory, np.float32) == pytest.approx(np.frombuffer(expected_memory, np.float32), abs=1e-3)
    window_bytes, context_bytes = 2 * WINDOW_SAMPLES, 2 * CONTEXT_SAMPLES
    one_by_one = [
        network().judge(heard[start : start + context_bytes + window_bytes], single_memory)[0]
        for start in range(0, count * window_bytes, window_bytes)
    ]
    assert one_by_one == found


@pytest.mark.skipif(not IN_C, reason="is about the C function: `make test` runs it on the compiled package")
def test_c_refuses_what_does_not_fit() -> None:
    from bargein.vad import _silero  # noqa: PLC0415 - only there where the package was compiled

    context = bytes(2 * CONTEXT_SAMPLES)
    for heard in (b"", context[:-2], context + bytes(2), context + bytes(2 * WINDOW_SAMPLES - 1)):
        with pytest.raises(ValueError, match="not as long as they should be"):
            _silero.judge(bytes(436_996), heard, new_memory())
    with pytest.raises(ValueError, match="not as long as they should be"):
        _silero.judge(bytes(436_996), context, bytearray(1))
    with pytest.raises(TypeError, match="takes bytes, bytes and a bytearray"):
        _silero.judge(bytes(436_996), context, bytes(new_memory()))  # type: ignore[arg-type]
    assert _silero.judge(bytes(436_996), context, new_memory()) == []


def test_its_weights_are_read_once_for_all() -> None:
    assert network() is network()


def test_in_the_first_role_it_gives_windows_as_others_do() -> None:
    detector = SileroDetector(PCM16_24K)
    windows = detector.feed(pcm16(within(room(2500, -55), 500, speech("Wait, stop."))), weigh_above_db=0.0)
    loud = [window for window in windows if window.probability >= 0.5]
    assert len(windows) == 2500 // 32
    assert loud
    assert max(window.level_db for window in loud) > -30
    assert all(window.probability == 0.0 or window.probability >= 0.35 for window in windows)


def test_detectors_are_chosen_by_name() -> None:
    assert ears("webrtcvad").make_weigher is None
    assert isinstance(ears("cascade").make_detector(PCM16_24K), WebRtcDetector)
    assert ears("silero").make_weigher is not None
    with pytest.raises(SettingsError, match="BARGEIN_VAD: there is no 'flute'; there are webrtcvad, silero, cascade"):
        ears("flute")


def test_no_product_is_shared_between_threads() -> None:
    """OpenBLAS does from so many multiplications on, and its threads wait by turning round and round."""
    frames, taps, out = 4, 3 * 65, MEMORY
    assert AT_ONCE * frames * taps * out < 2**18
