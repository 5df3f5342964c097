"""Loaders by name. A library is imported only when its loader is first used."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from modules.core.errors import NotInstalled, RequestError
from modules.core.options import Option, shown
from modules.loaders.base import Progress, TextLoader
from modules.loaders.machine import calm_openmp
from modules.loaders.media_base import MediaModel
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.options import FLAG_ONLY, LOAD_OPTIONS, LOAD_OPTIONS_BY_NAME
from modules.loaders.remote_base import RemoteModel

LOADER_ALIASES = {"llama.cpp": "llamacpp", "llama_cpp": "llamacpp", "hf": "transformers"}


def _llamacpp() -> TextLoader:
    from modules.loaders.llamacpp.model import load_runner

    return load_runner


MediaLoader = Callable[[InstalledMedia, Mapping[str, Any]], MediaModel]
"""Loads a model with checked options, in the thread that will use it; raises AppError with the reason."""


def _diffusers() -> MediaLoader:
    from modules.loaders.images.imager import load_imager

    return load_imager


def _a1111() -> MediaLoader:
    from modules.loaders.images.a1111.model import load_imager

    return load_imager


def _whisper() -> MediaLoader:
    from modules.loaders.speech_recognition.whisper_model import load_whisper

    return load_whisper


def _text_embedder() -> MediaLoader:
    from modules.loaders.encoders.embedder import load_embedder

    return load_embedder


def _gguf_embedder() -> MediaLoader:
    from modules.loaders.llamacpp.embedder import load_embedder

    return load_embedder


def _cross_encoder() -> MediaLoader:
    from modules.loaders.encoders.reranker import load_reranker

    return load_reranker


def _speaker() -> MediaLoader:
    from modules.loaders.speech.speaker import load_speaker

    return load_speaker


MEDIA_LOADERS: Mapping[tuple[str, str], Callable[[], MediaLoader]] = {
    ("speech", "espeak"): _speaker,
    ("speech", "piper"): _speaker,
    ("speech", "kokoro"): _speaker,
    ("embedding", "sentence_transformers"): _text_embedder,
    ("embedding", "llamacpp"): _gguf_embedder,
    ("rerank", "cross_encoder"): _cross_encoder,
    ("image", "diffusers"): _diffusers,
    ("transcription", "whisper"): _whisper,
    ("image", "a1111"): _a1111,
}
"""By kind and loader."""


def load_media(kind: str, model: InstalledMedia, options: Mapping[str, Any]) -> Any:
    """NotInstalled names the library where it is missing."""
    calm_openmp()
    try:
        return MEDIA_LOADERS[kind, model.loader]()(model, options)
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"{model.name} needs the Python package {error.name}, which is not installed here: "
            "`python3 start.py` without --minimal installs it."
        ) from error


def _transformers() -> TextLoader:
    from modules.loaders.hf.model import load_runner

    return load_runner


RemoteLoader = Callable[[Any, Mapping[str, Any], Progress], RemoteModel]
"""Takes what a server lists (`modules.loaders.upstream.listing.UpstreamModel`)."""


def _upstream() -> RemoteLoader:
    from modules.loaders.upstream.model import load_model

    return load_model


LOADERS: Mapping[str, Callable[[], TextLoader]] = {
    "llamacpp": _llamacpp,
    "transformers": _transformers,
}
REMOTE_LOADERS: Mapping[str, Callable[[], RemoteLoader]] = {"upstream": _upstream}
"""Of models that run in another process."""


def loader_name(name: str) -> str:
    """The loader's own name for a name or alias; RequestError lists what exists."""
    known = LOADER_ALIASES.get(name.lower(), name.lower())
    if known not in LOAD_OPTIONS:
        raise RequestError(
            f"Unknown loader {name!r}; known: {', '.join(sorted(LOAD_OPTIONS))}", param="loader"
        )
    return known


def check_load_args(loader: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Load args under their own names, each checked; an unknown one is refused with what exists."""
    known = LOAD_OPTIONS_BY_NAME[loader]
    checked: dict[str, Any] = {}
    for name, value in args.items():
        option = known.get(name.replace("-", "_"))
        if option is None:
            raise RequestError(_unknown_arg(loader, name), param=f"args.{name}")
        if value is not None:
            checked[option.name] = _check_arg(option, value)
    return checked


def own_args(loader: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the server's settings that this loader has: the flags of all loaders stand side by side."""
    known = LOAD_OPTIONS_BY_NAME[loader]
    return {name: value for name, value in args.items() if name in known}


def own_name(loader: str, arg: str) -> str:
    """An arg's name for one of its aliases; one that is not known stays as it is."""
    option = LOAD_OPTIONS_BY_NAME[loader].get(arg.replace("-", "_"))
    return arg if option is None else option.name


def refuse_flags(args: Mapping[str, Any]) -> None:
    """What a request may not switch on."""
    for name in args:
        if name.replace("-", "_") in FLAG_ONLY:
            raise RequestError(
                f"{name} can only be switched on by the flag --{name.replace('_', '-')}, when the server starts.",
                param=f"args.{name}",
            )


def _check_arg(option: Option, value: Any) -> Any:
    try:
        return option.check(value)
    except RequestError as error:
        raise RequestError(error.message, param=f"args.{option.name}") from None


def default_load_args(loader: str) -> dict[str, Any]:
    return {option.name: option.default for option in LOAD_OPTIONS[loader]}


def _unknown_arg(loader: str, name: str) -> str:
    names = [option.name for option in LOAD_OPTIONS[loader]]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{loader} has no load option {shown(name)}.{hint} It has: {', '.join(names)}."
