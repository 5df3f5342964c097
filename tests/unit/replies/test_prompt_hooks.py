"""What extensions may make of tokens and logits, and what is taken of it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from modules.core.asked import TextRequest
from modules.core.messages import Image, Message
from modules.core.requests import Media
from modules.engine.encoding import EncodedPrompt
from modules.extensions import hooks_in
from modules.hooks import Extension, Hooks
from modules.prompts.modes import ModePrompt, StagedChat
from modules.prompts.prompt import Prompt, Verbatim
from modules.replies.prefixes import with_begun_message, with_prefix
from modules.replies.prompt_hooks import hooked_tokens, logits_processors

STATE = TextRequest(text="x")
MODEL: Any = SimpleNamespace(info=SimpleNamespace(vocabulary_size=10))


def hooked(*many: dict[str, Callable[..., Any]]) -> Hooks:
    hooks = Hooks()
    for i, functions in enumerate(many):
        hooks.add(Extension(f"x{i}", functions=hooks_in(functions, "x"), is_enabled=True))
    return hooks


def test_tokens_can_be_changed() -> None:
    hooks = hooked({"tokenizer_modifier": lambda prompt, ids, state: [*ids, len(prompt)]})
    assert hooked_tokens("ab", EncodedPrompt((1,)), STATE, MODEL, hooks).ids == (1, 2)


@pytest.mark.parametrize("answer", [None, [], "12", [1.0], [10], [-1], [True]])
def test_what_are_no_tokens_of_the_model_is_a_fault(answer: object) -> None:
    hooks = hooked({"tokenizer_modifier": lambda prompt, ids, state: answer})
    assert hooked_tokens("ab", EncodedPrompt((1,)), STATE, MODEL, hooks).ids == (1,)
    assert len(hooks.faults) == 1


def test_tokens_around_pictures_stay() -> None:
    hooks = hooked({"tokenizer_modifier": lambda prompt, ids, state: [5]})
    encoded = EncodedPrompt((1, -2), (Media(1, 1, Image(1, 1, b"rgb")),))
    assert hooked_tokens("ab", encoded, STATE, MODEL, hooks) is encoded


LOGITS = np.array([1, 2, 3, -np.inf], dtype=np.float32)


def processed(process: Callable[..., Any]) -> tuple[list[float], Hooks]:
    hooks = hooked({"logits_processor_modifier": lambda processors: [*processors, process]})
    [guarded] = logits_processors((7,), STATE, hooks)
    return guarded([7, 8], LOGITS).tolist(), hooks


def test_logits_can_be_changed_also_in_place() -> None:
    def double(token_ids: Any, logits: Any) -> Any:
        logits *= 2
        return logits

    before = LOGITS.copy()
    assert processed(double)[0] == [2, 4, 6, -np.inf]
    assert (before == LOGITS).all()
    assert processed(lambda ids, logits: [9.0, 0, 0, -np.inf])[0] == [9, 0, 0, -np.inf]


def test_what_stands_for_no_token_stays_out() -> None:
    assert processed(lambda ids, logits: [0, 0, 0, 99])[0][3] == -np.inf


@pytest.mark.parametrize(
    "process",
    [
        lambda ids, logits: None,
        lambda ids, logits: logits[:2],
        lambda ids, logits: logits * np.nan,
        lambda ids, logits: logits + np.inf,
        lambda ids, logits: np.full_like(logits, -np.inf),
        lambda ids, logits: [-np.inf, -np.inf, -np.inf, 5],
        lambda ids, logits: ["a", "b", "c", "d"],
        lambda ids, logits: 1 / 0,
        lambda: None,
    ],
)
def test_logits_that_cannot_be_drawn_from_are_a_fault(process: Callable[..., Any]) -> None:
    found, hooks = processed(process)
    assert found == LOGITS.tolist()
    assert len(hooks.faults) == 1


def test_one_that_failed_is_not_called_again() -> None:
    calls: list[int] = []

    def fail(ids: Any, logits: Any) -> Any:
        calls.append(1)
        raise ValueError

    hooks = hooked({"logits_processor_modifier": lambda processors: [fail]})
    [guarded] = logits_processors((7,), STATE, hooks)
    for _ in range(3):
        assert guarded([7], LOGITS) is LOGITS
    assert (len(calls), hooks.faults[0].count) == (1, 1)


def test_later_extensions_see_the_processors_of_earlier_ones() -> None:
    def same(ids: Any, logits: Any) -> Any:
        return logits

    hooks = hooked(
        {"logits_processor_modifier": lambda processors, ids, state: [same]},
        {"logits_processor_modifier": lambda processors: [*processors, same]},
        {"logits_processor_modifier": lambda processors: [5]},
        {"logits_processor_modifier": lambda processors: None},
    )
    assert len(logits_processors((7,), STATE, hooks)) == 2
    assert [fault.extension for fault in hooks.faults] == ["x3", "x2"]


PREFIXES = [
    (("a",), False, "Yes", ("aYes",), False),
    (("a",), False, "Yes, ", ("aYes,",), True),
    (("AI:",), True, "Yes", ("AI: Yes",), False),
    (("a", Verbatim("b")), False, "Yes", ("a", Verbatim("bYes")), False),
    (("a",), True, "", ("a",), True),
]


@pytest.mark.parametrize(("parts", "drops", "prefix", "expected", "still"), PREFIXES)
def test_a_prefix_goes_to_the_end_of_the_prompt(
    parts: Any, drops: bool, prefix: str, expected: Any, still: bool
) -> None:
    found = with_prefix(ModePrompt(Prompt(parts), ("\n",), drops), prefix)
    assert found == ModePrompt(Prompt(expected), ("\n",), still)


def test_for_another_server_it_is_a_message_to_go_on_from() -> None:
    asked = Message("user", "Hi")
    found = with_begun_message(StagedChat([asked]), "Yes, ")
    assert found == StagedChat([asked, Message("assistant", "Yes,")], True, (), True)
    begun = StagedChat([asked, Message("assistant", "AI:")], True, ("\n",), True)
    again = with_begun_message(begun, "Yes")
    assert again == StagedChat([asked, Message("assistant", "AI: Yes")], True, ("\n",), False)
    assert with_begun_message(begun, "") is begun
