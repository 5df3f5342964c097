#!/usr/bin/env python3
"""Composition root: settings -> context -> extensions -> model -> serve. No logic of its own."""

import asyncio
import contextlib
import os
import sys
from typing import NoReturn

from modules.console import ConsoleProgress, log_loose_error, set_up_logging
from modules.context import AppContext
from modules.core.errors import AppError, ConfigError
from modules.core.life import Life, leave_ports, take_ports
from modules.download_cli import build_downloads, run_command
from modules.engine.ledger import Ledger
from modules.engine.manager import ModelManager
from modules.extensions import start_extensions
from modules.loaders.catalog import Catalog, InstalledModel
from modules.media import build_media
from modules.serving import (
    build_catalog,
    build_limits,
    build_templates,
    check_image_model,
    choose_model,
    serve,
)
from modules.settings import Settings
from modules.settings_sources import read_settings


def main() -> int:
    """Exit status: 0 after a normal end, 1 when something failed, 2 when a setting is wrong."""
    if sys.argv[1:2] == ["download"]:
        return run_command(sys.argv[2:])
    try:
        settings = read_settings(sys.argv[1:])
        set_up_logging(is_verbose=settings.verbose or settings.debug)
        catalog = build_catalog(settings)
        model = choose_model(settings, catalog)
        life = Life(take_ports(os.environ))
        status = _event_loop()(run(settings, catalog, model, life))
        if life.will_restart:
            leave_ports(os.environ, life.ports)
            _begin_anew()
        return status
    except AppError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        return 0


def _event_loop():  # noqa: ANN202 - one of two functions of the same shape
    """uvloop's runner where it exists (not on Windows), else asyncio's."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run
    return asyncio.run


def _begin_anew() -> NoReturn:
    """The same command line in this process's place; everything was closed, and other open files end with the exec."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


async def run(
    settings: Settings, catalog: Catalog, model: InstalledModel | None, life: Life
) -> int:
    asyncio.get_running_loop().set_exception_handler(log_loose_error)
    ledger = Ledger(settings.usage_path)
    models = ModelManager(
        catalog,
        settings.load,
        limits=build_limits(settings),
        on_progress=ConsoleProgress(),
        templates=build_templates(settings),
        ledger=ledger,
    )
    media = build_media(settings)
    check_image_model(settings, media)
    context = AppContext(settings, models, media, downloads=build_downloads(settings), life=life)
    context.hooks.on_stop.append(context.downloads.close)
    start_extensions(context)
    if not settings.nowebui:
        from modules.ui.service import WebUi

        context.hooks.services.insert(0, WebUi(context))
    with ledger.kept_saved():
        return await serve(context, model)


if __name__ == "__main__":
    sys.exit(main())
