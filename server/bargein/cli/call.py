"""``bargein call``: one caller, from a recording."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from bargein.cli.options import LONGEST_S, MOST_SEEDS, check_writable, one_of, socket_address, within
from bargein.load.call import CallResult
from bargein.load.call import call as run_call
from bargein.load.call_table import call_table, conversation_view
from bargein.load.errors import ConnectError, UsageError
from bargein.load.event_log import EventLog
from bargein.load.recording import Recording, read_recording, write_heard
from bargein.load.samples import Sample, sample_recording
from bargein.load.talker import Watcher
from bargein.numbers import WholeWithin, Within

LINES_LIVE = 6
"""Of the conversation, while it lasts: a terminal has room for them."""
DEFAULT_URL = "ws://127.0.0.1:8765/v1/realtime"


RecordingPath = Annotated[
    Path | None, typer.Argument(metavar="INPUT.wav", help="What the caller says: any WAV.", show_default=False)
]
SampleName = Annotated[
    Sample | None,
    typer.Option(
        parser=one_of(Sample),
        metavar="|".join(Sample),
        help="A recording that ships, for the demo model, in place of your own.",
    ),
]
HeardPath = Annotated[
    Path | None,
    typer.Option(metavar="HEARD.wav", help="Write the call as it was heard: left the caller, right the agent."),
]
EventsPath = Annotated[
    Path | None,
    typer.Option(metavar="EVENTS.jsonl", help="Write every message with its time; sound is given as its length."),
]
Url = Annotated[str, typer.Option(metavar="URL", help="The server's WebSocket address.")]
Key = Annotated[
    str | None, typer.Option(metavar="KEY", help="API key, if the server asks for one.", envvar="BARGEIN_CALL_KEY")
]
Stock = Annotated[bool, typer.Option("--stock", help="Speak OpenAI's protocol only: no hold, no play-out reports.")]
Seed = Annotated[
    int | None,
    typer.Option(
        parser=within(WholeWithin(0, MOST_SEEDS)),
        metavar="NUMBER",
        help="Lengthen the pauses between turns by a drawn 0 to 600 ms, to interrupt at another word.",
    ),
]
Patience = Annotated[
    float,
    typer.Option(
        parser=within(Within(0, LONGEST_S)),
        metavar="SECONDS",
        help="How long, after the recording, to wait while nothing comes and nothing is heard.",
    ),
]


def call(  # noqa: PLR0913, PLR0917  # one argument for each option
    recording: RecordingPath = None,
    sample: SampleName = None,
    out: HeardPath = None,
    events: EventsPath = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    stock: Stock = False,
    seed: Seed = None,
    patience: Patience = 20.0,
) -> None:
    """
    Play a recording into a server in real time, as a caller, and report what the caller heard.

    The caller has a loudspeaker of its own: the reply is played out on its clock, paused, resumed and dropped as the
    server asks, and the report tells when something was HEARD, not when its bytes arrived: both sides' words, where a
    reply was cut, and a table of the turns. The answer is heard to its end, however long it is; Ctrl-C hangs up.

    Exit code: 0 if a response was completed after the caller's last turn; 1 if not, or if there was no call; 2 if the
    recording or an option is wrong.

    Example: bargein call --sample interruption --out heard.wav
    """
    console = Console(highlight=False, markup=False)
    with _complaints():
        speech = _speech(recording, sample)
        if seed is not None:
            speech = speech.with_longer_pauses(seed)
        socket_address(url)
        if out is not None:
            check_writable("--out", out)
        _check_apart(recording, out, events)
        with EventLog(events) if events is not None else nullcontext() as log:
            watch = log.note if log else lambda *_: None
            console.print(f"Calling {url.partition('?')[0]}: the caller speaks for {speech.duration_s:.0f} s")
            with _live(console) as show:
                result = asyncio.run(
                    _call(speech, url, key=key, stock=stock, patience_s=patience, watch=watch, show=show)
                )
        if out is not None:
            write_heard(out, result.caller_audio, result.dialogue.listener.spans, result.agent_audio, result.began_s)
    console.print(call_table(result))
    if out is not None:
        console.print(f"The call as it was heard: {out}")
    if result.unanswered is not None:
        raise typer.Exit(1)


@contextmanager
def _complaints() -> Iterator[None]:
    """What goes wrong is one line on standard error, and an exit code."""
    try:
        yield
    except UsageError as error:
        line, code = str(error), 2
    except ConnectError as error:
        line, code = str(error), 1
    except OSError as error:
        line, code = f"{error.filename}: {error.strerror}", 2
    else:
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]bargein call:[/] {escape(line)}")
    raise typer.Exit(code)


def _check_apart(recording: Path | None, out: Path | None, events: Path | None) -> None:
    """:raises UsageError: one file would be written over another."""
    for option, path in (("--out", out), ("--events", events)):
        if path is not None and recording is not None and path.resolve() == recording.resolve():
            raise UsageError(f"{option} {path}: is the recording: give another file")
    if out is not None and events is not None and out.resolve() == events.resolve():
        raise UsageError(f"--events {events}: is the same file as --out's: give another")


def _speech(recording: Path | None, sample: Sample | None) -> Recording:
    if recording is not None and sample is not None:
        raise UsageError("give a recording or --sample, not both")
    if recording is not None:
        return read_recording(recording)
    if sample is not None:
        return sample_recording(sample)
    raise UsageError(f"give a recording, or --sample {'|'.join(Sample)} for one that ships")


@contextmanager
def _live(console: Console) -> Iterator[Callable[[CallResult], None] | None]:
    """Shows the conversation while it lasts, to who sits at a terminal."""
    if not console.is_terminal:
        yield None
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda result: live.update(conversation_view(result, LINES_LIVE), refresh=True)


async def _call(
    speech: Recording,
    url: str,
    *,
    key: str | None,
    stock: bool,
    patience_s: float,
    watch: Watcher,
    show: Callable[[CallResult], None] | None,
) -> CallResult:
    """The call; Ctrl-C hangs up, and what there is by then is the result."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    return await run_call(speech, url, key=key, stock=stock, patience_s=patience_s, watch=watch, stop=stop, show=show)
