"""LoRA adapters beside the traffic: when they count, and when they may go. Also `Scheduler.call`, which this is built on."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import LoadError, NotReady, RequestError, Unsupported
from modules.core.requests import Adapter, to_adapters
from modules.engine.adapters import AdapterShelf, add_defaults, find_defaults
from modules.engine.engine import LocalEngine
from modules.loaders.adapter_catalog import AdapterCatalog, InstalledAdapter
from tests.unit.engine.fake_runner import PATIENCE_S, FakeRunner, ask

pytestmark = pytest.mark.anyio
Serve = Callable[..., LocalEngine]
A = (Adapter("a"),)
LONG = 100_000
"""Tokens: a reply that does not end while a test looks at it."""


def installed(name: str, path: str = "file") -> InstalledAdapter:
    return InstalledAdapter(name, Path(path), "fake")


async def patiently(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def settle() -> None:
    """Lets every task run until it waits for something from outside."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_adapter_can_be_used_from_its_load_to_its_unload(serve: Serve) -> None:
    runner = FakeRunner()
    engine = serve(runner)
    with pytest.raises(RequestError, match="'a' is not loaded"):
        engine.submit(ask("q", LONG, adapters=A))
    await patiently(engine.adapters.load(installed("a")))
    assert (engine.adapters.names, runner.adapters) == (("a",), ("a",))
    await patiently(engine.complete(ask("q", LONG, adapters=A)))
    await patiently(engine.adapters.unload("a"))
    assert (engine.adapters.names, runner.adapters) == ((), ())
    with pytest.raises(RequestError, match="'a' is not loaded"):
        engine.submit(ask("q", LONG, adapters=A))


async def test_requests_that_name_none_get_the_default_ones(serve: Serve) -> None:
    runner = FakeRunner(endless=["q"])
    engine = serve(runner)
    await patiently(engine.adapters.load(installed("a")))
    engine.adapters.set_defaults(A)
    streams = [engine.submit(ask("q", LONG)), engine.submit(ask("q", LONG, adapters=()))]
    for stream in streams:
        await patiently(anext(stream))
    assert [s.request.adapters for s in runner.running] == [A, ()]
    for stream in streams:
        await stream.aclose()
    await patiently(engine.adapters.unload("a"))
    assert engine.adapters.defaults == ()


async def test_unloading_waits_for_the_last_request_that_uses_it(serve: Serve) -> None:
    runner = FakeRunner(endless=["one", "two"])
    engine = serve(runner)
    await patiently(engine.adapters.load(installed("a")))
    streams = [engine.submit(ask(name, LONG, adapters=A)) for name in ("one", "two")]
    unloading = asyncio.ensure_future(engine.adapters.unload("a"))
    for stream in streams:
        await patiently(anext(stream))
        await settle()
        assert not unloading.done()
        assert runner.adapters == ("a",)
        await stream.aclose()
    await patiently(unloading)
    assert runner.adapters == ()


async def test_an_unload_goes_on_when_the_one_who_asked_for_it_leaves(serve: Serve) -> None:
    runner = FakeRunner(endless=["q"])
    engine = serve(runner)
    await patiently(engine.adapters.load(installed("a")))
    stream = engine.submit(ask("q", LONG, adapters=A))
    unloading = asyncio.ensure_future(engine.adapters.unload("a"))
    await settle()
    unloading.cancel()
    await settle()
    await stream.aclose()
    await patiently(engine.adapters.load(installed("a")))  # waits for its turn
    assert runner.adapters == engine.adapters.names == ("a",)


async def test_a_request_that_waits_in_the_queue_keeps_its_adapter(serve: Serve) -> None:
    runner = FakeRunner(slots=1, endless=["first"])
    engine = serve(runner)
    await patiently(engine.adapters.load(installed("a")))
    first = engine.submit(ask("first", LONG))
    await patiently(anext(first))
    waiting = engine.submit(ask("waiting", adapters=A))
    unloading = asyncio.ensure_future(engine.adapters.unload("a"))
    await settle()
    await first.aclose()
    assert (await patiently(waiting.fold())).text == "ok"
    await patiently(unloading)


async def test_loading_twice_at_once_loads_once(serve: Serve) -> None:
    runner = FakeRunner()
    engine = serve(runner)
    loads = [engine.adapters.load(installed("a")) for _ in range(5)]
    await patiently(asyncio.gather(*loads))
    assert runner.adapters == ("a",)


