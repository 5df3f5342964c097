"""Texts that are written on: what is asked of the model, what comes back, undo, kept texts."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modules.core.errors import Conflict, ContextLengthExceeded, RequestError
from modules.engine.engine import LocalEngine
from modules.extensions import hooks_in
from modules.hooks import Extension, Hooks
from modules.settings import Settings
from modules.ui.notebook.files import NotebookFiles
from modules.ui.notebook.history import MAX_STATES, TextHistory
from modules.ui.notebook.state import Desk, desk_of, to_count, to_line
from modules.ui.notebook.stopping import Stopping
from modules.ui.notebook.tokens import percent, shown_token, token_table
from modules.ui.notebook.writing import (
    NextToken,
    Written,
    count_tokens,
    next_tokens,
    to_request,
    write_on,
)
from modules.ui.profile import Parameters
from modules.ui.session import Session
from tests.unit.engine.fake_runner import PATIENCE_S, FakeRunner

Make = Callable[..., Any]
ENDLESS = Parameters(max_tokens=10**8)


@pytest.fixture
def make_context() -> Iterator[Make]:
    """A program with one model that is a fake runner."""
    engines: list[LocalEngine] = []

    def make(runner: FakeRunner) -> Any:
        engine = LocalEngine(runner)
        engines.append(engine)
        model = SimpleNamespace(engine=engine, info=engine.info, name="fake")

        @asynccontextmanager
        async def lease(name: str | None = None) -> AsyncGenerator[Any]:
            yield model

        models = SimpleNamespace(lease=lease, stop=engine.stop, current=model, loaded=[model])
        return SimpleNamespace(models=models, hooks=Hooks(), settings=Settings())

    yield make
    for engine in engines:
        engine.close()


def written(context: Any, text: str, parameters: Parameters | None = None) -> list[Written]:
    async def read() -> list[Written]:
        growing = write_on(context, text, parameters or Parameters(), Stopping())
        return [each async for each in growing]

    return asyncio.run(read())


def test_a_text_is_gone_on_with(make_context: Make) -> None:
    runner = FakeRunner({"once": " upon a time"})
    last = written(make_context(runner), "once")[-1]
    assert last.text == " upon a time"
    assert (last.prompt_tokens, last.tokens, last.reason) == (4, 13, "stop")


def test_texts_only_grow(make_context: Make) -> None:
    runner = FakeRunner({"x": "y" * 300})
    texts = [each.text for each in written(make_context(runner), "x")]
    assert texts[-1] == "y" * 300
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(texts))


def test_a_bound_and_stop_strings_count(make_context: Make) -> None:
    context = make_context(FakeRunner({"x": "one two three"}))
    assert written(context, "x", Parameters(max_tokens=3))[-1].reason == "length"
    assert written(context, "x", Parameters(stop=(" three",)))[-1].text == "one two"


def test_stopping_keeps_what_is_there(make_context: Make) -> None:
    context = make_context(FakeRunner({"x": "abc"}, endless=["x"]))
    last = asyncio.run(stopped(context, lambda each: True))
    assert last.is_over
    assert last.text
    assert last.text == ("abc" * len(last.text))[: len(last.text)]


async def stopped(context: Any, is_enough: Callable[[Written], bool]) -> Written:
    """The end of a text that is stopped when there is so much of it."""
    last, stopping = Written(), Stopping()
    async with aclosing(write_on(context, "x", ENDLESS, stopping)) as growing:
        async for each in growing:
            last = each
            if is_enough(each):
                stopping.stop()
    return last


def with_extension(context: Any, reply: Callable[..., Any]) -> Any:
    functions = hooks_in({"custom_generate_reply": reply}, "x")
    context.hooks.add(Extension("x", functions=functions, is_enabled=True))
    return context


def test_stopping_reaches_what_an_extension_writes(
    make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modules.ui.notebook.stopping.PATIENCE_S", 1e6)
    ended = threading.Event()

    def reply(prompt: str) -> Iterator[str]:
        try:
            while True:
                yield "word "
        finally:
            ended.set()

    context = with_extension(make_context(FakeRunner({})), reply)
    last = asyncio.run(asyncio.wait_for(stopped(context, lambda each: True), PATIENCE_S))
    assert last.reason == "cancelled"
    assert last.text.startswith("word ")
    assert last.tokens == len(last.text)
    assert ended.wait(PATIENCE_S)


def test_an_extension_that_does_not_hear_of_the_stop_is_not_waited_for(
    make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def reply(prompt: str) -> Iterator[str]:
        yield "word"
        released.wait(PATIENCE_S)
        yield "too late"

    async def main() -> Written:
        try:
            return await asyncio.wait_for(stopped(context, lambda each: True), PATIENCE_S / 2)
        finally:
            released.set()

    monkeypatch.setattr("modules.ui.notebook.stopping.PATIENCE_S", 0.05)
    context = with_extension(make_context(FakeRunner({})), reply)
    last = asyncio.run(main())
    assert (last.text, last.reason, last.prompt_tokens) == ("word", "cancelled", 1)


def test_what_is_stopped_before_it_begins_does_not_begin(make_context: Make) -> None:
    """While the model is still loaded, for example."""
    context, waits = make_context(FakeRunner({})), asyncio.Event()

    @asynccontextmanager
    async def slow_lease() -> AsyncGenerator[Any]:
        waits.set()
        await asyncio.Event().wait()
        yield

    async def main() -> list[Written]:
        context.models.lease = slow_lease
        stopping = Stopping()

        async def read() -> list[Written]:
            return [each async for each in write_on(context, "x", ENDLESS, stopping)]

        reading = asyncio.create_task(read())
        await waits.wait()
        stopping.stop()
        return await asyncio.wait_for(reading, PATIENCE_S)

    assert asyncio.run(main()) == [Written(reason="cancelled")]


def test_leaving_ends_the_writing(make_context: Make) -> None:
    runner = FakeRunner({"x": "abc"}, endless=["x"])
    context = make_context(runner)

    async def leave() -> None:
        async with aclosing(write_on(context, "x", ENDLESS, Stopping())) as growing:
            await anext(growing)

    asyncio.run(leave())
    assert context.models.stop() == 0


def test_what_does_not_fit_is_left_out_from_the_beginning(make_context: Make) -> None:
    runner = FakeRunner({}, context_length=50)
    last = written(make_context(runner), "x" * 200 + "end", Parameters(max_tokens=10))[-1]
    assert runner.admitted[-1].endswith("xend")
    assert last.prompt_tokens + 10 <= 50
    assert last.left_out > 0


def test_without_leave_to_cut_it_is_refused(make_context: Make) -> None:
    context = make_context(FakeRunner({}, context_length=50))
    with pytest.raises(ContextLengthExceeded):
        written(context, "x" * 200, Parameters(can_truncate=False))


def test_a_short_text_is_left_whole(make_context: Make) -> None:
    runner = FakeRunner({}, context_length=50)
    assert written(make_context(runner), "short", Parameters(max_tokens=100))[-1].left_out == 0
    assert runner.admitted[-1] == "short"


def test_the_parameters_of_the_page_count() -> None:
    settings = Settings()
    parameters = Parameters(
        sampling={"top_k": 3}, stop=("a",), max_tokens=7, grammar='root ::= "x"'
    )
    request = to_request("t", parameters, settings)
    assert (request.face, request.sampling.top_k, request.given) == ("ui", 3, {"top_k"})
    assert (request.stop, request.max_tokens) == (("a",), 7)
    assert request.constraint is not None
    assert to_request("t", Parameters(), settings).max_tokens == 512


def test_next_tokens_are_probabilities(make_context: Make) -> None:
    context = make_context(FakeRunner({"x": "abc"}))
    found = asyncio.run(next_tokens(context, "x", Parameters(), is_sampled=False))
    assert found
    assert all(0 <= each.probability <= 1 for each in found)


def test_tokens_are_counted_as_the_model_does(make_context: Make) -> None:
    context = make_context(FakeRunner({}, context_length=2048))
    assert count_tokens("hello", context.models.current) == 5
    assert to_count(5, context.models.current) == "5 of 2,048 tokens"
    assert to_count(None, None) == "No model is loaded"


def test_the_line_below_the_text() -> None:
    assert to_line(Written("x", 1)) == "1 tokens written"
    done = Written("x", 21, 5, 4.0, left_out=3, reason="length")
    assert to_line(done) == (
        "21 tokens written · 5.0 tokens/s · max_tokens or the context is full · "
        "the first 3 tokens did not fit and were left out"
    )
    assert "stopped" in to_line(done, was_stopped=True)


def test_the_table_shows_texts_as_texts() -> None:
    html = token_table([NextToken(5, "<b>\n", 0.5), NextToken(-1, "", 0.0001)])
    assert "&lt;b&gt;↵" in html
    assert "50%" in html
    assert "&lt;0.1%" in html
    assert "∅" in html
    assert "told nothing" in token_table([])


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(1.0, "100%"), (0.5, "50%"), (0.05, "5.0%"), (0.0001, "&lt;0.1%"), (0.0995, "10%")],
)
def test_percent(probability: float, shown: str) -> None:
    assert percent(probability) == shown


def test_spaces_are_seen() -> None:
    assert shown_token(" a\t") == "␣a⇥"


def test_one_text_at_a_time() -> None:
    desk = Desk()
    desk.begin()
    with pytest.raises(Conflict):
        desk.begin()
    session = Session()
    assert desk_of(session, "a") is desk_of(session, "a")
    assert desk_of(session, "a") is not desk_of(session, "b")


def test_undo_and_redo() -> None:
    history = TextHistory()
    history.note("one")
    assert history.undo("one two") == "one"
    assert history.redo("one") == "one two"
    assert history.undo("one two edited") == "one"
    assert history.redo("one") == "one two edited"
    assert history.redo("x") == "x"
    assert TextHistory().undo("x") == "x"


@given(st.lists(st.tuples(st.sampled_from(["write", "undo", "redo"]), st.text(max_size=3))))
def test_nothing_is_lost_by_undo_and_redo(steps: list[tuple[str, str]]) -> None:
    history, text = TextHistory(), ""
    for what, more in steps:
        before = text
        if what == "write":
            history.note(text)
            text += more
        elif what == "undo":
            text = history.undo(text)
            if text != before:
                assert history.redo(text) == before
                text = history.undo(before)
        else:
            text = history.redo(text)


def test_the_past_is_bounded() -> None:
    history = TextHistory()
    for i in range(200):
        history.note(str(i))
    assert len(history.past) == MAX_STATES
    history.note("x" * 20_000_000)
    assert len(history.past) == 1


def test_kept_texts_of_each_user(tmp_path: Path) -> None:
    files = NotebookFiles(tmp_path, has_users=True)
    ann, bob = Session(user="ann"), Session(user="bob")
    files.save(ann, "Story", "Once\n")
    assert files.names(ann) == ["Story"]
    assert files.names(bob) == []
    assert files.load(ann, "Story") == "Once\n"
    with pytest.raises(RequestError):
        files.load(bob, "Story")
    files.delete(ann, "Story")
    assert files.names(ann) == []


def test_nothing_is_kept_of_a_private_page(tmp_path: Path) -> None:
    files = NotebookFiles(tmp_path, has_users=False)
    private = Session(is_private=True)
    with pytest.raises(RequestError, match="Nothing is kept"):
        files.save(private, "Story", "Once")
    assert files.names(private) == []
    assert not list(tmp_path.iterdir())


def test_names_never_leave_the_folder(tmp_path: Path) -> None:
    files = NotebookFiles(tmp_path, has_users=False)
    for name in ("../x", "a/b", ""):
        with pytest.raises(RequestError):
            files.save(Session(), name, "x")
