"""Tokens that end a reply are read from a model that stays in memory meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extensions.long_replies.script import Endings
from modules.engine.manager import ModelManager
from modules.hooks import Hooks
from modules.loaders.catalog import Catalog
from tests.unit.engine.fake_loader import FakeLoader
from tests.unit.engine.fake_runner import END, PATIENCE_S

pytestmark = pytest.mark.anyio
NAME = "a.gguf"


@pytest.fixture
async def endings(tmp_path: Path, loader: FakeLoader) -> AsyncIterator[Endings]:
    (tmp_path / NAME).write_bytes(b"GGUF")
    endings = Endings()
    endings.context = SimpleNamespace(models=ModelManager(Catalog(tmp_path)), hooks=Hooks())
    endings.context.hooks.loop.remember()
    yield endings
    await endings.context.models.close()


async def read(endings: Endings, *, allows_lines: bool) -> list[int]:
    return await asyncio.to_thread(endings.of, NAME, allows_lines=allows_lines)


def piece(token_id: int, *, special: bool) -> bytes:
    return b"\n" if token_id == 10 else b"x"


async def test_ends_and_lines_of_the_vocabulary(endings: Endings, loader: FakeLoader) -> None:
    models: ModelManager = endings.context.models
    assert await read(endings, allows_lines=True) == []
    model = await models.load(models.catalog.get(NAME))
    runner: Any = loader.runners[0]
    runner.tokenizer.piece = piece
    assert await read(endings, allows_lines=True) == [END]
    assert await read(endings, allows_lines=False) == [10, END]
    runner.tokenizer.piece = None  # once is enough
    assert await read(endings, allows_lines=False) == [10, END]
    assert model.leases == 0


async def test_the_model_is_not_freed_while_its_vocabulary_is_read(
    endings: Endings, loader: FakeLoader
) -> None:
    models: ModelManager = endings.context.models
    await models.load(models.catalog.get(NAME))
    runner: Any = loader.runners[0]
    begun, released = threading.Event(), threading.Event()

    def slow_piece(token_id: int, *, special: bool) -> bytes:
        begun.set()
        assert released.wait(PATIENCE_S)
        assert not runner.is_closed
        return b"x"

    runner.tokenizer.piece = slow_piece
    reading = asyncio.create_task(read(endings, allows_lines=False))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    unloading = asyncio.create_task(models.unload())
    done, _ = await asyncio.wait({unloading}, timeout=0.3)
    released.set()
    assert await asyncio.wait_for(reading, PATIENCE_S) == [END]
    assert not done
    await asyncio.wait_for(unloading, PATIENCE_S)
    assert runner.is_closed
