"""Characters on the page: the list, the preview, pictures, and what is kept of a person."""

import asyncio
from pathlib import Path

import pytest

from modules.core.errors import ConfigError
from modules.pictures.thumbnails import to_data_url
from modules.prompts.characters import Character
from modules.ui.character.view import greeting_html, preview_head, to_face, to_list, to_preview
from modules.ui.chat.people import Face, People
from modules.ui.keeping import keep
from modules.ui.profile import Profile
from modules.ui.session import Session
from tests.unit.chats.makers import png
from tests.unit.ui.test_parameters import Store


def test_the_list_shows_names_as_texts() -> None:
    html = to_list([Face("A<b>", id="a<b>"), Face("B", "data:image/webp;base64,xx", "b")], "b")
    assert "<span>A&lt;b&gt;</span>" in html
    assert 'data-name="a&lt;b&gt;" aria-pressed="false"' in html
    assert 'data-name="b" aria-pressed="true"' in html
    assert '<img class="portrait" src="data:image/webp;base64,xx"' in html
    assert "No characters yet" in to_list([], "")


def test_a_face_without_a_picture_is_a_letter() -> None:
    assert ">Ä<" in to_face(Face("ärger"))
    assert ">?<" in to_face(Face(""))


def test_the_preview_has_the_names_in_it() -> None:
    ada = Character("Ada", greeting="Hello {{user}}, I am {{char}}.", context="{{char}}")
    preview = to_preview(ada, Profile(user_name="Charles"))
    assert preview.greeting == "Hello Charles, I am Ada."
    assert "Says first" in preview_head(Face("Ada"), preview)
    own = to_preview(Character("Ada", "Lord B", "{{user}}"), Profile())
    assert own.greeting == "Lord B"


def test_a_greeting_is_text_with_emphasis_and_loads_nothing() -> None:
    html = greeting_html("*Waves.* <img src=https://a.b/c> ![x](https://a.b/c) ${1}")
    assert "<em>Waves.</em> &lt;img" in html
    assert "<img" not in html
    assert "${" not in html
    assert greeting_html("") == ""


def test_the_preview_of_what_cannot_be_says_why() -> None:
    preview = to_preview(Character("Ada", greeting="{{user}}" * 20_000), Profile())
    assert "placeholders" in preview.problem
    assert "placeholders" in preview_head(Face("Ada"), preview)


def test_faces_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "Ada.yaml").write_text("name: Ada")
    (tmp_path / "Ada.png").write_bytes(png())
    (tmp_path / "Bob.yaml").write_text("name: Bob")
    (tmp_path / "Bob.png").write_bytes(b"broken")
    people = People(tmp_path, lambda data, _: to_data_url(data))
    assert people.picture("Ada").startswith("data:image/webp;base64,")
    assert people.picture("Bob") == ""


def test_what_is_changed_is_kept() -> None:
    store = Store()
    session = Session(profiles=store)
    asyncio.run(keep(session, user_name="Ann", user_bio="x"))
    assert store.saved == session.profile == Profile(user_name="Ann", user_bio="x")


def test_a_full_disk_is_told() -> None:
    session = Session(profiles=Store(OSError(28, "No space left on device")))
    with pytest.raises(ConfigError, match="No space left"):
        asyncio.run(keep(session, user_name="Ann"))
    assert session.profile.user_name == "Ann"
