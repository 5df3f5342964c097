"""What somebody wants to be loaded, and how it will be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.loaders.catalog import InstalledModel
from modules.loaders.memory_estimate import MemoryEstimate


@dataclass(frozen=True, slots=True)
class LoadWish:
    """`args`: what a request said of its own. `is_forced`: also when it does not fit into the memory budget. `is_explicit`: somebody asks for just
    this; else a request names the model, or it wakes, and should serve even without an adapter that is gone.
    """

    model: InstalledModel
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_forced: bool = False
    is_explicit: bool = False

    @property
    def name(self) -> str:
        return self.model.name


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`options`: all of the loader's, checked."""

    wish: LoadWish
    options: Mapping[str, Any]
    memory: MemoryEstimate

    @property
    def name(self) -> str:
        return self.wish.name
