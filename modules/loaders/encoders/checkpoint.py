# pyright: basic
"""The folder with a model's files: one that is there, or one that is fetched from the Hugging Face hub because the settings name it."""

import logging
import re
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from transformers.utils import logging as transformers_logging

from modules.core.errors import LoadError
from modules.loaders.media_catalog import InstalledMedia

log = logging.getLogger("hearth.media")

ANSWER_TIMEOUT_S = 10.0
NEEDED = ("*.json", "*.txt", "*.model", "*.safetensors")
NOT_NEEDED = ("onnx/*", "openvino/*", "*.onnx", "original/*")


def folder_of(model: InstalledMedia) -> Path:
    """LoadError says what is wrong with it, before a library says it less clearly."""
    folder = model.path or _fetch(model.name)
    if not any(folder.rglob("*.safetensors")):
        raise LoadError(
            f"{model.name} has no weights as safetensors; pickled ones (pytorch_model.bin) can run code, and are not loaded."
        )
    return folder


def quiet_libraries() -> None:
    """Bars of progress on the terminal, for loads of a few hundred milliseconds."""
    transformers_logging.disable_progress_bar()


def why_not_loaded(model: InstalledMedia, error: Exception) -> LoadError:
    """The library's reason; `trust_remote_code` is what it asks for where a model brings code of its own."""
    reason = str(error).strip().split("\n")[0][:500]
    if "trust_remote_code" in str(error):
        reason = "it brings Python code of its own, which is never run here."
    return LoadError(f"{model.name} could not be loaded: {reason}")


def _fetch(repository: str) -> Path:
    """One question first: where there is no network, the download itself would try for minutes."""
    try:
        HfApi().model_info(repository, timeout=ANSWER_TIMEOUT_S)
        log.info("Downloading %s from the Hugging Face hub", repository)
        found = snapshot_download(
            repository,
            allow_patterns=list(NEEDED),
            ignore_patterns=list(NOT_NEEDED),
            etag_timeout=ANSWER_TIMEOUT_S,
        )
    except Exception as error:
        raise LoadError(_why_not_fetched(repository, error)) from error
    return Path(found)


def _why_not_fetched(repository: str, error: Exception) -> str:
    start = f"{repository} is neither installed nor in the cache of the Hugging Face hub, and "
    if isinstance(error, RepositoryNotFoundError):
        return f"{start}the hub has no model of that name that may be read without a token."
    if isinstance(error, OfflineModeIsEnabled):
        return f"{start}HF_HUB_OFFLINE forbids to fetch it."
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return f"{start}the hub refused it with status {error.response.status_code}."
    reason = re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__
    return f"{start}it could not be fetched ({reason}). Put its folder into user_data, or try again with a network."
