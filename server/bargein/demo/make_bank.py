"""Record the bank of phrases: ``python -m bargein.demo.make_bank``, after a change of ``phrases.py``.

Needs the programs ``espeak-ng`` and ``sox``. The sound that espeak-ng makes may be used freely; the program itself is
not shipped. Writes ``data/phrases.wav`` (IMA ADPCM, which any player plays) and ``data/phrases.json`` (where each word
is).
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from bargein.demo.bank import BLOCK_SAMPLES, clauses_of
from bargein.demo.espeak import find_espeak
from bargein.demo.phrases import RECORDED
from bargein.demo.speech import RATE_HZ, Samples
from bargein.demo.voices import VOICES
from bargein.sound.resample import resample

BANK_HZ: Final = 16_000
VOICE: Final = VOICES["alloy"]
MARGIN_SAMPLES: Final = 160
_BLOCK_SAMPLES_AT: Final = 38
"""In the file: the last field of the format, which is the first chunk."""


def record(folder: Path) -> None:
    """Write the two files.

    :raises SystemExit: a program is missing.
    """
    speaker = find_espeak()
    if speaker is None:
        sys.exit("espeak-ng is not installed: apt-get install espeak-ng")
    clips: list[dict[str, Any]] = []
    sound: list[Samples] = []
    for clause in clauses_of(RECORDED):
        clip = speaker.render(clause.words, VOICE, round(VOICE.words_per_minute * clause.speed))
        samples = np.pad(resample(clip.samples, RATE_HZ, BANK_HZ), MARGIN_SAMPLES)
        blocks = -(-len(samples) // BLOCK_SAMPLES)
        spans = [
            [MARGIN_SAMPLES + round(at * BANK_HZ / RATE_HZ) for at in (word.start_samples, word.end_samples)]
            for word in clip.words
        ]
        first_block = sum(len(part) for part in sound) // BLOCK_SAMPLES
        clips.append({"text": clause.text, "first_block": first_block, "blocks": blocks, "words": spans})
        sound.append(np.pad(samples, (0, blocks * BLOCK_SAMPLES - len(samples))))
    _encode(np.concatenate(sound), folder / "phrases.wav")
    lines = ",\n".join(json.dumps(clip, separators=(",", ":")) for clip in clips)
    (folder / "phrases.json").write_text(f'{{"voice":"{VOICE.name}","clips":[\n{lines}\n]}}\n', "utf-8")


def _encode(samples: Samples, file: Path) -> None:
    raw = ("-t", "raw", "-r", str(BANK_HZ), "-e", "signed", "-b", "16", "-c", "1", "-")
    command = ("sox", "-D", *raw, "-e", "ima-adpcm", str(file))
    subprocess.run(command, input=samples.astype("<i2").tobytes(), check=True)  # noqa: S603
    (block_samples,) = struct.unpack_from("<H", file.read_bytes(), _BLOCK_SAMPLES_AT)
    if block_samples != BLOCK_SAMPLES:
        sys.exit(f"sox wrote blocks of {block_samples} samples, not of {BLOCK_SAMPLES}")


if __name__ == "__main__":
    record(Path(__file__).parent / "data")
