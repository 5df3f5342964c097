"""From a wish to a plan: load options by precedence, and the memory that they will take."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modules.core.errors import ConfigError, LoadError, NotFound, RequestError
from modules.engine.load_wish import LoadPlan, LoadWish
from modules.engine.saved_settings import SavedSettings
from modules.loaders.adapter_catalog import AdapterCatalog, split_scale
from modules.loaders.memory import estimate_memory
from modules.loaders.memory_estimate import MemoryEstimate
from modules.loaders.registry import (
    check_load_args,
    default_load_args,
    loader_name,
    own_args,
    own_name,
    refuse_flags,
)


class LoadPlanner:
    """`flags`: load options of the command line, the environment and settings.yaml. Threads may share this."""

    def __init__(
        self, flags: Mapping[str, Any], saved: SavedSettings, adapters: AdapterCatalog
    ) -> None:
        self._flags = dict(flags)
        self._saved = saved
        self._adapters = adapters

    def plan(self, wish: LoadWish) -> LoadPlan:
        """Args win over flags, these over what is saved for the model, that over the defaults. Reads files, so it is for a thread.

        RequestError for wrong args; ConfigError for wrong saved settings.
        """
        refuse_flags(wish.args)
        loader = wish.model.loader
        options = {
            **default_load_args(loader),
            **self._saved_options(wish),
            **check_load_args(loader, own_args(loader, self._flags)),
            **check_load_args(loader, wish.args),
        }
        memory = _estimate(wish, options)
        beside = self._adapter_bytes(loader, options.get("lora", ()))
        return LoadPlan(wish, options, replace(memory, weights=memory.weights + beside))

    def _adapter_bytes(self, loader: str, wanted: Iterable[str]) -> int:
        """Of those that are there."""
        found: list[int] = []
        for text in wanted:
            name, _ = split_scale(text)
            with contextlib.suppress(NotFound):
                found.append(self._adapters.get(name, loader).size_bytes)
        return sum(found)

    def _saved_options(self, wish: LoadWish) -> dict[str, Any]:
        """An arg of null: as if nothing were saved."""
        saved = self._saved.read(wish.name)
        loader = wish.model.loader
        try:
            refuse_flags(saved.load_args)
            if saved.loader is not None and loader_name(saved.loader) != loader:
                raise RequestError(f"{wish.name} is loaded by {loader}, not by {saved.loader}")
            checked = check_load_args(loader, own_args(loader, saved.load_args))
        except RequestError as error:
            raise ConfigError(
                f"{saved.where}: {error.message}", code="invalid_model_settings"
            ) from None
        nulls = {own_name(loader, name) for name, value in wish.args.items() if value is None}
        return {name: value for name, value in checked.items() if name not in nulls}


def _estimate(wish: LoadWish, options: Mapping[str, Any]) -> MemoryEstimate:
    """What is wrong with the files, the load says better."""
    try:
        return estimate_memory(wish.model, options)
    except LoadError:
        return MemoryEstimate(wish.model.size_bytes)
