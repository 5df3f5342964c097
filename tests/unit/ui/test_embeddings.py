"""Lines compared: arithmetic, order, pictures."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from modules.core.errors import RequestError
from modules.ui.embeddings import pictures, space
from modules.ui.embeddings.compare import MAX_LINES, to_lines, to_nearest
from modules.ui.embeddings.pictures import Near

HOSTILE = '<b>{{value}} ${1+1} `a` & "q"</b>'


def units(*rows: tuple[float, ...]) -> np.ndarray:
    found = np.array(rows, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_cosines_are_those_of_the_angles() -> None:
    found = space.similarities(units((1, 0), (1, 1), (-1, 0)))
    assert found[0] == pytest.approx([1, 0.5**0.5, -1], abs=1e-6)
    assert all(found[a][b] == pytest.approx(found[b][a]) for a in range(3) for b in range(3))
    assert max(map(max, found)) <= 1.0


def test_the_map_spreads_what_differs_and_centres_what_does_not() -> None:
    found = space.flat(units((1, 0, 0), (1, 0.1, 0), (0, 1, 0)))
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in found)
    near = abs(found[0][0] - found[1][0])
    assert near < abs(found[0][0] - found[2][0])
    assert space.flat(units((1, 2), (1, 2))) == [(0.5, 0.5), (0.5, 0.5)]


def test_two_lines_have_a_map_too() -> None:
    assert sorted(x for x, _ in space.flat(units((1, 0), (0, 1)))) == [0, 1]


def test_lines_are_what_is_not_empty() -> None:
    assert to_lines(" a \n\n\tb\n") == ("a", "b")
    with pytest.raises(RequestError, match="at least two"):
        to_lines("one\n\n")
    with pytest.raises(RequestError, match=str(MAX_LINES)):
        to_lines("x\n" * (MAX_LINES + 1))


def test_nearest_goes_by_relevance_where_there_is_one() -> None:
    assert [near.place for near in to_nearest("abc", [0.1, 0.9, 0.5], None)] == [1, 2, 0]
    ranked = to_nearest("abc", [0.1, 0.9, 0.5], [0.8, 0.2, 0.3])
    assert [(near.place, near.relevance) for near in ranked] == [(0, 0.8), (2, 0.3), (1, 0.2)]
    assert to_nearest("abc", [], None) == []


def test_a_matrix_has_a_cell_for_each_pair() -> None:
    page = pictures.matrix(["one", "two"], [[1.0, -0.25], [-0.25, 1.0]])
    assert len(re.findall(r'<rect class="high"', page)) == 2
    assert len(re.findall(r'<rect class="low"', page)) == 2
    assert ">-.25<" in page
    assert ">1<" in page


def test_labels_in_the_map_cover_no_mark_and_no_other_label() -> None:
    crowd = [(0.5, 0.5), (0.52, 0.5), (0.5, 0.501), (0.9, 0.9)]
    page = pictures.scatter(["a long label here"] * 4, crowd)
    assert page.count("<circle") == 4
    assert 1 <= page.count('class="words"') < 4


def test_texts_stay_texts() -> None:
    near = [Near(0, HOSTILE, 0.5, 0.25)]
    pages = [
        pictures.matrix([HOSTILE, "b"], [[1, 0], [0, 1]]),
        pictures.scatter([HOSTILE, "b"], [(0, 0), (1, 1)]),
        pictures.nearest(near),
    ]
    for page in pages:
        assert "{{" not in page
        assert "${" not in page
        ElementTree.fromstring(page)


def test_shortened_text_says_so() -> None:
    assert pictures.shortened("a\n b", 10) == "a b"
    assert pictures.shortened("abcdefghij", 5) == "abcd…"
