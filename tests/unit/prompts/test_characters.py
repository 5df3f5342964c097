"""Characters from files that people write, and from cards that come from anywhere."""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.prompts.character_cards import PNG_LIMIT, TEXT_LIMIT
from modules.prompts.characters import Character, list_characters, load_character
from modules.prompts.names import MACRO_LIMIT, NAME_LIMIT, replace_macros
from modules.settings import ROOT
from tools.character_card import build_card, main as write_card

SHIPPED = ROOT / "user_data" / "characters"
V1 = {
    "name": "Ada",
    "description": "{{char}} counts.",
    "personality": "exact",
    "scenario": "A study.",
    "first_mes": "Good day, {{user}}.",
    "mes_example": "<START>\n{{user}}: 2+2?\n{{char}}: 4\n<START>\n{{user}}: Hm\n{{char}}: Hm?",
}
ADA = Character(
    name="Ada",
    greeting="Good day, {{user}}.",
    context=(
        "{{char}} counts.\n\nPersonality: exact\n\nScenario: A study.\n\n"
        "Example of a conversation:\n{{user}}: 2+2?\n{{char}}: 4\n\n"
        "Example of a conversation:\n{{user}}: Hm\n{{char}}: Hm?"
    ),
)
V2 = {"spec": "chara_card_v2", "spec_version": "2.0", "data": V1}


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    sum_ = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", sum_)


def png(*chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + b"".join(chunks) + chunk(b"IEND", b"")


def encoded(card: Any) -> bytes:
    return base64.b64encode(json.dumps(card).encode())


def text_chunk(body: bytes, keyword: bytes = b"chara") -> bytes:
    return chunk(b"tEXt", keyword + b"\0" + body)


def load(folder: Path, name: str, data: str | bytes) -> Character:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return load_character(folder, name)


def refusal(folder: Path, name: str, data: str | bytes) -> str:
    with pytest.raises(RequestError) as caught:
        load(folder, name, data)
    assert caught.value.param == "character"
    assert str(folder) not in caught.value.message
    assert f"The character file {name} cannot be used: " in caught.value.message
    return caught.value.message


# Files


def test_the_shipped_characters_load() -> None:
    assert list_characters(SHIPPED) == ["Assistant", "Example"]
    for name in list_characters(SHIPPED):
        character = load_character(SHIPPED, name)
        assert character.context
        assert character.greeting
    assert load_character(SHIPPED, "Example").context.count("Example of a conversation:\n") == 2


def test_the_shipped_card_is_the_shipped_character() -> None:
    card = load_character(SHIPPED, "Example.png")
    assert card == load_character(SHIPPED, "Example.yaml")
    assert (SHIPPED / "Example.png").read_bytes() == build_card(card)


def test_the_card_tool_writes_a_card_beside_the_character(tmp_path: Path) -> None:
    ada = load(tmp_path, "ada.json", json.dumps(V1))
    write_card([str(tmp_path / "ada.json")])
    assert load_character(tmp_path, "ada.png") == ada


def test_a_yaml_file_with_the_usual_keys(tmp_path: Path) -> None:
    text = "name: Ada\nyour_name: Bob\ngreeting: |-\n  Hi {{user}}!\n\n  Tea?\ncontext: ' She counts. '\n"
    assert load(tmp_path, "ada.yaml", text) == Character(
        "Ada", user_name="Bob", greeting="Hi {{user}}!\n\nTea?", context="She counts."
    )


def test_the_keys_of_older_programs(tmp_path: Path) -> None:
    old = {
        "char_name": "Ada",
        "char_persona": "She counts.",
        "char_greeting": "Hi.",
        "world_scenario": "A study.",
        "example_dialogue": "Q: 1\nA: 2",
    }
    expected = Character(
        "Ada",
        greeting="Hi.",
        context="She counts.\n\nScenario: A study.\n\nExample of a conversation:\nQ: 1\nA: 2",
    )
    assert load(tmp_path, "a.json", json.dumps(old)) == expected
    assert load(tmp_path, "b.yml", "bot: Ada\nuser: Bob\n") == Character("Ada", user_name="Bob")


@pytest.mark.parametrize("name", ["No", "1984", "1:30", "0x10", "null", "2026-11-21"])
def test_every_value_in_yaml_is_text(tmp_path: Path, name: str) -> None:
    expected = "a" if name == "null" else name  # no value: the file's name
    assert load(tmp_path, "a.yaml", f"name: {name}\ngreeting:\n").name == expected


def test_a_character_without_a_name_is_named_like_its_file(tmp_path: Path) -> None:
    assert load(tmp_path, "Old Tom.yaml", "context: A cat.").name == "Old Tom"


def test_a_json_file_may_be_a_card_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load(tmp_path, "a.json", b"\xef\xbb\xbf" + json.dumps(V2).encode()) == ADA


def test_edits_count_at_once(tmp_path: Path) -> None:
    assert load(tmp_path, "a.yaml", "name: Ada").name == "Ada"
    assert load(tmp_path, "a.yaml", "name: Bea").name == "Bea"


def test_names_are_found_with_and_without_extension_yaml_first(tmp_path: Path) -> None:
    for extension in ("png", "json", "yml", "yaml"):
        data = png(text_chunk(encoded({"name": "png"}))) if extension == "png" else b""
        data = data or f'{{"name": "{extension}"}}'.encode()
        load(tmp_path, f"a.{extension}", data)
        assert load_character(tmp_path, "a").name == extension
    assert load_character(tmp_path, "a.json").name == "json"
    assert list_characters(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["../a", "sub/a", "..", "", "a\0", ".a", "/etc/passwd", "C:a"])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "characters"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "a.yaml", folder / "sub" / "a.yaml", folder / ".a.yaml"):
        place.write_text("name: Secret")
    with pytest.raises(RequestError) as caught:
        load_character(folder, name)
    assert caught.value.param == "character"


