"""The models of one kind: loaded late and once, leased, making room for each other, unloaded when idle."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import Cancelled, LoadError, NotInstalled, NotReady, RequestError
from modules.core.options import Option
from modules.engine.media.pool import LoadOptions, ModelPool, PoolLimits
from modules.loaders.media_catalog import InstalledMedia, MediaCatalog
from tests.unit.media_engine.fake_model import PATIENCE_S, FakeLoads, FakeModel, Gate

pytestmark = pytest.mark.anyio

MODELS = {name: InstalledMedia(name, "fake") for name in "abcd"}
A, B, C = MODELS["a"], MODELS["b"], MODELS["c"]
OPTIONS = LoadOptions(
    {"device": Option("embedding_device", str, "auto", "-", choices=("auto", "cpu"))},
    {"device": "auto"},
)
MakePool = Callable[..., ModelPool[FakeModel]]


@pytest.fixture
def loads() -> FakeLoads:
    return FakeLoads()


@pytest.fixture
async def make(loads: FakeLoads) -> AsyncIterator[MakePool]:
    pools: list[ModelPool[FakeModel]] = []

    def make(**limits: Any) -> ModelPool[FakeModel]:
        catalog = MediaCatalog(
            "embedding", [Path("nowhere")], lambda _: None, built_in=list(MODELS.values())
        )
        pools.append(ModelPool(catalog, loads, PoolLimits(**limits), OPTIONS))
        return pools[-1]

    yield make
    for held in loads.held.values():
        held.set()
    for pool in pools:
        await asyncio.wait_for(pool.close(), PATIENCE_S)
    assert all(model.is_closed for model in loads.models)


async def ask(pool: ModelPool[FakeModel], model: InstalledMedia | None = None) -> str:
    async with pool.lease(model) as worker:
        return await worker.run(lambda model, _: model.name)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.005)


async def test_nothing_is_loaded_before_it_is_asked_for_and_then_once(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make(max_loaded=2)
    assert loads.names == []
    assert await asyncio.gather(*(ask(pool, A) for _ in range(10))) == ["a"] * 10
    assert loads.names == ["a"]


async def test_without_a_name_the_default_answers(make: MakePool) -> None:
    assert await ask(make()) == "a"


async def test_the_model_used_longest_ago_makes_room(make: MakePool, loads: FakeLoads) -> None:
    pool = make(max_loaded=2)
    for model in (A, B, A, C):
        await ask(pool, model)
    assert [worker.name for worker in pool.loaded] == ["c", "a"]
    assert loads.names == ["a", "b", "c"]
    await eventually(lambda: loads.models[1].is_closed)


async def test_a_model_in_use_is_freed_only_when_its_requests_have_ended(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make(max_loaded=1)
    gate = Gate()
    async with pool.lease(A) as worker:
        running = asyncio.ensure_future(worker.run(gate))
        assert await asyncio.to_thread(gate.begun.wait, PATIENCE_S)
        other = asyncio.ensure_future(ask(pool, B))
        await eventually(lambda: loads.names == ["a", "b"])
        await asyncio.sleep(0.05)
        assert not other.done()
        assert not loads.models[0].is_closed
        gate.may_go_on.set()
        assert await running == "a"
    assert await asyncio.wait_for(other, PATIENCE_S) == "b"
    assert loads.models[0].is_closed


async def test_steady_requests_for_one_model_do_not_shut_out_another(make: MakePool) -> None:
    pool = make(max_loaded=1)
    is_done = False

    async def keep_asking() -> None:
        while not is_done:
            await ask(pool, A)
            await asyncio.sleep(0)

    busy = [asyncio.ensure_future(keep_asking()) for _ in range(3)]
    try:
        assert await asyncio.wait_for(ask(pool, B), PATIENCE_S) == "b"
    finally:
        is_done = True
        await asyncio.gather(*busy)


async def test_an_idle_model_is_unloaded_and_comes_back(make: MakePool, loads: FakeLoads) -> None:
    pool = make(idle_s=0.05)
    await ask(pool, A)
    await eventually(lambda: loads.models[0].is_closed)
    assert pool.loaded == []
    assert await ask(pool, A) == "a"
    assert loads.names == ["a", "a"]


async def test_a_model_in_use_is_not_idle(make: MakePool, loads: FakeLoads) -> None:
    pool = make(idle_s=0.02)
    async with pool.lease(A) as worker:
        await asyncio.sleep(0.1)
        assert await worker.run(lambda model, _: model.double(1)) == 2
    await eventually(lambda: loads.models[0].is_closed)


async def test_a_load_goes_on_when_the_one_who_asked_leaves(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make()
    held = loads.held["a"] = Gate().may_go_on
    asking = asyncio.ensure_future(ask(pool, A))
    await eventually(lambda: pool.loading is not None)
    assert pool.loading is not None
    assert pool.loading.name == "a"
    asking.cancel()
    held.set()
    await eventually(lambda: pool.is_loaded("a"))
    assert pool.loading is None


async def test_a_failed_load_says_why_and_is_not_tried_at_once_again(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make()
    loads.broken["a"] = LoadError("the file is damaged")
    with pytest.raises(LoadError, match="damaged"):
        await ask(pool, A)
    loads.broken.clear()
    with pytest.raises(NotReady, match="damaged") as caught:
        await ask(pool, A)
    assert caught.value.code == "model_load_failed"
    assert pool.last_error == "the file is damaged"
    await pool.load(A)
    assert await ask(pool, A) == "a"
    assert pool.last_error is None


async def test_a_fault_while_loading_is_told_without_its_text(
    make: MakePool, loads: FakeLoads, caplog: pytest.LogCaptureFixture
) -> None:
    loads.broken["a"] = RuntimeError("inner matters")
    with pytest.raises(LoadError) as caught:
        await ask(make(), A)
    assert "inner" not in caught.value.message
    assert "inner matters" in caplog.text


async def test_a_missing_library_is_tried_again_each_time(make: MakePool, loads: FakeLoads) -> None:
    pool = make()
    loads.broken["a"] = NotInstalled("a package is missing")
    for _ in range(2):
        with pytest.raises(NotInstalled):
            await ask(pool, A)
    loads.broken.clear()
    assert await ask(pool, A) == "a"


async def test_loading_anew_takes_args_and_keeps_the_old_one_when_it_fails(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make()
    await ask(pool, A)
    assert loads.models[0].options == {"device": "auto"}
    for args, param in (({"device": "moon"}, "args.device"), ({"devise": "cpu"}, "args.devise")):
        with pytest.raises(RequestError) as caught:
            await pool.load(A, args)
        assert caught.value.param == param
    loads.broken["a"] = LoadError("no")
    with pytest.raises(LoadError):
        await pool.load(A, {"device": "cpu"})
    assert await ask(pool, A) == "a"
    loads.broken.clear()
    await pool.load(A, {"device": "cpu"})
    assert loads.models[1].options == {"device": "cpu"}
    await eventually(lambda: loads.models[0].is_closed)
    assert len(pool.loaded) == 1


async def test_a_load_that_fails_leaves_the_others_as_they_are(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make(max_loaded=1)
    await ask(pool, A)
    loads.broken["b"] = LoadError("junk")
    with pytest.raises(LoadError):
        await ask(pool, B)
    with pytest.raises(LoadError):
        await pool.load(B)
    assert [worker.name for worker in pool.loaded] == ["a"]
    assert await ask(pool, A) == "a"
    assert loads.names == ["a"]


async def test_a_long_load_holds_up_neither_what_is_loaded_nor_unload(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make(max_loaded=1)
    await ask(pool, A)
    held = loads.held["b"] = Gate().may_go_on
    other = asyncio.ensure_future(ask(pool, B))
    await eventually(lambda: pool.loading is not None)
    assert await asyncio.wait_for(ask(pool, A), PATIENCE_S) == "a"
    assert await asyncio.wait_for(pool.unload(), PATIENCE_S) == ["a"]
    assert loads.models[0].is_closed
    assert not other.done()
    held.set()
    assert await asyncio.wait_for(other, PATIENCE_S) == "b"
    assert [worker.name for worker in pool.loaded] == ["b"]


async def test_at_most_one_model_more_than_allowed_is_in_memory(
    make: MakePool, loads: FakeLoads
) -> None:
    pool = make(max_loaded=1)

    def open_models() -> int:
        return sum(not model.is_closed for model in loads.models)

    most = 0

    async def swap(model: InstalledMedia) -> None:
        nonlocal most
        for _ in range(5):
            async with pool.lease(model) as worker:
                most = max(most, open_models())
                assert await worker.run(lambda own, _: own.name) == model.name

    await asyncio.wait_for(asyncio.gather(*(swap(model) for model in (A, B, C))), PATIENCE_S)
    assert 1 <= most <= 2


async def test_unload_frees_what_it_names(make: MakePool, loads: FakeLoads) -> None:
    pool = make(max_loaded=3)
    for model in (A, B, C):
        await ask(pool, model)
    assert await pool.unload("b") == ["b"]
    assert [model.is_closed for model in loads.models] == [False, True, False]
    assert sorted(await pool.unload()) == ["a", "c"]
    assert await pool.unload() == []
    assert all(model.is_closed for model in loads.models)


async def test_closing_gives_up_what_runs(make: MakePool, loads: FakeLoads) -> None:
    pool = make()
    gate = Gate()
    async with pool.lease(A) as worker:
        running = asyncio.ensure_future(worker.run(gate))
        assert await asyncio.to_thread(gate.begun.wait, PATIENCE_S)
        closing = asyncio.ensure_future(pool.close())
        await asyncio.sleep(0)
        gate.may_go_on.set()
        await asyncio.wait_for(closing, PATIENCE_S)
        with pytest.raises(Cancelled):
            await running
    with pytest.raises(NotReady):
        await ask(pool, B)


async def test_closing_waits_for_what_is_being_loaded(make: MakePool, loads: FakeLoads) -> None:
    held = loads.held["a"] = threading.Event()
    pool = make()
    asking = asyncio.ensure_future(ask(pool, A))
    await eventually(lambda: pool.loading is not None)
    closing = asyncio.ensure_future(pool.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    held.set()
    await asyncio.wait_for(closing, PATIENCE_S)
    assert [model.is_closed for model in loads.models] == [True]
    with pytest.raises(NotReady):
        await asking
