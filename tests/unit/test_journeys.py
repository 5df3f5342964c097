"""The browser tests that CI runs are listed by name: a name that no test has would drop one without a word."""

import ast
from pathlib import Path

BROWSER = Path(__file__).parents[1] / "browser"


def test_each_of_them_is_a_test_that_there_is() -> None:
    tree = ast.parse((BROWSER / "conftest.py").read_text(encoding="utf-8"))
    (listed,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "JOURNEYS"
    )
    names = {leaf.value for leaf in ast.walk(listed) if isinstance(leaf, ast.Constant)}
    tests = {
        node.name
        for file in BROWSER.glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert len(names) > 10
    assert names <= tests, names - tests
