#!/usr/bin/env python3
"""Composition root: settings -> context -> extensions -> model -> serve. No logic of its own."""

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from modules.console import ConsoleProgress, set_up_logging
from modules.context import AppContext
from modules.core.errors import AppError, ConfigError
from modules.engine.manager import ModelManager
from modules.extensions import start_extensions
from modules.loaders.catalog import Catalog, InstalledModel, model_at
from modules.loaders.registry import check_load_args, loader_name
from modules.settings import Settings
from modules.settings_sources import read_settings

log = logging.getLogger("hearth")


def main() -> int:
    """Exit status: 0 after a normal end, 1 when something failed, 2 when a setting is wrong."""
    try:
        settings = read_settings(sys.argv[1:])
        set_up_logging(is_verbose=settings.verbose or settings.debug)
        return _run(settings)
    except ConfigError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 2
    except AppError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(settings: Settings) -> int:
    if not settings.enabled_extensions:
        raise ConfigError(
            "There is nothing to serve: start with --api (the web UI is not there yet)"
        )
    catalog = Catalog(settings.models_path, dict(settings.model_aliases))
    model = choose_model(settings, catalog)
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(serve(settings, catalog, model))
    return asyncio.run(serve(settings, catalog, model))


def choose_model(settings: Settings, catalog: Catalog) -> InstalledModel | None:
    """The model that the settings name, else the default; checked before anything starts."""
    loader = loader_name(settings.loader) if settings.loader else "llamacpp"
    check_load_args(loader, settings.load)
    if settings.model is None:
        return catalog.choose_default()
    if settings.model.lower() == "none":
        return None
    path = Path(settings.model).expanduser()
    if catalog.find(settings.model) is None and path.is_file():
        return model_at(path)
    return catalog.get(settings.model)


async def serve(settings: Settings, catalog: Catalog, model: InstalledModel | None) -> int:
    """Serve until a signal, or until a service ends; the first model loads meanwhile."""
    models = ModelManager(
        catalog, settings.load, max_queue=settings.max_queue, on_progress=ConsoleProgress()
    )
    context = AppContext(settings, models)
    start_extensions(context)
    services = context.hooks.services
    lines = [line for service in services for line in await service.start()]
    for line in lines:
        print(line, flush=True)
    tasks = [asyncio.ensure_future(service.run()) for service in services]
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(
                number, lambda: [service.stop() for service in services]
            )
    try:
        if model is not None:
            loading = asyncio.ensure_future(models.load(model))
            await asyncio.wait([loading, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
        else:
            log.info("No model is loaded. Installed: %s", [m.name for m in catalog.models()])
        await asyncio.gather(*tasks)
    finally:
        for service in services:
            service.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        for on_stop in context.hooks.on_stop:
            await on_stop()
        await models.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
