"""What embeddings say of some lines, as pictures: which are alike, where they lie, which are nearest to a query. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.ui.markup import to_markup

CELL = 34
"""Pixels of the side of a cell in the matrix."""
LABEL_WIDTH = 230
LABEL_CHARACTERS = 27
MAP_CHARACTERS = 26
BRIGHT = 0.62
"""From this similarity on a cell is so full of colour that its number is white."""
MARGIN = 6.0
"""Percent of the map that stay empty on each side."""
MARK_WIDTH = 4.0
CHARACTER_WIDTH = 1.05
LINE_HEIGHT = 5.5
"""Percent of a map of about 700 x 330 pixels; where it is narrower there are no words."""


@dataclass(frozen=True, slots=True)
class Near:
    """A line of the list of the nearest. `place` from 0; `relevance`: what a reranker says, from 0 to 1."""

    place: int
    text: str
    similarity: float
    relevance: float | None = None


def shortened(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def matrix(lines: Sequence[str], similarities: Sequence[Sequence[float]]) -> str:
    """`similarities`: from -1 to 1, of each line to each."""
    count = len(lines)
    width, height = LABEL_WIDTH + count * CELL + 2, (count + 1) * CELL + 2
    heads = "".join(
        f'<text class="head" x="{LABEL_WIDTH + (i + 0.5) * CELL:g}" y="{CELL * 0.62:g}" text-anchor="middle">{i + 1}</text>'
        for i in range(count)
    )
    rows = "".join(
        _row(place, line, similarities[place], lines) for place, line in enumerate(lines)
    )
    return (
        f'<div class="matrix"><svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Similarity of {count} lines">{heads}{rows}</svg></div>'
    )


def _row(place: int, line: str, values: Sequence[float], lines: Sequence[str]) -> str:
    y = (place + 1) * CELL
    label = to_markup(shortened(line, LABEL_CHARACTERS))
    cells = "".join(
        _cell(LABEL_WIDTH + other * CELL, y, value, f"{line}\n{lines[other]}\n{value:.3f}")
        for other, value in enumerate(values)
    )
    return (
        f'<text class="label" x="{LABEL_WIDTH - 34}" y="{y + CELL * 0.62:g}" text-anchor="end">{label}<title>{to_markup(line)}</title></text>'
        f'<text class="head" x="{LABEL_WIDTH - 8}" y="{y + CELL * 0.62:g}" text-anchor="end">{place + 1}</text>{cells}'
    )


def _cell(x: float, y: float, value: float, about: str) -> str:
    side = CELL - 2
    kind = "low" if value < 0 else "high"
    bright = " bright" if abs(value) >= BRIGHT else ""
    shown = f"{value:.2f}".replace("0.", ".", 1)
    shown = {"1.00": "1", ".00": "0", "-.00": "0"}.get(shown, shown)
    return (
        f'<g><rect class="{kind}" x="{x + 1:g}" y="{y + 1:g}" width="{side}" height="{side}" rx="4" '
        f'fill-opacity="{min(1.0, abs(value)):.3f}"/><text class="value{bright}" x="{x + CELL / 2:g}" y="{y + CELL * 0.62:g}" '
        f'text-anchor="middle">{shown}</text><title>{to_markup(about)}</title></g>'
    )


@dataclass(frozen=True, slots=True)
class Label:
    """Where the words of a mark stand, in percent of the map: `x` to `x` + `width`, around `y`. `is_left`: of its mark."""

    x: float
    y: float
    width: float
    is_left: bool = False

    def covers(self, other: "Label") -> bool:
        is_beside = self.x + self.width <= other.x or other.x + other.width <= self.x
        return not is_beside and abs(self.y - other.y) < LINE_HEIGHT


def scatter(lines: Sequence[str], points: Sequence[tuple[float, float]]) -> str:
    """`points`: from 0 to 1 in both directions. The text keeps its size, whatever the width of the picture."""
    places = [
        (MARGIN + x * (100 - 2 * MARGIN), MARGIN + (1 - y) * (100 - 2 * MARGIN)) for x, y in points
    ]
    taken = [Label(x - MARK_WIDTH / 2, y, MARK_WIDTH) for x, y in places]
    marks: list[str] = []
    for number, (line, place) in enumerate(zip(lines, places, strict=True), 1):
        label = _free_label(shortened(line, MAP_CHARACTERS), place, taken)
        marks.append(_mark(number, line, place, label))
        taken += [label] if label else []
    return (
        f'<div class="map"><svg width="100%" height="100%" role="img" aria-label="Map of {len(lines)} lines">'
        f"{''.join(marks)}</svg></div>"
    )


def _free_label(text: str, place: tuple[float, float], taken: Sequence[Label]) -> Label | None:
    """Right of its mark, else left of it, where it covers nothing and is not cut off; None where there is no room."""
    x, y = place
    width = len(text) * CHARACTER_WIDTH
    gap = MARK_WIDTH / 2 + 0.1
    right, left = Label(x + gap, y, width), Label(x - gap - width, y, width, is_left=True)
    free = (
        label
        for label in (right, left)
        if label.x >= 0 and label.x + width <= 100 and not any(label.covers(one) for one in taken)
    )
    return next(free, None)


def _mark(number: int, line: str, place: tuple[float, float], label: Label | None) -> str:
    x, y = place
    at = f'x="{x:.2f}%" y="{y:.2f}%" dy="4"'
    words = ""
    if label is not None:
        anchor, shift = ("end", -14) if label.is_left else ("start", 14)
        text = to_markup(shortened(line, MAP_CHARACTERS))
        words = f'<text class="words" {at} dx="{shift}" text-anchor="{anchor}">{text}</text>'
    return (
        f'<g><circle cx="{x:.2f}%" cy="{y:.2f}%" r="9"/>{words}'
        f'<text class="number" {at} text-anchor="middle">{number}</text><title>{to_markup(line)}</title></g>'
    )


def nearest(found: Sequence[Near]) -> str:
    """A table with bars, in the order that is given."""
    has_relevance = any(each.relevance is not None for each in found)
    head = "<th></th><th>Line</th><th>Similarity</th>" + (
        "<th>Relevance</th>" if has_relevance else ""
    )
    rows = "".join(_near_row(each, has_relevance=has_relevance) for each in found)
    return f'<table class="nearest"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _near_row(near: Near, *, has_relevance: bool) -> str:
    relevance = f"<td>{_gauge(near.relevance or 0.0)}</td>" if has_relevance else ""
    return f"<tr><td>{near.place + 1}</td><td>{to_markup(near.text)}</td><td>{_gauge(near.similarity)}</td>{relevance}</tr>"


def _gauge(value: float) -> str:
    return f'<meter min="0" max="1" value="{max(0.0, value):.3f}"></meter> <span>{value:.3f}</span>'
