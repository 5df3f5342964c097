# pyright: basic
"""Where Whisper computes."""

import torch

from modules.core.errors import LoadError
from modules.core.options import shown


def choose_device(name: str) -> torch.device:
    """`auto` is a CUDA device where there is one. LoadError names the devices that there are."""
    devices = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if name == "auto":
        name = devices[-1] if len(devices) == 1 else "cuda:0"
    if name == "cuda" and len(devices) > 1:
        name = "cuda:0"
    if name not in devices:
        raise LoadError(
            f"There is no device {shown(name)} here; there are: auto, {', '.join(devices)}."
        )
    return torch.device(name)
