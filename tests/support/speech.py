"""Speech for tests: espeak-ng says it, sox brings it to the rate. Said once, it is kept in ``.build/speech``."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from support.programs import require_program

RATE_HZ = 24_000
KEPT = Path(__file__).parents[2] / ".build" / "speech"


def speak(
    text: str, *, voice: str = "en-us", words_per_minute: int = 160, pitch: int = 50, rate_hz: int = RATE_HZ
) -> bytes:
    """``text`` as mono PCM16 without silence around it.

    :param pitch: 0 to 99; with ``voice`` it makes callers differ.
    """
    return speak_to_file(text, voice=voice, words_per_minute=words_per_minute, pitch=pitch, rate_hz=rate_hz)[1]


def speak_to_file(
    text: str, *, voice: str = "en-us", words_per_minute: int = 160, pitch: int = 50, rate_hz: int = RATE_HZ
) -> tuple[Path, bytes]:
    """As :func:`speak`, with the path of a WAV that holds the same. Not to be written to."""
    espeak, sox = require_program("espeak-ng"), require_program("sox")
    key = hashlib.sha256(repr((text, voice, words_per_minute, pitch, rate_hz)).encode()).hexdigest()[:20]
    path = KEPT / f"{key}.wav"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        said = KEPT / f"{key}.said.wav"
        subprocess.run(
            [espeak, "-v", voice, "-s", str(words_per_minute), "-p", str(pitch), "-w", str(said), text], check=True
        )
        ready = KEPT / f"{key}.ready.wav"
        cut = ["silence", "1", "0.01", "0.5%", "reverse", "silence", "1", "0.01", "0.5%", "reverse"]
        subprocess.run([sox, "-D", str(said), "-r", str(rate_hz), "-b", "16", "-c", "1", str(ready), *cut], check=True)
        said.unlink()
        ready.replace(path)
    return path, samples_of(path)


def samples_of(wav: Path) -> bytes:
    """The samples of a PCM16 WAV as sox writes it."""
    data = wav.read_bytes()
    return data[data.index(b"data") + 8 :]
