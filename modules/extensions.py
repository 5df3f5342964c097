"""Finds extensions and starts them: `extensions/NAME/script.py`, or the user's own, which wins."""

import importlib
import importlib.util
import logging
import re
import sys
from pathlib import Path
from types import ModuleType

from modules.context import AppContext
from modules.core.errors import AppError, ConfigError
from modules.settings import ROOT

log = logging.getLogger("hearth.extensions")

_NAME = re.compile(r"[A-Za-z0-9_]+")


def start_extensions(context: AppContext) -> None:
    """Call `setup(context)` of each enabled extension, in order; ConfigError names the one that fails."""
    for name in context.settings.enabled_extensions:
        module = _import(name, Path(context.settings.user_data_dir))
        setup = getattr(module, "setup", None)
        if not callable(setup):
            raise ConfigError(f"The extension {name} has no setup(context) in its script.py")
        try:
            setup(context)
        except AppError:
            raise
        except Exception as error:
            log.exception("The extension %s failed", name)
            raise ConfigError(
                f"The extension {name} failed in setup: {type(error).__name__}: {error}"
            ) from error


def find_extensions(user_data_dir: Path) -> list[str]:
    folders = (user_data_dir / "extensions", ROOT / "extensions")
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/script.py")})


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
        log.exception("The extension %s cannot be imported", name)
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
