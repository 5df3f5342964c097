"""What can be told of an installed model without loading it: from the head of its file, or the configuration of its folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from modules.core.errors import LoadError
from modules.loaders.catalog import InstalledModel
from modules.loaders.folder_memory import count_folder_weights, read_folder_config
from modules.loaders.gguf_header import count_gguf_weights, read_gguf_header

# llama.cpp's llama_ftype (include/llama.h); what is not here goes without a name.
QUANTISATIONS: Mapping[int, str] = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
}
_DTYPES: Mapping[str, str] = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}


@dataclass(frozen=True, slots=True)
class InstalledFacts:
    """What is not known is None or empty. `context_length`: tokens that it was trained for."""

    architecture: str = ""
    quantisation: str = ""
    parameters: int | None = None
    context_length: int | None = None
    description: str = ""
    problem: str = ""
    """Why its files cannot be read."""


def read_installed_facts(model: InstalledModel) -> InstalledFacts:
    """Blocking: reads the heads of files, of large models some megabytes."""
    read = _READERS.get(model.loader)
    try:
        return InstalledFacts() if read is None else read(model)
    except LoadError as error:
        return InstalledFacts(problem=error.message)


def _of_gguf(model: InstalledModel) -> InstalledFacts:
    header = read_gguf_header(model.path)
    architecture = str(header.get("general.architecture", ""))
    return InstalledFacts(
        architecture,
        QUANTISATIONS.get(_whole(header.get("general.file_type"), -1), ""),
        sum(count_gguf_weights(part) for part in model.parts) or None,
        _whole(header.get(f"{architecture}.context_length"), 0) or None,
        str(header.get("general.name", "")),
    )


def _of_folder(model: InstalledModel) -> InstalledFacts:
    config = read_folder_config(model.path)
    is_quantised = isinstance(config.get("quantization_config"), dict)
    weights = count_folder_weights(model.path)
    return InstalledFacts(
        str(config.get("model_type", "")),
        _quantisation(config),
        None if is_quantised else weights or None,
        _whole(config.get("max_position_embeddings"), 0) or None,
    )


def _quantisation(config: Mapping[str, Any]) -> str:
    quantised = config.get("quantization_config")
    if isinstance(quantised, dict):
        return str(cast("dict[str, Any]", quantised).get("quant_method", "quantised"))
    dtype = config.get("dtype") or config.get("torch_dtype")
    return _DTYPES.get(str(dtype), "")


def _whole(value: Any, default: int) -> int:
    return value if type(value) is int and value >= 0 else default


_READERS: Mapping[str, Callable[[InstalledModel], InstalledFacts]] = {
    "llamacpp": _of_gguf,
    "transformers": _of_folder,
}
"""By loader; of models of other servers only what they list is known."""
