"""Several models at once: who stays, who leaves first, memory, idle time, and that everybody gets a turn."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import LoadError, NotReady, RequestError
from modules.engine.limits import ModelLimits
from modules.engine.manager import ModelManager
from modules.loaders.catalog import Catalog
from tests.unit.engine.fake_loader import FakeLoader
from tests.unit.engine.fake_runner import PATIENCE_S, ask

pytestmark = pytest.mark.anyio

SIZE = 1000
"""Bytes of each file: of files that are no models the estimate is their size."""

Make = Callable[..., ModelManager]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name in "abcd":
        (tmp_path / f"{name}.gguf").write_bytes(b"GGUF".ljust(SIZE, b"\xff"))
    return Catalog(tmp_path, {"pet": "a.gguf"})


@pytest.fixture
async def make(catalog: Catalog, loader: FakeLoader) -> AsyncIterator[Make]:
    """make(max_models=…): a manager that is closed with the test."""
    made: list[ModelManager] = []

    def make(**limits: Any) -> ModelManager:
        made.append(ModelManager(catalog, limits=ModelLimits(**limits)))
        return made[-1]

    yield make
    for gate in loader.paused.values():
        gate.set()
    for models in made:
        await models.close()


async def patiently(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it is a thread that ends, and no event tells
            await asyncio.sleep(0.001)


async def use(models: ModelManager, *names: str | None) -> str:
    """Each in turn; the name of the last one."""
    used = ""
    for name in names:
        async with models.lease(name) as model:
            await patiently(model.engine.complete(ask("hi")))
            used = model.name
    return used


def loaded(models: ModelManager) -> list[str]:
    return [model.name.removesuffix(".gguf") for model in models.loaded]


async def test_a_named_model_stays_beside_the_others(make: Make, loader: FakeLoader) -> None:
    models = make(max_models=3)
    await use(models, "a", "b", "c", "a", "b")
    assert loaded(models) == ["b", "a", "c"]
    assert loader.loads == ["a.gguf", "b.gguf", "c.gguf"]


async def test_who_names_no_model_is_answered_by_the_one_that_was_used_last(make: Make) -> None:
    models = make(max_models=2)
    await use(models, "a", "b", "pet")
    assert await use(models, None) == "a.gguf"
    assert models.get("pet") is models.current


async def test_the_one_that_was_used_longest_ago_leaves_first(
    make: Make, loader: FakeLoader
) -> None:
    models = make(max_models=2)
    await use(models, "a", "b", "a", "c")
    assert loaded(models) == ["c", "a"]
    await eventually(lambda: loader.runners[1].is_closed)
    assert [runner.is_closed for runner in loader.runners] == [False, True, False]


async def test_a_busy_one_stays_and_an_idle_one_leaves_instead(
    make: Make, loader: FakeLoader
) -> None:
    models = make(max_models=2)
    async with models.lease("a") as busy:
        await use(models, "b", "c")
        assert loaded(models) == ["c", "a"]
        assert not busy.is_retired


async def test_when_all_are_busy_the_oldest_leaves_as_soon_as_its_requests_end(
    make: Make, loader: FakeLoader
) -> None:
    models = make(max_models=2)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(models.lease("a"))
        await stack.enter_async_context(models.lease("b"))
        await stack.enter_async_context(models.lease("c"))
        assert loaded(models) == ["c", "b"]
        assert first.is_retired
        fourth = asyncio.create_task(use(models, "d"))
        await asyncio.sleep(0.05)
        assert "d.gguf" not in loader.loads, "more than one beyond the limit was in memory"
        assert (await patiently(first.engine.complete(ask("hi")))).text == "ok"
    assert await patiently(fourth) == "d.gguf"


async def test_a_load_does_not_wait_for_a_busy_model_where_an_idle_one_can_leave(
    make: Make, loader: FakeLoader
) -> None:
    models = make(max_models=2)
    async with models.lease("a") as first:
        async with models.lease("b"):
            await use(models, "c")
        assert first.is_retired
        assert await use(models, "d") == "d.gguf"
        assert loaded(models) == ["d", "c"]
        await eventually(lambda: loader.runners[1].is_closed)
        assert not first.closed.is_set()


async def test_a_load_that_fails_makes_nobody_leave(make: Make, loader: FakeLoader) -> None:
    models = make(max_models=2)
    await use(models, "a", "b")
    loader.broken["c.gguf"] = LoadError("The file is cut short")
    with pytest.raises(LoadError):
        await use(models, "c")
    assert loaded(models) == ["b", "a"]


async def test_two_models_that_are_wanted_in_turns_each_get_every_turn(
    make: Make, loader: FakeLoader
) -> None:
    """With room for one: nobody starves, and nobody loads for himself what another has just loaded."""
    models = make()

    async def go(name: str) -> list[str]:
        return [await use(models, name) for _ in range(10)]

    names = ["a", "b", "c"] * 3
    answers = await patiently(asyncio.gather(*map(go, names)))
    assert answers == [[f"{name}.gguf"] * 10 for name in names]
    assert len(loader.loads) <= 90


async def test_who_has_waited_gets_a_lease_before_the_model_can_leave(
    make: Make, loader: FakeLoader
) -> None:
    models = make()
    gate = loader.pause("a.gguf")
    waiting = [asyncio.create_task(use(models, "a")) for _ in range(3)]
    await loader.has_begun()
    waiting += [asyncio.create_task(use(models, "b"))]
    await asyncio.sleep(0.01)
    gate.set()
    assert await patiently(asyncio.gather(*waiting)) == ["a.gguf"] * 3 + ["b.gguf"]
    assert loader.loads == ["a.gguf", "b.gguf"]


async def test_a_lease_that_came_too_late_for_its_asker_is_given_back(
    make: Make, loader: FakeLoader
) -> None:
    models = make()
    gate = loader.pause("a.gguf")
    asking = asyncio.create_task(use(models, "a"))
    await loader.has_begun()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    gate.set()
    await eventually(lambda: models.current is not None)
    assert models.current is not None
    assert models.current.leases == 0


# -- memory ------------------------------------------------------------------------------------


async def test_models_leave_before_the_load_until_it_fits(make: Make, loader: FakeLoader) -> None:
    models = make(max_models=4, memory_bytes=2 * SIZE)
    await use(models, "a", "b")
    gate = loader.pause("c.gguf")
    third = asyncio.create_task(use(models, "c"))
    for _ in range(3):
        await loader.has_begun()
    assert loaded(models) == ["b"]
    assert loader.runners[0].is_closed, "the memory was not free yet"
    gate.set()
    assert await patiently(third) == "c.gguf"
    assert loaded(models) == ["c", "b"]
    assert models.reserved_bytes == 2 * SIZE


async def test_within_the_budget_a_busy_model_is_waited_for(make: Make, loader: FakeLoader) -> None:
    models = make(max_models=2, memory_bytes=SIZE)
    async with models.lease("a") as busy:
        second = asyncio.create_task(use(models, "b"))
        await asyncio.sleep(0.05)
        assert loader.loads == ["a.gguf"]
        assert (await patiently(busy.engine.complete(ask("hi")))).text == "ok"
    assert await patiently(second) == "b.gguf"
    assert loader.runners[0].is_closed


async def test_who_asks_for_any_model_meanwhile_waits_for_the_new_one(
    make: Make, loader: FakeLoader
) -> None:
    models = make(memory_bytes=SIZE)
    await use(models, "a")
    gate = loader.pause("b.gguf")
    second = asyncio.create_task(use(models, "b"))
    for _ in range(2):
        await loader.has_begun()
    unnamed = asyncio.create_task(use(models, None))
    await asyncio.sleep(0.01)
    gate.set()
    assert await patiently(unnamed) == "b.gguf"
    await second
    assert loader.loads == ["a.gguf", "b.gguf"]
    assert models.asleep == []


async def test_what_left_for_a_load_that_failed_comes_back(make: Make, loader: FakeLoader) -> None:
    models = make(memory_bytes=SIZE)
    await models.load(models.catalog.get("a"), {"ctx_size": 512})
    loader.broken["b.gguf"] = LoadError("The file is cut short")
    with pytest.raises(LoadError):
        await use(models, "b")
    assert models.current is None
    assert await use(models, None) == "a.gguf"
    assert loader.options[-1]["ctx_size"] == 512, "it did not come back as it was"


async def test_what_can_never_fit_is_refused_with_both_numbers(
    make: Make, loader: FakeLoader, catalog: Catalog
) -> None:
    models = make(memory_bytes=SIZE)
    await use(models, "a")
    with (catalog.folder / "b.gguf").open("r+b") as file:
        file.truncate(2**28)
    with pytest.raises(RequestError, match=r"0\.25 GiB.*0\.00 GiB") as caught:
        await use(models, "b")
    assert caught.value.code == "model_too_large"
    with pytest.raises(RequestError):
        await models.load(catalog.get("b"))
    assert loaded(models) == ["a"]
    assert loader.loads == ["a.gguf"]


async def test_it_can_be_loaded_nevertheless_and_then_alone(
    make: Make, loader: FakeLoader, catalog: Catalog
) -> None:
    models = make(max_models=3, memory_bytes=2 * SIZE)
    await use(models, "a", "b")
    (catalog.folder / "c.gguf").write_bytes(b"GGUF".ljust(3 * SIZE, b"\xff"))
    await patiently(models.load(catalog.get("c"), is_forced=True))
    assert loaded(models) == ["c"]
    assert [runner.is_closed for runner in loader.runners] == [True, True, False]
    assert await use(models, "a") == "a.gguf"
    assert loaded(models) == ["a"]


async def test_a_model_that_is_loaded_anew_need_not_fit_beside_itself(
    make: Make, loader: FakeLoader, catalog: Catalog
) -> None:
    models = make(max_models=2, memory_bytes=2 * SIZE)
    await use(models, "b", "a", "b")
    await patiently(models.load(catalog.get("a"), {"ctx_size": 512}))
    assert loaded(models) == ["a", "b"], "another had to leave for it"


# -- idle time ---------------------------------------------------------------------------------

IDLE_S = 0.03


async def test_an_idle_model_leaves_and_comes_back_as_it_was(
    make: Make, loader: FakeLoader, catalog: Catalog
) -> None:
    models = make(idle_s=IDLE_S)
    await models.load(catalog.get("a"), {"ctx_size": 512})
    await eventually(lambda: models.current is None and loader.runners[0].is_closed)
    assert models.asleep == ["a.gguf"]
    assert models.in_service("a.gguf") == models.in_service("pet") == "a.gguf"
    assert await use(models, None) == "a.gguf"
    assert [options["ctx_size"] for options in loader.options] == [512, 512]
    assert models.asleep == []


async def test_a_model_in_use_is_not_idle(make: Make) -> None:
    models = make(idle_s=IDLE_S)
    async with models.lease("a") as model:
        await asyncio.sleep(3 * IDLE_S)
        assert models.current is model
    await eventually(lambda: models.current is None)


async def test_of_several_that_sleep_the_last_one_used_answers_who_names_none(make: Make) -> None:
    models = make(max_models=2, idle_s=IDLE_S)
    await use(models, "b", "a")
    await eventually(lambda: models.current is None)
    assert models.asleep == ["a.gguf", "b.gguf"]
    assert await use(models, None) == "a.gguf"
    assert models.asleep == ["b.gguf"]


async def test_a_model_that_sleeps_is_forgotten_when_others_have_its_place(make: Make) -> None:
    models = make(idle_s=IDLE_S)
    await use(models, "a")
    await eventually(lambda: models.current is None)
    await use(models, "b")
    await models.unload("b.gguf")
    with pytest.raises(NotReady):
        await use(models, None)


async def test_unloading_wakes_nobody(make: Make) -> None:
    models = make(max_models=2, idle_s=IDLE_S)
    await use(models, "a")
    await eventually(lambda: models.current is None)
    assert await models.unload() == []
    with pytest.raises(NotReady):
        await use(models, None)


async def test_ten_who_wake_a_model_cause_one_load(make: Make, loader: FakeLoader) -> None:
    models = make(idle_s=IDLE_S)
    await use(models, "a")
    await eventually(lambda: models.current is None)
    names: list[str | None] = [None, "a"] * 5
    assert (
        await patiently(asyncio.gather(*(use(models, name) for name in names))) == ["a.gguf"] * 10
    )
    assert loader.loads == ["a.gguf"] * 2


# -- unloading ---------------------------------------------------------------------------------


async def test_one_of_several_is_unloaded_by_name_or_the_current_one_or_all(make: Make) -> None:
    models = make(max_models=4)
    await use(models, "a", "b", "c", "d")
    assert await models.unload("pet") == ["a.gguf"]
    assert await models.unload() == ["d.gguf"]
    assert loaded(models) == ["c", "b"]
    assert await models.unload("none") == []
    assert sorted(await models.unload(everything=True)) == ["b.gguf", "c.gguf"]
    assert loaded(models) == []


async def test_what_was_unloaded_on_purpose_does_not_come_back_from_its_last_requests(
    make: Make, loader: FakeLoader
) -> None:
    models = make()
    async with models.lease("a") as old:
        unloading = asyncio.create_task(models.unload())
        await asyncio.sleep(0.01)
        async with models.lease("a") as new:
            assert new is not old
    assert await patiently(unloading) == ["a.gguf"]
    assert loaded(models) == ["a"]


async def test_the_old_self_of_a_model_does_not_come_back(
    make: Make, loader: FakeLoader, catalog: Catalog
) -> None:
    models = make()
    async with models.lease("a"):
        await models.load(catalog.get("a"), {"ctx_size": 512})
        async with models.lease("a") as model:
            assert model.load_args == {"ctx_size": 512}


# -- a model that is loaded has been seen to work ----------------------------------------------


async def test_a_model_that_cannot_compute_is_not_loaded(
    make: Make, loader: FakeLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = make(max_models=2)
    await use(models, "a")
    loader.fails_at_once.add("b.gguf")
    with pytest.raises(LoadError, match="cannot compute"):
        await use(models, "b")
    assert loaded(models) == ["a"]
    assert loader.runners[1].is_closed


async def test_a_model_that_computes_no_numbers_is_not_loaded(
    make: Make, loader: FakeLoader
) -> None:
    models = make()
    loader.without_numbers.add("a.gguf")
    with pytest.raises(LoadError, match="damaged"):
        await use(models, "a")
    assert loader.runners[0].is_closed


async def test_the_token_of_the_trial_is_not_counted(make: Make) -> None:
    models = make()
    async with models.lease("a") as model:
        statistics = model.engine.statistics
        assert statistics.finished == statistics.completion_tokens == statistics.prompt_tokens == 0
    assert models.ledger.read() == {}
