"""``bargein call``: one caller, from a recording."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bargein.load.call import call as run_call
from bargein.load.call_table import call_table
from bargein.load.errors import ConnectError, UsageError
from bargein.load.event_log import EventLog
from bargein.load.recording import read_recording, write_heard

DEFAULT_URL = "ws://127.0.0.1:8765/v1/realtime"


def call(
    recording: Annotated[Path, typer.Argument(metavar="INPUT.wav", help="What the caller says: any WAV.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="HEARD.wav", help="Write the call as it was heard: left the caller, right the agent."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(metavar="EVENTS.jsonl", help="Write every message with its time; sound is given as its length."),
    ] = None,
    url: Annotated[str, typer.Option(help="The server's WebSocket address.")] = DEFAULT_URL,
    key: Annotated[
        str | None, typer.Option(help="API key, if the server asks for one.", envvar="BARGEIN_CALL_KEY")
    ] = None,
    stock: Annotated[
        bool, typer.Option("--stock", help="Speak OpenAI's protocol only: no hold, no play-out reports.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(help="Lengthen the pauses between turns by a drawn 0 to 600 ms, to interrupt at another word."),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for an answer after the recording.")
    ] = 20.0,
) -> None:
    """
    Play a recording into a server in real time, as a caller, and report what the caller heard.

    The caller has a loudspeaker of its own: the reply is played out on its clock, paused, resumed and dropped as the
    server asks, and the table tells when something was HEARD, not when its bytes arrived.

    Exit code: 0 if a response was completed after the caller's last turn; 1 if not, or if there was no call; 2 if the
    recording or an option is wrong.

    Example: bargein call question.wav --out heard.wav --events events.jsonl
    """
    complain = Console(stderr=True, highlight=False, soft_wrap=True)
    log: EventLog | None = None
    try:
        speech = read_recording(recording)
        if seed is not None:
            speech = speech.with_longer_pauses(seed)
        log = EventLog(events) if events is not None else None
        result = asyncio.run(
            run_call(speech, url, key=key, stock=stock, patience_s=patience, watch=log.note if log else lambda *_: None)
        )
        if out is not None:
            listener = result.dialogue.listener
            write_heard(out, result.caller_audio, listener.spans, result.agent_audio, result.began_s)
    except UsageError as error:
        complain.print(f"[red]bargein call:[/] {error}")
        raise typer.Exit(2) from None
    except ConnectError as error:
        complain.print(f"[red]bargein call:[/] {error}")
        raise typer.Exit(1) from None
    except OSError as error:
        complain.print(f"[red]bargein call:[/] {error.filename}: {error.strerror}")
        raise typer.Exit(2) from None
    finally:
        if log is not None:
            log.close()
    Console().print(call_table(result))
    if result.unanswered is not None:
        raise typer.Exit(1)
