"""Speech for tests, the same on every machine: ``recordings`` holds what the tests say, as espeak-ng once said it.

What is not there is said by the machine's own espeak-ng, which says it a little differently in each version. So record
what a new test says: run it once with ``BARGEIN_RECORD_SPEECH=1``, and commit the recording with it.
"""

from __future__ import annotations

import os
import re
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bargein.sound.files import read
from bargein.sound.resample import resample
from bargein.sound.wav import wrap
from support.programs import require_program

RATE_HZ = 24_000
LONGEST_NAME = 50
RECORDINGS = Path(__file__).parent / "recordings"
"""IMA ADPCM at 24 kHz, a quarter of the size of PCM16."""
KEPT = Path(__file__).parents[2] / ".build" / "speech"
"""PCM16 at any rate, made when it is first asked for."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How something is said.

    :ivar pitch: 0 to 99; with ``voice`` it makes callers differ.
    :ivar cut: without the silence around it.
    """

    voice: str = "en-us"
    words_per_minute: int = 160
    pitch: int = 50
    cut: bool = True


def speak(
    text: str, *, voice: str = "en-us", words_per_minute: int = 160, pitch: int = 50, rate_hz: int = RATE_HZ
) -> bytes:
    """``text`` as mono PCM16 without silence around it."""
    return speak_to_file(text, Manner(voice, words_per_minute, pitch), rate_hz)[1]


def speak_to_file(text: str, manner: Manner = Manner(), rate_hz: int = RATE_HZ) -> tuple[Path, bytes]:
    """``text`` as mono PCM16, and the path of a WAV that holds the same. Not to be written to."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(words) > LONGEST_NAME:
        words = f"{words[:LONGEST_NAME]}-{zlib.crc32(text.encode()):08x}"
    name = f"{words}.{manner.voice}.{manner.words_per_minute}.{manner.pitch}" + ("" if manner.cut else ".whole")
    path = KEPT / f"{name}.{rate_hz}.wav"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        recording = RECORDINGS / f"{name}.wav"
        if not recording.exists():
            recording = _say(text, manner, recording)
        _write(path, wrap(resample(_samples(recording), RATE_HZ, rate_hz).tobytes(), rate_hz))
    return path, samples_of(path)


def _say(text: str, manner: Manner, recording: Path) -> Path:
    """Let espeak-ng say it, as a recording would hold it: among them if that is wanted, else for this machine only."""
    espeak, sox = require_program("espeak-ng"), require_program("sox")
    folder = RECORDINGS if os.environ.get("BARGEIN_RECORD_SPEECH") else KEPT
    said, ready = (KEPT / f"{recording.stem}.{os.getpid()}.{step}.wav" for step in ("said", "ready"))
    how = ["-v", manner.voice, "-s", str(manner.words_per_minute), "-p", str(manner.pitch)]
    subprocess.run([espeak, *how, "-w", str(said), text], check=True)
    cut = ["silence", "1", "0.01", "0.5%", "reverse"] * 2 if manner.cut else []
    subprocess.run(
        [sox, "-D", str(said), "-r", str(RATE_HZ), "-c", "1", "-e", "ima-adpcm", str(ready), *cut], check=True
    )
    said.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    return ready.replace(folder / recording.name)


def _samples(recording: Path) -> npt.NDArray[np.int16]:
    # The last block is filled up; the chunk "fact" says how many samples there are.
    data = recording.read_bytes()
    return read(data, count=int.from_bytes(data[data.index(b"fact") + 8 :][:4], "little")).mono


def _write(path: Path, data: bytes) -> None:
    """As a whole: tests run in several processes."""
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)


def samples_of(wav: Path) -> bytes:
    """The samples of a PCM16 WAV as sox writes it."""
    data = wav.read_bytes()
    return data[data.index(b"data") + 8 :]
