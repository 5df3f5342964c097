"""From a plan to a model that has been seen to answer."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from modules.core.errors import AppError, Cancelled, LoadError
from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.engine.adapters import add_defaults, find_defaults
from modules.engine.engine import Engine, LocalEngine
from modules.engine.ledger import Ledger
from modules.engine.load_wish import LoadPlan
from modules.engine.model import LoadedModel
from modules.engine.progress import LoadProgress
from modules.engine.remote_engine import RemoteEngine
from modules.loaders.adapter_catalog import AdapterCatalog
from modules.loaders.registry import LOADERS, REMOTE_LOADERS
from modules.prompts.template_sources import TemplateSources

ProgressListener = Callable[[LoadProgress], None]


class ModelBuilder:
    """Loads in `threads`, of which loads must have their own: they must not wait for the threads that requests share, nor they for it."""

    def __init__(
        self,
        templates: TemplateSources,
        adapters: AdapterCatalog,
        ledger: Ledger,
        max_queue: int,
        threads: Executor,
    ) -> None:
        self._templates = templates
        self._adapters = adapters
        self._ledger = ledger
        self._max_queue = max_queue
        self._threads = threads

    async def build(
        self, plan: LoadPlan, progress: LoadProgress, tell: ProgressListener
    ) -> LoadedModel:
        """`tell` is called in the event loop. LoadError, or what else the loader raises; nothing stays in memory then."""
        loop = asyncio.get_running_loop()

        def report(share: float) -> bool:
            progress.progress = share
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, progress)
            return progress.is_wanted

        model = await loop.run_in_executor(self._threads, self._load, plan, report)
        try:
            if (
                not model.info.renders_itself
            ):  # another server's may cost money, and has been tried there
                await _try_out(model)
            if progress.is_cancelled:
                raise Cancelled(f"Loading {plan.name} was cancelled.")
        except BaseException:
            await self._close(model, progress)
            raise
        model.engine.statistics.forget()  # nobody asked for this token
        model.engine.statistics.listener = partial(self._ledger.note, plan.name)
        return model

    async def _close(self, model: LoadedModel, progress: LoadProgress) -> None:
        if progress.is_given_up:  # the process ends: there may be no threads any more
            model.engine.close()
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, model.engine.close)

    def _load(self, plan: LoadPlan, report: Callable[[float], bool]) -> LoadedModel:
        engine = self._build_engine(plan, report)
        model = LoadedModel(engine, self._templates, plan, int(time.time()))
        try:
            if not model.info.renders_itself:
                _ = model.template.abilities  # one that cannot be used is found now
        except BaseException:
            engine.close()
            raise
        return model

    def _build_engine(self, plan: LoadPlan, report: Callable[[float], bool]) -> Engine:
        wanted = plan.wish.model
        if wanted.loader in REMOTE_LOADERS:
            remote = REMOTE_LOADERS[wanted.loader]()(wanted, plan.options, report)
            return RemoteEngine(remote, self._max_queue)
        must_fit = plan.wish.is_explicit and "lora" in plan.wish.args
        found = find_defaults(
            self._adapters, wanted.loader, plan.options["lora"], must_fit=must_fit
        )
        runner = LOADERS[wanted.loader]()(wanted.path, wanted.name, plan.options, report)
        try:
            defaults = add_defaults(runner, found, must_fit=must_fit)
        except BaseException:
            runner.close()
            raise
        engine = LocalEngine(runner, self._max_queue)
        engine.adapters.set_defaults(defaults)
        return engine


async def _try_out(model: LoadedModel) -> None:
    """One token: a model counts as loaded when it has computed something. This also reads weights that were only mapped."""
    request = GenerationRequest(
        (model.engine.tokenizer.start_id,), 1, SamplingParams(temperature=0), logprobs=0
    )
    try:
        completion = await model.engine.complete(request)
    except AppError as error:
        raise LoadError(f"{model.name} was loaded, but cannot compute: {error.message}") from error
    if any(math.isnan(token.chosen.logprob) for token in completion.logprobs):
        raise LoadError(
            f"{model.name} was loaded, but computes no numbers: its weights are damaged"
        )
