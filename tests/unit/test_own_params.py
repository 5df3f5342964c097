"""What each person sets of an extension's params, and who may set something at all."""

from typing import Any

import pytest

from modules.core.errors import AuthError
from modules.own_params import OwnParams, is_visitor, owner_named, person_named
from modules.settings import Settings

ALONE, MANY = Settings(), Settings(multi_user=True)


def test_what_a_person_sets_is_theirs_alone() -> None:
    params: dict[str, Any] = {"is_active": False, "text": "x"}
    own = OwnParams(params)
    own.set("ada", "is_active", True)
    assert own.of("ada")["is_active"] is True
    assert own.of("ada")["text"] == "x"
    assert own.of("bob")["is_active"] is False
    assert own.of("")["is_active"] is False
    assert params == {"is_active": False, "text": "x"}


def test_what_nobody_in_particular_sets_holds_for_all_who_have_set_nothing() -> None:
    own = OwnParams({"text": "x"})
    own.set("ada", "text", "mine")
    own.set("", "text", "y")
    assert [own.of(person)["text"] for person in ("", "bob", "ada")] == ["y", "y", "mine"]


def test_people_have_names_only_with_several_users() -> None:
    assert [person_named(ALONE, login) for login in (None, "ada")] == ["", ""]
    assert [person_named(MANY, login) for login in (None, "ada")] == ["", "ada"]


def test_a_visitor_without_a_login_changes_nothing_of_all() -> None:
    assert owner_named(ALONE, None) == owner_named(ALONE, "ada") == ""
    assert owner_named(MANY, "ada") == "ada"
    assert [is_visitor(MANY, login) for login in (None, "", "ada")] == [True, True, False]
    with pytest.raises(AuthError):
        owner_named(MANY, None)
