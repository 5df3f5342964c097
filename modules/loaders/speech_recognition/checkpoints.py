# pyright: basic
"""Checkpoints of openai-whisper: read safely from a file, and fetched where the settings name one of Whisper's own."""

import logging
import struct
from pathlib import Path
from pickle import UnpicklingError

import torch
import whisper

from modules.core.errors import LoadError
from modules.loaders.speech_recognition.downloads import fetch

log = logging.getLogger("hearth.media")


def load_checkpoint(path: Path, device: torch.device) -> whisper.Whisper:
    """LoadError says what is wrong with the file. Nothing in it is executed: whisper reads it with `weights_only`."""
    if not path.exists() and path.stem in whisper.available_models():
        fetch(whisper._MODELS[path.stem], path)
    try:
        model = whisper.load_model(str(path), device=device)
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}.") from error
    except torch.OutOfMemoryError as error:
        raise LoadError(f"There is not enough memory on {device} for {path.name}.") from error
    except _WRONG_FILE as error:
        raise LoadError(f"{path.name} is no checkpoint of Whisper, or it is damaged.") from error
    _set_alignment_heads(model, path.stem)
    return model.eval()


_WRONG_FILE = (
    *(UnpicklingError, EOFError, struct.error, RuntimeError, AssertionError),
    *(ValueError, LookupError, TypeError, AttributeError),
)
"""What torch and whisper raise for a file that is cut short, of another kind, or has other tensors in it."""


def _set_alignment_heads(model: whisper.Whisper, name: str) -> None:
    """Heads of attention that follow the words' times are known for Whisper's own models, by their names."""
    heads = whisper._ALIGNMENT_HEADS.get(name)
    if heads is None:
        return
    try:
        model.set_alignment_heads(heads)
    except RuntimeError:
        log.warning("%s is not the Whisper model of that name; times of words may be coarse", name)
