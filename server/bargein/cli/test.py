"""``bargein test``: scripted callers against a voice agent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from bargein.cli.options import check_writable, make_folder, socket_address, within
from bargein.load.errors import UsageError
from bargein.numbers import WholeWithin, Within
from bargein.trial.junit import write_junit
from bargein.trial.own_server import own_server
from bargein.trial.playing import Agent, Result
from bargein.trial.reading import Script, find_scenarios
from bargein.trial.run import run
from bargein.trial.scenario import Play
from bargein.trial.telling import told

DEFAULT_URL: Final = "ws://127.0.0.1:8765/v1/realtime"
EXIT_FAILED, EXIT_USAGE = 1, 2

Wanted = Annotated[
    list[str] | None,
    typer.Argument(metavar="SCENARIO", help="Files, folders, or names of those that ship. Default: all of those."),
]
Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help=f"The server's WebSocket address, with its query. Default: {DEFAULT_URL}."),
]
Demo = Annotated[bool, typer.Option("--demo", help="Start a server of its own, with the demo model, and test that.")]
AgentFiles = Annotated[
    list[str] | None,
    typer.Option("--agent", metavar="FILE", help="With --demo: the agent to test, as for bargein serve. Repeatable."),
]
Key = Annotated[
    str | None, typer.Option(metavar="KEY", help="API key, if the server asks for one.", envvar="BARGEIN_CALL_KEY")
]
Stock = Annotated[bool, typer.Option("--stock", help="Speak OpenAI's protocol only: no hold, no play-out reports.")]
AtOnce = Annotated[
    int, typer.Option(parser=within(WholeWithin(1, 50)), metavar="NUMBER", help="Scenarios that run at the same time.")
]
Patience = Annotated[
    float,
    typer.Option(
        parser=within(Within(0.1, 100)), metavar="FACTOR", help="Multiply every limit in time: for slow machines."
    ),
]
Out = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Keep each call there: NAME.wav, as it was heard, and NAME.jsonl.")
]
JUnit = Annotated[Path | None, typer.Option("--junit", metavar="FILE.xml", help="Write the results for a CI server.")]


def test(  # noqa: PLR0913, PLR0917  # one argument for each option
    scenarios: Wanted = None,
    url: Url = None,
    demo: Demo = False,
    agent: AgentFiles = None,
    key: Key = None,
    stock: Stock = False,
    at_once: AtOnce = 1,
    patience: Patience = 1.0,
    out: Out = Path("bargein-test"),
    junit: JUnit = None,
) -> None:
    """
    Test a voice agent: a caller follows scenarios, with a voice, and tells what went wrong.

    A scenario is a small TOML file: what the caller says, when it interrupts, and what it expects to hear. Any server
    of OpenAI's Realtime protocol can be tested. docs/test-your-agent.md tells how.

    Exit code: 0 if all passed; 1 if one failed, or no call came about; 2 if a scenario or an option is wrong.

    Example: bargein test --demo

    Example: bargein test scenarios/ --url ws://127.0.0.1:9000/v1/realtime
    """
    console = Console(highlight=False, markup=False)
    with _complaints():
        if demo and url is not None:
            raise UsageError("give --url or --demo, not both")
        if agent and not demo:
            raise UsageError(
                "--agent is for the server that --demo starts; choose one of another by --url …?agent=NAME"
            )
        scripts = [script.with_patience(patience) for script in find_scenarios(scenarios or [])]
        if url is not None:
            socket_address(url)
        if junit is not None:
            check_writable("--junit", junit)
        make_folder("--out", out)
        _check_apart(scripts, out)
        with own_server(agent or ()) if demo else nullcontext(url or DEFAULT_URL) as address:
            count = f"{len(scripts)} scenario{'s' if len(scripts) > 1 else ''}"
            console.print(f"{count} against {address.partition('?')[0]}")
            results = asyncio.run(_run(scripts, Agent(address, key, stock), at_once, out, console))
        if junit is not None:
            write_junit(junit, results)
    failed = sum(not result.passed for result in results)
    console.print(f"{len(results) - failed} passed, {failed} failed. The calls are kept in {out}/")
    raise typer.Exit(EXIT_FAILED if failed else 0)


def _check_apart(scripts: Sequence[Script], out: Path) -> None:
    """:raises UsageError: a call would be kept over a recording that a scenario plays."""
    kept = {(out / f"{script.name}.wav").resolve(): script.name for script in scripts}
    for script in scripts:
        for step in script.scenario.steps:
            if isinstance(step, Play) and (script.path.parent / step.play).resolve() in kept:
                name = kept[(script.path.parent / step.play).resolve()]
                raise UsageError(
                    f"--out {out}: the call of {name} would be kept as {name}.wav, which {script.name} plays: "
                    "give another folder"
                )


@contextmanager
def _complaints() -> Iterator[None]:
    """What is wrong with a scenario or an option is one line on standard error."""
    try:
        yield
    except UsageError as error:
        line = str(error)
    except OSError as error:
        line = f"{error.filename}: {error.strerror}"
    else:
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]bargein test:[/] {escape(line)}")
    raise typer.Exit(EXIT_USAGE)


async def _run(scripts: Sequence[Script], agent: Agent, at_once: int, out: Path, console: Console) -> list[Result]:
    return await run(scripts, agent, at_once=at_once, folder=out, heard=lambda result: console.print(told(result)))
