"""Keys of config-user.yaml: what is a name, what is a pattern, and which wins."""

import re

import pytest
from hypothesis import given, strategies as st

from modules.core.name_patterns import in_order, is_name_key, matches_name, to_key


@pytest.mark.parametrize(
    ("key", "name", "matches"),
    [
        ("m.gguf", "m.gguf", True),
        ("m.gguf$", "m.gguf", True),
        ("C++ (v1)$", "C++ (v1)", True),
        ("llama", "Llama-3.gguf", True),
        ("LLAMA", "llama-3.gguf", True),
        ("llama$", "llama-3.gguf", False),
        ("llama", "org/Llama-3.gguf", True),
        ("org/llama", "org/Llama-3.gguf", True),
        ("3", "org/Llama-3.gguf", False),
    ],
)
def test_what_a_key_matches(key: str, name: str, matches: bool) -> None:
    assert matches_name(key, name) == matches


def test_a_key_that_is_no_pattern_says_so() -> None:
    with pytest.raises(re.error):
        matches_name("some(", "some")


def test_the_name_itself_comes_last() -> None:
    assert in_order(["a.b$", ".*", "a"], "a.b") == [".*", "a", "a.b$"]


@given(st.text(min_size=1, max_size=20))
def test_the_key_of_a_name_is_its_own_and_a_pattern_that_matches_it(name: str) -> None:
    key = to_key(name)
    assert is_name_key(key, name)
    assert re.match(key, name)
