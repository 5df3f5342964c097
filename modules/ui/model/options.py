"""Load options as fields of a form: which control each has, which are common, and from a form back to what a load is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from modules.core.options import Option
from modules.loaders.options import FLAG_ONLY, LOAD_OPTIONS

Control = Literal["check", "choice", "whole", "number", "text"]
AUTO, ON, OFF = "auto", "on", "off"
_SPECIAL_CHOICES: Mapping[str, tuple[str, ...]] = {"flash_attn": (AUTO, ON, OFF)}
"""Of options whose values their own parser checks."""

GROUPS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "llamacpp": (
        ("Common", ("ctx_size", "parallel", "cache_type", "n_gpu_layers", "flash_attn", "threads")),
        ("Memory", ("kv_unified", "cache_type_k", "cache_type_v", "swa_full", "offload_kqv", "mmap", "mlock")),
        ("Speed", ("threads_batch", "batch_size", "ubatch_size", "prompt_budget", "numa")),
        ("Several GPUs", ("split_mode", "main_gpu", "tensor_split")),
        ("Long contexts (rope)", ("rope_scaling", "rope_freq_base", "rope_freq_scale")),
        ("Pictures, adapters and checks", ("mmproj", "lora", "check_tensors")),
    ),
    "transformers": (
        ("Common", ("ctx_size", "parallel", "dtype", "device_map", "cpu")),
        ("Quantisation", ("load_in_8bit", "load_in_4bit", "compute_dtype", "quant_type", "use_double_quant")),
        ("Speed and adapters", ("batch_size", "prompt_budget", "attn_implementation", "lora")),
    ),
    "upstream": (("Common", ("upstream_parallel", "upstream_ctx_size")),),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option of a loader as a control: what it shows and how it is read."""

    option: Option
    control: Control
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.option.name

    @property
    def label(self) -> str:
        return self.name

    def to_control(self, value: Any) -> Any:
        """The control's value for one of the option."""
        if self.control == "choice" and self.option.kind is bool:
            return AUTO if value is None else ON if value else OFF
        if isinstance(value, list | tuple):
            return ", ".join(map(str, cast("Sequence[object]", value)))
        return value

    def from_control(self, given: Any) -> Any:
        """The option's value, checked; what is empty is its default. RequestError says what is wrong."""
        if self.control == "choice" and self.option.kind is bool:
            given = {ON: True, OFF: False}.get(str(given))
        if given is None or (given == "" and self.option.kind is not str):
            return self.option.default
        return self.option.check(given)


def to_field(option: Option) -> OptionField:
    if option.name in _SPECIAL_CHOICES:
        return OptionField(option, "choice", _SPECIAL_CHOICES[option.name])
    if option.choices:
        return OptionField(option, "choice", option.choices)
    if option.kind is bool:
        return OptionField(option, "choice", (AUTO, ON, OFF)) if option.none_ok else OptionField(option, "check")  # fmt: skip
    if option.kind in (int, float):
        return OptionField(option, "whole" if option.kind is int else "number")
    return OptionField(option, "text")


def fields_of(loader: str) -> list[tuple[str, list[OptionField]]]:
    """All options of a loader that may be set while the program runs, by groups; what no group names stands in the last."""
    known = {o.name: to_field(o) for o in LOAD_OPTIONS[loader] if o.name not in FLAG_ONLY}
    grouped = [(title, [known.pop(n) for n in names]) for title, names in GROUPS[loader]]
    return [*grouped, ("Others", list(known.values()))] if known else grouped


def to_values(fields: Sequence[OptionField], given: Sequence[Any]) -> dict[str, Any]:
    """What the form says, by the names of the options. RequestError for the first that is wrong."""
    return {
        field.name: field.from_control(value) for field, value in zip(fields, given, strict=True)
    }


def to_args(values: Mapping[str, Any], without_args: Mapping[str, Any]) -> dict[str, Any]:
    """What a load has to be asked for, so that it has these values: those that it would not take by itself."""
    return {
        name: _plain(value) for name, value in values.items() if value != without_args.get(name)
    }


def to_saved(values: Mapping[str, Any], without_entry: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be kept for a model, so that it is loaded with these values; None for what need not be."""
    return {
        name: _plain(value) if value != without_entry.get(name) else None
        for name, value in values.items()
    }


def _plain(value: Any) -> Any:
    return list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
