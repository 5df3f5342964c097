"""Presets: those that ship are valid and differ, and broken ones are refused by name."""

from pathlib import Path

import pytest

from modules.core.errors import RequestError
from modules.core.sampling import SamplingParams
from modules.prompts.presets import list_presets, load_preset
from modules.settings import ROOT

FOLDER = Path(ROOT) / "user_data" / "presets"
NAMES = list_presets(FOLDER)


def write(folder: Path, text: str, name: str = "mine.yaml") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_the_presets_that_people_know_by_name_ship() -> None:
    assert {
        "Big O",
        "Creative",
        "Deterministic",
        "Divine Intellect",
        "Midnight Enigma",
        "Min-P",
        "Mirostat",
        "Shortwave",
        "simple-1",
        "Top-P",
        "Yara",
    } <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_that_ships_is_valid(name: str) -> None:
    values = load_preset(FOLDER, name)
    params = SamplingParams().updated(values)
    assert values
    assert params.is_greedy == (name == "Deterministic")
    assert (params == SamplingParams()) == (name == "OpenAI")


def test_no_two_presets_are_the_same() -> None:
    made = {name: SamplingParams().updated(load_preset(FOLDER, name)) for name in NAMES}
    assert len(set(made.values())) == len(NAMES)


def test_a_preset_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "min_p: 0.1\ntop_k: null\n")
    defaults = SamplingParams(temperature=0.4, top_k=7)
    params = defaults.updated(load_preset(tmp_path, "mine"))
    assert params == SamplingParams(temperature=0.4, top_k=7, min_p=0.1)


def test_an_edit_counts_at_once(tmp_path: Path) -> None:
    for value in (0.1, 0.2):
        write(tmp_path, f"min_p: {value}")
        assert load_preset(tmp_path, "mine") == {"min_p": value}


def test_an_empty_preset_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "# nothing yet\n")
    assert load_preset(tmp_path, "mine") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temprature: 1", "mine.yaml has unknown keys: temprature"),
        ("1: 2", "mine.yaml has unknown keys: 1"),
        ("temperature: 99", "mine.yaml: temperature must be at most 5"),
        ("temperature: hot", "mine.yaml: temperature must be a number"),
        ("top_k: [1]", "mine.yaml: top_k must be a whole number"),
        ("- temperature", "mine.yaml has no keys"),
        ("a: [", "mine.yaml is not valid YAML"),
        ("a: 2025-99-99", "mine.yaml is not valid YAML"),
        ("[" * 20_000, "mine.yaml is not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []", "mine.yaml is not valid YAML"),
        ("#" * 200_000, "mine.yaml is too long"),
    ],
)
def test_a_broken_preset_is_refused_by_file_and_key(
    tmp_path: Path, text: str, message: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(RequestError, match=message) as caught:
        load_preset(tmp_path, "mine")
    assert caught.value.param == "preset"


@pytest.mark.parametrize("name", ["../presets/Yara", "/etc/hosts", "", "missing", "Yara\n"])
def test_names_of_presets_stay_in_their_folder(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        load_preset(FOLDER, name)
    assert caught.value.param == "preset"


def test_there_are_no_presets_without_a_folder(tmp_path: Path) -> None:
    assert list_presets(tmp_path / "none") == []
