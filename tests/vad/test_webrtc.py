"""The detector and the endpointing above it, on speech and on what is no speech."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from bargein.core.audio import PCM16_24K, PCMA_8K, PCMU_8K, AudioFormat, Encoding
from bargein.core.config import CorePolicy, TurnDetection
from bargein.core.endpointing import Endpointer
from bargein.core.events import Window
from bargein.core.floor import CallerTrigger
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.resample import resample
from bargein.vad.webrtc import WebRtcDetector
from support.sounds import RATE_HZ, Sound, at_level, cough, keys, knock, pcm16, room, rumble, speech, tones, within

STOP = "Wait, stop, I wanted to ask something else."
VOICES = ["en-us", "en-us+f3", "en-gb+m3", "en-us+whisper"]


def signals(
    audio: bytes, fmt: AudioFormat = PCM16_24K, *, agent_audible: bool = True, chunk_bytes: int = 960
) -> list[tuple[CallerTrigger, int]]:
    """What the endpointer says of ``audio``, and when, in ms."""
    detector = WebRtcDetector(fmt)
    endpointer = Endpointer(TurnDetection(), CorePolicy(), fmt.rate_hz)
    found = []
    for start in range(0, len(audio), chunk_bytes):
        for window in detector.feed(audio[start : start + chunk_bytes], weigh_above_db=-math.inf):
            signal = endpointer.feed(window, agent_audible=agent_audible)
            if signal is not None:
                found.append((signal.trigger, fmt.ms_of(signal.at_sample)))
    return found


def decision(window: Window) -> tuple[int, float, float, float]:
    return window.sample_count, window.probability, window.level_db, window.voicing


def triggers(sound: Sound) -> set[CallerTrigger]:
    return {trigger for trigger, _ in signals(pcm16(sound))}


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("noise_db", [-70, -50])
def test_a_person_who_speaks_is_confirmed_and_their_turn_ends(voice: str, noise_db: float) -> None:
    said = speech(STOP, voice)
    found = [trigger for trigger, _ in signals(pcm16(within(room(6000, noise_db), 1000, said)))]
    assert found[:2] == [CallerTrigger.EVIDENCE, CallerTrigger.CONFIRM]
    assert found[-1] is CallerTrigger.END
    assert found.count(CallerTrigger.END) == 1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["cough", "short cough", "knock", "keys"])
def test_short_noises_never_confirm(kind: str, seed: int) -> None:
    sound = {"cough": cough(400, seed), "short cough": cough(150, seed), "knock": knock(seed), "keys": keys(seed)}[kind]
    found = triggers(within(room(3000, -60, seed), 1500, sound))
    assert CallerTrigger.CONFIRM not in found
    if CallerTrigger.EVIDENCE in found:
        assert CallerTrigger.MISFIRE in found


@pytest.mark.parametrize("noise_db", [-80, -60, -48, -42, -36])
def test_steady_noise_is_no_evidence_from_the_first_sample_on(noise_db: float) -> None:
    assert not signals(pcm16(room(10_000, noise_db)), agent_audible=False)


def test_loud_steady_noise_is_no_evidence_once_it_is_known() -> None:
    assert not [at_ms for _, at_ms in signals(pcm16(room(10_000, -25)), agent_audible=False) if at_ms > 2500]


@pytest.mark.parametrize("voice", VOICES[:3])
def test_a_person_who_speaks_from_the_first_sample_on_is_heard(voice: str) -> None:
    said = speech(STOP, voice)
    said = said[np.flatnonzero(np.abs(said) > 300)[0] :]
    found = signals(pcm16(np.concatenate((said, np.zeros(24_000)))), agent_audible=False)
    assert found[0][0] is CallerTrigger.EVIDENCE
    assert found[0][1] <= 300


def test_any_chunking_gives_the_same_signals() -> None:
    audio = pcm16(within(room(5000, -60), 1000, speech(STOP)))
    assert signals(audio, chunk_bytes=960) == signals(audio, chunk_bytes=4800) == signals(audio, chunk_bytes=334)


@pytest.mark.parametrize(("fmt", "encode"), [(PCMU_8K, pcm16_to_ulaw), (PCMA_8K, pcm16_to_alaw)])
def test_telephone_speech_is_heard_as_well(fmt: AudioFormat, encode: object) -> None:
    sound = within(room(6000, -55), 1000, speech(STOP))
    narrow = resample(np.clip(sound, -32768, 32767).astype(np.int16), 24_000, 8_000)
    found = [trigger for trigger, _ in signals(encode(narrow), fmt, chunk_bytes=160)]  # type: ignore[operator]
    assert found[:2] == [CallerTrigger.EVIDENCE, CallerTrigger.CONFIRM]
    assert found[-1] is CallerTrigger.END


def at_rate(sound: Sound, rate_hz: int) -> npt.NDArray[np.int16]:
    return resample(np.clip(sound, -32768, 32767).astype(np.int16), RATE_HZ, rate_hz)


def telephone(sound: Sound) -> npt.NDArray[np.int16]:
    return at_rate(sound, 8_000)


LENGTH_MS, SPOKEN_MS = 9_000, 4_000
AT_S = np.arange(LENGTH_MS * RATE_HZ // 1000) / RATE_HZ
BELOW_THE_VOICE = {
    "offset of 3.4 %": np.full(len(AT_S), 1114.0),
    "offset of 18 %": np.full(len(AT_S), -6000.0),
    "offset that comes": np.where(AT_S < 2, 0.0, 4000.0),
    "offset that comes and goes": np.where(AT_S % 1.4 < 0.7, -2500.0, 2500.0),
    "drifting offset": 2000 * np.sin(2 * np.pi * 0.5 * AT_S),
    "pop at the start": 20_000 * np.exp(-AT_S / 0.05),
    "hum of 50 Hz": tones([50], LENGTH_MS, -20),
    "hum of 60 Hz": tones([60], LENGTH_MS, -20),
    "hum of 50 and 100 Hz": tones([50, 100], LENGTH_MS, -24),
    "hum of 60 and 120 Hz": tones([60, 120], LENGTH_MS, -26),
    "hum of a rectifier": tones([100], LENGTH_MS, -26),
    "hum that is switched on": np.where(AT_S < 2.5, 0.0, tones([50, 100], LENGTH_MS, -24)),
    "rumble": rumble(LENGTH_MS, -22),
    "offset, hum and rumble": 3000 + tones([50, 100], LENGTH_MS, -26) + rumble(LENGTH_MS, -26),
}
ENCODINGS = {
    "PCM16": (PCM16_24K, pcm16),
    "PCM16 at 8 kHz": (AudioFormat(Encoding.PCM16, 8_000), lambda sound: telephone(sound).tobytes()),
    "PCM16 at 16 kHz": (AudioFormat(Encoding.PCM16, 16_000), lambda sound: at_rate(sound, 16_000).tobytes()),
    "PCM16 at 48 kHz": (AudioFormat(Encoding.PCM16, 48_000), lambda sound: at_rate(sound, 48_000).tobytes()),
    "µ-law": (PCMU_8K, lambda sound: pcm16_to_ulaw(telephone(sound))),
    "A-law": (PCMA_8K, lambda sound: pcm16_to_alaw(telephone(sound))),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("below", BELOW_THE_VOICE)
def test_what_lies_below_the_voice_is_no_voice_and_hides_none(below: str, encoding: str) -> None:
    fmt, encode = ENCODINGS[encoding]
    said = at_level(speech(STOP), -28)
    sound = within(room(LENGTH_MS, -62) + BELOW_THE_VOICE[below], SPOKEN_MS, said)
    found = signals(encode(sound), fmt, chunk_bytes=fmt.bytes_of(fmt.samples_in_ms(20)), agent_audible=False)
    assert [trigger for trigger, _ in found[:2]] == [CallerTrigger.EVIDENCE, CallerTrigger.CONFIRM]
    assert SPOKEN_MS < found[0][1] <= SPOKEN_MS + 300
    assert found[-1][0] is CallerTrigger.END
    assert SPOKEN_MS + 1000 * len(said) // RATE_HZ < found[-1][1] < SPOKEN_MS + 1000 * len(said) // RATE_HZ + 900


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("level_db", [-22, -40])
def test_a_deep_voice_is_heard_and_voiced(level_db: float, encoding: str) -> None:
    """Of 80 Hz: its fundamental lies below what is listened to, its pitch does not."""
    fmt, encode = ENCODINGS[encoding]
    said = at_level(speech(STOP, "en-us+m4", pitch=8), level_db)
    assert 70 <= pitch_hz(said) <= 90
    found = signals(encode(within(room(6000, -66), 1000, said)), fmt, chunk_bytes=160)
    assert [trigger for trigger, _ in found][:2] == [CallerTrigger.EVIDENCE, CallerTrigger.CONFIRM]
    assert found[1][1] <= 1600
    assert found[-1][0] is CallerTrigger.END


def pitch_hz(sound: Sound) -> float:
    """The commonest pitch of its loud parts."""
    found = []
    low = resample(at_level(sound, -20).astype(np.int16), RATE_HZ, 8_000).astype(float)
    for start in range(0, len(low) - 800, 200):
        part = low[start : start + 800] * np.hanning(800)
        alike = np.correlate(part, part, "full")[799:]
        lag = 50 + int(np.argmax(alike[50:160]))
        if alike[lag] > 0.5 * alike[0] and alike[0] > 1e9:
            found.append(8_000 / lag)
    return float(np.median(found))


def test_a_higher_threshold_asks_for_more() -> None:
    """Quiet speech in a noisy room passes a low threshold and not a high one."""
    sound = pcm16(within(room(5000, -45), 2000, 0.08 * speech(STOP)))

    def confirmed(threshold: float) -> bool:
        detector = WebRtcDetector(PCM16_24K)
        endpointer = Endpointer(TurnDetection(threshold=threshold), CorePolicy(), 24_000)
        windows = detector.feed(sound, weigh_above_db=-math.inf)
        found = [endpointer.feed(window, agent_audible=False) for window in windows]
        return any(signal is not None and signal.trigger is CallerTrigger.CONFIRM for signal in found)

    assert confirmed(0.1)
    assert not confirmed(0.95)


def test_voicing_is_only_judged_where_it_is_asked_for() -> None:
    audio = pcm16(within(room(2000, -60), 500, cough(400, 1)))
    weighed = WebRtcDetector(PCM16_24K).feed(audio, weigh_above_db=-math.inf)
    unweighed = WebRtcDetector(PCM16_24K).feed(audio, weigh_above_db=math.inf)
    assert [window.probability for window in weighed] == [window.probability for window in unweighed]
    assert all(window.voicing == 1.0 for window in unweighed)
    assert any(window.voicing == 0.0 for window in weighed)


@pytest.mark.parametrize("silence_ms", [200, 1500, 5000])
def test_digital_silence_that_is_not_judged_any_more_changes_no_decision(silence_ms: int) -> None:
    said = pcm16(within(room(3000, -55), 500, speech(STOP)))
    audio = (said + bytes(2 * 24 * silence_ms)) * 3
    judged = WebRtcDetector(PCM16_24K, settled_windows=len(audio)).feed(audio, weigh_above_db=math.inf)
    fed = WebRtcDetector(PCM16_24K).feed(audio, weigh_above_db=math.inf)
    assert [decision(window) for window in fed] == [decision(window) for window in judged]


@pytest.mark.parametrize("noise_db", [-60, -50, -42])
def test_what_is_too_quiet_to_count_need_not_be_weighed(noise_db: float) -> None:
    """Weighing only above the gate, as a session does, decides the same as weighing everything."""
    sounds = (speech(STOP), cough(400, 1), knock(2), 0.05 * speech(STOP))
    audio = pcm16(np.concatenate([within(room(3000, noise_db, seed), 800, said) for seed, said in enumerate(sounds)]))
    detector = WebRtcDetector(PCM16_24K)
    endpointer = Endpointer(TurnDetection(), CorePolicy(), 24_000)
    found = []
    for start in range(0, len(audio), 960):
        windows = detector.feed(audio[start : start + 960], weigh_above_db=endpointer.gate_db)
        found += [signal for window in windows if (signal := endpointer.feed(window, agent_audible=True))]
    assert [(signal.trigger, PCM16_24K.ms_of(signal.at_sample)) for signal in found] == signals(audio)
