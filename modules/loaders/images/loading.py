# pyright: basic
"""A folder or a single file to a pipeline of diffusers. Only local files, only safetensors, no code from models."""

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.loaders.single_file_utils import fetch_diffusers_config, load_single_file_checkpoint
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from transformers.utils import logging as transformers_logging

from modules.core.errors import LoadError
from modules.core.traces import WITH_MESSAGES
from modules.loaders.images.pipeline_files import (
    check_parts,
    class_name,
    components,
    config_folder,
    read_index,
)
from modules.loaders.images.placement import quantization

log = logging.getLogger("hearth.images")

SAFE_ENDING = ".safetensors"


def load_pipeline(path: Path, dtype: torch.dtype, options: Mapping[str, Any]) -> Any:
    """LoadError says what is wrong with the files."""
    _be_quiet()
    with _told(path.name):
        if path.is_dir():
            return _from_folder(path, dtype, options["quant"])
        return _from_file(path, dtype, options["quant"])


def _be_quiet() -> None:
    """diffusers logs the end of a prompt that is too long, and both draw progress bars; neither belongs into the server's log."""
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def _from_folder(folder: Path, dtype: torch.dtype, quant: str) -> Any:
    index = read_index(folder)
    check_parts(folder, index)
    return DiffusionPipeline.from_pretrained(
        folder,
        dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
        quantization_config=quantization(quant, dtype, components(index)),
    )


def _from_file(file: Path, dtype: torch.dtype, quant: str) -> Any:
    if file.suffix != SAFE_ENDING:
        raise LoadError(
            f"{file.name} is no {SAFE_ENDING} file. Other checkpoints can run code when they are loaded, so they are not; "
            "convert it first."
        )
    if quant != "none":
        raise LoadError(
            f"{file.name} is a single file; only models in diffusers' folders can be quantised."
        )
    folder = _config_of(file)
    pipeline: Any = getattr(diffusers, class_name(read_index(folder)), None)
    if not hasattr(pipeline, "from_single_file"):
        raise LoadError(f"{folder.name} names no pipeline that loads from a single file.")
    return pipeline.from_single_file(
        str(file), config=str(folder), dtype=dtype, local_files_only=True
    )


def _config_of(file: Path) -> Path:
    """Beside the file, else in the cache of the hub. Looked for here: the library would download it, even when told not to."""
    own = config_folder(file)
    if own.is_dir():
        return own
    checkpoint = load_single_file_checkpoint(str(file), local_files_only=True)
    repository = fetch_diffusers_config(checkpoint)["pretrained_model_name_or_path"]
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except LocalEntryNotFoundError:
        raise LoadError(
            f"{file.name} has weights only. It seems to be of the family of {repository}: put the files "
            f"model_index.json, *.json and *.txt of that model into a folder {own.name} beside it."
        ) from None


@contextmanager
def _told(name: str) -> Generator[None]:
    """Damaged or incomplete files make the libraries raise whatever comes up; their first line tells what."""
    try:
        yield
    except (LoadError, ModuleNotFoundError):
        raise
    except torch.OutOfMemoryError as error:
        raise LoadError(f"{name} does not fit into the memory of the device.") from error
    except Exception as error:
        log.exception("Loading %s failed", name, extra=WITH_MESSAGES)
        first = str(error).strip().partition("\n")[0][:300]
        raise LoadError(f"{name} cannot be loaded: {first or type(error).__name__}") from error
