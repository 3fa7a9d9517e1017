"""How soon the server hears an interruption, and what follows, turn by turn.

On clean speech, on speech in a noisy room and, where ``../shared/speech`` exists, on recordings of people, at least 200
interruptions each, at a light load:

- onset to hold, onset to confirm, onset to silence heard: at the caller. The onset is the arrival of the first sample
  of the speech as it is labelled, never the detector's own;
- confirm to the model's closed socket: at the model, from the moment the caller was told;
- the model's first audio byte to the first byte at the caller.

Fails when the share of turns within a limit is below its floor in ``floors.json``.

Run: ``python -m benchmarks.turns`` (about three minutes).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from bargein.load.measurements import percentile
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import Calls, Interruptions, Noise, Scenario
from bargein.load.server_side import metrics_url
from bargein.load.summary import Summary, summarize
from benchmarks import processes
from benchmarks.model import stamp_of
from benchmarks.processes import LOAD_CPU, ROOT, SERVER_CPU, Process

FLOORS: Final = Path(__file__).with_name("floors.json")
PEOPLE: Final = ROOT.parent / "shared" / "speech"
CALLERS: Final = 24
NOISE_DB: Final = -42.0
"""The room, relative to full scale; the callers speak at about -22."""

CLEAN: Final = Scenario(
    about="Talks over every reply.",
    call=Calls(turns=(1000, 1000), pause_s=(0.3, 0.8), patience_s=10),
    interrupt=Interruptions(share=1.0, after_s=(0.6, 2.0)),
)
NOISY: Final = CLEAN.model_copy(update={"noise": Noise(level_db=NOISE_DB)})

COUNTED: Final = (
    "interruptions",
    "barge_ins",
    "missed_barge_ins",
    "late_interruptions",
    "false_interruptions",
    "false_turns",
    "stale_samples_received",
    "missing_replies",
)
LIMITS_MS: Final = {
    "onset to hold": 150.0,
    "onset to confirm": 400.0,
    "onset to silence heard": 150.0,
    "confirm to closed upstream socket": 10.0,
    "first upstream byte to caller": 5.0,
}


@dataclass(slots=True)
class Corpus:
    """One kind of speech, and what was measured on it, in milliseconds."""

    name: str
    scenario: Scenario
    folder: Path | None
    measured: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def corpora() -> list[Corpus]:
    found = [Corpus("clean", CLEAN, None), Corpus("noisy", NOISY, None)]
    if PEOPLE.is_dir():
        found.append(Corpus("people", CLEAN, PEOPLE))
    return found


async def measure(corpus: Corpus, server: Process, model: Process, turns: int) -> None:
    """Let callers talk over replies until there were enough interruptions."""
    first_bytes: dict[str, tuple[float, float]] = {}
    stop = asyncio.Event()

    def on_audio(item_id: str, audio: bytes | str, now_s: float) -> None:
        if item_id not in first_bytes and isinstance(audio, bytes) and (sent_s := stamp_of(audio)) is not None:
            first_bytes[item_id] = (now_s, 1000 * (now_s - sent_s))

    def look(this: Run) -> None:
        if this.measurements.counts["barge_ins"] + this.measurements.counts["missed_barge_ins"] >= turns:
            stop.set()

    plan = Plan(
        url=server.url,
        scenario=corpus.name,
        parts=[(corpus.name, 1.0, corpus.scenario)],
        callers=CALLERS,
        duration_s=300,
        ramp_s=3,
        bargein=True,
        speech=corpus.folder,
        metrics_url=metrics_url(server.url),
        sign=lambda caller, call: f"{corpus.name}: caller {caller}, call {call}",
        on_audio=on_audio,
    )
    summary = summarize(await run(plan, stop, look))
    async with httpx.AsyncClient(trust_env=False) as client:
        log = (await client.get(model.url.replace("/v1", "/log"))).json()
    corpus.measured = {
        "onset to hold": _milliseconds(summary, "hold"),
        "onset to confirm": _milliseconds(summary, "confirm"),
        "onset to silence heard": _milliseconds(summary, "barge_in"),
        "confirm to closed upstream socket": _closes(summary, log),
        "first upstream byte to caller": [
            delay for at_s, delay in first_bytes.values() if not summary.run.ticker.was_late(at_s)
        ],
    }
    names = (
        "interruptions",
        "barge_ins",
        "missed_barge_ins",
        "late_interruptions",
        "false_interruptions",
        "false_turns",
    )
    corpus.counts = {name: summary.counts[name] for name in (*names, "stale_samples_received", "missing_replies")}


def _milliseconds(summary: Summary, name: str) -> list[float]:
    return [1000 * sample.value_s for sample in summary.samples[name]]


def _closes(summary: Summary, log: list[dict[str, str | float | None]]) -> list[float]:
    """From each confirmation, as it reached the caller, to the close of that caller's stream nearest to it."""
    closed_s: defaultdict[str, list[float]] = defaultdict(list)
    for stream in log:
        if isinstance(stream["closed_s"], float):
            closed_s[str(stream["tag"])].append(stream["closed_s"])
    found = []
    for sample in summary.samples["confirm"]:
        at_s = sample.at_s + summary.run.began_s
        closes = sorted(closed_s[f"caller {sample.caller}, call 1"])
        place = bisect_left(closes, at_s - 0.05)
        if place < len(closes) and closes[place] < at_s + 1:
            found.append(max(0.0, 1000 * (closes[place] - at_s)))
    return found


def within(values: list[float], limit: float) -> float:
    """The share of values that are not above the limit."""
    return sum(value <= limit for value in values) / len(values) if values else 0.0


def table(corpus: Corpus) -> Table:
    found = Table(title=f"{corpus.name}: {corpus.counts['barge_ins']} interruptions", title_justify="left")
    found.add_column("ms")
    for name in ("count", "p50", "p99", "limit", "within"):
        found.add_column(name, justify="right")
    for name, values in corpus.measured.items():
        ordered = sorted(values) or [float("nan")]
        found.add_row(
            name,
            str(len(values)),
            f"{percentile(ordered, 0.5):.1f}",
            f"{percentile(ordered, 0.99):.1f}",
            f"{LIMITS_MS[name]:g}",
            f"{100 * within(values, LIMITS_MS[name]):.1f} %",
        )
    return found


def below_floor(measured: list[Corpus]) -> list[str]:
    """What is worse than its floor."""
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))["turns"]
    return [
        f"{corpus.name}: {name}: {share:.3f} of the turns within {LIMITS_MS[name]:g} ms, the floor is {floor}"
        for corpus in measured
        for name, floor in floors.get(corpus.name, {}).items()
        if (share := within(corpus.measured[name], LIMITS_MS[name])) < floor
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=210, help="interruptions of each kind of speech (210)")
    parser.add_argument("--out", type=Path, help="write all figures there as JSON")
    options = parser.parse_args()
    console = Console(highlight=False)
    measured = corpora()
    for corpus in measured:
        with (
            processes.model(30, {LOAD_CPU}) as model,
            processes.bargein(model.url, "websockets", {SERVER_CPU}) as server,
        ):
            uvloop.run(measure(corpus, server, model, options.turns))
        console.print(table(corpus))
        console.print(", ".join(f"{number} {name}" for name, number in corpus.counts.items() if number), style="dim")
    if options.out:
        figures = {corpus.name: {"measured": corpus.measured, "counts": corpus.counts} for corpus in measured}
        options.out.write_text(json.dumps(figures), encoding="utf-8")
    failed = below_floor(measured)
    for line in failed:
        console.print(f"BELOW THE FLOOR: {line}", style="bold red")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