def test_an_unknown_name_is_an_error_that_lists_what_there_is(tmp_path: Path) -> None:
    load(tmp_path, "ada.yaml", "name: Ada")
    with pytest.raises(RequestError, match="ada"):
        load_character(tmp_path, "Bea")


def test_no_folder_means_no_characters(tmp_path: Path) -> None:
    assert list_characters(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.yaml", "name: [Ada", "not valid YAML in line 1"),
        ("a.yaml", "- Ada", "must hold keys"),
        ("a.yaml", "", "must hold keys"),
        ("a.yaml", "colour: red", "none of the keys"),
        ("a.yaml", "name: [Ada, Bea]", "`name` must be text"),
        ("a.yaml", "name: |\n  A\n  B\n", "line breaks"),
        ("a.yaml", 'name: "\\ud800"', "lone surrogate"),
        ("a.yaml", "name: &a [*a]", "not valid YAML"),
        ("a.yaml", "[" * 10_000, "not valid YAML"),
        ("a.yaml", b"name: \xff", "not UTF-8"),
        ("a.yaml", "name: " + "x" * (NAME_LIMIT + 1), "characters at most"),
        ("a.yaml", "name: A\ncontext: " + "x" * TEXT_LIMIT, "larger than 2 MiB"),
        ("a.json", '{"name": "Ada"', "not valid JSON in line 1"),
        ("a.json", "[" * 100_000, "not valid JSON"),
        ("a.json", '{"name": ' + "1" * 10_000 + "}", "not valid JSON"),
        ("a.json", '{"name": 5}', "`name` must be text"),
        ("a.json", '{"name": "A", "context": "\\ud800"}', "lone surrogate"),
    ],
)
def test_a_broken_file_says_what_is_wrong(
    tmp_path: Path, name: str, data: str | bytes, reason: str
) -> None:
    assert reason in refusal(tmp_path, name, data)


def test_aliases_in_yaml_do_not_grow(tmp_path: Path) -> None:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    bomb = "a0: &a0 [x]\n" + "\n".join(levels) + "\nname: Ada\nm: {<<: [*a29, *a29]}\n"
    assert load(tmp_path, "a.yaml", bomb).name == "Ada"


# Cards


def test_a_card_of_the_first_version(tmp_path: Path) -> None:
    assert load(tmp_path, "a.png", png(text_chunk(encoded(V1)))) == ADA


def test_a_card_of_the_second_version_with_a_system_prompt(tmp_path: Path) -> None:
    data = {**V1, "system_prompt": "{{original}} Stay in character.", "creator_notes": "secret"}
    card = {**V1, "name": "Not this", "spec": "chara_card_v2", "data": data}
    character = load(tmp_path, "a.png", png(text_chunk(encoded(card))))
    assert character.context == f"Stay in character.\n\n{ADA.context}"
    assert character.name == "Ada"


def test_the_newest_card_of_a_picture_counts_with_its_nickname(tmp_path: Path) -> None:
    v3 = {"spec": "chara_card_v3", "data": {**V1, "nickname": "Countess"}}
    picture = png(text_chunk(encoded(V2)), text_chunk(encoded(v3), b"ccv3"))
    assert load(tmp_path, "a.png", picture).name == "Countess"


