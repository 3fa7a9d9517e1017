"""Plots as SVG text, for a report that must stand alone: no library in the page, nothing to download.

Colours are CSS classes (``s0`` … ``s5``), so that the page decides about light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final

from bargein.load.timeline import Timeline

WIDTH: Final = 880
HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 12, 34

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or a cloud of dots, through points in the plot's units."""

    name: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture, and what its colours are.

    :ivar keys: CSS class and meaning.
    """

    svg: str
    keys: tuple[tuple[str, str], ...] = ()
    title: str = ""
    about: str = ""

    def titled(self, title: str, about: str) -> Plot:
        return replace(self, title=title, about=about)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps values to the canvas."""

    x_max: float
    y_max: float

    def x(self, value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * value / self.x_max

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(value, self.y_max) / self.y_max


def line_plot(series: Sequence[Series], x_label: str, y_label: str, x_max: float | None = None) -> Plot | None:
    """Lines and dots over an x axis that begins at zero; ``None`` where there are no points."""
    points = [point for one in series for point in one.points]
    if not points:
        return None
    frame = _Frame(x_max or max(x for x, _ in points) or 1.0, _nice_above(max(y for _, y in points)))
    parts = [_axes(frame, x_label, y_label)]
    for number, one in enumerate(series):
        if one.dots:
            parts += [
                f'<circle class="s{number} dot" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2"/>'
                for x, y in one.points
            ]
        elif one.points:
            path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in one.points)
            parts.append(f'<polyline class="s{number} line" points="{path}"/>')
    return Plot(_svg(WIDTH, HEIGHT, parts), _keys([one.name for one in series]))


def histogram(groups: Sequence[tuple[str, Sequence[float]]], x_label: str, bins: int = 44) -> Plot | None:
    """How often which value occurred, in each group; values past the 99.5th percentile are in the last bin."""
    groups = [(name, values) for name, values in groups if values]
    if not groups:
        return None
    everything = sorted(value for _, values in groups for value in values)
    x_max = _nice_above(everything[int(0.995 * (len(everything) - 1))])
    shares = [(name, _binned(values, x_max, bins)) for name, values in groups]
    frame = _Frame(x_max, _nice_above(100 * max(max(binned) for _, binned in shares)))
    parts = [_axes(frame, x_label, "%")]
    for number, (_, binned) in enumerate(shares):
        path = f"{frame.x(0):.1f},{frame.y(0):.1f} "
        for index, share in enumerate(binned):
            left, right, y = frame.x(index * x_max / bins), frame.x((index + 1) * x_max / bins), frame.y(100 * share)
            path += f"{left:.1f},{y:.1f} {right:.1f},{y:.1f} "
        path += f"{frame.x(x_max):.1f},{frame.y(0):.1f}"
        parts.append(f'<polygon class="s{number} area" points="{path}"/>')
    return Plot(_svg(WIDTH, HEIGHT, parts), _keys([name for name, _ in shares]))


def timeline_plot(timelines: Sequence[Timeline], length_s: float) -> str:
    """What sampled callers said (above the line) and heard (below), with the moments that matter."""
    lane, label = 40, 118
    pixels_per_s = max(14.0, (WIDTH - label - 20) / length_s)
    width = int(label + length_s * pixels_per_s + 20)
    height = int(lane * len(timelines) + 30)

    def x(at_s: float) -> float:
        return label + at_s * pixels_per_s

    parts = [
        f'<text class="tick" x="{x(at_s):.0f}" y="{height - 8}" text-anchor="middle">{_clock(at_s)}</text>'
        f'<line class="grid" x1="{x(at_s):.0f}" x2="{x(at_s):.0f}" y1="0" y2="{height - 24}"/>'
        for at_s in range(0, int(length_s) + 1, 5)
    ]
    for index, timeline in enumerate(timelines):
        top = lane * index
        middle = top + lane / 2
        parts.append(
            f'<text class="lane" x="4" y="{middle + 4:.0f}">{timeline.caller} {escape(timeline.scenario)}</text>'
        )
        parts.append(f'<line class="axis" x1="{label}" x2="{width}" y1="{middle:.0f}" y2="{middle:.0f}"/>')
        for stretch in timeline.stretches:
            y = middle + 1 if stretch.kind == "heard" else middle - 13
            parts.append(
                f'<rect class="t-{escape(stretch.kind)}" x="{x(stretch.start_s):.1f}" y="{y:.0f}" height="12" '
                f'width="{max(1.5, (stretch.end_s - stretch.start_s) * pixels_per_s):.1f}">'
                f"<title>{escape(stretch.kind)}: {stretch.start_s:.2f} to {stretch.end_s:.2f} s</title></rect>"
            )
        parts += [
            f'<line class="m-{escape(moment.kind.split()[0])}" x1="{x(moment.at_s):.1f}" x2="{x(moment.at_s):.1f}" '
            f'y1="{top + 3}" y2="{top + lane - 3}"><title>{escape(moment.kind)}: {moment.at_s:.2f} s</title></line>'
            for moment in timeline.moments
        ]
    return _svg(width, height, parts)


def over_time(points: Sequence[Point], window_s: float, pick: Callable[[list[float]], float]) -> list[Point]:
    """One value for each window of time that has any: at its middle."""
    windows: dict[int, list[float]] = {}
    for at_s, value in points:
        windows.setdefault(int(at_s / window_s), []).append(value)
    return [((number + 0.5) * window_s, pick(sorted(values))) for number, values in sorted(windows.items())]


def _axes(frame: _Frame, x_label: str, y_label: str) -> str:
    parts = []
    for value in _ticks(frame.y_max):
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in _ticks(frame.x_max):
        x = frame.x(value)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 18}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text class="tick" x="{WIDTH - _RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(x_label)}</text>')
    parts.append(f'<text class="tick" x="12" y="{HEIGHT / 2:.0f}" text-anchor="middle" ')
    parts.append(f'transform="rotate(-90 12 {HEIGHT / 2:.0f})">{escape(y_label)}</text>')
    return "".join(parts)


def _keys(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((f"s{number}", name) for number, name in enumerate(names))


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">{"".join(parts)}</svg>'


def _binned(values: Sequence[float], x_max: float, bins: int) -> list[float]:
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / x_max * bins))] += 1
    return [count / len(values) for count in counts]


def _nice_above(value: float) -> float:
    """The least of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that is not below the value."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999)


def _ticks(top: float) -> list[float]:
    """Four to eight round values from zero to the top."""
    power = 10.0 ** math.floor(math.log10(top))
    step = next(step for step in (power / 10, power / 5, power / 2, power, 2 * power) if top / step <= 8)
    return [round(number * step, 10) for number in range(int(top / step + 1e-9) + 1)]


def _clock(at_s: float) -> str:
    return f"{int(at_s // 60)}:{int(at_s % 60):02d}"
