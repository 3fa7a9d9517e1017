"""``python -m bargein.demo``: the demo model as a process, as ``bargein demo-model`` runs it."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from bargein.demo.server import run
from bargein.demo.settings import HELP, DemoSettings
from bargein.errors import SettingsError


def parse(arguments: Sequence[str]) -> DemoSettings:
    """Settings from a command line; each field is an option."""
    parser = argparse.ArgumentParser(prog="python -m bargein.demo", description="A model server that really speaks.")
    for field in dataclasses.fields(DemoSettings):
        option, default = f"--{field.name.replace('_', '-')}", field.default
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default, help=HELP[field.name])
        else:
            kind = Path if field.name == "log" else str if default is None else type(default)
            parser.add_argument(option, type=kind, default=default, help=f"{HELP[field.name]} (%(default)s)")
    return DemoSettings(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Run until stopped; a wrong setting is one line and exit code 2."""
    try:
        run(parse(sys.argv[1:]))
    except SettingsError as error:
        sys.stderr.write(f"bargein: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
