"""The report: one HTML file that stands alone, with a picture of every scene that went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2

from bargein.bench.outcome import Outcome
from bargein.bench.pictures import picture
from bargein.bench.summary import Summary
from bargein.bench.table import COLUMNS, cells, headline

MOST_OF_A_CLASS: Final = 12
"""Pictures of one class: more of a kind tell nothing new."""
_HERE: Final = Path(__file__).parent
_STYLE: Final = _HERE.parent / "load" / "report.css"
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)


def write_page(path: Path, summaries: Sequence[Summary], results: Mapping[str, Sequence[Outcome]]) -> None:
    """Write the report.

    :raises OSError: the file cannot be written.
    """
    path.write_text(page(summaries, results), encoding="utf-8")


def page(summaries: Sequence[Summary], results: Mapping[str, Sequence[Outcome]]) -> str:
    """The whole page."""
    return _TEMPLATES.get_template("page.html.jinja").render(
        style=_STYLE.read_text(encoding="utf-8"),
        columns=COLUMNS,
        runs=[_run(summary, results[summary.configuration]) for summary in summaries],
    )


def _run(summary: Summary, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "summary": summary,
        "headline": headline(summary),
        "rows": [(cells(row), row in summary.goals) for row in [*summary.goals, *summary.families]],
        "kinds": [(name, [cells(row) for row in rows]) for name, rows in summary.kinds.items()],
        "failing": [_failing(row.name, outcomes) for row in summary.families],
    }


def _failing(family: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    wrong = [one for one in outcomes if one.scene.family == family and not one.right]
    step = max(1, -(-len(wrong) // MOST_OF_A_CLASS))
    return {
        "family": family,
        "count": len(wrong),
        "scenes": [{"outcome": one, "words": one.scene.words, "picture": picture(one)} for one in wrong[::step]],
    }
