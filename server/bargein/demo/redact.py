"""A request's body for the log: sounds replaced by how long they are and a hash of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from bargein.sound.files import length
from bargein.sound.wav import NotWavError


def loggable(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without its sounds."""
    return {key: _without_sound(value) for key, value in body.items()}


def _without_sound(value: object) -> object:
    match value:
        case {"data": str(data), "format": str(kind)}:
            return {"format": kind, **_described(data)}
        case dict():
            return {key: _without_sound(inner) for key, inner in value.items()}
        case list():
            return [_without_sound(inner) for inner in value]
        case _:
            return value


def _described(data: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(data)
        sound = length(raw)
    except (binascii.Error, NotWavError) as error:
        return {"unreadable": str(error)}
    described = {"duration_ms": sound.frames * 1000 // sound.rate_hz, "rate_hz": sound.rate_hz, "bytes": len(raw)}
    return described | {"sha256": hashlib.sha256(raw).hexdigest()[:16]}
