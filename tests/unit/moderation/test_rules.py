"""The file of moderation: what it may say, and how its faults are named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.errors import ConfigError
from modules.engine.moderation.rules import CATEGORIES, read_rules
from modules.settings import ROOT

HARMLESS = [f"Something harmless number {number}." for number in range(8)]


def whole(**changes: Any) -> dict[str, Any]:
    return {
        "threshold": 0.5,
        "harmless": {"examples": HARMLESS},
        "categories": {"violence": {"examples": ["He hit him."]}},
    } | changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moderation.yaml"


def write(path: Path, content: Any) -> None:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    path.write_text(text, encoding="utf-8")


def test_the_shipped_file_has_examples_for_all_of_openais_categories() -> None:
    rules = read_rules(ROOT / "user_data" / "moderation.yaml")
    assert [category.name for category in rules.categories] == list(CATEGORIES)
    assert len(CATEGORIES) == 13
    assert all(len(category.examples) >= 5 for category in rules.categories)
    assert len(set(rules.examples)) == len(rules.examples), "none is there twice"


def test_thresholds_and_descriptions_are_read(path: Path) -> None:
    hate = {"threshold": 0.7, "description": "Contempt.", "examples": [" They are rats. "]}
    write(path, whole(threshold=0.4, categories={"hate": hate, "violence": {"examples": ["Hit!"]}}))
    by_name = {category.name: category for category in read_rules(path).categories}
    assert by_name["hate"].threshold == 0.7
    assert by_name["hate"].examples == ("They are rats.", "Contempt.")
    assert by_name["violence"].threshold == 0.4
    assert by_name["sexual"].examples == (), "a category may be left out"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [1", "line 1"),
        ("threshold: 0.5\nharmless: {\n\n- x", "line 4"),
        ("- a\n- b", "the file"),
        ("", "the file"),
        ("!!python/object/apply:os.system ['echo']", "line 1"),
        (whole(thresold=1), "thresold"),
        (whole(threshold="high"), "threshold"),
        (whole(threshold=1.5), "threshold"),
        (whole(threshold=float("nan")), "threshold"),
        (whole(threshold=True), "threshold"),
        (whole(harmless=None), "harmless"),
        (whole(harmless={"examples": ["one"]}), "harmless.examples"),
        (whole(harmless={"examples": "text"}), "harmless.examples"),
        (whole(harmless={"examples": [*HARMLESS, 5]}), "harmless.examples[8]"),
        (whole(harmless={"examples": [*HARMLESS, " "]}), "harmless.examples[8]"),
        (whole(harmless={"examples": [*HARMLESS, "x" * 501]}), "harmless.examples[8]"),
        (whole(categories={}), "categories"),
        (whole(categories={"violense": {}}), "categories.violense"),
        (whole(categories={"violence": None}), "categories.violence"),
        (whole(categories={"violence": {"example": []}}), "categories.violence.example"),
        (whole(categories={"violence": {"threshold": -1}}), "categories.violence.threshold"),
        (whole(categories={"violence": {"examples": ["..."]}}), "categories.violence.examples[0]"),
    ],
)
def test_a_fault_is_named_by_its_line_or_key(path: Path, content: Any, words: str) -> None:
    write(path, content)
    with pytest.raises(ConfigError) as caught:
        read_rules(path)
    assert caught.value.message.startswith("moderation.yaml")
    assert words in caught.value.message


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"moderation\.yaml"):
        read_rules(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_rules(path)
    path.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ConfigError, match="larger"):
        read_rules(path)
