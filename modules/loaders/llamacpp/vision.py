"""Eyes for a model of llama.cpp."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.core.errors import LoadError
from modules.loaders.eyes import Vision

log = logging.getLogger("hearth.llamacpp")


def open_vision(path: Path | None, model: Any, options: Mapping[str, Any]) -> Vision | None:
    """Eyes for a loaded model, by the projector at `path`; `options`: as they are in effect.

    LoadError when one that was asked for by `mmproj` cannot be used. One that was only found beside the model is then left out.
    """
    if path is None:
        return None
    from modules.loaders.llamacpp.projector import Projector

    try:
        return Vision(Projector(path, model, options))
    except LoadError as error:
        if options["mmproj"]:
            raise
        log.warning("Pictures are not read: %s", error.message)
        return None
