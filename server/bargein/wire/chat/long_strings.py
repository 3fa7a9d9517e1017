"""Sound in a body, taken out before anybody reads the body as JSON, and put back into what is sent on.

Twenty megabytes of base64 take a JSON reader, and everything that copies strings, a tenth of a second during which
nobody else is served. Found and checked by themselves they take a few milliseconds: base64 has no quotes, so in JSON it
ends where it ends, and no reader needs to look at it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

import pybase64

LONG_CHARACTERS: Final = 65_536
"""Strings of twice as many are found for certain, shorter ones than this never."""
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="
_DATA: Final = b";base64,"
_DATA_WITHIN: Final = 100
_HEAD_CHARACTERS: Final = 256
SLICE_BYTES: Final = 1_048_576
"""Of a string, looked at in one go."""
_BACKSLASH: Final = ord("\\")


@dataclass(frozen=True, slots=True)
class LongStrings:
    """What was taken out of a body.

    :ivar body: the body with a short name in the place of each long string.
    :ivar by_name: the long strings, as JSON spells them.
    """

    body: bytes
    by_name: dict[str, memoryview] = field(repr=False)

    def length_of(self, text: str) -> int:
        """Characters of a string of the body."""
        taken = self.by_name.get(text)
        return len(text) if taken is None else len(taken)

    def taken_of(self, text: str) -> int:
        """Characters that were taken out for a string of the body, 0 where it stands there itself."""
        taken = self.by_name.get(text)
        return 0 if taken is None else len(taken)

    def head_of(self, text: str) -> str:
        """The first characters of a string of the body."""
        taken = self.by_name.get(text)
        return text[:_HEAD_CHARACTERS] if taken is None else bytes(taken[:_HEAD_CHARACTERS]).decode("ascii")

    def whole(self, text: str) -> str:
        """A string of the body as its sender wrote it, a data URL with what was taken out of it for instance."""
        return self.put_back(text.encode()).decode()

    def put_back(self, json: bytes) -> bytes:
        """``json`` with the long strings where their names stand, inside of whatever."""
        if not self.by_name:
            return json
        parts: list[bytes | memoryview] = []
        at = 0
        # The names are alike but for their number, so one search finds them in their order.
        prefix = next(iter(self.by_name))[:_PREFIX_CHARACTERS].encode()
        while (found := json.find(prefix, at)) >= 0:
            name = json[found : found + _NAME_CHARACTERS]
            parts += [json[at:found], self.by_name[name.decode()]]
            at = found + _NAME_CHARACTERS
        return b"".join([*parts, json[at:]])


_PREFIX_CHARACTERS: Final = 32 + 6
_NAME_CHARACTERS: Final = _PREFIX_CHARACTERS + 6


def take_out(body: bytes) -> LongStrings:
    """Take the long strings of base64 out of a body, of which they stay parts. Whether it is JSON, its reader finds
    out.
    """
    # Nobody can guess it, so nobody's text is taken for a name.
    prefix = f"sound-{secrets.token_hex(16)}"
    by_name: dict[str, memoryview] = {}
    parts: list[bytes | memoryview] = []
    view = memoryview(body)
    kept = 0
    at = LONG_CHARACTERS
    while (end := body.find(b'"', at)) >= 0:
        start = body.rfind(b'"', kept, at) + 1
        if (data := body.find(_DATA, start, start + _DATA_WITHIN)) >= 0:
            # A data URL: what follows its beginning.
            start = data + len(_DATA)
        if end - start >= LONG_CHARACTERS and start > kept and _is_base64(text := view[start:end]):
            name = f"{prefix}{len(by_name):06}"
            by_name[name] = text
            parts += [view[kept:start], name.encode()]
            kept = end
        at = end + LONG_CHARACTERS
    return LongStrings(b"".join([*parts, view[kept:]]), by_name)


def _is_base64(text: memoryview) -> bool:
    """Whether a stretch between two quotes is base64 as JSON may spell it: what lies between two strings never is."""
    try:
        pybase64.b64decode(text, validate=True)
    except ValueError:
        pass  # Without padding, for URLs, with line ends, or with slashes escaped.
    else:
        return True
    at = 0
    while at < len(text):
        end = min(at + SLICE_BYTES, len(text))
        if end < len(text) and text[end - 1] == _BACKSLASH:
            end += 1  # An escape stays whole.
        if not _is_spelled(bytes(text[at:end])):
            return False
        at = end
    return True


def _is_spelled(text: bytes) -> bool:
    if b"\\" in text:
        for escape in (b"\\/", b"\\n", b"\\r"):
            text = text.replace(escape, b"")
    return not text.translate(None, _ALPHABET)
