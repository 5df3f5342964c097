"""A model that loads but computes no numbers is found before it serves."""

import asyncio
import math
from pathlib import Path

import pytest

from modules.core.errors import LoadError
from modules.engine.manager import ModelManager
from modules.loaders.catalog import Catalog
from tests.contract.shaped_models import Shape, write_shape


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_weights_without_numbers_are_a_load_error(tmp_path: Path, weight: float) -> None:
    write_shape(tmp_path / "broken.gguf", Shape(layers=1, weight=weight))
    write_shape(tmp_path / "whole.gguf", Shape(layers=1))

    async def run() -> None:
        models = ModelManager(Catalog(tmp_path), {"parallel": 1, "ctx_size": 256})
        try:
            await models.load(models.catalog.get("whole"))
            with pytest.raises(LoadError, match=r"damaged|cannot compute"):
                await models.load(models.catalog.get("broken"))
            assert models.current is not None
            assert models.current.name == "whole.gguf"
        finally:
            await models.close()

    asyncio.run(run())
