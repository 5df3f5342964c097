"""Whether a grammar is right is asked of the model that answers, which stays in memory meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from modules.engine.manager import ModelManager
from modules.loaders.catalog import Catalog
from modules.ui.parameters.judging import fault_in
from tests.unit.engine.fake_loader import FakeLoader
from tests.unit.engine.fake_runner import PATIENCE_S

pytestmark = pytest.mark.anyio
GOOD, BROKEN = 'root ::= "yes" | "no"', 'root ::= "yes'


@pytest.fixture
async def models(tmp_path: Path, loader: FakeLoader) -> AsyncIterator[ModelManager]:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    models = ModelManager(Catalog(tmp_path))
    yield models
    await models.close()


@pytest.mark.parametrize("is_loaded", [False, True])
async def test_a_grammar_is_right_or_it_is_said_why_not(
    models: ModelManager, *, is_loaded: bool
) -> None:
    if is_loaded:
        await models.load(models.catalog.get("a"))
    assert await fault_in(GOOD, models) == ""
    assert "grammar cannot be used" in await fault_in(BROKEN, models)


async def test_the_model_is_not_freed_while_it_compiles(
    models: ModelManager, loader: FakeLoader
) -> None:
    model = await models.load(models.catalog.get("a"))
    runner: Any = loader.runners[0]
    begun, released = threading.Event(), threading.Event()
    build = runner.build_grammar_tokenizer

    def build_slowly() -> Any:
        begun.set()
        assert released.wait(PATIENCE_S)
        assert not runner.is_closed
        return build()

    model.engine._grammars._build_tokenizer = build_slowly  # type: ignore[attr-defined]
    judging = asyncio.create_task(fault_in(GOOD, models))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    unloading = asyncio.create_task(models.unload())
    done, _ = await asyncio.wait({unloading}, timeout=0.3)
    released.set()
    assert await asyncio.wait_for(judging, PATIENCE_S) == ""
    assert not done
    assert await asyncio.wait_for(unloading, PATIENCE_S) == ["a.gguf"]
    assert runner.is_closed
