"""The life of the program: services start, the first model loads, everything ends in order."""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from modules.context import AppContext
from modules.core.errors import ConfigError, NotInstalled
from modules.engine.media.engines import MediaEngines
from modules.hooks import Service
from modules.loaders.catalog import DEMO_MODEL, Catalog, InstalledModel, model_at
from modules.loaders.registry import check_load_args, loader_name
from modules.prompts.template_sources import TemplateSources, check_override
from modules.settings import Settings

log = logging.getLogger("hearth")

DEFAULT_LOADER = "llamacpp"


def choose_model(settings: Settings, catalog: Catalog) -> InstalledModel | None:
    """The model that the settings name, else the default; wrong names and options are found before anything starts."""
    if not settings.enabled_extensions:
        raise ConfigError(
            "There is nothing to serve: start with --api (the web UI is not there yet)"
        )
    loader = loader_name(settings.loader) if settings.loader else DEFAULT_LOADER
    check_load_args(loader, settings.load)
    if settings.model is None:
        return catalog.choose_default()
    if settings.model.lower() == "none":
        return None
    path = Path(settings.model).expanduser()
    if catalog.find(settings.model) is None and path.is_file():
        return model_at(path)
    return catalog.get(settings.model)


def check_image_model(settings: Settings, media: MediaEngines) -> None:
    """ConfigError when the settings name an image model that is not here; a server that draws instead is asked later."""
    if settings.image_model is None or settings.sd_webui_url:
        return
    try:
        media.image.catalog.default()
    except NotInstalled as error:
        raise ConfigError(error.message) from None


def build_templates(settings: Settings) -> TemplateSources:
    """ConfigError when the file for all models is not there."""
    override = Path(settings.chat_template_file) if settings.chat_template_file else None
    if override is not None:
        check_override(override)
    return TemplateSources(Path(settings.user_data_dir), settings.models_path, override)


async def serve(context: AppContext, model: InstalledModel | None) -> int:
    """Serve until a signal, or until a service ends; the first model loads meanwhile."""
    services = context.hooks.services
    await _start(services)
    running = [asyncio.ensure_future(service.run()) for service in services]
    _stop_on_signals(services)
    loading = asyncio.ensure_future(_load_first(context, model))
    try:
        await asyncio.wait([loading, *running], return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
        await asyncio.gather(*running)
    finally:
        for service in services:
            service.stop()
        loading.cancel()
        await asyncio.gather(loading, *running, return_exceptions=True)
        for on_stop in context.hooks.on_stop:
            await on_stop()
        await context.media.close()
        await context.models.close()
    return 0


async def _start(services: list[Service]) -> None:
    for service in services:
        for line in await service.start():
            _tell(line)
    _tell("Ctrl-C ends it.")


def _stop_on_signals(services: list[Service]) -> None:
    def stop() -> None:
        for service in services:
            service.stop()

    hang_up = getattr(signal, "SIGHUP", signal.SIGTERM)  # the terminal was closed; Windows has none
    for number in (signal.SIGINT, signal.SIGTERM, hang_up):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, stop)


async def _load_first(context: AppContext, model: InstalledModel | None) -> None:
    if model is None:
        names = [each.name for each in await asyncio.to_thread(context.models.catalog.models)]
        _tell(
            f"No model is loaded; choose one with --model. Installed: {', '.join(names) or 'none'}"
        )
        return
    await context.models.load(model)
    if Path(model.name).name == DEMO_MODEL:
        _tell(
            "This is the demo model, which knows very little: put GGUF files into "
            f"{context.settings.models_path}, or choose one with --model."
        )


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the person at the terminal, not for a log
