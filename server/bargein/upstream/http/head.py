"""A request's head, written (RFC 9112 sections 3 and 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
"""Nothing that ends a line, and nothing that a reader might cut off (RFC 9110 section 5.5)."""


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The bytes up to the body.

    :raises ValueError: a header would end its own line and begin another, or is no header.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} cannot be the name of a header")
        if _VALUE.fullmatch(value) is None:
            # Not the value itself, which may be a key.
            raise ValueError(f"the header {name} holds a line break or another character that no header may hold")
        lines.append(f"{name}: {value}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")
