"""``bargein bench``: scenes of people, noises and rooms through the server's own ears, and what came of them."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import track

from bargein.bench.configurations import CONFIGURATIONS, configurations
from bargein.bench.folder import folder_scenes, read_folder
from bargein.bench.kinds import seeded_scenes
from bargein.bench.live import compare_live, sample
from bargein.bench.outcome import Outcome
from bargein.bench.page import write_page
from bargein.bench.run import Configuration, run_scenes
from bargein.bench.scene import Scene
from bargein.bench.summary import Summary, summarize
from bargein.bench.table import WIDE, comparison, family_tables, live_lines
from bargein.cli.options import make_folder, within
from bargein.load.errors import UsageError
from bargein.numbers import WholeWithin, Within

Compare = Annotated[
    str,
    typer.Option(
        metavar="NAME,NAME", help=f"Configurations: {', '.join(CONFIGURATIONS)}; or of your own, NAME:SETTING=VALUE;…"
    ),
]
Sounds = Annotated[
    list[Path] | None, typer.Option(metavar="FOLDER", help="Recordings with an index.json. May be repeated.")
]
SetName = Annotated[str, typer.Option("--set", metavar="tune|report|all", help="Tune on one, report on the other.")]
Only = Annotated[str | None, typer.Option(metavar="TEXT,TEXT", help="Only scenes whose name holds one of these.")]
Share = Annotated[
    float, typer.Option(parser=within(Within(0.001, 1)), metavar="SHARE", help="Only this share, always the same.")
]
Seeds = Annotated[
    int, typer.Option(parser=within(WholeWithin(0, 100)), metavar="NUMBER", help="More of what is made; 0: none.")
]
Processes = Annotated[int, typer.Option(parser=within(WholeWithin(1, 64)), metavar="NUMBER", help="At the same time.")]
Kinds = Annotated[bool, typer.Option("--kinds", help="A line for each kind within a class, too.")]
Report = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write bench.html and bench.json there.")]

Live = Annotated[
    int | None,
    typer.Option(
        parser=within(WholeWithin(0, 1000)), metavar="CALLERS",
        help="Then a sample once more, over a real server in real time, with so many other callers on.",
    ),
]  # fmt: skip
LiveScenes = Annotated[
    int, typer.Option(parser=within(WholeWithin(1, 10_000)), metavar="NUMBER", help="Scenes of that sample.")
]


def bench(  # noqa: PLR0913, PLR0917  # one argument for each option
    compare: Compare = "default",
    sounds: Sounds = None,
    set_: SetName = "report",
    only: Only = None,
    share: Share = 1.0,
    seeds: Seeds = 1,
    processes: Processes = 1,
    kinds: Kinds = False,
    report: Report = None,
    live: Live = None,
    live_scenes: LiveScenes = 40,
) -> None:
    """
    Put scenes through the server's own ears, and tell what came of them.

    People who interrupt, nod and laugh, noises, rooms with an echo, turns with pauses: made from seeds by espeak-ng,
    flite and numpy, and from folders of recordings. A third of all is for reporting only.

    Example: bargein bench --compare default,400ms --set tune --processes 2
    """
    console = Console(width=None if Console().is_terminal else WIDE, markup=False)
    compared = configurations(compare)
    if report is not None:
        make_folder("--report", report)
    scenes = _scenes(seeds, sounds or [], set_, only, share)
    if not scenes:
        raise typer.BadParameter("no scene is left: --set, --only and --share leave none of them")
    summaries = []
    results = {}
    for one in compared:
        outcomes = _run(one, scenes, processes, console)
        summaries.append(summarize(one.name, set_, outcomes[0], outcomes[1]))
        results[one.name] = outcomes[0]
        for table in family_tables(summaries[-1], kinds=kinds, width=console.width):
            console.print(table)
        if live is not None:
            lived = asyncio.run(compare_live(sample(outcomes[0], live_scenes), one, live))
            for line in live_lines(lived, live):
                console.print(line)
    if len(summaries) > 1:
        console.print(comparison(summaries))
    if report is not None:
        _write(report, summaries, results, console)


def _scenes(seeds: int, sounds: list[Path], set_: str, only: str | None, share: float) -> list[Scene]:
    if set_ not in {"tune", "report", "all"}:
        raise typer.BadParameter(f"--set {set_}: tune, report or all")
    scenes = list(seeded_scenes(seeds)) if seeds else []
    for folder in sounds:
        scenes.extend(folder_scenes(read_folder(folder), max(1, seeds)))
    wanted = only.split(",") if only else [""]
    return [
        scene
        for scene in scenes
        if set_ in {"all", scene.set}
        and any(text in scene.name or text in scene.family for text in wanted)
        and zlib.crc32(f"share {scene.name}".encode()) < share * 2**32
    ]


def _run(one: Configuration, scenes: list[Scene], processes: int, console: Console) -> tuple[list[Outcome], float]:
    import time  # noqa: PLC0415

    began = time.perf_counter()
    outcomes = list(
        track(
            run_scenes(scenes, one, processes), f"{one.name}: {len(scenes)} scenes", len(scenes), console=console,
            transient=True, disable=not console.is_terminal,
        )
    )  # fmt: skip
    return outcomes, time.perf_counter() - began


def _write(folder: Path, summaries: list[Summary], results: dict[str, list[Outcome]], console: Console) -> None:
    """Write what came of it."""
    document = {
        "summaries": [summary.as_json() for summary in summaries],
        "scenes": {name: [_scene_json(one) for one in outcomes] for name, outcomes in results.items()},
    }
    try:
        (folder / "bench.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        write_page(folder / "bench.html", summaries, results)
    except OSError as error:
        raise UsageError(f"--report {error.filename}: {error.strerror}") from None
    console.print(f"Report: {folder / 'bench.html'}, {folder / 'bench.json'}")


def _scene_json(one: Outcome) -> dict[str, object]:
    return {
        "name": one.scene.name, "family": one.scene.family, "kind": one.scene.kind, "wanted": one.scene.wanted.value,
        "client": one.scene.client, "right": one.right, "void": one.void, "hold_ms": one.hold_ms,
        "confirm_ms": one.confirm_ms, "silence_ms": one.silence_ms, "early": one.early,
        "interruptions": one.interruptions, "turns": one.turns, "holds": one.holds,
        "silence_heard_ms": round(one.silence_heard_ms), "judged": one.judged,
        "decisions": [] if one.right else [[noted.at_s, noted.what] for noted in one.noted],
    }  # fmt: skip
