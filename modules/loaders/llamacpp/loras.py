# pyright: basic, reportArgumentType=false
"""LoRA adapters of one llama.cpp model (GGUF), and which of them its context applies."""

import ctypes
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as c

from modules.core.errors import LoadError
from modules.core.requests import Adapters
from modules.loaders.gguf_header import read_gguf_header
from modules.loaders.llamacpp import library

ALPHA = "adapter.lora.alpha"
FLOAT32 = 6
CHUNK = 4 * 2**20


def read_adapter(path: Path) -> Path:
    """Checks the file and reads it once, so that llama.cpp finds it in memory: it must read it between two steps."""
    header = read_gguf_header(path)
    if header.get("general.type") != "adapter" or header.get("adapter.type") != "lora":
        raise LoadError(f"{path.name} is not a LoRA adapter (GGUF)")
    if not isinstance(header.get("general.architecture"), str):
        raise LoadError(f"{path.name} does not say which architecture it is for")
    head = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                head = head or chunk
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from None
    _check_alpha(path, header, head)
    return path


def _check_alpha(path: Path, header: Mapping[str, Any], head: bytes) -> None:
    """llama.cpp ends the process where its type is another."""
    if ALPHA not in header:
        return
    place = head.find(ALPHA.encode()) + len(ALPHA)
    kind = head[place : place + 4]
    if kind != struct.pack("<I", FLOAT32) or not math.isfinite(header[ALPHA]):
        raise LoadError(f"{path.name} is damaged: {ALPHA} must be a float32")


class Loras:
    """Belongs to the engine's thread. To change what is applied makes llama.cpp build its graphs anew."""

    def __init__(self, model: Any, context: Any) -> None:
        self._model = model
        self._context = context
        self._applied: Adapters = ()

    def attach(self, path: Path) -> Any:
        library.COMPLAINTS.take()
        adapter = c.llama_adapter_lora_init(self._model, os.fsencode(path))
        if not adapter:
            raise LoadError(
                f"llama.cpp could not load the adapter {path.name}: {library.COMPLAINTS.take()}"
            )
        if c.llama_adapter_get_alora_n_invocation_tokens(adapter):
            c.llama_adapter_lora_free(adapter)
            raise LoadError(
                f"{path.name} is an activated LoRA (aLoRA), which works from a place in the prompt on; that is not supported"
            )
        return adapter

    def detach(self, adapter: Any) -> None:
        self.apply((), {})  # no graph may still point to it
        c.llama_adapter_lora_free(adapter)

    def apply(self, adapters: Adapters, loaded: Mapping[str, Any]) -> None:
        """The coming steps are computed with these, and no others."""
        if adapters == self._applied:
            return
        count = len(adapters)
        pointers = (c.llama_adapter_lora_p_ctypes * count)(
            *(loaded[adapter.name] for adapter in adapters)
        )
        scales = (ctypes.c_float * count)(*(adapter.scale for adapter in adapters))
        c.llama_set_adapters_lora(self._context, pointers, count, scales)
        self._applied = adapters
