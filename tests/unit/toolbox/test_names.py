"""Names that models and APIs can work with."""

import re

from hypothesis import given, strategies

from modules.toolbox.names import mcp_name, python_name, unique_names

VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@given(strategies.lists(strategies.tuples(strategies.text(), strategies.text()), max_size=20))
def test_names_are_valid_and_unique(tools: list[tuple[str, str]]):
    names = unique_names((mcp_name(server, own), f"{server}\n{own}") for server, own in tools)
    assert len(names) == len(tools)
    assert len(set(names)) == len(names)
    assert all(VALID.fullmatch(name) for name in names)


def test_a_server_cannot_take_the_name_of_another_tool():
    assert mcp_name("files", "calculate") == "files__calculate"
    assert python_name("calculate") == "calculate"
    assert unique_names([("a__b__c", "a\nb__c"), ("a__b__c", "a__b\nc")])[0] == "a__b__c"


def test_long_names_stay_distinct():
    first, second = mcp_name("s", "x" * 80 + "1"), mcp_name("s", "x" * 80 + "2")
    assert first != second
    assert len(first) == len(second) == 64