async def test_a_failed_load_is_told_and_not_tried_again_by_every_request(serve: Serve) -> None:
    engine = serve(FakeRunner())
    broken = installed("a", "broken")
    with pytest.raises(LoadError, match="broken"):
        await patiently(engine.adapters.demand(broken))
    with pytest.raises(NotReady, match="could not be loaded: The adapter is broken"):
        await patiently(engine.adapters.demand(broken))
    with pytest.raises(LoadError, match="broken"):
        await patiently(engine.adapters.load(broken))
    await patiently(engine.adapters.load(installed("a")))
    await patiently(engine.adapters.demand(installed("a")))
    assert engine.adapters.names == ("a",)


async def test_a_model_that_takes_none_says_so() -> None:
    shelf = AdapterShelf.empty()
    with pytest.raises(Unsupported, match="no LoRA adapters"):
        await patiently(shelf.load(installed("a")))
    with pytest.raises(RequestError, match="not loaded"):
        shelf.complete(ask("q", LONG, adapters=A))


def catalog_with(folder: Path, *names: str) -> AdapterCatalog:
    for name in names:
        (folder / f"{name}.gguf").write_bytes(b"GGUF")
    return AdapterCatalog(folder)


def test_defaults_are_loaded_with_their_scales(tmp_path: Path) -> None:
    runner, catalog = FakeRunner(), catalog_with(tmp_path, "a", "b")
    wanted = ["a", "b=0.5", "b=0.25"]
    found = find_defaults(catalog, "llamacpp", wanted, must_fit=True)
    assert add_defaults(runner, found, must_fit=True) == to_adapters({"a": 1, "b": 0.25})
    assert runner.adapters == ("a", "b")


def test_defaults_that_are_not_there_end_the_load_or_are_left_out(tmp_path: Path) -> None:
    catalog = catalog_with(tmp_path, "a")
    with pytest.raises(RequestError, match="ghost"):
        find_defaults(catalog, "llamacpp", ["ghost"], must_fit=True)
    found = find_defaults(catalog, "llamacpp", ["ghost", "a"], must_fit=False)
    assert [adapter.name for adapter, _ in found] == ["a"]


def test_defaults_that_do_not_fit_end_the_load_or_are_left_out() -> None:
    runner = FakeRunner()
    found = [(installed("bad", "broken"), 1.0), (installed("a"), 1.0)]
    with pytest.raises(LoadError, match="broken"):
        add_defaults(runner, found, must_fit=True)
    assert add_defaults(runner, found, must_fit=False) == A


async def test_a_call_runs_in_the_loops_thread_between_two_steps(serve: Serve) -> None:
    runner = FakeRunner(endless=["q"])
    engine = serve(runner)
    with runner.paused():
        stream = engine.submit(ask("q", LONG))
        await asyncio.to_thread(runner.wait_for_step)
        call = engine._scheduler.call(threading.get_ident)
        await settle()
        assert not call.done()
    assert {await patiently(asyncio.wrap_future(call))} == runner.threads
    await stream.aclose()


async def test_a_call_that_fails_is_its_own_affair(serve: Serve) -> None:
    engine = serve(FakeRunner())

    def fail() -> None:
        raise ValueError("mine")

    call = engine._scheduler.call(fail)
    with pytest.raises(ValueError, match="mine"):
        await patiently(asyncio.wrap_future(call))
    assert (await patiently(engine.complete(ask("q", LONG)))).text == "ok"


async def test_calls_after_the_end_are_refused(serve: Serve) -> None:
    engine = serve(FakeRunner())
    await asyncio.to_thread(engine.close)
    with pytest.raises(NotReady):
        engine._scheduler.call(lambda: None)


async def test_a_call_that_was_given_up_does_not_run(serve: Serve) -> None:
    runner = FakeRunner(endless=["q"])
    engine = serve(runner)
    ran: list[int] = []
    with runner.paused():
        stream = engine.submit(ask("q", LONG))
        await asyncio.to_thread(runner.wait_for_step)
        first = engine._scheduler.call(lambda: ran.append(1))
        second = engine._scheduler.call(lambda: ran.append(2))
        assert first.cancel()
    await patiently(asyncio.wrap_future(second))
    assert ran == [2]
    await stream.aclose()
