# pyright: basic
"""What loading an embedding model and a reranker of sentence-transformers have in common."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from modules.core.errors import AppError
from modules.loaders.encoders.checkpoint import folder_of, quiet_libraries, why_not_loaded
from modules.loaders.encoders.device import find_device, number_format
from modules.loaders.encoders.threads import leave_a_core
from modules.loaders.media_catalog import InstalledMedia

E = TypeVar("E")


def load_encoder(
    library: Callable[..., Any],
    wrap: Callable[[Any, InstalledMedia, Mapping[str, Any]], E],
    model: InstalledMedia,
    options: Mapping[str, Any],
) -> E:
    """`wrap` makes ours of what the library's class has read; its options name the device that was found."""
    quiet_libraries()
    leave_a_core()
    device = find_device(options["device"])
    try:
        loaded = library(
            str(folder_of(model)),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": number_format(device), "use_safetensors": True},
        )
        return wrap(loaded.eval(), model, {**options, "device": device})
    except AppError:
        raise
    except Exception as error:  # a damaged file raises anything, also the base class itself
        raise why_not_loaded(model, error) from error
