"""docs/templates.md names every file that ships in user_data, and no other."""

import re
from pathlib import Path

import pytest

from modules.settings import ROOT
from tests.unit.prompts.shipped import WITH_TOOLS, names

TEXT = (Path(ROOT) / "docs" / "templates.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named_in(title: str) -> list[str]:
    """What stands in code in the first column of the tables of a section."""
    rows = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize(("title", "folder"), [("Presets", "presets"), ("Grammars", "grammars")])
def test_every_file_is_named(title: str, folder: str) -> None:
    files = (Path(ROOT) / "user_data" / folder).iterdir()
    assert sorted(named_in(title)) == sorted(path.stem for path in files)


def test_every_template_is_named_with_how_it_shows_tools() -> None:
    title = "The templates that ship"
    assert sorted(named_in(title)) == names()
    rows = [line for line in section(title).splitlines() if line.startswith("| `")]
    own = {re.findall(r"`([^`]+)`", row)[0] for row in rows if row.split("|")[3].strip() == "own"}
    assert own == set(WITH_TOOLS)
