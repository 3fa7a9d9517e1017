"""Base64 in pieces that are not whole groups of four characters.

Some servers leave the padding away, so that each piece decodes on its own; others cut one long text anywhere, so that
the pieces have to be joined. Read the wrong way either is noise at full volume. Which one it is shows in the pieces
themselves, at the latest in how their sound would sound. Harmless spellings are read too: line breaks, the URL-safe
alphabet, a data URL.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import numpy as np
import pybase64

from bargein.upstream.riff import RIFF_BASE64

_ENOUGH_CHARACTERS: Final = 262_144
"""By then the likelier way is taken, however little likelier it is: so much can only be silence."""
_CLEARLY: Final = 2.0
"""How much rougher the wrong way must sound. Shifted by some bits, speech is ten times as rough as it was."""
_COMPARED_BYTES: Final = 16_384
_COMPARED_CHANGES: Final = 16
_GARBAGE_BITS: Final = {2: 0x0F, 3: 0x03}
"""Bits of a piece's last character that no byte needs, by how many characters the last group has: always zero."""
_VALUES: Final = {
    character: value
    for value, character in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
_PADDED: Final = re.compile(r"[^=]+=*")
_PLAIN: Final = str.maketrans("-_", "+/", " \t\r\n")


class Base64Pieces:
    """Decodes one reply's pieces, from the first that is not whole groups on."""

    __slots__ = ("_compare_at", "_held", "_held_characters", "_open", "_way")

    def __init__(self) -> None:
        self._way: Literal["unknown", "alone", "joined"] = "unknown"
        self._held: list[str] = []
        """Pieces of which it is not known yet how to read them."""
        self._held_characters = 0
        self._compare_at = 0
        """How many are held when their sound is compared: not again with every piece."""
        self._open = ""
        """The beginning of a group that the next piece goes on with."""

    def decode(self, text: str) -> bytes:
        """The bytes that are certain by now.

        :raises ValueError: it is not base64, either way.
        """
        text = _cleaned(text)
        if self._way == "joined":
            return self._join(text)
        if self._way == "alone":
            return _alone(text)
        sure = b""
        if not self._held:
            # Up to its last group a first piece is the same either way.
            whole = len(text) - len(text) % 4
            sure, text = _groups(text[:whole]), text[whole:]
            if not text:
                return sure
            if "=" in text:
                raise ValueError("a group with padding that is not whole")
        self._way = self._judged(text)
        return sure + self._release()

    def end(self) -> bytes:
        """What was held back."""
        if self._way == "joined":
            rest, self._open = self._open, ""
            return _alone(rest) if _stands_alone(rest) else b""
        self._way = "alone"
        return self._release()

    def _judged(self, piece: str) -> Literal["unknown", "alone", "joined"]:
        """What the next piece, which is held too, tells."""
        first = not self._held
        self._held.append(piece)
        self._held_characters += len(piece)
        if not _stands_alone(piece):
            return "joined"
        if first:
            return "unknown"
        if "=" in piece or piece.startswith(RIFF_BASE64):
            return "alone"
        if self._held_characters < self._compare_at:
            return "unknown"
        self._compare_at = self._held_characters * 5 // 4
        alone, joined = _roughness(b"".join(map(_alone, self._held))), _roughness(_joined(self._held))
        clear = min(alone, joined) > 0 and max(alone, joined) > _CLEARLY * min(alone, joined)
        if not clear and self._held_characters < _ENOUGH_CHARACTERS:
            return "unknown"
        return "joined" if joined < alone else "alone"

    def _release(self) -> bytes:
        if self._way == "unknown":
            return b""
        held, self._held = self._held, []
        return b"".join(map(_alone, held)) if self._way == "alone" else self._join("".join(held))

    def _join(self, text: str) -> bytes:
        text = self._open + text
        whole = len(text) - len(text) % 4
        self._open = text[whole:]
        return _groups(text[:whole])


def _cleaned(text: str) -> str:
    """``text`` in base64's own alphabet, without blanks and without the beginning of a data URL."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return text.translate(_PLAIN)


def _groups(text: str) -> bytes:
    """Whole groups; also texts with padding that were put one behind the other."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        texts = _PADDED.findall(text)
        if len(texts) < 2 or any(len(one) % 4 for one in texts):
            raise
        return b"".join(pybase64.b64decode(one, validate=True) for one in texts)


def _stands_alone(piece: str) -> bool:
    """Whether a piece can be base64 that lacks nothing but its padding."""
    over = len(piece) % 4
    if over == 0:
        return True
    return over != 1 and "=" not in piece and not _VALUES.get(piece[-1], 0xFF) & _GARBAGE_BITS[over]


def _alone(piece: str) -> bytes:
    return _groups(piece + "=" * (-len(piece) % 4))


def _joined(pieces: list[str]) -> bytes:
    text = "".join(pieces)
    return _groups(text[: len(text) - len(text) % 4])


def _roughness(raw: bytes) -> float:
    """How much PCM16 changes where it changes, wherever its first sample begins; 0 where it says too little."""
    raw = raw[-_COMPARED_BYTES:]
    found = []
    for start in (0, 1):
        samples = np.frombuffer(raw, "<i2", max(0, len(raw) - start) // 2, start).astype(np.int32)
        changes = np.abs(np.diff(samples))
        changes = changes[changes > 0]
        if len(changes) >= _COMPARED_CHANGES:
            found.append(float(changes.mean()))
    return min(found, default=0.0)
