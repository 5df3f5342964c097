# pyright: basic
"""LoRA adapters of one transformers model, by peft: which of them are applied to which rows of a forward.

Rows with one adapter each, and rows without any, go through one forward: peft adds to each row what its own adapter says. Sums of
adapters, and one adapter at two scales, need forwards of their own.
"""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modules.core.errors import LoadError, NotInstalled
from modules.core.requests import Adapters
from modules.core.traces import WITH_MESSAGES

log = logging.getLogger("hearth.transformers")

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "lora_"
BASE = "__base__"
"""peft's word for a row without adapter."""
REFUSED = (
    "modules_to_save",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "megatron_config",
    "layer_replication",
)
CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin a training that also change the model's own weights, so others' requests too."""
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class ReadLora:
    """What is in a folder: peft's settings, and the weights where and as the model has its own."""

    name: str
    config: Any
    weights: dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class HfLora:
    """`key`: its name inside the model, never used twice. `mixes`: it can work on some rows of a forward only."""

    key: str
    mixes: bool


class Loras:
    """`read` may be called from any thread; the rest belongs to the engine's."""

    def __init__(self, model: Any) -> None:
        self._model: Any = model
        self._count = 0
        self._loaded: dict[str, HfLora] = {}
        self._layers: dict[str, Any] = {}
        self._active: tuple[str, ...] = ()
        self._scales: dict[str, float] = {}
        self._rows: list[str] | None = None
        self._can_mix = True
        self._hooks: list[Any] = []

    def close(self) -> None:
        """Let go of the model: its layers hold what they call, which holds the model."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._layers.clear()
        self._model = None

    def read(self, folder: Path) -> ReadLora:
        if not (folder / CONFIG).is_file():
            raise LoadError(f"{folder.name} is not a LoRA adapter (it has no {CONFIG})")
        if not (folder / WEIGHTS).is_file():
            raise LoadError(f"{folder.name} has no {WEIGHTS}; other forms of weights are not read")
        try:
            from peft import PeftConfig
        except ModuleNotFoundError as error:
            raise NotInstalled(f"LoRA adapters need the Python package {error.name}.") from error
        from safetensors.torch import load_file

        try:
            _check(folder.name, json.loads((folder / CONFIG).read_text(encoding="utf-8")))
            config = PeftConfig.from_pretrained(str(folder), local_files_only=True)
            weights = load_file(folder / WEIGHTS)
        except LoadError:
            raise
        except Exception as error:
            raise LoadError(f"{folder.name} cannot be read: {_reason(error)}") from error
        config.inference_mode = True
        model = self._model
        moved = {name: value.to(model.device, model.dtype) for name, value in weights.items()}
        return ReadLora(folder.name, config, moved)

    def attach(self, read: ReadLora) -> HfLora:
        key = f"adapter{self._count}"
        self._count += 1
        try:
            self._inject(key, read)
            lora = HfLora(key, self._mixes(key, read.config))
        except Exception as error:
            self._remove(key)
            log.debug("An adapter does not fit", exc_info=True, extra=WITH_MESSAGES)
            raise LoadError(
                f"The adapter {read.name} does not fit this model: {_reason(error)}"
            ) from error
        self._loaded[key] = lora
        self._activate((), {})
        return lora

    def detach(self, lora: HfLora) -> None:
        self._loaded.pop(lora.key)
        self._remove(lora.key)
        self._activate((), {})

    def groups(self, rows: Sequence[Adapters]) -> list[list[int]]:
        """Which rows can be computed together, as their numbers; each row is in one group."""
        groups: dict[Any, list[int]] = {}
        scales: dict[str, float] = {}
        for number, adapters in enumerate(rows):
            mixes = self._can_mix and len(adapters) < 2
            for adapter in adapters:
                mixes = mixes and all(lora.mixes for lora in self._loaded.values())
                mixes = mixes and scales.setdefault(adapter.name, adapter.scale) == adapter.scale
            groups.setdefault(None if mixes else adapters, []).append(number)
        return list(groups.values())

    def apply(self, rows: Sequence[Adapters], loaded: Mapping[str, HfLora]) -> None:
        """The coming forward has these rows, which are a group."""
        if not self._loaded:
            return
        scales = {loaded[a.name].key: a.scale for adapters in rows for a in adapters}
        if len(set(rows)) == 1:
            self._rows = None
            self._activate(tuple(loaded[a.name].key for a in rows[0]), scales)
        else:
            self._rows = [loaded[adapters[0].name].key if adapters else BASE for adapters in rows]
            self._scale(scales)

    def give_up_mixing(self) -> bool:
        """After a forward of mixed rows failed: whether it is worth another try with groups of equal rows."""
        if self._rows is None:
            return False
        log.warning("This model cannot compute rows with different adapters together")
        self._can_mix = False
        return True

    def _inject(self, key: str, read: ReadLora) -> None:
        from peft import inject_adapter_in_model, set_peft_model_state_dict

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is another adapter already
            # Not low_cpu_mem_usage: it changes torch's modules for the whole process, and loads in other threads would fail.
            inject_adapter_in_model(read.config, self._model, key)
            result = set_peft_model_state_dict(self._model, read.weights, key)
        missing = [name for name in result.missing_keys if f".{key}." in f"{name}."]
        if missing or result.unexpected_keys:
            raise ValueError(f"no match for {[*missing, *result.unexpected_keys][0]}")
        self._find_layers()
        self._check_eyes(key)

    def _find_layers(self) -> None:
        from peft.tuners.lora import LoraLayer

        known = set(self._layers)
        self._layers = {n: m for n, m in self._model.named_modules() if isinstance(m, LoraLayer)}
        for name, layer in self._layers.items():
            if name not in known:
                self._hooks.append(
                    layer.register_forward_pre_hook(self._name_rows, with_kwargs=True)
                )

    def _name_rows(self, _layer: Any, args: Any, kwargs: Any) -> Any:
        """As peft's own models tell their layers which row has which adapter."""
        return None if self._rows is None else (args, {**kwargs, "adapter_names": self._rows})

    def _check_eyes(self, key: str) -> None:
        """Pictures are computed in other threads, and once for all requests that have them."""
        if not hasattr(self._model, "get_image_features"):
            return
        own = {id(module) for module in self._model.get_decoder().modules()}
        layers = self._layers.values()
        if any(id(layer) not in own for layer in layers if key in layer.scaling):
            raise ValueError("it changes the part of the model that sees")

    def _mixes(self, key: str, config: Any) -> bool:
        """Not the variants of LoRA, nor experts, which get some rows only."""
        if getattr(config, "target_parameters", None):
            return False
        return not any(
            key in layer.lora_variant or ".experts." in name
            for name, layer in self._layers.items()
            if key in layer.scaling
        )

    def _remove(self, key: str) -> None:
        from peft.tuners.lora import LoraLayer
        from peft.tuners.tuners_utils import delete_adapter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that another one is active now: `apply` says which is
            delete_adapter(self._model, key, PREFIX, LoraLayer)
        getattr(self._model, "peft_config", {}).pop(key, None)
        self._find_layers()
        self._scales.pop(key, None)
        self._activate((), {})

    def _activate(self, keys: tuple[str, ...], scales: Mapping[str, float]) -> None:
        self._rows = None
        self._scale(scales)
        for layer in self._layers.values():
            if keys != self._active or layer.active_adapters != list(keys):
                layer.set_adapter(list(keys), inference_mode=True)
        self._active = keys

    def _scale(self, scales: Mapping[str, float]) -> None:
        for key, scale in scales.items():
            if self._scales.get(key, 1.0) != scale:
                for layer in self._layers.values():
                    layer.set_scale(key, scale)
            self._scales[key] = scale


def _check(name: str, config: Any) -> None:
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else None
        raise LoadError(f"{name} is not a LoRA adapter (peft_type: {kind})")
    for field in REFUSED:
        if config.get(field):
            raise LoadError(f"{name} has {field}, which is not supported")
    if str(config.get("init_lora_weights", "")).startswith(CHANGES_BASE):
        raise LoadError(
            f"{name} was trained over changed weights ({config['init_lora_weights']}); convert it to a plain LoRA adapter first"
        )
    if config.get("bias", "none") != "none":
        raise LoadError(f"{name} changes biases, which is not supported")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = (
        lines[1] if len(lines) > 1 and lines[0].endswith(":") else (lines or ["no reason given"])[0]
    )
    return f"{type(error).__name__}: {told}"[:MAX_REASON]
