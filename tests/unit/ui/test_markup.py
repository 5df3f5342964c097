"""Small pieces of HTML: text stays text, and a bar says how far it is in numbers that exist."""

from pathlib import Path

import pytest

from modules.ui.markup import chip, progress_bar, progress_note, to_markup


def test_text_is_never_markup_nor_a_template() -> None:
    for html in (
        to_markup("<b>{{x}}${y}`"),
        chip("<b>{{x}}${y}`"),
        progress_note("<b>{{x}}${y}`", 0),
    ):
        assert "&lt;b&gt;" in html
        assert "<b>" not in html
        assert not {"{", "$", "`"} & set(html)
    assert to_markup(Path("a&b")) == "a&amp;b"
    assert 'title="&quot;"' in chip("a", title='"')


@pytest.mark.parametrize(
    ("share", "percent"), [(0.0, 0), (0.254, 25), (1.0, 100), (7.0, 100), (-1, 0)]
)
def test_a_bar_says_how_far_it_is(share: float, percent: int) -> None:
    html = progress_bar(share)
    assert f'aria-valuenow="{percent}"' in html
    assert f"width: {percent}%" in html
    assert html in progress_note("Drawing", share)


def test_a_bar_of_something_unknown_says_no_number() -> None:
    assert "aria-valuenow" not in progress_bar(None)
