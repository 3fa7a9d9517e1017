"""What the microphone hears, as the frames that a client sends."""

from __future__ import annotations

from bargein.bench.scene import Scene
from bargein.bench.waves import FRAME_SAMPLES, RATE_HZ, Sound, pcm16
from bargein.sound.g711 import pcm16_to_ulaw
from bargein.sound.resample import resample

_TELEPHONE_HZ = 8_000
_TELEPHONE_FRAME = 160


def frames_of(scene: Scene, microphone: Sound) -> list[bytes]:
    """All of it, 20 ms each, in the format that the scene's caller speaks."""
    if scene.channel == "telephone":
        codes = pcm16_to_ulaw(resample(pcm16(microphone), RATE_HZ, _TELEPHONE_HZ))
        return [codes[at : at + _TELEPHONE_FRAME] for at in range(0, len(codes), _TELEPHONE_FRAME)]
    raw = pcm16(microphone).astype("<i2").tobytes()
    return [raw[at : at + 2 * FRAME_SAMPLES] for at in range(0, len(raw), 2 * FRAME_SAMPLES)]
