"""The process that hears words: ``python -m bargein.judging.local_worker FOLDER``.

It reads utterances from standard input, each as one line of JSON (``{"bytes": 16000, "language": "en"}``) and so many
bytes of mono PCM16 at 16 kHz, and answers each with one line on standard output: ``{"text": "mm-hmm"}``. Its first
line says whether it can: ``{"ready": true}``, or ``{"ready": false, "why": "…"}``. It ends with its input.
``faster-whisper`` is needed here and nowhere else, and nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np

RATE_HZ: Final = 16_000
ROOM_S: Final = 0.2
"""Silence around a sound: what begins with its first sample is often missed."""
LONGEST_WORDS: Final = 48
"""Tokens: an utterance is short, and what a recogniser invents is not."""

Listen = Callable[[np.ndarray[Any, Any], str | None], str]


def load(folder: str) -> Listen:
    """The model in ``folder``.

    :raises ImportError: ``faster-whisper`` is not installed.
    :raises Exception: it cannot be loaded, in the words of whoever tried.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import WhisperModel  # noqa: PLC0415 (it takes a second, and only this process has it)

    model = WhisperModel(folder, device="auto", compute_type="default", local_files_only=True)
    known: set[str] = set(model.supported_languages)

    def listen(samples: np.ndarray[Any, Any], language: str | None) -> str:
        name = (language or "").lower().split("-")[0]
        segments, _ = model.transcribe(
            samples,
            language=name if name in known else None,
            beam_size=1,
            temperature=0.0,
            without_timestamps=True,
            condition_on_previous_text=False,
            max_new_tokens=LONGEST_WORDS,
        )
        return " ".join(segment.text.strip() for segment in segments)

    return listen


def main() -> None:
    """Answer utterances until there are no more."""
    # Ctrl-C reaches every process of the terminal; this one ends when its parent closes its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out, sys.stdout = sys.stdout, sys.stderr  # What libraries print is no answer.
    try:
        listen = load(sys.argv[1])
    except ImportError as error:
        why = f"{error}; install it with: pip install 'bargein[whisper]'"
        out.write(json.dumps({"ready": False, "why": why}) + "\n")
        return
    except Exception as error:
        out.write(json.dumps({"ready": False, "why": f"{sys.argv[1]}: {error}"}) + "\n")
        return
    out.write('{"ready": true}\n')
    out.flush()
    room = np.zeros(int(ROOM_S * RATE_HZ), np.float32)
    while line := sys.stdin.buffer.readline():
        head = json.loads(line)
        sound = np.frombuffer(sys.stdin.buffer.read(head["bytes"]), "<i2").astype(np.float32) / 32768
        try:
            answer = {"text": listen(np.concatenate((room, sound, room)), head["language"])}
        except Exception as error:
            answer = {"why": str(error)}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
