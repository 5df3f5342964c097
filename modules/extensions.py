"""Finds extensions and starts them: `extensions/NAME/script.py`, or the user's own, which wins."""

import difflib
import importlib
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from modules.context import AppContext
from modules.core.errors import AppError, ConfigError
from modules.core.traces import WITH_MESSAGES
from modules.hooks import SURFACE, Extension
from modules.settings import ROOT

log = logging.getLogger("hearth.extensions")

_NAME = re.compile(r"[A-Za-z0-9_]+")


def start_extensions(context: AppContext) -> None:
    """Enable what the settings name, in order; ConfigError names the one that fails."""
    context.hooks.loop.remember()
    for name in context.settings.enabled_extensions:
        enable_extension(context, name)


def enable_extension(context: AppContext, name: str) -> Extension:
    """Load it if need be, and switch it on. Blocking: `setup` may take its time. ConfigError when it cannot be.

    One that is loaded keeps its place in the order, a new one comes last. For any thread.
    """
    with context.hooks.switching:
        return _enable(context, name)


def _enable(context: AppContext, name: str) -> Extension:
    hooks = context.hooks
    extension = hooks.find(name)
    is_new = extension is None
    if extension is None:
        extension = _load(name, context)
        hooks.add(extension)
    try:
        hooks.enable(name, context)
    except Exception as error:
        if is_new:
            hooks.remove(name)
        if isinstance(error, AppError):
            raise
        log.exception("The extension %s failed", name, extra=WITH_MESSAGES)
        raise ConfigError(
            f"The extension {name} failed in setup: {type(error).__name__}: {error}"
        ) from error
    return extension


def disable_extension(context: AppContext, name: str) -> None:
    """Its hooks are not called any more; routes and services stay until a restart. Nothing happens for one that is not loaded."""
    if context.hooks.find(name) is not None:
        context.hooks.disable(name)


def find_extensions(user_data_dir: Path) -> list[str]:
    folders = (user_data_dir / "extensions", ROOT / "extensions")
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/script.py")})


def _load(name: str, context: AppContext) -> Extension:
    module = _import(name, Path(context.settings.user_data_dir))
    functions = hooks_in(vars(module), name)
    if not functions:
        raise ConfigError(
            f"The extension {name} has no setup(context) and no hook in its script.py"
        )
    params: object = getattr(module, "params", {})
    if not isinstance(params, dict):
        raise ConfigError(f"The extension {name}: params must be a dict")
    params = cast("dict[str, Any]", params)
    params.setdefault("display_name", name)
    params.setdefault("is_tab", "ui_tab" in functions)
    _override(params, context.settings.extension_params, name)
    return Extension(name, params, functions, file=module.__file__ or "")


def hooks_in(names: Mapping[str, Any], extension: str) -> dict[str, Callable[..., Any]]:
    """The hooks among the names of a module, made to take what the surface gives. ConfigError for one that cannot be called so."""
    found = {name: names[name] for name in SURFACE if callable(names.get(name))}
    return {name: _fitted(function, name, extension) for name, function in found.items()}


def _fitted(function: Callable[..., Any], name: str, extension: str) -> Callable[..., Any]:
    """Takes all values of the surface and hands on as many as the function wants, from the first on."""
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"The extension {extension}: {name} must be a plain function, not async")
    given = len(inspect.signature(cast("Any", SURFACE[name]).__call__).parameters) - 1
    kinds = [each.kind for each in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return function
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = min(given, sum(kind in positional for kind in kinds))
    try:
        inspect.signature(function).bind(*range(wanted))
    except TypeError:
        raise ConfigError(
            f"The extension {extension}: {name} gets {given} values, and cannot be called with them"
        ) from None
    return function if wanted == given else lambda *values: function(*values[:wanted])


def _override(params: dict[str, Any], given: Mapping[str, Any], name: str) -> None:
    """`NAME-key` of settings.yaml wins over what the script has; in place, since the script reads the same dict."""
    for full, value in given.items():
        owner, _, key = full.partition("-")
        if owner != name:
            continue
        key = _known_key(key, params)
        if key is None:
            close = difflib.get_close_matches(full.partition("-")[2], params, n=1)
            hint = f"; did you mean {name}-{close[0]}?" if close else ""
            log.warning("settings.yaml: the extension %s has no %r%s", name, full, hint)
            continue
        if not _is_like(value, params[key]):
            kind = type(params[key]).__name__
            raise ConfigError(f"settings.yaml: {full} must be {kind}, not {type(value).__name__}")
        params[key] = value


def _known_key(key: str, params: Mapping[str, Any]) -> str | None:
    """`display_name`, or `display-name` as one may write it."""
    return next((each for each in (key, key.replace("-", "_")) if each in params), None)


def _is_like(value: object, default: object) -> bool:
    """None is a value of any kind, and a whole number is a number; a boolean is neither."""
    if value is None or default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _import(name: str, user_data_dir: Path) -> ModuleType:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a name of an extension")
    own = user_data_dir / "extensions" / name / "script.py"
    try:
        if own.is_file():
            return _import_file(f"user_extensions.{name}", own)
        if (ROOT / "extensions" / name / "script.py").is_file():
            return importlib.import_module(f"extensions.{name}.script")
    except Exception as error:
        log.exception("The extension %s cannot be imported", name, extra=WITH_MESSAGES)
        raise ConfigError(
            f"The extension {name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    known = ", ".join(find_extensions(user_data_dir))
    raise ConfigError(f"There is no extension {name!r}. There are: {known}")


def _import_file(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
