"""Plots: axes with round numbers, gaps stay gaps, texts stay texts."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from modules.ui.plots import (
    HEIGHT,
    Bar,
    BarPlot,
    LinePlot,
    Series,
    axis_up_to,
    bar_plot,
    line_plot,
    meter,
    short_number,
)

HOSTILE = '<b onload="x">{{value}} ${1+1} `a`</b>'


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (1, (0, 0.25, 0.5, 0.75, 1)),
        (10, (0, 2.5, 5, 7.5, 10)),
        (37, (0, 10, 20, 30, 40)),
        (1000, (0, 250, 500, 750, 1000)),
        (0, (0, 0.25, 0.5, 0.75, 1)),
        (float("nan"), (0, 0.25, 0.5, 0.75, 1)),
    ],
)
def test_an_axis_ends_at_a_round_number(most: float, ticks: tuple[float, ...]) -> None:
    assert axis_up_to(most).ticks == pytest.approx(ticks)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 7, 9, 11, 63, 64, 1234])
def test_counts_have_whole_ticks_that_reach_the_largest(most: int) -> None:
    ticks = axis_up_to(most, is_whole=True).ticks
    assert all(tick == int(tick) for tick in ticks)
    assert ticks[-1] >= most
    assert 2 <= len(ticks) <= 5


@pytest.mark.parametrize("exponent", range(-6, 12))
def test_every_magnitude_has_an_axis(exponent: int) -> None:
    for first in (1.0, 1.1, 2.4, 4.9, 9.99):
        axis = axis_up_to(first * 10**exponent)
        assert axis.top >= first * 10**exponent * 0.999
        assert len(axis.ticks) <= 5


def test_the_largest_value_touches_the_top_and_none_leaves_the_picture() -> None:
    axis = axis_up_to(40)
    assert axis.height_of(40) == HEIGHT
    assert axis.height_of(0) == 0
    assert axis.height_of(-3) == 0
    assert axis.height_of(400) == HEIGHT


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    html = line_plot(LinePlot("A", [Series("a", [None, 1, 2, None, 3])], ("then", "now")))
    lines = re.findall(r'class="line k1" d="([^"]+)"', html)
    assert len(lines) == 2
    assert lines[0].startswith("M250.0,")
    assert (
        lines[1]
        == f"M1000.0,{HEIGHT - axis_up_to(3).height_of(3):.2f} L1000.0,{HEIGHT - axis_up_to(3).height_of(3):.2f}"
    )


def test_bars_are_stacked_from_the_bottom() -> None:
    html = bar_plot(BarPlot("A", ("x", "y"), [Bar((1, 3), "first"), Bar((0, 0), "none")], ("a",)))
    parts = re.findall(
        r'class="part (k\d)" x="[^"]+" y="([^"]+)" width="[^"]+" height="([^"]+)"', html
    )
    assert [(name, float(y), float(height)) for name, y, height in parts] == [
        ("k1", 75.0, 25.0),
        ("k2", 0.0, 75.0),
    ]


def test_texts_of_people_are_shown_and_never_read_as_markup_or_template() -> None:
    pages = [
        line_plot(LinePlot(HOSTILE, [Series(HOSTILE, [1.0])], (HOSTILE,), HOSTILE)),
        bar_plot(BarPlot(HOSTILE, (HOSTILE,), [Bar((1,), HOSTILE)], (HOSTILE,))),
        meter(1, 2, HOSTILE),
    ]
    for page in pages:
        assert "{{" not in page
        assert "${" not in page
        assert "<b" not in page
        ElementTree.fromstring(page)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.25, "0.25"), (12, "12"), (3400, "3.4k"), (2e6, "2M"), (5e9, "5G")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert short_number(value) == shown


@pytest.mark.parametrize(("used", "of", "width"), [(0, 8, 0), (4, 8, 50), (9, 8, 100), (1, 0, 0)])
def test_a_meter_is_as_full_as_it_says(used: float, of: float, width: float) -> None:
    assert f'class="meter-fill" width="{width:.1f}"' in meter(used, of, "slots")
