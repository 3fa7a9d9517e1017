"""``bargein demo-model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bargein.cli.options import within
from bargein.demo.parent import ParentWatch
from bargein.demo.server import run
from bargein.demo.settings import BOUNDS, DEFAULT_PORT, HELP, DemoSettings
from bargein.errors import SettingsError


def _bounded(name: str, metavar: str) -> Any:  # noqa: ANN401 (as typer has it)
    return typer.Option(help=HELP[name], parser=within(BOUNDS[name]), metavar=metavar)


def demo_model(  # noqa: PLR0913 - one for each option
    host: Annotated[str, typer.Option(help=HELP["host"])] = "127.0.0.1",
    port: Annotated[int, _bounded("port", "NUMBER")] = DEFAULT_PORT,
    pace: Annotated[float, _bounded("pace", "FACTOR")] = 4.0,
    first_byte_ms: Annotated[float, _bounded("first_byte_ms", "MS")] = 150.0,
    log: Annotated[Path | None, typer.Option(help=HELP["log"])] = None,
    log_rows: Annotated[int, _bounded("log_rows", "NUMBER")] = 2000,
    api_key: Annotated[str | None, typer.Option(help=HELP["api_key"])] = None,
    audio_ttl_s: Annotated[float, _bounded("audio_ttl_s", "SECONDS")] = 3600.0,
    *,
    espeak: Annotated[bool, typer.Option(help=HELP["espeak"])] = True,
    listen: Annotated[bool, typer.Option(help=HELP["listen"])] = True,
    exit_with_stdin: Annotated[bool, typer.Option("--exit-with-stdin", help=HELP["exit_with_stdin"])] = False,
) -> None:
    r"""Run the bundled demo model: a Chat Completions server that really speaks, and needs no key.

    `bargein serve` starts one by itself when no upstream is configured. Run it alone to develop against it:

        bargein demo-model &
        bargein serve --upstream http://127.0.0.1:8766/v1 --model demo

    or to talk to it without Bargein:

        curl -N http://127.0.0.1:8766/v1/chat/completions \
          -H 'content-type: application/json' -d '{"model": "demo", "stream": true,
          "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"},
          "messages": [{"role": "user", "content": "Tell me a story."}]}'

    It tells stories, counts, tells the time (by a tool called get_time, if you offer one), and knows what you
    interrupted. Its faults can be asked for, and what it was sent can be read at /log: see
    server/bargein/demo/README.md.
    """
    settings = DemoSettings(
        host=host, port=port, pace=pace, first_byte_ms=first_byte_ms, espeak=espeak, listen=listen, api_key=api_key,
        audio_ttl_s=audio_ttl_s, log=log, log_rows=log_rows, exit_with_stdin=exit_with_stdin,
    )  # fmt: skip
    try:
        run(settings, ParentWatch() if exit_with_stdin else None)
    except SettingsError as error:
        typer.echo(f"bargein: {error}", err=True)
        raise typer.Exit(2) from error
