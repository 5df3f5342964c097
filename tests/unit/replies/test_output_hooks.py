"""Texts of replies on their way through output hooks."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from modules.core.asked import TextRequest
from modules.core.errors import ModelError
from modules.core.events import (
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    TokenChoice,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from modules.engine.stream import EventStream
from modules.extensions import hooks_in
from modules.hooks import Extension, Hooks
from modules.replies.output_hooks import ChangedStream, Pipe, output_stages

pytestmark = pytest.mark.anyio
STATE = TextRequest(text="x")
END = Finished("stop", Usage(1, 2), "\n")


def token(text: str) -> TokenLogprob:
    return TokenLogprob(TokenChoice(1, text.encode(), -0.5))


class Upper:
    def __init__(self, state: object) -> None:
        assert state is STATE

    def feed(self, text: str) -> str:
        return text.upper()

    def finish(self) -> str:
        return "!"


class HoldsOne:
    """Always one character behind."""

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str) -> str:
        text = self.held + text
        self.held = text[-1:]
        return text[:-1]

    def finish(self) -> str:
        return self.held


def hooked(**extensions: dict[str, Callable[..., Any]]) -> Hooks:
    hooks = Hooks()
    for name, functions in extensions.items():
        hooks.add(Extension(name, functions=hooks_in(functions, name), is_enabled=True))
    return hooks


def applied(hooks: Hooks, *batches: list[Event]) -> list[Event]:
    pipe = Pipe(output_stages(hooks, STATE))
    return [event for batch in batches for event in pipe.apply(batch)]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_whole_texts_are_held_until_the_end() -> None:
    hooks = hooked(a={"output_modifier": lambda text, state: f"<{text}>"})
    found = applied(hooks, [TextDelta("ab")], [TextDelta("c")], [END])
    assert found == [TextDelta("<abc>"), END]


def test_a_transform_lets_text_through_as_it_comes() -> None:
    hooks = hooked(a={"output_stream": Upper})
    found = applied(hooks, [TextDelta("ab")], [TextDelta("c"), END])
    assert found == [TextDelta("AB"), TextDelta("C"), TextDelta("!"), END]


def test_they_act_in_order_whatever_their_form() -> None:
    hooks = hooked(
        a={"output_modifier": lambda text: f"{text}a"},
        b={"output_stream": Upper},
        c={"output_stream": HoldsOne},
        d={"output_modifier": lambda text: f"{text}d"},
    )
    assert text_of(applied(hooks, [TextDelta("x"), TextDelta("y"), END])) == "XYA!d"


def test_the_streaming_form_wins_over_the_other_of_an_extension() -> None:
    hooks = hooked(a={"output_stream": HoldsOne, "output_modifier": lambda text: "never"})
    assert text_of(applied(hooks, [TextDelta("xy"), END])) == "xy"


def test_thinking_and_calls_go_through_untouched() -> None:
    hooks = hooked(a={"output_modifier": lambda text: text.upper()})
    thought, call = ReasoningDelta("hm"), ToolCallDelta(0, "{}", "id", "f")
    found = applied(hooks, [thought, TextDelta("a"), call], [END])
    assert found == [thought, call, TextDelta("A"), END]


def test_a_reply_without_text_may_get_one() -> None:
    hooks = hooked(a={"output_modifier": lambda text: text or "(nothing)"})
    assert applied(hooks, [END]) == [TextDelta("(nothing)"), END]


def test_tokens_stay_the_models_and_come_with_the_text() -> None:
    hooks = hooked(a={"output_modifier": lambda text: text.upper()})
    found = applied(hooks, [TextDelta("a", (token("a"),)), TextDelta("b", (token("b"),))], [END])
    assert found == [TextDelta("AB", (token("a"), token("b"))), END]
    gone = hooked(a={"output_modifier": lambda text: ""})
    assert applied(gone, [TextDelta("a", (token("a"),)), END]) == [
        TextDelta("", (token("a"),)),
        END,
    ]


def breaking_at(call: int) -> Callable[[], HoldsOne]:
    class Breaks(HoldsOne):
        calls = 0

        def feed(self, text: str) -> str:
            self.calls += 1
            if self.calls == call:
                raise ValueError(text)
            return super().feed(text)

        def finish(self) -> str:
            if call == 0:
                raise ValueError("at the end")
            return super().finish()

    return Breaks


@pytest.mark.parametrize("call", [0, 1, 2, 3])
def test_after_a_fault_the_text_is_whole(call: int) -> None:
    hooks = hooked(a={"output_stream": breaking_at(call)})
    batches = [[TextDelta(piece)] for piece in ("ab", "cd", "ef")]
    assert text_of(applied(hooks, *batches, [END])) == "abcdef"
    assert [(fault.hook, fault.error) for fault in hooks.faults] == [
        ("output_stream", "ValueError")
    ]


@pytest.mark.parametrize("wrong", [lambda text: None, lambda text: 1 / 0])
def test_a_whole_text_survives_a_fault(wrong: Callable[[str], Any]) -> None:
    hooks = hooked(a={"output_modifier": wrong}, b={"output_modifier": lambda text: text + "."})
    assert text_of(applied(hooks, [TextDelta("ab")], [TextDelta("c"), END])) == "abc."
    assert [fault.extension for fault in hooks.faults] == ["a"]


def test_a_transform_that_cannot_be_made_is_left_out() -> None:
    hooks = hooked(a={"output_stream": lambda state: 1 / 0}, b={"output_stream": lambda: 5})
    assert text_of(applied(hooks, [TextDelta("ab"), END])) == "ab"
    assert {fault.extension for fault in hooks.faults} == {"a", "b"}


def changed(hooks: Hooks) -> tuple[EventStream, ChangedStream, list[str]]:
    told: list[str] = []
    inner = EventStream(
        asyncio.get_running_loop(),
        cancel=lambda: told.append("cancel"),
        stop=lambda: told.append("stop"),
    )
    return inner, ChangedStream(inner, STATE, hooks), told


async def test_hooks_are_never_called_on_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def modify(text: str) -> str:
        threads.append(threading.current_thread())
        return text + "."

    inner, stream, _ = changed(hooked(a={"output_modifier": modify}))
    inner.push([TextDelta("a"), END])
    done = await stream.fold()
    assert (done.text, done.stop_string, done.usage) == ("a.", "\n", END.usage)
    assert threads
    assert threading.main_thread() not in threads


async def test_batches_are_not_empty_until_the_end() -> None:
    inner, stream, _ = changed(hooked(a={"output_modifier": lambda text: text}))
    inner.push([TextDelta("a"), TextDelta("b")])
    inner.push([END])
    assert await stream.batch() == [TextDelta("ab"), END]
    assert await stream.batch() == []
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_an_error_comes_through() -> None:
    inner, stream, _ = changed(hooked(a={"output_stream": HoldsOne}))
    inner.push([TextDelta("abc")])
    inner.fail(ModelError("broken"))
    assert await anext(stream) == TextDelta("ab")
    with pytest.raises(ModelError, match="broken"):
        await anext(stream)


async def test_closing_and_stopping_reach_the_model() -> None:
    _, stream, told = changed(hooked(a={"output_stream": HoldsOne}))
    stream.stop()
    await stream.aclose()
    assert told == ["stop", "cancel"]