def test_packed_and_international_text_chunks(tmp_path: Path) -> None:
    text = encoded(V2)
    zipped = chunk(b"zTXt", b"chara\0\0" + zlib.compress(text))
    plain = chunk(b"iTXt", b"chara\0\0\0en\0figure\0" + text)
    both = chunk(b"iTXt", b"chara\0\1\0\0\0" + zlib.compress(text))
    for picture in (zipped, plain, both):
        assert load(tmp_path, "a.png", png(picture)) == ADA


def test_other_chunks_are_passed_over_however_damaged(tmp_path: Path) -> None:
    others = (
        text_chunk(b"5", b"Software"),
        chunk(b"tEXt", b""),
        chunk(b"zTXt", b"Comment\0\0broken", crc=7),
        chunk(b"abCd", bytes(3000)),
        text_chunk(b"no", b"character"),
    )
    assert load(tmp_path, "a.png", png(*others, text_chunk(encoded(V1)))) == ADA


def test_of_two_cards_of_a_kind_the_first_counts(tmp_path: Path) -> None:
    picture = png(text_chunk(encoded(V1)), text_chunk(b"!"))
    assert load(tmp_path, "a.png", picture) == ADA


BOMB = zlib.compress(bytes(20 * TEXT_LIMIT))
WRONG_CRC = chunk(b"tEXt", b"chara\0" + encoded(V1), crc=1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (png(), "no character in it"),
        (png(text_chunk(b"?!")), "not valid base64"),
        (png(text_chunk(b"abc")), "not valid base64"),
        (png(text_chunk(base64.b64encode(b"{"))), "not valid JSON"),
        (png(text_chunk(encoded(["Ada"]))), "must hold keys"),
        (png(text_chunk(base64.b64encode(b"\xff"))), "not UTF-8"),
        (png(WRONG_CRC), "checksum"),
        (png(chunk(b"zTXt", b"chara\0\0" + BOMB)), "larger than 2 MiB"),
        (png(chunk(b"iTXt", b"chara\0\1\0\0\0" + BOMB)), "larger than 2 MiB"),
        (png(chunk(b"zTXt", b"chara\0\0nonsense")), "cannot be unpacked"),
        (png(chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"x" * 99)[:-6])), "ends too early"),
        (png(chunk(b"zTXt", b"chara\0")), "ends too early"),
        (png(chunk(b"iTXt", b"chara\0")), "not valid JSON"),
        (png(text_chunk(b"A" * TEXT_LIMIT)), "larger than 2 MiB"),
        (png(*[chunk(b"abCd", b"")] * 20_001), "more than 20000 chunks"),
    ],
)
def test_a_hostile_card_says_what_is_wrong(tmp_path: Path, data: bytes, reason: str) -> None:
    assert reason in refusal(tmp_path, "a.png", data)


def test_a_card_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = png(text_chunk(encoded({"name": "Ada"})))
    for length in range(len(whole) - 4):  # the last four bytes, IEND's checksum, are not read
        refusal(tmp_path, "a.png", whole[:length])


def test_a_picture_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(PNG_LIMIT + 1)
    with pytest.raises(RequestError, match="larger than 20 MiB"):
        load_character(tmp_path, "a")


def test_many_packed_cards_in_one_picture_are_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[Any] = []
    make: Callable[[], Any] = zlib.decompressobj

    def counted() -> Any:
        unpacked.append(None)
        return make()

    monkeypatch.setattr(zlib, "decompressobj", counted)
    packed = chunk(b"zTXt", b"chara\0\0" + zlib.compress(encoded(V1)))
    assert load(tmp_path, "a.png", png(*[packed] * 500)) == ADA
    assert len(unpacked) == 1


# Placeholders


def test_placeholders_in_any_case_are_replaced_once() -> None:
    text = "{{user}} {{Char}} <USER> <bot> {{CHAR}} {user} <user >"
    assert replace_macros(text, "{{char}}", "<USER>", param="context") == (
        "{{char}} <USER> {{char}} <USER> <USER> {user} <user >"
    )


def test_texts_and_placeholders_have_limits() -> None:
    with pytest.raises(RequestError, match="placeholders"):
        replace_macros("<BOT>" * (MACRO_LIMIT + 1), "u", "b", param="context")
    with pytest.raises(RequestError, match="characters at most"):
        replace_macros("x" * (2**20 + 1), "u", "b", param="context")
