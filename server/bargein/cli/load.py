"""``bargein load``: many fake callers, and a report of what they felt."""

from __future__ import annotations

import asyncio
import enum
import signal
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvloop
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.descriptors import raise_descriptor_limit
from bargein.load.conditions import Verdict, judge, parse_condition
from bargein.load.errors import UsageError
from bargein.load.load_table import closing_table, live_view, verdict_lines
from bargein.load.report import write_report
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import load_scenario
from bargein.load.server_side import metrics_url
from bargein.load.summary import FIGURES, Summary, summarize

DEFAULT_URL = "ws://127.0.0.1:8765/v1/realtime"
EXIT_FAILED, EXIT_USAGE, EXIT_INCONCLUSIVE = 1, 2, 3


class Format(enum.StrEnum):
    PCM = "pcm"
    PCMU = "pcmu"


def load(  # noqa: PLR0913, PLR0917  # one argument for each option
    callers: Annotated[int, typer.Option(min=1, help="How many people call at the same time.")] = 50,
    duration: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long all of them talk.")] = 60.0,
    ramp: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Over how long they come, before that.")] = 5.0,
    scenario: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="talk, barge-in, noisy, churn, slow-network, mixed; or your own .toml."),
    ] = "mixed",
    url: Annotated[str, typer.Option(help="The server's WebSocket address.")] = DEFAULT_URL,
    key: Annotated[
        str | None, typer.Option(help="API key, if the server asks for one.", envvar="BARGEIN_CALL_KEY")
    ] = None,
    frame_ms: Annotated[int, typer.Option(min=10, max=200, help="Sound in one message of a caller.")] = 20,
    format_: Annotated[Format, typer.Option("--format", help="24 kHz PCM16, or G.711 mu-law.")] = Format.PCM,
    binary: Annotated[
        bool, typer.Option("--binary", help="Speak bargein.v1: binary messages, hold and resume, play-out reports.")
    ] = False,
    instructions: Annotated[str | None, typer.Option(metavar="TEXT", help="What every session is told.")] = None,
    speech: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Your own recordings (WAV) instead of the voices that ship.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same callers.")] = 0,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write report.html and report.json there.")
    ] = None,
    fail_if: Annotated[
        list[str] | None, typer.Option(metavar="CONDITION", help="Such as 'barge_in_p99>250ms'. May be repeated.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="URL", help="The server's /metrics, if it is elsewhere. 'none': do not look.")
    ] = None,
    demo_log: Annotated[
        str | None, typer.Option(metavar="URL", help="The demo model's address, to compare the words it was told.")
    ] = None,
    figures: Annotated[bool, typer.Option("--figures", help="List the names for --fail-if, and end.")] = False,
) -> None:
    """
    Call a server with many fake callers, and report what they felt.

    Each has a voice, a temper and a loudspeaker of its own: what is measured is what is HEARD. Works with any server of
    OpenAI's Realtime protocol. Ctrl-C ends the run and gives the report so far.

    Exit code: 0 done; 1 a --fail-if condition held; 2 an option is wrong; 3 a condition held, but the load generator
    itself was too late to blame the server.

    Example: bargein load --callers 200 --duration 60 --scenario barge-in --report out --fail-if "barge_in_p99>250ms"
    """
    console = Console()
    raise_descriptor_limit()
    if figures:
        console.print(_figures_table())
        return
    try:
        conditions = [parse_condition(text) for text in fail_if or []]
        plan = Plan(
            url=url,
            scenario=scenario,
            parts=load_scenario(scenario),
            callers=callers,
            duration_s=duration,
            ramp_s=ramp,
            key=key,
            frame_ms=frame_ms,
            audio_format=PCM16_24K if format_ is Format.PCM else PCMU_8K,
            bargein=binary,
            seed=seed,
            speech=speech,
            # Another address is another server's: it is given no key of this one.
            metrics_key=key if metrics is None else None,
            metrics_url=None if metrics == "none" else metrics or metrics_url(url),
            demo_log_url=demo_log.removesuffix("/").removesuffix("/v1") if demo_log else None,
            instructions=instructions,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            summary = summarize(runner.run(_run(plan, console)))
    except UsageError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]bargein load:[/] {error}")
        raise typer.Exit(EXIT_USAGE) from None
    console.print(closing_table(summary))
    verdicts = [judge(condition, summary) for condition in conditions]
    for line in verdict_lines(verdicts):
        console.print(line)
    if report is not None:
        _write(report, summary, verdicts, console)
    if any(verdict.failed for verdict in verdicts):
        raise typer.Exit(EXIT_INCONCLUSIVE if summary.generator_was_late else EXIT_FAILED)
    if not summary.counts["calls"]:
        raise typer.Exit(EXIT_FAILED)


async def _run(plan: Plan, console: Console) -> Run:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(this: Run) -> None:
            if sys.stdout.isatty():
                live.update(live_view(this), refresh=True)

        return await run(plan, stop, show)


def _write(folder: Path, summary: Summary, verdicts: list[Verdict], console: Console) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_bytes(orjson.dumps(summary.as_json(), option=orjson.OPT_INDENT_2))
        write_report(folder / "report.html", summary, verdicts)
    except OSError as error:
        raise UsageError(f"--report {error.filename}: {error.strerror}") from None
    console.print(f"Report: {folder / 'report.html'}, {folder / 'report.json'}")


def _figures_table() -> Table:
    table = Table(show_header=False, box=None)
    for name, about in FIGURES.items():
        table.add_row(name, about)
    return table
