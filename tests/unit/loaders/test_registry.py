"""Loaders by name and their load options."""

import sys

import pytest

from modules.core.errors import RequestError
from modules.loaders.options import LOAD_OPTIONS, parse_flash
from modules.loaders.registry import (
    LOADERS,
    REMOTE_LOADERS,
    check_load_args,
    default_load_args,
    loader_name,
)


@pytest.mark.parametrize("name", ["llamacpp", "llama.cpp", "llama_cpp", "LLAMA.CPP", "LlamaCpp"])
def test_a_loader_answers_to_its_name_and_aliases(name: str) -> None:
    assert loader_name(name) == "llamacpp"


def test_an_unknown_loader_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match=r"'exotic'.*llamacpp") as caught:
        loader_name("exotic")
    assert caught.value.param == "loader"


def test_every_loader_has_options_and_their_defaults_are_allowed() -> None:
    assert set(LOAD_OPTIONS) == {*LOADERS, *REMOTE_LOADERS}
    for loader in LOAD_OPTIONS:
        defaults = default_load_args(loader)
        assert check_load_args(loader, defaults) == {
            name: value for name, value in defaults.items() if value is not None
        }


def test_load_args_come_back_under_their_own_names() -> None:
    given = {"n_ctx": 512, "n-batch": 64, "flash-attn": True, "kv_unified": None, "lora": "a, b"}
    assert check_load_args("llamacpp", given) == {
        "ctx_size": 512,
        "batch_size": 64,
        "flash_attn": "on",
        "lora": ("a", "b"),
    }


def test_an_unknown_load_option_is_answered_with_a_suggestion_and_the_list() -> None:
    with pytest.raises(RequestError) as caught:
        check_load_args("llamacpp", {"ctx_sise": 1})
    assert caught.value.param == "args.ctx_sise"
    assert "Did you mean 'ctx_size'?" in caught.value.message
    assert all(option.name in caught.value.message for option in LOAD_OPTIONS["llamacpp"])


def test_an_unknown_load_option_like_no_other_has_no_suggestion() -> None:
    with pytest.raises(RequestError) as caught:
        check_load_args("llamacpp", {"zzzzzz": 1})
    assert "Did you mean" not in caught.value.message


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ({"n_ctx": -1}, "ctx_size"),
        ({"parallel": 0}, "parallel"),
        ({"parallel": 257}, "parallel"),
        ({"cache_type": "q3"}, "cache_type"),
        ({"mlock": "perhaps"}, "mlock"),
        ({"threads": 1.5}, "threads"),
        ({"flash_attn": "sometimes"}, "flash_attn"),
    ],
)
def test_a_load_option_out_of_range_is_refused_by_its_name(args: dict, name: str) -> None:
    with pytest.raises(RequestError, match=name):
        check_load_args("llamacpp", args)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "on"), (False, "off"), (1, "on"), (0, "off"), ("Auto", "auto"), ("yes", "on")],
)
def test_flash_attention_may_be_a_boolean(value: object, expected: str) -> None:
    assert parse_flash(value) == expected


def test_a_library_is_imported_only_with_its_loader() -> None:
    """In a fresh interpreter, for other tests load models here."""
    import subprocess

    code = (
        "import sys, modules.loaders.registry, modules.loaders.catalog, modules.settings_sources\n"
        "print([n for n in ('llama_cpp', 'numpy', 'torch', 'gradio', 'llguidance') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
