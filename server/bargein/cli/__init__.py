"""The ``bargein`` command. Each subcommand is a file of its own, and only the one that is asked for is imported."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from typing import Annotated, Any, Final

import typer

from bargein.errors import BargeinError, SettingsError

USAGE_ERROR: Final = 2
INTERRUPTED: Final = 130
"""As shells have it: 128 and the signal's number."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: the function of the same name in the file of the same name."""

    name: str
    summary: str
    """The first line of the function's docstring, so that help need not import it."""

    @property
    def identifier(self) -> str:
        return self.name.replace("-", "_")

    @property
    def module(self) -> str:
        return f"bargein.cli.{self.identifier}"

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        function: Callable[..., Any] = getattr(importlib.import_module(self.module), self.identifier)
        return function


COMMANDS: Final = (
    Command("serve", "Serve callers: the Realtime protocol in front, a Chat Completions model behind."),
    Command(
        "doctor",
        "Talk with the configured model once, and say what works, how fast, and what to set where something is wrong.",
    ),
    Command("call", "Play a recording into a server in real time, as a caller, and report what the caller heard."),
    Command("test", "Test a voice agent: a caller follows scenarios, with a voice, and tells what went wrong."),
    Command("load", "Call a server with many fake callers, and report what they felt."),
    Command("replay", "Put a recorded call into a fresh conversation, and print what is decided, and why."),
    Command("bench", "Put scenes through the server's own ears, and tell what came of them."),
    Command(
        "demo-model", "Run the bundled demo model: a Chat Completions server that really speaks, and needs no key."
    ),
)


def available_commands() -> list[Command]:
    """Those whose files are in this installation."""
    return [command for command in COMMANDS if util.find_spec(command.module) is not None]


def build_app(wanted: str | None) -> typer.Typer:
    """The command line with ``wanted`` in full, and a summary of every other subcommand."""
    app = typer.Typer(name="bargein", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

    @app.callback()
    def bargein(
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show it.")
        ] = False,
    ) -> None:
        """
        Talk with any Chat Completions audio model, and talk over it.

        Start with: bargein serve
        """

    for command in available_commands():
        if command.name == wanted:
            function = command.load()
            app.command(command.name, short_help=command.summary, help=help_text(function))(function)
        else:
            app.command(command.name, short_help=command.summary)(_summarised)
    return app


def help_text(function: Callable[..., Any]) -> str:
    """A command's docstring as help: what can be typed (indented, or an "Example:") stays as it is, lines and all."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    # Click wraps each paragraph anew, unless this stands before it.
    return "\n\n".join(f"\b\n{text}" if text.startswith((" ", "Example: ")) else text for text in paragraphs)


def _summarised() -> None:
    """Stands for a subcommand that was not asked for."""


def one_line(text: str) -> str:
    """``text`` as a terminal shows it in one line: names and values out of files may hold any character."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _show_version(value: bool) -> None:
    if value:
        print(metadata.version("bargein"))
        raise typer.Exit


def main() -> None:
    """Run the command line. What it cannot do is one line on standard error: exit code 2 for a setting, else 1.

    Ctrl-C while it still starts is no error that anybody has to read about.
    """
    wanted = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build_app(wanted)()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BargeinError as error:
        print(f"bargein: {one_line(str(error))}", file=sys.stderr)
        sys.exit(USAGE_ERROR if isinstance(error, SettingsError) else 1)
