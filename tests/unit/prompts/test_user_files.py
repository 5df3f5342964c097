"""Files that people save by names of their choice: presets, grammars, characters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings as limits, strategies as st

from modules.core.errors import RequestError
from modules.core.sampling import SAMPLERS, SamplingParams
from modules.prompts.character_files import (
    delete_character,
    free_name,
    import_character,
    picture_of,
    save_character,
    save_picture,
)
from modules.prompts.characters import Character, list_characters, load_character
from modules.prompts.grammars import delete_grammar, list_grammars, load_grammar, save_grammar
from modules.prompts.presets import delete_preset, list_presets, load_preset, save_preset
from tests.unit.prompts.test_characters import V1, encoded, png, text_chunk

BAD_NAMES = ("", "../x", "a/b", "a\\b", ".x", "a\nb", "x" * 200, "nul", "com1.x", " a", "a ", "a.", "a:b")  # fmt: skip
ADA = Character("Ada", "Charles", "Good day, {{user}}.", "{{char}} counts.\nAlways.")


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize(
    "save",
    [
        lambda folder, name: save_preset(folder, name, {"top_k": 1}),
        lambda folder, name: save_grammar(folder, name, 'root ::= "a"'),
        lambda folder, name: save_character(folder, name, ADA),
        lambda folder, name: save_picture(folder, name, b"x"),
    ],
)
def test_names_that_no_file_has(
    tmp_path: Path, save: Callable[[Path, str], None], name: str
) -> None:
    folder = tmp_path / "folder"
    with pytest.raises(RequestError):
        save(folder, name)
    assert not folder.exists()


def test_a_preset_is_read_as_it_was_saved(tmp_path: Path) -> None:
    every = {each.name: each.default for each in SAMPLERS} | {
        "logit_bias": {"5": -100, "7": 1.5},
        "dry_sequence_breakers": ["\n", '"'],
        "temperature": 0.7,
    }
    save_preset(tmp_path, "Mine", every)
    loaded = SamplingParams().updated(load_preset(tmp_path, "Mine"))
    assert loaded == SamplingParams().updated(every)
    assert (loaded.temperature, loaded.logit_bias) == (0.7, ((5, -100.0), (7, 1.5)))


def test_a_preset_keeps_only_what_was_said(tmp_path: Path) -> None:
    save_preset(tmp_path, "Mine", {"top_k": 40, "min_p": None})
    assert load_preset(tmp_path, "Mine") == {"top_k": 40}


def test_a_preset_with_wrong_values_is_not_saved(tmp_path: Path) -> None:
    save_preset(tmp_path, "Mine", {"top_k": 40})
    for wrong in ({"temperature": -1}, {"temperature": "hot"}):
        with pytest.raises(RequestError, match="temperature"):
            save_preset(tmp_path, "Mine", wrong)
    assert load_preset(tmp_path, "Mine") == {"top_k": 40}


def test_a_saved_preset_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "Mine.yml").write_text("top_k: 1")
    save_preset(tmp_path, "Mine", {"top_k": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["Mine.yml"]
    assert load_preset(tmp_path, "Mine") == {"top_k": 2}
    delete_preset(tmp_path, "Mine")
    assert list_presets(tmp_path) == []
    with pytest.raises(RequestError, match="There is no preset"):
        delete_preset(tmp_path, "Mine")


def test_grammars(tmp_path: Path) -> None:
    (tmp_path / "b.lark").write_text("start: A")
    save_grammar(tmp_path, "a", 'root ::= "ä"')
    save_grammar(tmp_path, "b", "start: B")
    assert load_grammar(tmp_path, "a").text == 'root ::= "ä"'
    assert load_grammar(tmp_path, "b").kind == "lark"
    assert list_grammars(tmp_path) == ["a", "b"]
    delete_grammar(tmp_path, "a")
    assert list_grammars(tmp_path) == ["b"]
    with pytest.raises(RequestError, match="200,000 bytes"):
        save_grammar(tmp_path, "c", "x" * 200_001)


def test_a_character_is_read_as_it_was_saved(tmp_path: Path) -> None:
    save_character(tmp_path, "ada", ADA)
    assert load_character(tmp_path, "ada") == ADA
    assert "context: |" in (tmp_path / "ada.yaml").read_text()


names = st.text(st.characters(blacklist_categories=["C", "Zl", "Zp"]), min_size=1, max_size=20)
texts = st.text(
    st.characters(blacklist_categories=["Cs"]) | st.sampled_from("\r\n\x85 \t\u2028#:"),
    max_size=200,
)


@limits(max_examples=80, deadline=None)
@given(names, names, texts, texts)
def test_any_character_is_read_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, name: str, user: str, greeting: str, context: str
) -> None:
    folder = tmp_path_factory.mktemp("characters")
    wanted = Character(name, user, greeting, context)
    try:
        save_character(folder, "one", wanted)
    except RequestError:
        assert not name.strip()
        return
    found = load_character(folder, "one")
    assert (found.name, found.user_name) == (name.strip(), user.strip())
    assert (found.greeting, found.context) == (greeting.strip(), context.strip())


@pytest.mark.parametrize(
    "wrong", [Character(" "), Character("a\nb"), Character("A", context="\ud800"), Character("x" * 101)]
)  # fmt: skip
def test_a_character_that_could_not_be_read_is_not_saved(tmp_path: Path, wrong: Character) -> None:
    with pytest.raises(RequestError):
        save_character(tmp_path, "a", wrong)
    assert list_characters(tmp_path) == []


def test_extensions_in_capitals_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "UP.YAML").write_text("name: Upper")
    (tmp_path / "UP.PNG").write_bytes(b"")
    assert list_characters(tmp_path) == ["UP"]
    assert load_character(tmp_path, "UP").name == "Upper"
    assert load_character(tmp_path, "UP.YAML").name == "Upper"
    assert load_character(tmp_path, "UP.yaml").name == "Upper"
    (tmp_path / "UP.yaml").write_text("name: Own")
    assert load_character(tmp_path, "UP").name == "Own"
    delete_character(tmp_path, "UP")
    assert list(tmp_path.iterdir()) == []


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


CARD = png(text_chunk(encoded(V1)))


@pytest.mark.parametrize(
    ("file", "data", "name"),
    [
        ("card.png", CARD, "Ada"),
        ("x.json", b'{"name": "A/b: c", "context": "x"}', "A b c"),
        ("Nameless one.yaml", b"context: quiet", "Nameless one"),
        ("y.YML", b"name: ..\ncontext: odd", "Character"),
    ],
)
def test_importing(tmp_path: Path, file: str, data: bytes, name: str) -> None:
    folder = tmp_path / "characters"
    upload = write(tmp_path, "upload", data)
    assert import_character(folder, upload, file) == name
    assert import_character(folder, upload, file) == f"{name} 2"
    assert list_characters(folder) == [name, f"{name} 2"]
    assert load_character(folder, name).context


@pytest.mark.parametrize(
    ("file", "data", "words"),
    [
        ("a.exe", b"x", "kinds"),
        ("a.png", png(), r"The file cannot be used: the picture has no character"),
        ("a.png", b"x", "not a PNG"),
        ("a.json", b"[]", "keys with values"),
        ("a.json", b"{" * 100_000, "not valid JSON"),
        ("a.yaml", b"a: [", "not valid YAML"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(
    tmp_path: Path, file: str, data: bytes, words: str
) -> None:
    folder = tmp_path / "characters"
    with pytest.raises(RequestError, match=words):
        import_character(folder, write(tmp_path, "upload", data), file)
    assert not folder.exists() or not list(folder.iterdir())


def test_an_edited_card_becomes_a_file_and_its_picture_stays(tmp_path: Path) -> None:
    write(tmp_path, "Ada.png", CARD)
    save_character(tmp_path, "Ada", ADA)
    assert load_character(tmp_path, "Ada") == ADA
    assert picture_of(tmp_path, "Ada") == tmp_path / "Ada.png"
    delete_character(tmp_path, "Ada")
    assert list(tmp_path.iterdir()) == []


def test_pictures(tmp_path: Path) -> None:
    write(tmp_path, "Ada.png", CARD)
    with pytest.raises(RequestError, match="before its picture"):
        save_picture(tmp_path, "Ada", b"new")
    save_character(tmp_path, "Ada", ADA)
    write(tmp_path, "Ada.jpg", b"old")
    save_picture(tmp_path, "Ada", b"new")
    assert (tmp_path / "Ada.png").read_bytes() == b"new"
    assert not (tmp_path / "Ada.jpg").exists()
    assert picture_of(tmp_path, "Bob") is None
    with pytest.raises(RequestError, match="There is no character"):
        delete_character(tmp_path, "Bob")


def test_a_free_name(tmp_path: Path) -> None:
    for name in ("ada.yaml", "Ada 2.png"):
        write(tmp_path, name, b"")
    found: list[Any] = [free_name(tmp_path, each) for each in ("Ada", "Bob", "...", "x" * 300)]
    assert found == ["Ada 3", "Bob", "Character", "x" * 123]


def test_to_find_one_file_the_others_are_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists of characters read each of them: looking at all for each took seconds where there are hundreds."""
    for number in range(50):
        save_character(tmp_path, f"c{number}", ADA)
    looked_at: list[str] = []
    is_file = Path.is_file

    def noted(path: Path) -> bool:
        looked_at.append(path.name)
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", noted)
    load_character(tmp_path, "c7")
    assert set(looked_at) == {"c7.yaml"}


def test_a_name_in_another_case_is_another_name(tmp_path: Path) -> None:
    save_character(tmp_path, "Ada", ADA)
    with pytest.raises(RequestError, match="There are: Ada"):
        load_character(tmp_path, "ada")
