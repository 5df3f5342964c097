"""Load options as a form: every option has a control, and what a form says comes back as args."""

import pytest

from modules.core.errors import RequestError
from modules.loaders.options import FLAG_ONLY, LOAD_OPTIONS
from modules.loaders.registry import check_load_args, default_load_args
from modules.ui.model.options import GROUPS, fields_of, to_args, to_saved, to_values


@pytest.mark.parametrize("loader", LOAD_OPTIONS)
def test_each_option_of_a_loader_has_one_control(loader: str) -> None:
    names = [field.name for _, fields in fields_of(loader) for field in fields]
    assert sorted(names) == sorted({o.name for o in LOAD_OPTIONS[loader]} - FLAG_ONLY)
    assert "Others" not in dict(fields_of(loader)), f"a group of {loader} should name it"
    assert fields_of(loader)[0][0] == "Common"
    assert set(GROUPS) == set(LOAD_OPTIONS)


@pytest.mark.parametrize("loader", LOAD_OPTIONS)
def test_the_defaults_come_back_as_they_went_in(loader: str) -> None:
    fields = [field for _, group in fields_of(loader) for field in group]
    given = [field.to_control(field.option.default) for field in fields]
    values = to_values(fields, given)
    expected = default_load_args(loader)
    assert values == {name: expected[name] for name in values}
    assert to_args(values, expected) == {}


def test_what_is_chosen_becomes_checked_values() -> None:
    fields = {field.name: field for _, group in fields_of("llamacpp") for field in group}
    assert fields["kv_unified"].from_control("on") is True
    assert fields["kv_unified"].from_control("auto") is None
    assert fields["kv_unified"].to_control(False) == "off"
    assert fields["ctx_size"].from_control(4096.0) == 4096
    assert fields["ctx_size"].from_control(None) == 0
    assert fields["lora"].from_control("a, b=0.5") == ("a", "b=0.5")
    assert fields["lora"].to_control(("a", "b=0.5")) == "a, b=0.5"
    assert fields["tensor_split"].from_control("") == ()
    assert fields["flash_attn"].from_control("on") == "on"


def test_a_wrong_value_names_its_option() -> None:
    fields = [field for _, group in fields_of("llamacpp") for field in group]
    given = [-5 if f.name == "parallel" else f.to_control(f.option.default) for f in fields]
    with pytest.raises(RequestError, match="parallel must be at least 1"):
        to_values(fields, given)


def test_a_load_is_asked_for_what_it_would_not_do_by_itself() -> None:
    by_itself = {"ctx_size": 512, "lora": ("a",), "mmap": True}
    wanted = {"ctx_size": 0, "lora": ("a", "b"), "mmap": True}
    args = to_args(wanted, by_itself)
    assert args == {"ctx_size": 0, "lora": ["a", "b"]}
    assert check_load_args("llamacpp", args) == {"ctx_size": 0, "lora": ("a", "b")}


def test_what_is_saved_is_what_differs_and_the_rest_is_taken_out() -> None:
    assert to_saved({"ctx_size": 512, "mmap": True}, {"ctx_size": 0, "mmap": True}) == {
        "ctx_size": 512,
        "mmap": None,
    }
