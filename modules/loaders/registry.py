"""Loaders by name. A library is imported only when its loader is first used."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from modules.core.errors import NotInstalled, RequestError
from modules.core.options import Option, shown
from modules.loaders.base import MediaModel, Progress, RemoteModel, TextLoader
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.options import FLAG_ONLY, LOAD_OPTIONS, LOAD_OPTIONS_BY_NAME

LOADER_ALIASES = {"llama.cpp": "llamacpp", "llama_cpp": "llamacpp", "hf": "transformers"}


def _llamacpp() -> TextLoader:
    from modules.loaders.llamacpp.model import load_runner

    return load_runner


MediaLoader = Callable[[InstalledMedia, Mapping[str, Any]], MediaModel]
"""Loads a model with checked options, in the thread that will use it; raises AppError with the reason."""

MEDIA_LOADERS: Mapping[tuple[str, str], Callable[[], MediaLoader]] = {}
"""By kind and loader."""


def load_media(kind: str, model: InstalledMedia, options: Mapping[str, Any]) -> Any:
    """NotInstalled names the library where it is missing."""
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
