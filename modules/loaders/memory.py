"""How much memory a model will take, told before it is loaded. Reads headers only, never the weights."""

from collections.abc import Callable, Mapping
from typing import Any

from modules.loaders.catalog import InstalledModel
from modules.loaders.folder_memory import estimate_folder
from modules.loaders.gguf_memory import estimate_gguf
from modules.loaders.memory_estimate import MemoryEstimate

Estimator = Callable[[InstalledModel, Mapping[str, Any]], MemoryEstimate]

ESTIMATORS: Mapping[str, Estimator] = {
    "llamacpp": lambda model, options: estimate_gguf(model.path, model.size_bytes, options),
    "transformers": lambda model, options: estimate_folder(model.path, options),
}
"""By loader; of one that is not here the size of its files counts."""


def estimate_memory(model: InstalledModel, options: Mapping[str, Any]) -> MemoryEstimate:
    """`options`: all that the loader has. LoadError when the files cannot be read. Blocking."""
    estimate = ESTIMATORS.get(model.loader)
    return MemoryEstimate(model.size_bytes) if estimate is None else estimate(model, options)
