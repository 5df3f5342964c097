"""Replies that an extension makes itself."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from modules.core.asked import TextRequest
from modules.core.events import Completion, TextDelta, Usage
from modules.core.requests import GenerationRequest
from modules.extensions import hooks_in
from modules.hooks import Extension, Hooks
from modules.replies.drawn import find_own_reply
from modules.replies.own_replies import OwnReplyStream
from tests.unit.engine.fake_runner import PATIENCE_S, FakeTokenizer

pytestmark = pytest.mark.anyio
STATE = TextRequest(text="x")


def engine(*, is_elsewhere: bool = False) -> Any:
    info = SimpleNamespace(renders_itself=is_elsewhere)
    return SimpleNamespace(tokenizer=FakeTokenizer(), info=info)


def hooked(*functions: Callable[..., Any]) -> Hooks:
    hooks = Hooks()
    for i, function in enumerate(functions):
        found = hooks_in({"custom_generate_reply": function}, "x")
        hooks.add(Extension(f"x{i}", functions=found, is_enabled=True))
    return hooks


def started(hooks: Hooks, **fields: Any) -> OwnReplyStream:
    own = find_own_reply("prompt", STATE, hooks)
    assert own is not None
    request = GenerationRequest((1, 2, 3), fields.pop("max_tokens", 100), **fields)
    return OwnReplyStream(own, request, engine())


async def folded(*pieces: str, **fields: Any) -> Completion:
    stream = started(hooked(lambda prompt, state: iter(pieces)), **fields)
    return await asyncio.wait_for(stream.fold(), PATIENCE_S)


async def test_the_pieces_are_the_reply_and_are_counted() -> None:
    done = await folded("Hel", "", "lo")
    assert (done.text, done.reason, done.usage) == ("Hello", "stop", Usage(3, 5))


async def test_nothing_is_a_reply_too() -> None:
    done = await folded()
    assert (done.text, done.reason, done.usage) == ("", "stop", Usage(3, 0))


async def test_a_text_is_a_reply_in_one_piece() -> None:
    stream = started(hooked(lambda prompt: prompt.upper()))
    assert await anext(stream) == TextDelta("PROMPT")


async def test_max_tokens_cuts() -> None:
    done = await folded("abc", "def", max_tokens=4)
    assert (done.text, done.reason, done.usage) == ("abcd", "length", Usage(3, 4))
    whole = await folded("abc", "d", max_tokens=4)
    assert (whole.text, whole.reason) == ("abcd", "stop")


async def test_a_stop_string_ends_it_and_the_extension_is_closed() -> None:
    closed = threading.Event()

    def pieces() -> Iterator[str]:
        try:
            yield "one t"
            yield "wo three"
            raise AssertionError("nobody asks for more")
        finally:
            closed.set()

    hooks = hooked(pieces)
    done = await started(hooks, stop=("two",)).fold()
    assert (done.text, done.reason, done.stop_string) == ("one ", "stop", "two")
    assert await asyncio.to_thread(closed.wait, PATIENCE_S)
    assert hooks.faults == []


def raising(*pieces: str) -> Callable[[], Iterator[str]]:
    def reply() -> Iterator[str]:
        yield from pieces
        raise ValueError("what was said")

    return reply


async def test_one_that_fails_midway_ends_with_what_it_said() -> None:
    hooks = hooked(raising("so far"))
    done = await started(hooks).fold()
    assert (done.text, done.reason) == ("so far", "stop")
    assert hooks.faults[0].error == "ValueError"


@pytest.mark.parametrize("wrong", [raising(), lambda: 5, lambda: iter([5]), lambda: 1 / 0])
async def test_one_that_fails_at_once_leaves_it_to_the_next(wrong: Callable[[], Any]) -> None:
    hooks = hooked(wrong, lambda: None, lambda: ["second"])
    assert (await started(hooks).fold()).text == "second"
    assert [fault.extension for fault in hooks.faults] == ["x0"]
    assert find_own_reply("p", STATE, hooked(wrong)) is None


async def test_a_wrong_piece_ends_it() -> None:
    hooks = hooked(lambda: iter(["a", 5, "b"]))
    assert (await started(hooks).fold()).text == "a"
    assert "it gave int, not str" in hooks.faults[0].error


async def test_stopping_keeps_what_is_there() -> None:
    stream = started(hooked(lambda: iter(["a", "b", "c"])))
    assert await anext(stream) == TextDelta("a")
    stream.stop()
    done = await stream.fold()
    assert (done.text, done.reason) == ("", "cancelled")


async def test_closing_ends_the_extensions_work() -> None:
    closed = threading.Event()

    def pieces() -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.set()

    stream = started(hooked(pieces))
    await anext(stream)
    await stream.aclose()
    assert await asyncio.to_thread(closed.wait, PATIENCE_S)
    assert await stream.batch() == []


async def test_where_another_server_counts_the_whole_is_counted_once() -> None:
    own = find_own_reply("p", STATE, hooked(lambda: iter(["abc", "def"])))
    assert own is not None
    stream = OwnReplyStream(own, GenerationRequest((), 4), engine(is_elsewhere=True))
    done = await stream.fold()
    assert (done.text, done.usage) == ("abcdef", Usage(0, 6))
