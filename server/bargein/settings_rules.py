"""What a setting may be, and the one line that refuses what it may not be: its name, its value, what is allowed."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bargein.hosts import HOST_NAME, is_host

LONGEST_S: Final = 31_536_000
"""A year. Timers do not take every number."""
MOST: Final = 2**40
"""Of anything: what is counted, sent and reserved by it is held in machine words and in JSON."""
LEAST: Final = 1e-6
"""Of what is not 0: waiting times are its inverse."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._-]+")
_SHOWN_CHARACTERS: Final = 80


def base_url(value: str, also: str = "") -> str:
    """The base URL of a server of the API.

    :raises ValueError: it is none, in words.
    """
    allowed = f"give a base URL such as https://api.openai.com/v1{also}"
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError(f"{shown(value)} is no URL: {allowed}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user name or password does not belong into the URL: the key has a variable of its own")
    if parts.query or parts.fragment:
        raise ValueError(f"{shown(value)} has a part behind ? or #: {allowed}")
    return value.rstrip("/")


def page_directory(value: Path) -> Path:
    """The directory of a page.

    :raises ValueError: it holds none, in words.
    """
    if not value.is_dir():
        raise ValueError(f"{shown(value)} is no directory: give the one that holds the page's index.html")
    if not (value / "index.html").is_file():
        raise ValueError(f"{shown(value)} holds no index.html: give the directory of the page")
    return value


def recogniser_directory(value: Path) -> Path:
    """The directory of a recogniser that runs on this machine.

    :raises ValueError: it holds none, in words.
    """
    if not (value / "model.bin").is_file():
        raise ValueError(
            f"{shown(value)} holds no model.bin: give the folder of a Whisper model in CTranslate2's format"
        )
    return value


def agent_paths(values: Iterable[Path]) -> tuple[Path, ...]:
    """Files and folders of agents, and names of those that come with the package, which only they know.

    :raises ValueError: one can be none of these, in words.
    """
    for path in values:
        if not path.exists() and not _NAME.fullmatch(str(path)):
            raise ValueError(f"there is no file or folder {shown(path)}: give an agent's file, or a folder of such")
    return tuple(values)


def file(value: Path) -> Path:
    """A file that is read.

    :raises ValueError: there is none, in words.
    """
    if not value.is_file():
        raise ValueError(f"{shown(value)} is no file: give the path of one")
    return value


def file_to_make(value: Path) -> Path:
    """A file that is made where there is none.

    :raises ValueError: it cannot be there, in words.
    """
    if value.is_dir() or not value.absolute().parent.is_dir():
        raise ValueError(f"{shown(value)} cannot be a file: give a path in a directory that is there")
    return value


def variable_name(value: str) -> str:
    """The name of an environment variable. What is none may be a key by mistake, so it is not shown.

    :raises ValueError: it is none, in words.
    """
    if not _VARIABLE.fullmatch(value):
        raise ValueError(
            "give the name of a variable, of letters, digits and _, and put the key itself into that variable"
        )
    return value


def listening_host(value: str) -> str:
    """An address or a name to listen on.

    :raises ValueError: it is none, in words.
    """
    if not is_host(value):
        raise ValueError(
            f"{shown(value)} is neither an address nor a host name: write it like 127.0.0.1, ::1 or localhost, "
            "without scheme and port"
        )
    return value


def host_names(values: Iterable[str]) -> tuple[str, ...]:
    """Names as they stand in a ``Host`` header, without port.

    :raises ValueError: one is none, in words.
    """
    for name in values:
        if not HOST_NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} is no host name: write it like voice.example, without scheme and port")
    return tuple(name.lower().rstrip(".") for name in values)


def origins(values: Iterable[str]) -> tuple[str, ...]:
    """Origins of web pages, or ``*``.

    :raises ValueError: one is none, in words.
    """
    for origin in values:
        if origin != "*" and not _is_origin(origin):
            raise ValueError(f"{shown(origin)} is no origin: write it like https://app.example, without a path")
    return tuple(origin.lower() for origin in values)


def _is_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    bare = f"[{host}]" if ":" in host else host
    whole = f"{parts.scheme}://{bare}" + (f":{port}" if port is not None else "")
    return parts.scheme in {"http", "https"} and bool(host) and whole == origin.lower() and not re.search(r"\s", origin)


def sendable(key: str) -> None:
    """A key as it can be sent in a header.

    :raises ValueError: it cannot. It is not shown.
    """
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("the key holds a space, a line's end or a letter that no header can carry: copy it anew")


def keys(values: Iterable[str]) -> None:
    """Keys as they can be sent in a header.

    :raises ValueError: one cannot; it is told by its place, not shown.
    """
    count = 0
    for count, key in enumerate(values, 1):
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError(f"key number {count} holds a space or a letter that no header can carry: use plain ASCII")
    if not count:
        raise ValueError("holds no key: write them with commas between, or leave the variable out")


def version(value: str) -> str:
    """A version as Azure writes it.

    :raises ValueError: it is none, in words.
    """
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{shown(value)} is no version: write it like 2025-01-01-preview")
    return value


def refusal(name: str, field: FieldInfo, error: ErrorDetails) -> str:
    """One line about a value that was refused.

    :param name: as the person wrote it, such as ``BARGEIN_PORT`` or ``--port``.
    """
    if error["type"] == "value_error":
        return f"{name}: {error['msg'].removeprefix('Value error, ')}"
    if error["type"] == "string_too_short" and not str(error["input"]).strip():
        return f"{name}: {shown(error['input'])} is not allowed: it is empty"
    value = "the value" if "Secret" in repr(field.annotation) else shown(error["input"])
    return f"{name}: {value} is not allowed: {_allowed(field)}"


def shown(value: object) -> str:
    """A value as it is quoted in a message."""
    text = repr(str(value))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…'"


def _allowed(field: FieldInfo) -> str:
    """What a field takes, in words."""
    kind = _bare(field.annotation)
    if typing.get_origin(kind) is Literal:
        return f"give {' or '.join(map(str, typing.get_args(kind)))}"
    if kind is bool:
        return "give true or false"
    if kind in {int, float}:
        return f"give {'a whole number' if kind is int else 'a number'}{_range(field.metadata)}"
    if "Network" in repr(kind):
        return "give addresses or networks such as 10.0.0.0/8 or ::1, by commas"
    return field.description or "see docs/settings.md"


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - any type at all
    """The type without ``Annotated`` and ``None``."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else annotation
    return annotation


def _range(metadata: Iterable[object]) -> str:
    """The bounds of a number, such as `` from 0 to 65535``."""
    bounds = {name: getattr(one, name) for one in metadata for name in ("ge", "gt", "le") if hasattr(one, name)}
    if "gt" in bounds:
        return f" above {bounds['gt']}" + (f", up to {bounds['le']}" if "le" in bounds else "")
    if "le" in bounds:
        return f" from {bounds.get('ge', 0)} to {bounds['le']}"
    return f" from {bounds['ge']} up" if "ge" in bounds else ""
