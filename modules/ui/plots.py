"""Plots as HTML: lines over time, stacked bars, meters. Pure functions; colours and sizes are the style sheet's.

The drawing itself is stretched to the width that there is, so all text stands beside it as HTML, and keeps its size on a phone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modules.ui.markup import to_markup

COLOURS = 6
"""Classes `k1` to `k6` of the style sheet; more series begin anew."""
WIDTH, HEIGHT = 1000.0, 100.0
"""Of the drawing, in units of its own."""
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST_TICKS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """`values` evenly spaced, the last is now; None where nothing was measured."""

    name: str
    values: Sequence[float | None]
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class LinePlot:
    """`x_labels` from left to right, evenly spaced. `least_top`: the axis goes at least up to here. `unit` of the y axis."""

    title: str
    series: Sequence[Series]
    x_labels: Sequence[str]
    unit: str = ""
    least_top: float = 1.0
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """`parts`: one value for each name of the plot, from the bottom up. `about`: shown when one points at it."""

    parts: Sequence[float]
    about: str


@dataclass(frozen=True, slots=True)
class BarPlot:
    title: str
    names: Sequence[str]
    bars: Sequence[Bar]
    x_labels: Sequence[str]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """From 0 to the last of `ticks`, which are evenly spaced."""

    ticks: tuple[float, ...]

    @property
    def top(self) -> float:
        return self.ticks[-1]

    def height_of(self, value: float) -> float:
        """Above the bottom, in units of the drawing."""
        return min(1.0, max(0.0, value / self.top)) * HEIGHT


def axis_up_to(most: float, *, is_whole: bool = False) -> Axis:
    """Round ticks, of which the last is not below `most`. `is_whole`: counts, of which there are no halves."""
    most = most if math.isfinite(most) and most > 0 else 1.0
    scale = 10.0 ** math.floor(math.log10(most / MOST_TICKS))
    steps = [step * scale for step in STEPS] + [20 * scale]
    if is_whole:
        steps = [step for step in steps if step >= 1 and step == int(step)] or [1.0]
    step = next(step for step in steps if math.ceil(round(most / step, 9)) <= MOST_TICKS)
    count = max(1, math.ceil(round(most / step, 9)))
    return Axis(tuple(step * i for i in range(count + 1)))


def short_number(value: float) -> str:
    """Such as 0.25, 12, 3.4k, 2M: at most four characters or so."""
    for limit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{name}"
    return f"{value:.3g}"


def line_plot(plot: LinePlot) -> str:
    values = [value for each in plot.series for value in each.values if value is not None]
    axis = axis_up_to(max([*values, plot.least_top]), is_whole=plot.is_whole)
    drawn = "".join(_line(each, index, axis) for index, each in enumerate(plot.series))
    names = [each.name for each in plot.series]
    return _figure(plot.title, plot.unit, names, axis, drawn, plot.x_labels)


def bar_plot(plot: BarPlot) -> str:
    axis = axis_up_to(max([sum(bar.parts) for bar in plot.bars] or [1.0]), is_whole=True)
    width = WIDTH / max(1, len(plot.bars))
    drawn = "".join(_bar(bar, index * width, width, axis) for index, bar in enumerate(plot.bars))
    return _figure(plot.title, plot.unit, plot.names, axis, drawn, plot.x_labels)


def meter(used: float, of: float, about: str) -> str:
    """A bar that is filled as far as `used` of `of`."""
    share = 0.0 if of <= 0 else min(1.0, max(0.0, used / of))
    return (
        f'<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{to_markup(about)}">'
        f'<rect class="meter-back" width="100" height="6"/><rect class="meter-fill" width="{share * 100:.1f}" height="6"/></svg>'
    )


def colour(index: int) -> str:
    return f"k{index % COLOURS + 1}"


def _figure(
    title: str, unit: str, names: Sequence[str], axis: Axis, drawn: str, x_labels: Sequence[str]
) -> str:
    keys = "".join(
        f'<span class="key {colour(index)}">{to_markup(name)}</span>'
        for index, name in enumerate(names)
    )
    y_labels = "".join(f"<span>{short_number(tick)}</span>" for tick in reversed(axis.ticks))
    labels = "".join(f"<span>{to_markup(label)}</span>" for label in x_labels)
    about = f"{title}, {unit}" if unit else title
    note = f' <span class="unit">{to_markup(unit)}</span>' if unit else ""
    return (
        f'<figure class="plot"><figcaption><span class="title">{to_markup(title)}{note}</span><span class="keys">{keys}</span></figcaption>'
        f'<div class="plot-body"><div class="plot-y">{y_labels}</div>'
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" aria-label="{to_markup(about)}">'
        f'{_grid(axis)}{drawn}</svg><div class="plot-x">{labels}</div></div></figure>'
    )


def _grid(axis: Axis) -> str:
    heights = [HEIGHT - axis.height_of(tick) for tick in axis.ticks]
    return "".join(
        f'<line class="grid" x1="0" x2="{WIDTH:g}" y1="{y:.2f}" y2="{y:.2f}"/>' for y in heights
    )


def _line(series: Series, index: int, axis: Axis) -> str:
    last = max(1, len(series.values) - 1)
    runs: list[list[str]] = [[]]
    for place, value in enumerate(series.values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{place / last * WIDTH:.1f},{HEIGHT - axis.height_of(value):.2f}")
    return "".join(_run(run, index, is_filled=series.is_filled) for run in runs if run)


def _run(points: Sequence[str], index: int, *, is_filled: bool) -> str:
    """A stretch without gaps."""
    path = "M" + " L".join(points if len(points) > 1 else [points[0], points[0]])
    area = ""
    if is_filled and len(points) > 1:
        first, last = (point.partition(",")[0] for point in (points[0], points[-1]))
        area = f'<path class="area {colour(index)}" d="{path} L{last},{HEIGHT:g} L{first},{HEIGHT:g} Z"/>'
    return f'{area}<path class="line {colour(index)}" d="{path}"/>'


def _bar(bar: Bar, x: float, width: float, axis: Axis) -> str:
    bottom = HEIGHT
    found: list[str] = []
    for index, value in enumerate(bar.parts):
        height = axis.height_of(value)
        if height:
            bottom -= height
            found.append(
                f'<rect class="part {colour(index)}" x="{x + width * 0.12:.1f}" y="{bottom:.2f}" '
                f'width="{width * 0.76:.1f}" height="{height:.2f}"/>'
            )
    hit = f'<rect class="hit" x="{x:.1f}" y="0" width="{width:.1f}" height="{HEIGHT:g}"/>'
    return f"<g>{''.join(found)}{hit}<title>{to_markup(bar.about)}</title></g>"
