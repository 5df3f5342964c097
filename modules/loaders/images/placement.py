# pyright: basic
"""Where and how an image model computes: device, number format, quantisation, attention, offloading, compilation."""

import importlib.util
import logging
from collections.abc import Mapping
from typing import Any

import torch

from modules.core.errors import LoadError

log = logging.getLogger("hearth.images")

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
DENOISERS = ("transformer", "transformer_2", "unet")
LARGE_ENCODERS = ("T5", "UMT5", "Qwen", "Gemma", "Llama", "Mistral", "Glm")
"""Text encoders that are worth quantising, by what their classes begin with; CLIP is small."""


def choose_device(name: str) -> torch.device:
    """`auto` is the first of CUDA, MPS, XPU and the processor; LoadError where the named one is not there."""
    if name == "auto":
        found = [kind for kind in ("cuda", "mps", "xpu") if _is_there(kind)]
        return torch.device(found[0] if found else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise LoadError(
            f"There is no kind of device {name!r}; use auto, cpu, cuda, cuda:1 or mps."
        ) from None
    if not _is_there(device.type):
        raise LoadError(f"The device {name!r} is not there, or this build of torch cannot use it.")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= count:
        raise LoadError(f"There is no device {name!r}; there are {count}.")
    return device


def _is_there(kind: str) -> bool:
    if kind == "cpu":
        return True
    backend = getattr(torch.backends, kind, None) if kind == "mps" else getattr(torch, kind, None)
    return backend is not None and hasattr(backend, "is_available") and bool(backend.is_available())


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto`: bfloat16 where the accelerator has it, float16 on older ones, float32 on the processor."""
    if name != "auto":
        return DTYPES[name]
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def quantization(name: str, dtype: torch.dtype, parts: Mapping[str, tuple[str, str]]) -> Any:
    """What `from_pretrained` takes as `quantization_config`, None for none. LoadError names the package that is missing."""
    if name == "none":
        return None
    _require("bitsandbytes" if name.startswith("bnb") else "torchao", name)
    from diffusers.quantizers.pipe_quant_config import PipelineQuantizationConfig

    try:
        mapping = {
            part: _config(name, dtype, library)
            for part, (library, class_name) in parts.items()
            if part in DENOISERS or class_name.startswith(LARGE_ENCODERS)
        }
        return PipelineQuantizationConfig(quant_mapping=mapping)
    except (ImportError, ValueError, TypeError, AttributeError) as error:
        raise LoadError(f"The quantisation {name!r} cannot be set up here: {error}") from error


def _require(package: str, name: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise LoadError(
            f"The quantisation {name!r} needs the Python package {package}, which is not installed here."
        )


def _config(name: str, dtype: torch.dtype, library: str) -> Any:
    """diffusers and transformers have classes of the same names for the parts that are theirs."""
    source = importlib.import_module(library if library == "transformers" else "diffusers")
    if name == "bnb-8bit":
        return source.BitsAndBytesConfig(load_in_8bit=True)
    if name == "bnb-4bit":
        return source.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    return source.TorchAoConfig(_torchao_type(name))


def _torchao_type(name: str) -> Any:
    if name == "torchao-int8wo":
        from torchao.quantization import Int8WeightOnlyConfig  # pyright: ignore[reportMissingImports]

        return Int8WeightOnlyConfig()
    if name == "torchao-float8wo":
        from torchao.quantization import (  # pyright: ignore[reportMissingImports]
            Float8WeightOnlyConfig,
        )

        return Float8WeightOnlyConfig()
    from torchao.prototype.mx_formats import (  # pyright: ignore[reportMissingImports]
        NVFP4WeightOnlyConfig,
    )

    return NVFP4WeightOnlyConfig()


def place(pipeline: Any, device: torch.device, options: Mapping[str, Any]) -> None:
    """Attention, device and compilation, in the order in which they do not undo one another."""
    _set_attention(pipeline, options["attn_backend"], device)
    if not offloads(device, options):
        pipeline.to(device)
    if options["compile"]:
        _compile(pipeline)


def offloads(device: torch.device, options: Mapping[str, Any]) -> bool:
    """On the processor there is nowhere to move the parts to."""
    return bool(options["cpu_offload"]) and device.type != "cpu"


def denoisers(pipeline: Any) -> list[Any]:
    found = [getattr(pipeline, name, None) for name in DENOISERS]
    return [part for part in found if part is not None]


def _set_attention(pipeline: Any, name: str, device: torch.device) -> None:
    """Always set: the library keeps what was set last for the whole process, also for another model.

    UNets do not choose: they call torch's own attention, which has flash kernels too.
    """
    if name == "flash_attention_2":
        _check_flash(device)
    backend = {"sdpa": "native", "flash_attention_2": "flash"}[name]
    try:
        for part in denoisers(pipeline):
            part.set_attention_backend(backend)
    except (ImportError, RuntimeError, ValueError, AttributeError) as error:
        raise LoadError(f"The attention {name} cannot be used with this model: {error}") from error


def _check_flash(device: torch.device) -> None:
    if device.type == "cpu":
        raise LoadError("flash_attention_2 needs a GPU; use sdpa on this machine.")
    if importlib.util.find_spec("flash_attn") is None:
        raise LoadError(
            "flash_attention_2 needs the Python package flash-attn, which is not installed here."
        )


def _compile(pipeline: Any) -> None:
    """In place, so that all pipelines over these parts have it. Blocks that repeat are compiled once, where the part says which."""
    for part in denoisers(pipeline):
        if getattr(part, "_repeated_blocks", None):
            part.compile_repeated_blocks()
        else:
            part.compile()
    log.info("The image model is compiled at the first picture of each size, which takes long")
