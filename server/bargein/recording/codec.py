"""Values of the core as JSON, and back: events, what they are about, and the configuration of a call.

What JSON has no word for is an object with the key ``$``: the name of a class with its fields, ``bytes`` in base64, an
enumeration's member by its value, ``list`` (an array is a tuple), and ``json`` for what callers gave as JSON, which
stays as it was. A class is written with all of its fields, by their names; a field that an old file does not have gets
its default. What cannot be read in this way any more gets another :data:`FORMAT`.
"""

from __future__ import annotations

import base64
import enum
import functools
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import orjson

from bargein.core import completion, events, items
from bargein.core.audio import AudioFormat, Encoding
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, Transcription, TurnDetection
from bargein.core.events import Event, WeighedWindow, Window

FORMAT: Final = 1
"""Of the files that are written."""
_KIND: Final = "$"
_SAFE_INTEGER: Final = 2**53
_SIMPLE: Final = frozenset({int, float, str, bool, bytes, type(None)})

_CLASSES: Final[dict[str, type]] = {
    known.__name__: known
    for known in (
        *get_args(Event),
        Window,
        WeighedWindow,
        AudioFormat,
        CorePolicy,
        ResponseSettings,
        SessionConfig,
        Transcription,
        TurnDetection,
        completion.ForcedFunction,
        *get_args(completion.StreamPiece),
        items.Failure,
        items.FunctionCall,
        items.FunctionCallOutput,
        items.InputAudio,
        items.InputImage,
        items.InputText,
        items.ItemReference,
        items.Message,
        items.OutputText,
    )
}
_WINDOW_FIELDS: Final = {"sample_count": int, "probability": float, "level_db": float, "voicing": float}


def dumped(value: object) -> bytes:
    """One line, without its end.

    :raises TypeError: it holds something that no event holds.
    """
    shape = to_json(value)
    try:
        return orjson.dumps(shape, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Half a surrogate pair, which a caller may have sent.
        return json.dumps(shape, default=_plain, separators=(",", ":")).encode("ascii")


def loaded(line: bytes) -> Any:  # noqa: ANN401 (whatever it holds)
    """What :func:`dumped` has written.

    :raises ValueError: it is no such line.
    """
    try:
        return from_json(json.loads(line))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def to_json(value: object) -> object:
    """Shapes that JSON has."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -_SAFE_INTEGER < value < _SAFE_INTEGER else {_KIND: "int", "v": str(value)}
        case float():
            return value if math.isfinite(value) else {_KIND: "float", "v": str(value)}
        case bytes():
            return {_KIND: "bytes", "v": base64.b64encode(value).decode("ascii")}
        case tuple():
            return [to_json(part) for part in value]
        case list():
            return {_KIND: "list", "v": [to_json(part) for part in value]}
        case enum.Enum():
            return {_KIND: type(value).__name__, "v": value.value}
        case Mapping():
            return {_KIND: "json", "v": dict(value)}
        case Window():
            return {_KIND: "Window", **{name: to_json(getattr(value, name)) for name in _WINDOW_FIELDS}}
    if is_dataclass(value) and _CLASSES.get(type(value).__name__) is type(value):
        return {
            _KIND: type(value).__name__,
            **{field.name: to_json(getattr(value, field.name)) for field in fields(value)},
        }
    raise TypeError(f"a {type(value).__name__} is no part of an event")


def from_json(shape: object) -> object:
    """The value again.

    :raises ValueError: it names no class that is known.
    :raises TypeError: a class has no such field, or a field has no value.
    :raises KeyError: something is missing.
    """
    match shape:
        case list():
            return tuple(from_json(part) for part in shape)
        case dict():
            return _from_object(shape)
        case _:
            return shape


def _from_object(shape: dict[str, Any]) -> object:
    match kind := shape[_KIND]:
        case "bytes":
            return base64.b64decode(shape["v"], validate=True)
        case "int":
            return int(shape["v"])
        case "float":
            return float(shape["v"])
        case "list":
            return [from_json(part) for part in shape["v"]]
        case "json":
            return shape["v"]
        case "Encoding":
            return Encoding(shape["v"])
    known = _CLASSES.get(kind)
    if known is None:
        raise ValueError(f"{kind!r} is nothing that a recording of format {FORMAT} holds")
    values = {name: from_json(value) for name, value in shape.items() if name != _KIND}
    for name, (kinds, allowed) in _simple_fields(known).items():
        if name in values and not (_is_one_of(values[name], kinds) or _is_among(values[name], allowed)):
            raise TypeError(f"{kind}.{name} cannot be {str(values[name])[:40]!r}")
    return known(**values)


@functools.cache
def _simple_fields(known: type) -> dict[str, tuple[frozenset[type], tuple[object, ...]]]:
    """Fields that hold numbers, texts, bytes or one of some words: which kinds, and which values beside them."""
    found: dict[str, tuple[frozenset[type], tuple[object, ...]]] = {}
    hints = get_type_hints(known) if is_dataclass(known) else _WINDOW_FIELDS
    for name, hint in hints.items():
        parts = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
        words = tuple(word for part in parts if get_origin(part) is Literal for word in get_args(part))
        kinds = frozenset(part for part in parts if get_origin(part) is not Literal)
        if kinds <= _SIMPLE:
            found[name] = kinds, words
    return found


def _is_one_of(value: object, kinds: frozenset[type]) -> bool:
    kind = type(value)
    return kind in kinds or (kind is int and float in kinds)


def _is_among(value: object, allowed: tuple[object, ...]) -> bool:
    return any(type(value) is type(one) and value == one for one in allowed)


def is_event(value: object) -> bool:
    return isinstance(value, events.Event)


def _plain(value: object) -> object:
    """Mappings within what a caller gave."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")
