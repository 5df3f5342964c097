# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""llama.cpp as a library: started once, quiet, with handles for short calls.

ctypes releases the GIL around every call through a `CDLL`. For `llama_decode` that is what lets the event loop
run meanwhile; for a call of a microsecond it is a loss, since the engine thread may then wait a whole switch interval to
get the GIL back. Short calls therefore go through a `PyDLL` on the same library, which keeps it.
"""

import ctypes
import logging
import os
import threading
from collections import deque
from typing import Any

# libgomp reads this when it is loaded; with its default two threads on busy cores collapse.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import llama_cpp.llama_cpp as c

from modules.loaders.machine import has_gpu

log = logging.getLogger("hearth.llamacpp")

_GGML_LEVEL_WARN, _GGML_LEVEL_ERROR = 3, 4


def _keep_gil(function: Any) -> Any:
    """The same C function, called with the GIL held."""
    held = getattr(_python_dll, function.__name__)
    held.argtypes, held.restype = function.argtypes, function.restype
    return held


_python_dll = ctypes.PyDLL(c._lib._name)

sampler_sample = _keep_gil(c.llama_sampler_sample)
sampler_apply = _keep_gil(c.llama_sampler_apply)
sampler_accept = _keep_gil(c.llama_sampler_accept)
memory_seq_rm = _keep_gil(c.llama_memory_seq_rm)
memory_seq_cp = _keep_gil(c.llama_memory_seq_cp)
token_to_piece = _keep_gil(c.llama_token_to_piece)
vocab_is_eog = _keep_gil(c.llama_vocab_is_eog)

# Untyped results make a plain integer address, from which a numpy view is quicker to build.
get_logits_ith = _python_dll["llama_get_logits_ith"]
get_logits_ith.argtypes, get_logits_ith.restype = [ctypes.c_void_p, ctypes.c_int32], ctypes.c_void_p


_backend_dev_get = _python_dll["ggml_backend_dev_get"]
_backend_dev_get.argtypes, _backend_dev_get.restype = [ctypes.c_size_t], ctypes.c_void_p
_backend_dev_count = _python_dll["ggml_backend_dev_count"]
_backend_dev_count.argtypes, _backend_dev_count.restype = [], ctypes.c_size_t
_backend_dev_type = _python_dll["ggml_backend_dev_type"]
_backend_dev_type.argtypes, _backend_dev_type.restype = [ctypes.c_void_p], ctypes.c_int
_GGML_DEVICE_GPU = 1


def count_gpus() -> int:
    """Those that llama.cpp is built for and has found; integrated ones are not counted. Needs `start_backend`."""
    devices = (_backend_dev_get(index) for index in range(_backend_dev_count()))
    return sum(_backend_dev_type(device) == _GGML_DEVICE_GPU for device in devices)


class Complaints:
    """The last errors that llama.cpp printed: where a load returns NULL, the reason is only here."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=20)
        self._last_level = 0

    def add(self, level: int, text: str) -> None:
        level = self._last_level if level == 5 else level  # 5 continues the line before
        self._last_level = level
        if level >= _GGML_LEVEL_ERROR:
            self._lines.append(text.strip())
        if text.strip():
            log.debug("%s", text.rstrip())

    def take(self) -> str:
        """The first of them, which names the cause; the later ones only pass it on."""
        lines = [line for line in self._lines if line]
        self._lines.clear()
        return _plain(lines[0]) if lines else "no reason was given"


def _plain(line: str) -> str:
    """Without the C function's name in front."""
    head, _, rest = line.partition(": ")
    return rest if rest and " " not in head else line


COMPLAINTS = Complaints()


@c.llama_log_callback
def LOG_CALLBACK(level: int, text: bytes, _user_data: Any) -> None:  # noqa: N802 - a C pointer that lives for ever
    COMPLAINTS.add(level, text.decode(errors="replace"))


class _Started:
    """llama.cpp has one backend per process, which is why this is the one flag of its kind."""

    lock = threading.Lock()
    is_started = False


def start_backend(numa: str) -> None:
    """Initialise once; later calls do nothing (NUMA can only be chosen the first time)."""
    with _Started.lock:
        if _Started.is_started:
            return
        c.llama_log_set(LOG_CALLBACK, ctypes.c_void_p(0))
        c.llama_backend_init()
        modes = {"off": 0, "distribute": 1, "isolate": 2, "numactl": 3}
        if modes[numa]:
            c.llama_numa_init(modes[numa])
        if has_gpu() and not c.llama_supports_gpu_offload():
            log.warning(
                "There is a GPU, but llama.cpp is built for the processor only: GGUF models will not use it. "
                "`python3 start.py setup --gpu cuda` builds it for NVIDIA's (docs/loaders.md)."
            )
        _Started.is_started = True
