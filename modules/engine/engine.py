"""The face of one loaded text model: submit a request, read its events."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from modules.core.errors import RequestError
from modules.core.events import Completion, Finished
from modules.core.messages import Image
from modules.core.requests import GenerationRequest, Grammar
from modules.core.sampling import SamplingParams
from modules.engine.adapters import AdapterShelf
from modules.engine.constraints import GrammarCompiler
from modules.engine.generation import Generation
from modules.engine.scheduler import Job, Scheduler
from modules.engine.statistics import EngineStatistics
from modules.engine.stream import EventStream
from modules.engine.token_checks import check_ids, check_prompt
from modules.loaders.base import (
    ModelInfo,
    PlacedImage,
    Sequence as Slotted,
    TextRunner,
    TokenConstraint,
    Tokenizer,
)


class Engine(Protocol):
    """What serves one text model, wherever that runs. `submit` and `complete` belong to a running event loop."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def statistics(self) -> EngineStatistics: ...

    @property
    def adapters(self) -> AdapterShelf: ...

    def prepare(self, request: GenerationRequest) -> None:
        """What may take long for this request. Call it in a worker thread before `submit`."""
        ...

    def place_image(self, image: Image) -> PlacedImage:
        """How a picture stands in a prompt. Unsupported where the model has no eyes, or they are elsewhere."""
        ...

    def check_grammar(self, grammar: Grammar) -> None:
        """RequestError when it cannot be used. May take long, so it is for a worker thread."""
        ...

    def check_sampling(self, sampling: SamplingParams) -> None:
        """RequestError when it names tokens that the model does not have, or leaves none."""
        ...

    def submit(self, request: GenerationRequest) -> EventStream:
        """Check now, generate from now on.

        A plain function, so that an error is raised before anything of a response has gone out:
        ContextLengthExceeded, RequestError (a wrong grammar, a token id out of range, an adapter that is not loaded), Busy, NotReady.
        What only another server can tell comes later: `EventStream.taken` waits for that.
        """
        ...

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[EventStream]:
        """Several that belong together: all are let in, or none."""
        ...

    async def complete(self, request: GenerationRequest) -> Completion:
        """The same stream, folded."""
        ...

    def stop(self, stop_id: str | None = None) -> int:
        """End running and waiting requests early, all or those with this id; says how many."""
        ...

    def close(self) -> None:
        """From any thread; the model is freed when it returns."""
        ...


class LocalEngine:
    """An Engine over a Scheduler, for a model in this process."""

    def __init__(self, runner: TextRunner, max_queue: int = 256) -> None:
        self.info: ModelInfo = runner.info
        self.tokenizer: Tokenizer = runner.tokenizer
        self._grammars = GrammarCompiler(runner.build_grammar_tokenizer)
        self._prepare = runner.prepare
        self._runner = runner
        self._scheduler = Scheduler(runner, max_queue)
        self._jobs: dict[EventStream, Job] = {}
        self.adapters = AdapterShelf(runner, self._scheduler.call)

    @property
    def statistics(self) -> EngineStatistics:
        return self._scheduler.statistics

    def prepare(self, request: GenerationRequest) -> None:
        """What may take long: compile the grammar, make the samplers. Call it in a worker thread before `submit`."""
        self._prepare(request)
        if request.grammar is not None:
            self._grammars.compile(request.grammar)

    def place_image(self, image: Image) -> PlacedImage:
        return self._runner.place_image(image)

    def check_grammar(self, grammar: Grammar) -> None:
        """Compiles it."""
        self._grammars.compile(grammar)

    def submit(self, request: GenerationRequest) -> EventStream:
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[EventStream]:
        """They count as one when the queue is looked at."""
        requests = [self.adapters.complete(request) for request in requests]
        checked: GenerationRequest | None = None
        for request in requests:
            # Replies of one prompt share its ids, and its long list is looked at once.
            if checked is None or request.prompt_ids is not checked.prompt_ids:
                self._check(request)
                checked = request
        jobs = [self._build(request, self._constraint(request)) for request in requests]
        self._scheduler.submit([job for job in jobs if job.generation.needs_model])
        for job in jobs:
            if job.generation.needs_model:
                self._jobs[job.stream] = job
                self.adapters.take(job.sequence.request)
                job.stream.on_end = partial(self._note_end, job)
            else:
                job.stream.push([Finished("length", job.generation.usage)])
        return [job.stream for job in jobs]

    async def complete(self, request: GenerationRequest) -> Completion:
        return await self.submit(request).fold()

    def stop(self, stop_id: str | None = None) -> int:
        jobs = [
            job
            for job in list(self._jobs.values())
            if stop_id is None or job.sequence.request.stop_id == stop_id
        ]
        self._stop(jobs)
        return len(jobs)

    def close(self) -> None:
        """Blocks until the engine's thread has ended and the model is freed."""
        self._scheduler.close()

    def _build(self, request: GenerationRequest, constraint: TokenConstraint | None) -> Job:
        sequence = Slotted(request, list(request.prompt_ids), constraint)
        stream = EventStream(
            asyncio.get_running_loop(),
            cancel=lambda: self._cancel(job),
            stop=lambda: self._stop([job]),
        )
        job = Job(sequence, Generation(sequence, self.tokenizer), stream)
        return job

    def _note_end(self, job: Job) -> None:
        self._jobs.pop(job.stream, None)
        self.adapters.give_back(job.sequence.request)

    def _cancel(self, job: Job) -> None:
        job.is_cancelled = True
        self._scheduler.drop_cancelled()

    def _stop(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.is_stopped = True
        self._scheduler.drop_cancelled()

    def _constraint(self, request: GenerationRequest) -> TokenConstraint | None:
        return None if request.grammar is None else self._grammars.compile(request.grammar)

    def _check(self, request: GenerationRequest) -> None:
        check_prompt(request, self.info)
        self.check_sampling(request.sampling)

    def check_sampling(self, sampling: SamplingParams) -> None:
        biased = tuple(token_id for token_id, _ in sampling.logit_bias)
        check_ids(biased, self.info, "logit_bias")
        check_ids(sampling.custom_token_bans, self.info, "custom_token_bans")
        if self._bans_everything(sampling):
            raise RequestError("Every token is banned.", param="logit_bias")

    def _bans_everything(self, sampling: SamplingParams) -> bool:
        """A sampler chain with nothing left to choose from would end the process."""
        size = self.info.vocabulary_size
        banned = set(sampling.banned_ids)
        if sampling.ban_eos_token and len(banned) > size // 2:
            banned.update(filter(self.tokenizer.is_end, range(size)))
        return len(banned) >= size
