"""What a voice is given to read."""

import pytest

from modules.text.spoken import to_spoken


@pytest.mark.parametrize("text", ["Ünïcödé, 日本語!", "a\n\tb", "🤠 שלום ١٢٣", "&lt;b&gt; [[x]]"])
def test_readable_text_stays_as_it_is(text: str) -> None:
    assert to_spoken(text) == text


def test_controls_and_private_characters_become_spaces() -> None:
    assert to_spoken("a\x00b\x01c\x1bd\x7fe\x85f\ue000g\r") == "a b c d e f g "
