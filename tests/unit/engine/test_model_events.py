"""ModelEvents: in order, never in anybody's way, and over when they are over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modules.core.errors import LoadError
from modules.engine.manager import ModelManager
from modules.engine.model_events import MAX_PENDING, Listener, ModelEvent, ModelEvents
from modules.loaders.catalog import Catalog
from tests.unit.engine.fake_loader import FakeLoader
from tests.unit.engine.fake_runner import PATIENCE_S

pytestmark = pytest.mark.anyio

LOADED = ModelEvent("loaded", "a")


def progress(share: float, model: str = "a") -> ModelEvent:
    return ModelEvent("loading", model, share)


async def rest_of(events: ModelEvents, listener: Listener) -> list[ModelEvent]:
    events.leave(listener)
    return [event async for event in listener]


async def test_the_first_events_say_what_is_so() -> None:
    events = ModelEvents()
    listener = events.listen([LOADED])
    events.tell(ModelEvent("unloading", "a"))
    assert [event.type for event in await rest_of(events, listener)] == ["loaded", "unloading"]


async def test_who_reads_slowly_has_the_newest_progress_only() -> None:
    events = ModelEvents()
    listener = events.listen([])
    for share in range(1000):
        events.tell(progress(share / 1000))
    events.tell(LOADED)
    assert await rest_of(events, listener) == [progress(0.999), LOADED]


async def test_progress_of_another_model_is_kept_apart() -> None:
    events = ModelEvents()
    listener = events.listen([])
    told = [progress(0.5), progress(0.1, "b"), progress(0.6)]
    for event in told:
        events.tell(event)
    assert await rest_of(events, listener) == told


async def test_who_does_not_read_at_all_takes_no_more_memory() -> None:
    events = ModelEvents()
    listener = events.listen([])
    for number in range(5 * MAX_PENDING):
        events.tell(ModelEvent("loaded", str(number)))
    pending = await rest_of(events, listener)
    assert len(pending) == MAX_PENDING
    assert pending[-1].model == str(5 * MAX_PENDING - 1)


async def test_a_reader_that_waits_is_woken() -> None:
    events = ModelEvents()
    listener = events.listen([])
    reading = asyncio.ensure_future(anext(aiter(listener)))
    await asyncio.sleep(0)
    events.tell(LOADED)
    assert await asyncio.wait_for(reading, PATIENCE_S) == LOADED


async def test_all_listeners_end_with_the_process_and_later_ones_at_once() -> None:
    events = ModelEvents()
    listener = events.listen([LOADED])
    events.close()
    assert [event async for event in listener] == [LOADED]
    assert [event async for event in events.listen([LOADED])] == [LOADED]


# -- what a manager tells ----------------------------------------------------------------------


@pytest.fixture
async def models(tmp_path: Path, loader: FakeLoader) -> AsyncIterator[ModelManager]:
    for name in "ab":
        (tmp_path / f"{name}.gguf").write_bytes(b"GGUF")
    models = ModelManager(Catalog(tmp_path))
    yield models
    await models.close()


async def told(models: ModelManager, listener: Listener) -> list[tuple[str, str | None]]:
    models.leave(listener)
    return [(event.type, event.model) async for event in listener]


async def test_nothing_loaded_is_told_too(models: ModelManager) -> None:
    assert await told(models, models.listen()) == [("unloaded", None)]


async def test_a_swap_from_its_beginning_to_its_end(
    models: ModelManager, loader: FakeLoader
) -> None:
    await models.load(models.catalog.get("a"))
    listener = models.listen()
    await models.load(models.catalog.get("b"))
    async with asyncio.timeout(PATIENCE_S):
        while not loader.runners[0].is_closed:  # noqa: ASYNC110 - a thread ends
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
    assert await told(models, listener) == [
        ("loaded", "a.gguf"),
        ("loading", "b.gguf"),
        ("unloading", "a.gguf"),
        ("loaded", "b.gguf"),
        ("unloaded", "a.gguf"),
    ]


async def test_a_load_that_fails_says_why(models: ModelManager, loader: FakeLoader) -> None:
    loader.broken["a.gguf"] = LoadError("The file is cut short")
    listener = models.listen()
    with pytest.raises(LoadError):
        await models.load(models.catalog.get("a"))
    models.leave(listener)
    *_, last = [event async for event in listener]
    assert (last.type, last.model, last.error) == ("failed", "a.gguf", "The file is cut short")
    assert last.seconds is not None
