"""Pictures for models without eyes: which model it is about, whatever other requests use meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extensions.send_pictures.describing import Describer
from modules.engine import model_builder
from modules.engine.limits import ModelLimits
from modules.engine.manager import ModelManager
from modules.loaders.catalog import Catalog
from tests.unit.engine.fake_runner import FakeRunner

pytestmark = pytest.mark.anyio
BLIND, SEEING = "blind.gguf", "seeing.gguf"


def load(path: Path, name: str, options: Any, progress: Any) -> FakeRunner:
    return FakeRunner(name=name, image_length=4 if name == SEEING else 0)


@pytest.fixture
async def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelManager]:
    monkeypatch.setattr(model_builder, "LOADERS", {"llamacpp": lambda: load})
    for name in (BLIND, SEEING):
        (tmp_path / name).write_bytes(b"GGUF")
    models = ModelManager(Catalog(tmp_path), limits=ModelLimits(max_models=2))
    yield models
    await models.close()


async def test_the_model_that_answers_counts_and_not_the_one_used_last(
    models: ModelManager,
) -> None:
    describer = Describer(SimpleNamespace(models=models))  # type: ignore[arg-type]
    for name in (BLIND, SEEING):
        await models.load(models.catalog.get(name))
    assert models.current is models.get(SEEING)
    assert describer.can_see(SEEING)
    assert not describer.can_see(BLIND)
