"""What the loudspeaker plays, in step with the microphone."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pytest

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat
from bargein.core.items import OutputAudio
from bargein.session.far_end import FarEnd
from bargein.sound.g711 import pcm16_to_ulaw
from bargein.sound.resample import resample

RATE_HZ = 24_000
FRAME = RATE_HZ // 50
SOUND = np.random.default_rng(5).normal(0, 3000, 2 * RATE_HZ).astype(np.int16)
Played = npt.NDArray[np.float32]


def reply(fmt: AudioFormat = PCM16_24K, pieces: int = 7) -> OutputAudio:
    audio = OutputAudio(fmt, Transcript(24_000))
    for number, part in enumerate(np.array_split(SOUND, pieces)):
        raw = part.tobytes() if fmt is PCM16_24K else pcm16_to_ulaw(part)
        audio.pieces.append(base64.b64encode(raw).decode() if fmt is PCM16_24K and number % 2 else raw)
        audio.sample_count += len(part)
    return audio


def heard(far: FarEnd, audio: OutputAudio, positions: list[int], delay_ms: float) -> Played:
    """What may be heard with a delay, while the reply is at one position after the other."""
    parts = []
    for position in positions:
        far.advance(FRAME, (audio, position))
        parts.append(far.played(delay_ms, FRAME))
    return np.concatenate(parts)


@pytest.mark.parametrize("pieces", [1, 7, 40])
@pytest.mark.parametrize("delay_ms", [-100, 0, 250])
def test_it_follows_a_reply_sample_by_sample(delay_ms: int, pieces: int) -> None:
    positions = [FRAME * (number + 1) for number in range(60)]
    found = heard(FarEnd(RATE_HZ), reply(pieces=pieces), positions, delay_ms)
    late = delay_ms * RATE_HZ // 1000
    expected = np.concatenate((np.zeros(max(late, 0)), SOUND[max(-late, 0) :]))[: len(found)]
    assert np.array_equal(found, expected.astype(np.float32))


def test_an_estimate_that_moves_in_steps_does_not_move_it() -> None:
    jitter = np.random.default_rng(2).integers(-1000, 1000, 60)
    jitter[0] = 0
    positions = [max(0, FRAME * (number + 1) + int(jitter[number])) for number in range(60)]
    found = heard(FarEnd(RATE_HZ), reply(), positions, 0)
    assert np.array_equal(found, SOUND[: len(found)].astype(np.float32))


def test_a_pause_is_noticed_and_what_comes_after_it_fits_again() -> None:
    far, audio = FarEnd(RATE_HZ), reply()
    positions = [FRAME * (number + 1) for number in range(20)]
    heard(far, audio, [*positions, *[positions[-1]] * 25], 0)
    found = heard(far, audio, [positions[-1] + FRAME * (number + 1) for number in range(20)], 0)
    settled = found[10 * FRAME :]
    place = int(np.argmax(np.correlate(SOUND[: 2 * RATE_HZ].astype(np.float64), settled.astype(np.float64))))
    assert abs(place - (positions[-1] + 10 * FRAME)) <= 60 * RATE_HZ // 1000
    assert np.array_equal(settled, SOUND[place : place + len(settled)].astype(np.float32))


def test_between_replies_there_is_silence_and_another_begins_at_its_beginning() -> None:
    far = FarEnd(RATE_HZ)
    heard(far, reply(), [FRAME * (number + 1) for number in range(10)], 0)
    for _ in range(20):
        far.advance(FRAME, None)
    assert not far.played(0, FRAME).any()
    found = heard(far, reply(), [FRAME * (number + 1) for number in range(10)], 0)
    assert np.array_equal(found, SOUND[: len(found)].astype(np.float32))


def test_the_model_may_be_slower_than_speech() -> None:
    audio = reply(pieces=1)
    audio.pieces = [SOUND[:4800].tobytes()]
    far = FarEnd(RATE_HZ)
    heard(far, audio, [FRAME * (number + 1) for number in range(9)], 0)
    audio.pieces.append(SOUND[4800:].tobytes())
    found = heard(far, audio, [FRAME * (number + 10) for number in range(40)], 0)
    settled = found[20 * FRAME :]
    assert np.array_equal(settled, SOUND[29 * FRAME : 29 * FRAME + len(settled)].astype(np.float32))


@pytest.mark.parametrize("fmt", [PCM16_24K, PCMU_8K])
def test_a_reply_at_another_rate_than_the_microphone_s(fmt: AudioFormat) -> None:
    far, audio, rate_hz = FarEnd(16_000), reply(fmt), 16_000
    found = []
    for number in range(40):
        far.advance(rate_hz // 50, (audio, (number + 1) * fmt.rate_hz // 50))
        found.append(far.played(0, rate_hz // 50))
    expected = resample(SOUND, fmt.rate_hz, rate_hz)[: 40 * rate_hz // 50]
    assert np.corrcoef(np.concatenate(found), expected)[0, 1] > 0.95
