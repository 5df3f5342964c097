"""The parameters of a page: controls and values, presets, what counts for one chat."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modules.core.errors import ConfigError, RequestError
from modules.core.sampling import SAMPLERS, SamplingParams
from modules.ui.parameters.fields import from_lines, sampler_groups, to_lines
from modules.ui.parameters.summary import summary
from modules.ui.parameters.values import (
    change,
    changed,
    from_settings,
    in_effect,
    is_shown,
    keep_preset,
    neutral,
    note_shown,
    to_settings,
    with_max_tokens,
    with_preset,
    with_sampler,
    with_stops,
    without_sampling,
)
from modules.ui.profile import Parameters, Profile, to_parameters
from modules.ui.session import Session

FIELDS = {field.name: field for _, fields in sampler_groups() for field in fields}
PLAIN = SamplingParams()
WARM = SamplingParams(temperature=0.8, top_k=20)
"""A server with defaults of its own."""


def test_every_sampler_stands_in_one_group() -> None:
    names = [field.name for _, fields in sampler_groups() for field in fields]
    assert sorted(names) == sorted(each.name for each in SAMPLERS)
    assert "Others" not in dict(sampler_groups())


@pytest.mark.parametrize("name", FIELDS)
def test_what_a_control_shows_is_read_as_it_was(name: str) -> None:
    values: dict[str, Any] = {
        "logit_bias": ((5, -100.0), (7, 1.5)),
        "custom_token_bans": (1, 2),
        "dry_sequence_breakers": ("\n", '"', ",", "\\"),
        "sampler_priority": ("top_k", "temperature"),
    }
    field = FIELDS[name]
    for value in (field.option.default, values.get(name, field.option.default)):
        assert field.from_control(field.to_control(value)) == value


def test_an_empty_field_is_the_default() -> None:
    for field in FIELDS.values():
        assert field.from_control(None) == field.option.default
        assert field.from_control(" ") == field.option.default


def test_sliders_cover_all_that_is_allowed() -> None:
    for field in FIELDS.values():
        if field.control == "slider":
            assert field.from_control(field.option.minimum) == field.option.minimum
            assert field.from_control(field.option.maximum) == field.option.maximum


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("top_k", -5, "top_k must be at least -1"),
        ("logit_bias", "12", "write ID: BIAS"),
        ("logit_bias", "12: much", "write ID: BIAS"),
        ("logit_bias", "a: 1", "not a token id"),
        ("logit_bias", "1: 101", r"must be in \[-100, 100\]"),
        ("custom_token_bans", "1, x", "not a token id"),
        ("sampler_priority", "top_k\nmagic", "unknown sampler 'magic'"),
        ("dry_sequence_breakers", "a, b", "list of strings"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(name: str, wrong: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        with_sampler(Parameters(), FIELDS[name], wrong, PLAIN)


def test_what_is_the_servers_default_is_not_kept() -> None:
    cold = with_sampler(Parameters(), FIELDS["temperature"], 0.2, WARM)
    assert cold.sampling == {"temperature": 0.2}
    assert with_sampler(cold, FIELDS["temperature"], 0.8, WARM).sampling == {}
    assert in_effect(cold, WARM).top_k == 20


def test_values_are_plain_so_that_a_file_can_hold_them() -> None:
    biased = with_sampler(Parameters(), FIELDS["logit_bias"], "5: -100, 7: 1.5", PLAIN)
    assert biased.sampling == {"logit_bias": {"5": -100.0, "7": 1.5}}
    assert in_effect(biased, PLAIN).logit_bias == ((5, -100.0), (7, 1.5))


@pytest.mark.parametrize(("given", "kept"), [(None, None), (0, None), (7, 7), (7.0, 7)])
def test_the_longest_reply(given: Any, kept: int | None) -> None:
    assert with_max_tokens(Parameters(), given).max_tokens == kept


@pytest.mark.parametrize("wrong", [-1, 2.5, 2**40, "many"])
def test_wrong_lengths_of_replies(wrong: Any) -> None:
    with pytest.raises(RequestError, match="whole number"):
        with_max_tokens(Parameters(), wrong)


def test_stop_strings_are_lines() -> None:
    assert from_lines("\\nYou:\n\nEND\nEND\n a\\\\n") == ("\nYou:", "END", " a\\n")
    with pytest.raises(RequestError, match="64 stop strings"):
        with_stops(Parameters(), tuple(map(str, range(65))))


@given(st.lists(st.text(st.characters(blacklist_characters="\r"), min_size=1), unique=True))
def test_any_stop_strings_survive_the_field(texts: list[str]) -> None:
    assert from_lines(to_lines(tuple(texts))) == tuple(texts)


def test_presets_leave_alone_what_is_not_about_sampling(tmp_path: Path) -> None:
    (tmp_path / "Mine.yaml").write_text("top_k: 40\nrepetition_penalty: 1\n")
    before = Parameters(sampling={"seed": 5, "temperature": 0.1}, stop=("x",), grammar="g")
    after = with_preset(before, "Mine", tmp_path)
    assert after.sampling == {"top_k": 40, "repetition_penalty": 1.0, "seed": 5}
    assert (after.preset, after.stop, after.grammar) == ("Mine", ("x",), "g")


def test_what_is_set_becomes_a_preset(tmp_path: Path) -> None:
    parameters = Parameters(sampling={"min_p": 0.1, "seed": 5})
    keep_preset(parameters, "Mine", tmp_path, WARM)
    assert with_preset(Parameters(), "Mine", tmp_path).sampling == {
        "temperature": 0.8,
        "top_k": 20,
        "min_p": 0.1,
    }


def test_all_off_means_off_whatever_the_server_does() -> None:
    off = neutral(Parameters(sampling={"min_p": 0.1, "seed": 5}), WARM)
    assert in_effect(off, WARM) == SamplingParams(seed=5)
    assert in_effect(without_sampling(off), WARM) == WARM


def test_what_differs_from_the_server_is_told() -> None:
    parameters = Parameters(sampling={"min_p": 0.1, "top_k": 20})
    assert changed(parameters, WARM) == {"min_p": 0.1}
    html = summary(parameters, WARM, None)
    assert "min_p" in html
    assert "top_k" not in html
    assert "as the server has them" in summary(Parameters(), WARM, None)


def test_texts_of_people_stay_texts_in_the_line() -> None:
    priority = Parameters(sampling={"dry_sequence_breakers": ["<b>${1}"]})
    assert "<b>$" not in summary(priority, PLAIN, None)


class Store:
    """Keeps what was saved last."""

    def __init__(self, error: OSError | None = None) -> None:
        self.saved: Profile | None = None
        self._error = error

    def load(self) -> Profile:
        return Profile()

    def update(self, change: Callable[[Profile | None], Profile]) -> None:
        if self._error:
            raise self._error
        self.saved = change(self.saved or Profile())


def test_parameters_for_all_chats_are_kept() -> None:
    store = Store()
    session = Session(profiles=store)
    asyncio.run(change(session, Parameters(sampling={"top_k": 1})))
    assert store.saved == session.profile
    assert session.parameters.sampling == {"top_k": 1}


def test_parameters_of_one_chat_leave_those_for_all_alone() -> None:
    store = Store()
    session = Session(profiles=store, chat_parameters=Parameters())
    asyncio.run(change(session, Parameters(sampling={"top_k": 1})))
    assert store.saved is None
    assert session.profile.parameters == Parameters()
    assert session.parameters.sampling == {"top_k": 1}


def test_what_the_tab_shows_is_known() -> None:
    """So that a look at it does not write over what somebody types."""
    session = Session()
    assert not is_shown(session)
    note_shown(session)
    assert is_shown(session)
    asyncio.run(change(session, Parameters(preset="x")))
    assert is_shown(session)
    session.chat_parameters = Parameters(preset="of the chat")
    assert not is_shown(session)


def test_a_full_disk_is_told_and_the_change_counts() -> None:
    session = Session(profiles=Store(OSError(28, "No space left on device")))
    with pytest.raises(ConfigError, match="No space left"):
        asyncio.run(change(session, Parameters(preset="x")))
    assert session.parameters.preset == "x"


def test_a_conversation_keeps_them_as_json() -> None:
    parameters = Parameters(sampling={"logit_bias": {"5": 1.0}}, max_tokens=5, stop=("a", "b"))
    assert from_settings(to_settings(parameters)) == parameters
    assert from_settings(None) is None
    assert from_settings({"sampling": 5, "stop": "x"}) == Parameters()


@pytest.mark.parametrize(
    "given",
    [None, 5, {}, {"sampling": {"magic": 1, "top_k": -7, "temperature": "hot"}}, {"max_tokens": True}],
)  # fmt: skip
def test_what_a_file_has_wrong_counts_as_not_there(given: Any) -> None:
    assert to_parameters(given) == Parameters()
