"""``bargein load``: many fake callers, and a report of what they felt."""

from __future__ import annotations

import asyncio
import enum
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvloop
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from bargein.cli.options import LONGEST_S, MOST_SEEDS, make_folder, one_of, socket_address, within
from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.descriptors import raise_descriptor_limit
from bargein.load.conditions import CheckedCondition, Condition, judge, parse_condition
from bargein.load.errors import UsageError
from bargein.load.load_table import closing_table, condition_lines, live_view
from bargein.load.report import write_report
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import load_scenario
from bargein.load.server_side import metrics_url
from bargein.load.summary import FIGURES, Summary, summarize
from bargein.numbers import WholeWithin, Within

DEFAULT_URL = "ws://127.0.0.1:8765/v1/realtime"
EXIT_FAILED, EXIT_USAGE, EXIT_INCONCLUSIVE = 1, 2, 3


class Format(enum.StrEnum):
    PCM = "pcm"
    PCMU = "pcmu"


Callers = Annotated[
    int,
    typer.Option(
        parser=within(WholeWithin(1, 100_000)), metavar="NUMBER", help="How many people call at the same time."
    ),
]
Duration = Annotated[
    float, typer.Option(parser=within(Within(1, LONGEST_S)), metavar="SECONDS", help="How long all of them talk.")
]
Ramp = Annotated[
    float,
    typer.Option(parser=within(Within(0, LONGEST_S)), metavar="SECONDS", help="Over how long they come, before that."),
]
ScenarioName = Annotated[
    str,
    typer.Option(metavar="NAME|FILE", help="talk, barge-in, noisy, churn, slow-network, mixed; or your own .toml."),
]
Url = Annotated[str, typer.Option(metavar="URL", help="The server's WebSocket address.")]
Key = Annotated[
    str | None, typer.Option(metavar="KEY", help="API key, if the server asks for one.", envvar="BARGEIN_CALL_KEY")
]
FrameMs = Annotated[
    int, typer.Option(parser=within(WholeWithin(10, 200)), metavar="MS", help="Sound in one message of a caller.")
]
FormatName = Annotated[
    Format,
    typer.Option("--format", parser=one_of(Format), metavar="|".join(Format), help="24 kHz PCM16, or G.711 mu-law."),
]
Binary = Annotated[
    bool, typer.Option("--binary", help="Speak bargein.v1: binary messages, hold and resume, play-out reports.")
]
Told = Annotated[str | None, typer.Option(metavar="TEXT", help="What every session is told.")]
SpeechFolder = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Your own recordings (WAV) instead of the voices that ship.")
]
Seed = Annotated[
    int,
    typer.Option(parser=within(WholeWithin(0, MOST_SEEDS)), metavar="NUMBER", help="The same seed, the same callers."),
]
ReportFolder = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write report.html and report.json there.")]
FailIf = Annotated[
    list[str] | None, typer.Option(metavar="CONDITION", help="Such as 'barge_in_p99>250ms'. May be repeated.")
]
MetricsUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="The server's /metrics, if it is elsewhere. 'none': do not look.")
]
DemoLogUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="The demo model's address, to compare the words it was told.")
]
ListFigures = Annotated[bool, typer.Option("--figures", help="List the names for --fail-if, and end.")]


def load(  # noqa: PLR0913, PLR0917  # one argument for each option
    callers: Callers = 50,
    duration: Duration = 60.0,
    ramp: Ramp = 5.0,
    scenario: ScenarioName = "mixed",
    url: Url = DEFAULT_URL,
    key: Key = None,
    frame_ms: FrameMs = 20,
    format_: FormatName = Format.PCM,
    binary: Binary = False,
    instructions: Told = None,
    speech: SpeechFolder = None,
    seed: Seed = 0,
    report: ReportFolder = None,
    fail_if: FailIf = None,
    metrics: MetricsUrl = None,
    demo_log: DemoLogUrl = None,
    figures: ListFigures = False,
) -> None:
    """
    Call a server with many fake callers, and report what they felt.

    Each has a voice, a temper and a loudspeaker of its own: what is measured is what is HEARD. Works with any server of
    OpenAI's Realtime protocol. Ctrl-C ends the run and gives the report so far.

    Exit code: 0 done; 1 a --fail-if condition held, or no call came about; 2 an option is wrong; 3 a condition held,
    but the load generator itself was too late to blame the server.

    Example: bargein load --callers 99 --report out --fail-if "barge_in_p99>250ms"
    """
    console = Console(markup=False)
    raise_descriptor_limit()
    if figures:
        console.print(_figures_table())
        return
    with _complaints():
        conditions = [parse_condition(text) for text in fail_if or []]
        plan = Plan(
            url=socket_address(url),
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
        if report is not None:
            make_folder("--report", report)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            summary = summarize(runner.run(_run(plan, console)))
        code = _told(summary, conditions, report, console)
    raise typer.Exit(code)


@contextmanager
def _complaints() -> Iterator[None]:
    """What is wrong with an option is one line on standard error."""
    try:
        yield
    except UsageError as error:
        line = f"[red]bargein load:[/] {escape(str(error))}"
        Console(stderr=True, highlight=False, soft_wrap=True).print(line)
        raise typer.Exit(EXIT_USAGE) from None


def _told(summary: Summary, conditions: list[Condition], report: Path | None, console: Console) -> int:
    """Tell what came of a run; returns the exit code."""
    console.print(closing_table(summary))
    checked = [judge(condition, summary) for condition in conditions]
    for line in condition_lines(checked):
        console.print(line)
    if report is not None:
        _write(report, summary, checked, console)
    if any(one.failed for one in checked):
        return EXIT_INCONCLUSIVE if summary.generator_was_late else EXIT_FAILED
    return 0 if summary.counts["calls"] else EXIT_FAILED


async def _run(plan: Plan, console: Console) -> Run:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(this: Run) -> None:
            if sys.stdout.isatty():
                live.update(live_view(this), refresh=True)

        return await run(plan, stop, show)


def _write(folder: Path, summary: Summary, checked: list[CheckedCondition], console: Console) -> None:
    try:
        (folder / "report.json").write_bytes(orjson.dumps(summary.as_json(), option=orjson.OPT_INDENT_2))
        write_report(folder / "report.html", summary, checked)
    except OSError as error:
        raise UsageError(f"--report {error.filename}: {error.strerror}") from None
    console.print(f"Report: {folder / 'report.html'}, {folder / 'report.json'}")


def _figures_table() -> Table:
    table = Table(show_header=False, box=None)
    for name, about in FIGURES.items():
        table.add_row(name, about)
    return table
