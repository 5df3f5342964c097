"""The life of the program: services start, the first model loads, everything ends in order."""

import asyncio
import contextlib
import logging
import math
import signal
from collections.abc import Callable
from pathlib import Path

from modules.context import AppContext
from modules.core.errors import ConfigError, NotInstalled, NotReady, Unreachable
from modules.engine.limits import GIB, ModelLimits
from modules.engine.media.engines import MediaEngines
from modules.hooks import Service
from modules.loaders.adapter_catalog import AdapterCatalog, split_scale
from modules.loaders.catalog import DEMO_MODEL, Catalog, InstalledModel, model_at
from modules.loaders.options import LOAD_OPTIONS
from modules.loaders.registry import check_load_args, loader_name, own_args
from modules.prompts.template_sources import TemplateSources, check_override
from modules.settings import Settings

log = logging.getLogger("hearth")

UPSTREAM = "upstream"
UPSTREAM_RETRY_S = 3.0
LASTING_FAULTS = frozenset(("upstream_refused_key", "upstream_loop"))


def choose_model(settings: Settings, catalog: Catalog) -> InstalledModel | None:
    """The model that the settings name, else the default; wrong names and options are found before anything starts."""
    if settings.nowebui and not settings.enabled_extensions:
        raise ConfigError("There is nothing to serve: --nowebui needs --api.")
    if settings.loader and loader_name(settings.loader) == UPSTREAM:
        return None  # what there is, the other server says later
    for loader in LOAD_OPTIONS:
        check_load_args(loader, own_args(loader, settings.load))
    if settings.model is None:
        return catalog.choose_default()
    if settings.model.lower() == "none":
        return None
    path = Path(settings.model).expanduser()
    if catalog.find(settings.model) is None and path.exists():
        return model_at(path)
    return catalog.get(settings.model)


def build_catalog(settings: Settings) -> Catalog:
    """ConfigError for an upstream server that cannot be one, or a LoRA adapter that is not there."""
    is_upstream = settings.loader is not None and loader_name(settings.loader) == UPSTREAM
    remote = None
    if settings.upstream_url:
        from modules.loaders.upstream.server import build_server

        remote = build_server(
            settings.upstream_url,
            key=settings.upstream_key,
            params=settings.upstream_params,
            timeout_s=settings.upstream_timeout_s,
            proxy=settings.upstream_proxy,
        )
    elif is_upstream:
        raise ConfigError("--loader upstream needs --upstream-url.")
    return Catalog(
        settings.models_path,
        dict(settings.model_aliases),
        remote=remote,
        remote_first=is_upstream,
        adapters=_build_adapters(settings),
    )


def build_limits(settings: Settings) -> ModelLimits:
    return ModelLimits(
        max_models=settings.max_models,
        memory_bytes=math.ceil(settings.memory_budget * GIB),
        idle_s=settings.idle_timeout * 60,
        max_queue=settings.max_queue,
    )


def _build_adapters(settings: Settings) -> AdapterCatalog:
    """ConfigError for an adapter of the flags that is neither installed nor a path."""
    folder = settings.loras_path
    names = [split_scale(text)[0] for text in settings.load.get("lora", ())]
    installed = AdapterCatalog(folder)
    return AdapterCatalog(folder, [name for name in names if not installed.has(name)])


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
    stop = context.life.on_end = _stop_on_signals(context)
    loading = asyncio.ensure_future(_load_first(context, model))
    try:
        await asyncio.wait([loading, *running], return_when=asyncio.FIRST_COMPLETED)
        if loading.done() and not context.models.is_closing:
            loading.result()
        await asyncio.gather(*running)
    finally:
        stop()
        loading.cancel()
        await asyncio.gather(loading, *running, return_exceptions=True)
        for on_stop in context.hooks.on_stop:
            await on_stop()
        await context.media.close()
        await context.models.close()
        if context.models.catalog.remote is not None:
            context.models.catalog.remote.close()
    return 0


async def _start(services: list[Service]) -> None:
    """Nothing is told of a start that fails."""
    for line in [line for service in services for line in await service.start()]:
        _tell(line)
    _tell("Ctrl-C ends it.")


def _stop_on_signals(context: AppContext) -> Callable[[], None]:
    """The same can be called by whoever may end the program, more than once."""

    def stop() -> None:
        context.models.stop()  # replies end with what they have
        context.media.stop()
        context.models.give_up()
        for service in context.hooks.services:
            service.stop()

    hang_up = getattr(signal, "SIGHUP", signal.SIGTERM)  # the terminal was closed; Windows has none
    for number in (signal.SIGINT, signal.SIGTERM, hang_up):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, stop)
    return stop


async def _load_first(context: AppContext, model: InstalledModel | None) -> None:
    loader = context.settings.loader
    if loader is not None and loader_name(loader) == UPSTREAM:
        await _load_upstream(context)
        return
    if model is None:
        names = [each.name for each in await asyncio.to_thread(context.models.catalog.models)]
        _tell(
            f"No model is loaded; choose one with --model. Installed: {', '.join(names) or 'none'}"
        )
        return
    lora = context.settings.load.get("lora")
    await context.models.load(model, {"lora": list(lora)} if lora else None)
    if Path(model.name).name == DEMO_MODEL:
        _tell(
            "This is the demo model, which knows very little: put GGUF files into "
            f"{context.settings.models_path}, or choose one with --model."
        )


async def _load_upstream(context: AppContext) -> None:
    """Waits for the other server, which may start later. A wrong name or key ends the program, as a wrong file would."""
    catalog, name = context.models.catalog, context.settings.model
    assert catalog.remote is not None
    wanted = None if name is None else catalog.aliases.get(name, name)
    is_told = False
    while True:
        try:
            model = await asyncio.to_thread(catalog.remote.choose, wanted)
            await context.models.load(model)
            return
        except (NotReady, Unreachable) as error:
            if error.code in LASTING_FAULTS:
                raise
            if not is_told:
                _tell(f"{error.message} It is tried again until it answers.")
            is_told = True
        await asyncio.sleep(UPSTREAM_RETRY_S)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the person at the terminal, not for a log
