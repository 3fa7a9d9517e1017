"""What the options of several commands share."""

from __future__ import annotations

import enum
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bargein.load.errors import UsageError
from bargein.load.transport import NO_ADDRESS, is_address
from bargein.numbers import WholeWithin, Within

Name = TypeVar("Name", bound=enum.StrEnum)

LONGEST_S = 604_800
"""A week."""
MOST_SEEDS = 2**63 - 1


Upstream = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The model's base URL, such as https://api.openai.com/v1; or: demo."),
]
Model = Annotated[str | None, typer.Option(metavar="NAME", help="The model that answers. Default: gpt-audio-1.5.")]
ApiKeyEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Variable that holds the model's key. Default: OPENAI_API_KEY.")
]


def program() -> str:
    """What to type for this program: as it was typed, where it is in a folder here (``.venv/bin/bargein``)."""
    typed = Path(sys.argv[0])
    return sys.argv[0] if typed.name == "bargein" and not typed.is_absolute() and "/" in sys.argv[0] else "bargein"


def within(read: Within | WholeWithin) -> Callable[[str | float], Any]:
    """A parser for an option, that refuses in words."""

    def parse(given: str | float) -> float:
        try:
            return read(given)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parse


def one_of(names: type[Name]) -> Callable[[str], Name]:
    """A parser for an option that takes one of a few names, or how one begins, that refuses in words."""

    def parse(given: str) -> Name:
        meant = [name for name in names if given == name] or [
            name for name in names if given and name.startswith(given)
        ]
        if len(meant) == 1:
            return meant[0]
        *others, last = names
        allowed = f"{', '.join(others)} or {last}" if others else str(last)
        raise typer.BadParameter(f"{given!r} is not allowed: give {allowed}") from None

    return parse


def socket_address(url: str) -> str:
    """The address of a WebSocket.

    :raises UsageError: it is none.
    """
    if not is_address(url):
        raise UsageError(f"--url: {url!r} {NO_ADDRESS}")
    return url


def check_writable(option: str, path: Path) -> None:
    """Look whether a file can be written there: before it costs a call or a run.

    :raises UsageError: it cannot.
    """
    if path.is_dir():
        raise UsageError(f"{option} {path}: is a directory")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no directory {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{option} {path}: cannot be written")


def make_folder(option: str, path: Path) -> None:
    """Make a folder, with those above it, unless it is there, and look whether files can be made in it.

    :raises UsageError: they cannot.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        reason = "is not a directory" if isinstance(error, FileExistsError) else error.strerror
        raise UsageError(f"{option} {path}: {reason}") from None
