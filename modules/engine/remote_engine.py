"""The face of a model that another server runs. No scheduler and no thread of its own: a task of the event loop for each reply."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

from modules.core.errors import AppError, Busy, ModelError, NotReady, RequestError, Unsupported
from modules.core.events import Completion, Finished, Usage
from modules.core.messages import Image
from modules.core.requests import GenerationRequest, Grammar
from modules.core.sampling import SamplingParams
from modules.core.unrendered import ChatPrompt
from modules.engine.adapters import AdapterShelf
from modules.engine.statistics import EngineStatistics
from modules.engine.stream import EventStream
from modules.engine.token_checks import check_ids, check_prompt
from modules.loaders.base import ModelInfo, PlacedImage, Tokenizer
from modules.loaders.remote_base import RemoteModel, RemoteReply

log = logging.getLogger("hearth.engine")


@dataclass(eq=False)
class _Job:
    request: GenerationRequest
    stream: EventStream
    task: "asyncio.Task[None] | None" = None
    reply: RemoteReply | None = None
    is_stopped: bool = False
    submitted_at: float = field(default_factory=time.monotonic)

    @property
    def usage(self) -> Usage:
        if self.reply is not None:
            return self.reply.usage
        return Usage(len(self.request.prompt_ids), 0)


class _NoAdapters:
    """What an AdapterShelf asks of a runner. LoRA adapters are for models of this process."""

    adapters: tuple[str, ...] = ()

    def read_adapter(self, path: Path) -> NoReturn:
        raise Unsupported(
            "LoRA adapters are for models of this server; load them at the upstream server.",
            param="lora",
        )


def _refuse_adapters(work: object) -> NoReturn:
    raise Unsupported("LoRA adapters are for models of this server.", param="lora")


class RemoteEngine:
    """An Engine. As many requests as the model takes are with the other server at once, others wait here, `max_queue` at most.

    What the other server refuses is known when it has answered: `EventStream.taken` tells.
    """

    def __init__(self, model: RemoteModel, max_queue: int = 256) -> None:
        self.info: ModelInfo = model.info
        self.adapters = AdapterShelf(cast("Any", _NoAdapters()), _refuse_adapters)
        self.statistics = EngineStatistics(slots=model.info.slots)
        self._model = model
        self._parallel = model.parallel
        self._max_queue = max_queue
        self._turns = asyncio.Semaphore(model.parallel)
        self._jobs: dict[EventStream, _Job] = {}
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def tokenizer(self) -> Tokenizer:
        return self._model.tokenizer

    def prepare(self, request: GenerationRequest) -> None:
        """Nothing takes long here."""

    def place_image(self, image: Image) -> PlacedImage:
        raise Unsupported("Pictures go to another server in messages of a chat only.")

    def check_grammar(self, grammar: Grammar) -> None:
        """Whether the other server takes grammars of this kind; what is wrong with the text it says itself."""
        self._model.check_grammar(grammar)

    def check_sampling(self, sampling: SamplingParams) -> None:
        biased = tuple(token_id for token_id, _ in sampling.logit_bias)
        check_ids(biased, self.info, "logit_bias")
        check_ids(sampling.custom_token_bans, self.info, "custom_token_bans")

    def submit(self, request: GenerationRequest) -> EventStream:
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[EventStream]:
        """All are let in here, or none; there each is a request of its own."""
        for request in requests:
            self._check(request)
        if self._is_closed:
            raise NotReady("The model is being unloaded.")
        waiting = len(self._jobs) - self._parallel
        if self._jobs and waiting >= self._max_queue:
            raise Busy("Too many requests wait already.", retry_after_s=1)
        self._loop = asyncio.get_running_loop()
        return [self._begin(request) for request in requests]

    async def complete(self, request: GenerationRequest) -> Completion:
        return await self.submit(request).fold()

    def stop(self, stop_id: str | None = None) -> int:
        """Each ends with what it has so far."""
        jobs = [job for job in self._jobs.values() if stop_id in (None, job.request.stop_id)]
        for job in jobs:
            self._stop(job)
        return len(jobs)

    def close(self) -> None:
        """From any thread; what still runs is cancelled in its event loop."""
        self._is_closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel_all)
        self._model.close()

    def _check(self, request: GenerationRequest) -> None:
        if request.unrendered is None:
            check_prompt(request, self.info)
        elif isinstance(request.unrendered, ChatPrompt) and not request.unrendered.messages:
            raise RequestError("messages is empty.", param="messages")
        self.check_sampling(request.sampling)
        self._model.check(request)

    def _begin(self, request: GenerationRequest) -> EventStream:
        stream = EventStream(
            asyncio.get_running_loop(),
            cancel=lambda: self._cancel(job),
            stop=lambda: self._stop(job),
            is_taken=False,
        )
        job = _Job(request, stream)
        if request.prompt_ids and request.max_tokens == 0 and request.prompt_logprobs is None:
            stream.take()
            stream.push([Finished("length", job.usage)])
            return stream
        self._jobs[stream] = job
        stream.on_end = partial(self._forget, job)
        job.task = asyncio.ensure_future(self._run(job))
        job.task.add_done_callback(partial(self._note_ended, job))
        self._note_load()
        return stream

    async def _run(self, job: _Job) -> None:
        try:
            async with self._turns:
                await self._pass_on(job)
        except AppError as error:
            job.stream.fail(error)
        except Exception:
            log.exception("A reply of another server could not be read")
            job.stream.fail(ModelError("The server failed to answer; its log has the details."))

    def _note_ended(self, job: _Job, task: "asyncio.Task[None]") -> None:
        """Also of a task that was cancelled before its first step, whose own code never ran."""
        if not task.cancelled():
            return
        if job.is_stopped:
            self._end(job, Finished("cancelled", job.usage))
        else:  # nobody reads it any more, unless the model is being unloaded
            job.stream.fail(NotReady("The model was unloaded."))

    async def _pass_on(self, job: _Job) -> None:
        async with self._model.reply(job.request) as reply:
            job.reply = reply
            job.stream.take(reply.ignored)
            is_first = True
            async with aclosing(cast("Any", aiter(reply))) as arriving:
                async for events in arriving:
                    if is_first:
                        self.statistics.note_first_token(time.monotonic() - job.submitted_at)
                        is_first = False
                    end = events[-1] if events else None
                    if isinstance(end, Finished):
                        job.stream.push(events[:-1])
                        self._end(job, end)
                    else:
                        job.stream.push(events)

    def _end(self, job: _Job, end: Finished) -> None:
        self.statistics.note_end(end.usage)
        job.stream.push([end])

    def _forget(self, job: _Job) -> None:
        self._jobs.pop(job.stream, None)
        self._note_load()

    def _cancel(self, job: _Job) -> None:
        if job.task is not None:
            job.task.cancel()

    def _stop(self, job: _Job) -> None:
        job.is_stopped = True
        self._cancel(job)

    def _cancel_all(self) -> None:
        for job in list(self._jobs.values()):
            self._cancel(job)

    def _note_load(self) -> None:
        total = len(self._jobs)
        running = min(total, self._parallel)
        self.statistics.note_load(running, total - running)
