"""Fixtures of the tests that need a real server."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.loaders.machine import calm_openmp
from tests.live.launch import Server, running

calm_openmp()  # before any test imports torch, as the program does

# A shell that starts the tests in the background makes them, and so every program that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Models are let go with `gc.collect()`, which would look at a million objects of collected tests each time."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # or native libraries report at the end what they take for leaks


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server with its defaults and the demo model. Tests leave it as they found it."""
    with running(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts further servers, with flags, `env`, `settings` and `models` of their own; ends them after the test."""
    with ExitStack() as stack:
        count = 0

        def start(*flags: str, **options: Any) -> Server:
            nonlocal count
            count += 1
            folder = tmp_path / f"server{count}"
            folder.mkdir()
            return stack.enter_context(running(folder, *flags, **options))

        yield start
