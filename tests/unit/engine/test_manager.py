"""ModelManager: load, swap, lease and unload, with scripted runners behind the registry's door."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import Cancelled, LoadError, NotFound, NotReady, RequestError
from modules.engine.manager import ModelManager
from modules.engine.progress import LoadProgress
from modules.loaders.catalog import Catalog
from tests.unit.engine.fake_loader import FakeLoader
from tests.unit.engine.fake_runner import PATIENCE_S, ask

pytestmark = pytest.mark.anyio


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    return Catalog(tmp_path, {"alias": "a.gguf"})


@pytest.fixture
async def models(catalog: Catalog, loader: FakeLoader) -> AsyncIterator[ModelManager]:
    models = ModelManager(catalog)
    yield models
    for gate in loader.paused.values():
        gate.set()
    await models.close()


async def patiently(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it is a thread that ends, and no event tells
            await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_loaded_model_is_current_and_answers(
    models: ModelManager, catalog: Catalog
) -> None:
    loaded = await models.load(catalog.get("a"))
    assert models.current is loaded
    assert models.loading is None
    async with models.lease() as model:
        assert model.info.name == "a.gguf"
        assert (await patiently(model.engine.complete(ask("hi")))).text == "ok"


async def test_nothing_loaded_is_not_ready(models: ModelManager) -> None:
    with pytest.raises(NotReady) as caught:
        async with models.lease():
            pass
    assert caught.value.code == "model_not_loaded"


async def test_while_the_first_model_loads_the_answer_says_how_far_it_is(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    gate = loader.pause("a.gguf")
    loading = asyncio.create_task(models.load(catalog.get("a")))
    await loader.has_begun()
    with pytest.raises(NotReady, match="25%") as caught:
        async with models.lease():
            pass
    assert caught.value.code == "model_loading"
    assert "a.gguf" in caught.value.message
    gate.set()
    await patiently(loading)


async def test_progress_is_told_on_the_event_loop(catalog: Catalog, loader: FakeLoader) -> None:
    told: list[tuple[str, float, int]] = []

    def listen(load: LoadProgress) -> None:
        told.append((load.name, load.progress, threading.get_ident()))

    models = ModelManager(catalog, on_progress=listen)
    await models.load(catalog.get("a"))
    await settle()
    assert [name for name, _, _ in told] == ["a.gguf", "a.gguf"]
    assert told[-1][1] == 1.0
    assert {thread for _, _, thread in told} == {threading.get_ident()}
    await models.close()


@pytest.mark.parametrize(
    "error", [LoadError("The file is cut short"), RuntimeError("secret detail")]
)
async def test_a_load_that_fails_leaves_the_old_model_serving(
    models: ModelManager, catalog: Catalog, loader: FakeLoader, error: Exception
) -> None:
    await models.load(catalog.get("a"))
    loader.broken["b.gguf"] = error
    with pytest.raises(LoadError) as caught:
        await models.load(catalog.get("b"))
    assert "secret" not in caught.value.message
    assert models.loading is None
    assert models.last_error
    async with models.lease() as model:
        assert model.info.name == "a.gguf"
        assert (await patiently(model.engine.complete(ask("hi")))).text == "ok"


async def test_the_reason_of_a_failed_first_load_is_told_until_one_works(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    loader.broken["a.gguf"] = LoadError("The file is cut short")
    with pytest.raises(LoadError):
        await models.load(catalog.get("a"))
    with pytest.raises(NotReady, match="cut short"):
        async with models.lease():
            pass
    await models.load(catalog.get("b"))
    assert models.last_error is None


@pytest.mark.parametrize("template", ["{% if %}", "{% break %}"])
async def test_a_model_whose_template_is_broken_is_freed_again(
    models: ModelManager, catalog: Catalog, loader: FakeLoader, template: str
) -> None:
    loader.templates["a.gguf"] = template
    with pytest.raises(Exception, match=r"template|a\.gguf"):
        await models.load(catalog.get("a"))
    assert models.current is None
    assert [runner.is_closed for runner in loader.runners] == [True]


async def test_a_swapped_model_is_closed_only_after_its_last_lease(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    old = await models.load(catalog.get("a"))
    async with models.lease():
        async with models.lease() as model:
            await models.load(catalog.get("b"))
            assert model is old
            assert (await patiently(model.engine.complete(ask("still here")))).text == "ok"
        assert not loader.runners[0].is_closed
        async with models.lease() as newer:
            assert newer.info.name == "b.gguf"
    await patiently(old.closed.wait())
    assert [runner.is_closed for runner in loader.runners] == [True, False]


async def test_the_old_model_answers_while_the_new_one_loads(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    await models.load(catalog.get("a"))
    await loader.has_begun()
    gate = loader.pause("b.gguf")
    loading = asyncio.create_task(models.load(catalog.get("b")))
    await loader.has_begun()
    async with models.lease() as model:
        assert model.info.name == "a.gguf"
    gate.set()
    await patiently(loading)
    assert models.current is not None
    assert models.current.info.name == "b.gguf"


async def test_ten_who_ask_for_a_model_cause_one_load(
    models: ModelManager, loader: FakeLoader
) -> None:
    async def ask_it() -> str:
        async with models.lease("a.gguf") as model:
            return (await model.engine.complete(ask("hi"))).text

    answers = await patiently(asyncio.gather(*(ask_it() for _ in range(10))))
    assert answers == ["ok"] * 10
    assert loader.loads == ["a.gguf"]


@pytest.mark.parametrize("name", ["a.gguf", "a", "alias"])
async def test_naming_the_loaded_model_by_any_of_its_names_loads_nothing(
    models: ModelManager, catalog: Catalog, loader: FakeLoader, name: str
) -> None:
    await models.load(catalog.get("a"))
    async with models.lease(name) as model:
        assert model.info.name == "a.gguf"
    assert loader.loads == ["a.gguf"]


async def test_models_that_are_asked_for_in_turns_are_each_answered_by_themselves(
    models: ModelManager, loader: FakeLoader
) -> None:
    async def ask_it(name: str) -> str:
        async with models.lease(name) as model:
            await model.engine.complete(ask("hi"))
            return model.info.name

    names = ["a.gguf", "b.gguf"] * 4
    assert await patiently(asyncio.gather(*map(ask_it, names))) == names
    *replaced, last = loader.runners
    await eventually(lambda: all(runner.is_closed for runner in replaced))
    assert not last.is_closed


async def test_an_unknown_name_is_not_found(models: ModelManager) -> None:
    with pytest.raises(NotFound):
        async with models.lease("../a.gguf"):
            pass


async def test_who_leaves_while_it_loads_does_not_stop_the_load(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    gate = loader.pause("a.gguf")

    async def lease() -> None:
        async with models.lease("a.gguf"):
            pass

    for begin in (lambda: models.load(catalog.get("a")), lease):
        asking = asyncio.ensure_future(begin())
        if begin is not lease:
            await loader.has_begun()
        await settle()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert models.loading is not None
    gate.set()
    await eventually(lambda: models.current is not None)
    assert models.current.info.name == "a.gguf"


async def test_everyone_who_waits_for_a_load_is_told_that_it_failed(
    models: ModelManager, loader: FakeLoader, catalog: Catalog
) -> None:
    loader.broken["a.gguf"] = LoadError("The file is cut short")

    async def lease() -> None:
        async with models.lease("a.gguf"):
            pass

    results = await asyncio.gather(*(lease() for _ in range(3)), return_exceptions=True)
    assert LoadError in map(type, results)
    assert all(isinstance(result, LoadError | NotReady) for result in results)
    assert all("The file is cut short" in str(result) for result in results)
    assert loader.loads == ["a.gguf"], "it was tried again though nothing had changed"
    loader.broken.clear()
    later = catalog.get("a.gguf").created + 10
    os.utime(catalog.get("a.gguf").path, (later, later))
    await lease()
    assert models.current is not None


async def test_unloading_waits_for_running_requests(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    await models.load(catalog.get("a"))
    async with models.lease() as model:
        unloading = asyncio.create_task(models.unload())
        await settle()
        assert not unloading.done()
        assert models.current is None
        with pytest.raises(NotReady):
            async with models.lease():
                pass
        assert (await patiently(model.engine.complete(ask("last")))).text == "ok"
    assert await patiently(unloading) == ["a.gguf"]
    assert loader.runners[0].is_closed


async def test_unloading_nothing_says_so(models: ModelManager) -> None:
    assert await models.unload() == []


async def test_closing_does_not_wait_for_requests(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    await models.load(catalog.get("a"))
    async with models.lease() as model:
        stream = model.engine.submit(ask("endless", 10**9))
        await patiently(models.close())
        assert loader.runners[0].is_closed
        with pytest.raises(NotReady):
            await stream.fold()


async def test_load_args_are_checked_completed_and_echoed(
    catalog: Catalog, loader: FakeLoader
) -> None:
    models = ModelManager(catalog, {"threads": 3, "ctx_size": 512})
    loaded = await models.load(catalog.get("a"), {"n_ctx": 1024})
    assert loaded.load_args == {"n_ctx": 1024}
    assert loader.options[0]["ctx_size"] == 1024
    assert loader.options[0]["threads"] == 3
    assert loader.options[0]["parallel"] == 8
    await models.close()


@pytest.mark.parametrize("args", [{"no_such_option": 1}, {"ctx_size": -5}])
async def test_a_wrong_load_arg_is_refused_before_anything_is_loaded(
    models: ModelManager, catalog: Catalog, loader: FakeLoader, args: dict[str, Any]
) -> None:
    with pytest.raises(RequestError):
        await models.load(catalog.get("a"), args)
    assert loader.loads == []


async def test_a_replaced_model_that_still_answers_is_brought_back(
    models: ModelManager, loader: FakeLoader
) -> None:
    async with models.lease("a") as first:
        async with models.lease("b"):
            pass
        async with models.lease("a") as again:
            assert again is first
        assert models.current is first
    assert loader.loads == ["a.gguf", "b.gguf"]
    assert not first.is_retired
    async with models.lease() as still:
        assert (await patiently(still.engine.complete(ask("hi")))).text == "ok"


async def test_a_third_model_waits_for_the_first_to_be_freed(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    (catalog.folder / "c.gguf").write_bytes(b"GGUF")
    async with models.lease("a") as first:
        async with models.lease("b"):
            pass
        third = asyncio.create_task(models.load(catalog.get("c")))
        await settle()
        assert loader.loads == ["a.gguf", "b.gguf"], "three models would have been in memory"
        assert not first.closed.is_set()
    await patiently(third)
    assert loader.loads == ["a.gguf", "b.gguf", "c.gguf"]
    assert first.closed.is_set()


async def test_an_explicit_load_takes_the_file_anew(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    first = await models.load(catalog.get("a"))
    second = await models.load(catalog.get("a"))
    assert second is not first
    assert loader.loads == ["a.gguf", "a.gguf"]


async def test_what_another_load_brought_is_not_loaded_again(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    gate = loader.pause("a.gguf")
    explicit = asyncio.create_task(models.load(catalog.get("a")))
    await loader.has_begun()

    async def lease() -> str:
        async with models.lease("a") as model:
            return model.info.name

    asked = asyncio.create_task(lease())
    await settle()
    gate.set()
    await patiently(explicit)
    assert await patiently(asked) == "a.gguf"
    assert loader.loads == ["a.gguf"]


async def test_an_explicit_load_tries_again_what_failed(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    loader.broken["a.gguf"] = LoadError("The file is cut short")
    with pytest.raises(LoadError):
        await models.load(catalog.get("a"))
    with pytest.raises(NotReady, match="cut short"):
        async with models.lease("a"):
            pass
    loader.broken.clear()
    await models.load(catalog.get("a"))
    assert models.current is not None


async def test_a_load_that_is_cancelled_leaves_the_others_serving_and_may_be_tried_again(
    models: ModelManager, catalog: Catalog, loader: FakeLoader
) -> None:
    await models.load(catalog.get("a"))
    loader.pause("b.gguf")
    loading = asyncio.ensure_future(models.load(catalog.get("b")))
    await loader.has_begun()  # of a
    await loader.has_begun()
    assert models.cancel_load()
    loader.paused["b.gguf"].set()
    with pytest.raises(Cancelled):
        await patiently(loading)
    assert [model.name for model in models.loaded] == ["a.gguf"]
    assert models.last_error is None
    assert all(runner.is_closed for runner in loader.runners[1:])
    async with models.lease("b") as model:
        assert model.name == "b.gguf"


async def test_without_a_load_there_is_nothing_to_cancel(models: ModelManager) -> None:
    assert not models.cancel_load()
