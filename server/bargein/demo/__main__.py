"""``python -m bargein.demo``: the demo model as a process, as ``bargein demo-model`` runs it."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bargein.demo.parent import ParentWatch
from bargein.demo.settings import BOUNDS, HELP, DemoSettings
from bargein.errors import SettingsError

_KINDS: Final[dict[str, Callable[[str], Any]]] = {"log": Path, "listen_fd": int}


def parse(arguments: Sequence[str]) -> DemoSettings:
    """Settings from a command line; each field is an option."""
    parser = argparse.ArgumentParser(prog="python -m bargein.demo", description="A model server that really speaks.")
    for field in dataclasses.fields(DemoSettings):
        option, default = f"--{field.name.replace('_', '-')}", field.default
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default, help=HELP[field.name])
        else:
            about = f"{HELP[field.name]} (%(default)s)"
            parser.add_argument(option, type=_reader(field.name), default=default, help=about)
    return DemoSettings(**vars(parser.parse_args(arguments)))


def _reader(name: str) -> Callable[[str], Any]:
    bounds = BOUNDS.get(name)
    if bounds is None:
        return _KINDS.get(name, str)

    def read(given: str) -> float:
        try:
            return bounds(given)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def main() -> None:
    """Run until stopped; a wrong setting is one line and exit code 2."""
    settings = parse(sys.argv[1:])
    parent = ParentWatch() if settings.exit_with_stdin else None
    # Not before: it takes a second to import, and the parent may end in that.
    from bargein.demo.server import run  # noqa: PLC0415

    try:
        run(settings, parent)
    except SettingsError as error:
        sys.stderr.write(f"bargein: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
