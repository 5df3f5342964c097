# pyright: basic
"""Where torch computes for embeddings and reranking."""

import torch

from modules.core.errors import LoadError
from modules.core.vectors import BatchLimits

ON_CPU = BatchLimits(items=64, tokens=2048)
ON_GPU = BatchLimits(items=512, tokens=32_768)
"""A round on two cores should take a few hundred milliseconds with a small model, so that nobody waits long for a place in the next."""


def find_device(wanted: str) -> str:
    """`auto` is the best there is; LoadError where a named one is not on this machine."""
    if wanted == "auto":
        return _best()
    kind, _, number = wanted.partition(":")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            have = f"it has {count}" if count else "torch finds none here"
            raise LoadError(f"There is no device {wanted}: CUDA devices are needed, and {have}.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise LoadError("There is no device mps on this machine.")
    return wanted


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def limits_on(device: str) -> BatchLimits:
    return ON_CPU if device == "cpu" else ON_GPU


def number_format(device: str) -> torch.dtype | str:
    """On a CPU 32 bits are both exact and quick; elsewhere what the weights are saved in."""
    return torch.float32 if device == "cpu" else "auto"
