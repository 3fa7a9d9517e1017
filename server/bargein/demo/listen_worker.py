"""The process that understands speech: ``python -m bargein.demo.listen_worker``.

Decoding holds Python's lock while it works, so it has a process of its own. It reads sounds from standard input,
each as four bytes of length (big-endian) and mono PCM16 at 16 kHz, and answers each with one line of JSON on standard
output: ``{"text": "what time is it", "score": -0.4}``, with ``null`` for what is no command. It ends with its input.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

from bargein.demo.engines import FRAMES_PER_S, RATE_HZ, load_engine
from bargein.standard_error import never_wait_for_standard_error

LONGEST_S: Final = 12.0
"""Nothing longer is a command."""

MIN_SCORE_SHORT: Final = -1.3
MIN_SCORE_LONG: Final = -0.7
"""How much worse per 10 ms frame, in thousandths of the decoder's log scale, a command may fit than bare phones do. A
long sound must fit better: in it a wrong command has had more room to adapt."""
SHORT_FRAMES: Final = 200
LONG_FRAMES: Final = 300
TAIL_FRAMES: Final = 60
"""A command that ends earlier than this before the end of the sound did not reach the end of what was said."""

_COMMAND_BEAMS: Final = {"beam": 1e-44, "pbeam": 1e-44, "wbeam": 1e-25}
_PHONE_BEAMS: Final = {"beam": 1e-25, "pbeam": 1e-25, "wbeam": 1e-15, "topn": 2}
"""Narrower than the defaults: two thirds of the time, and as many of the commands in the tests understood."""

_PHONES: Final = (  # noqa: SIM905 - as the model lists them
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
).split()
_PHONE_LOOP: Final = (
    "#JSGF V1.0;\ngrammar phones;\npublic <phones> = ("
    + " | ".join(f"PHONE_{phone}" for phone in _PHONES)
    + ")+;\n"
)  # fmt: skip
_ALONE: Final = {"help_alone": "help"}
"""Words of the grammar that stand for others."""
_SAID_TOO: Final = ("help_alone HH EH L P", "help_alone(2) HH EH L", "help_alone(3) EH L P")
"""Ways to say a word that has nothing else to be known by. In a sentence they would be taken for others ("tell")."""
_COMMENTS: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_NO_WORDS: Final = re.compile(r"#JSGF[^;]*;|grammar \w+;|public|<[^>]*>|/[\d.]+/")
_VARIANT: Final = re.compile(r"\(\d+\)")


def grammar_words(grammar: str) -> set[str]:
    """Every word that the grammar can say."""
    return set(re.findall(r"[a-z'_]+", _NO_WORDS.sub(" ", _COMMENTS.sub("", grammar))))


def _dictionary(words: set[str], full: Path) -> Iterator[str]:
    """The lines of the full dictionary that are needed (loading all of it takes a second), and one word per phone."""
    with full.open(encoding="utf-8") as lines:
        for line in lines:
            if _VARIANT.sub("", line.split(" ", 1)[0]) in words:
                yield line
    yield from (f"{line}\n" for line in _SAID_TOO)
    for phone in _PHONES:
        yield f"PHONE_{phone} {phone}\n"


class Recognizer:
    """Two searches over the same sound: the commands, and phones in any order to compare them with.

    :raises ImportError: no package that decodes speech is installed.
    """

    def __init__(self) -> None:
        engine = load_engine()
        grammar = (resources.files("bargein.demo") / "data" / "commands.gram").read_text("utf-8")
        with tempfile.TemporaryDirectory() as folder:
            dictionary = Path(folder) / "commands.dict"
            dictionary.write_text("".join(_dictionary(grammar_words(grammar), engine.dictionary)), "utf-8")
            self._commands = engine.decoder(grammar, dictionary, _COMMAND_BEAMS)
            self._phones = engine.decoder(_PHONE_LOOP, dictionary, _PHONE_BEAMS)

    def understand(self, pcm16: bytes) -> dict[str, Any]:
        """The command in a sound, or ``None`` for its text."""
        frames = len(pcm16) // 2 * FRAMES_PER_S // RATE_HZ
        if not 10 <= frames <= LONGEST_S * FRAMES_PER_S:
            return {"text": None, "score": None}
        command = self._commands.decode(pcm16)
        phones = self._phones.decode(pcm16)
        if command is None or phones is None:
            return {"text": None, "score": None}
        score = 1000 * (command.log_score - phones.log_score) / frames
        fits = score >= min_score(frames) and phones.end_frame - command.end_frame <= TAIL_FRAMES
        text = " ".join(_ALONE.get(word, word) for word in command.text.split())
        return {"text": text if fits else None, "score": round(score, 3)}


def min_score(frames: int) -> float:
    """The score that a command of this length needs."""
    share = min(max((frames - SHORT_FRAMES) / (LONG_FRAMES - SHORT_FRAMES), 0.0), 1.0)
    return MIN_SCORE_SHORT + share * (MIN_SCORE_LONG - MIN_SCORE_SHORT)


def main() -> None:
    """Answer sounds until there are no more."""
    # Ctrl-C reaches every process of the terminal; this one ends when its parent closes its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    never_wait_for_standard_error()
    try:
        recognizer = Recognizer()
    except ImportError as error:
        sys.stdout.write(json.dumps({"ready": False, "why": str(error)}) + "\n")
        return
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    while len(length := sys.stdin.buffer.read(4)) == 4:
        pcm16 = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        sys.stdout.write(json.dumps(recognizer.understand(pcm16)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
