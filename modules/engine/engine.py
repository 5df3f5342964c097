"""The face of one loaded text model: submit a request, read its events."""

import asyncio
from collections.abc import Sequence
from functools import partial

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.events import Completion, Finished
from modules.core.messages import Image
from modules.core.requests import GenerationRequest, Grammar
from modules.core.sampling import SamplingParams
from modules.engine.constraints import GrammarCompiler
from modules.engine.generation import Generation
from modules.engine.scheduler import Job, Scheduler
from modules.engine.statistics import EngineStatistics
from modules.engine.stream import EventStream
from modules.loaders.base import (
    ModelInfo,
    PlacedImage,
    Sequence as Slotted,
    TextRunner,
    TokenConstraint,
    Tokenizer,
)


class Engine:
    """Streams for asyncio over a Scheduler. `submit` and `complete` belong to a running event loop."""

    def __init__(self, runner: TextRunner, max_queue: int = 256) -> None:
        self.info: ModelInfo = runner.info
        self.tokenizer: Tokenizer = runner.tokenizer
        self._grammars = GrammarCompiler(runner.build_grammar_tokenizer)
        self._prepare = runner.prepare
        self._runner = runner
        self._scheduler = Scheduler(runner, max_queue)
        self._jobs: dict[EventStream, Job] = {}

    @property
    def statistics(self) -> EngineStatistics:
        return self._scheduler.statistics

    def prepare(self, request: GenerationRequest) -> None:
        """What may take long: compile the grammar, make the samplers. Call it in a worker thread before `submit`."""
        self._prepare(request)
        if request.grammar is not None:
            self._grammars.compile(request.grammar)

    def place_image(self, image: Image) -> PlacedImage:
        """How a picture stands in a prompt. Unsupported where the model has no eyes."""
        return self._runner.place_image(image)

    def check_grammar(self, grammar: Grammar) -> None:
        """RequestError when it cannot be used. Compiles it, so it is for a worker thread."""
        self._grammars.compile(grammar)

    def submit(self, request: GenerationRequest) -> EventStream:
        """Check now, generate from now on.

        A plain function, so that an error is raised before anything of a response has gone out:
        ContextLengthExceeded, RequestError (a wrong grammar, a token id out of range), Busy, NotReady.
        """
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[EventStream]:
        """Several that belong together: all are let in, or none. They count as one when the queue is looked at."""
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
                job.stream.on_end = partial(self._jobs.pop, job.stream, None)
            else:
                job.stream.push([Finished("length", job.generation.usage)])
        return [job.stream for job in jobs]

    async def complete(self, request: GenerationRequest) -> Completion:
        """The same stream, folded."""
        return await self.submit(request).fold()

    def stop(self, stop_id: str | None = None) -> int:
        """End running and waiting requests early, all or those with this id; says how many."""
        jobs = [
            job
            for job in list(self._jobs.values())
            if stop_id is None or job.sequence.request.stop_id == stop_id
        ]
        for job in jobs:
            job.is_stopped = True
        self._scheduler.drop_cancelled()
        return len(jobs)

    def close(self) -> None:
        """Blocks until the engine's thread has ended and the model is freed."""
        self._scheduler.close()

    def _build(self, request: GenerationRequest, constraint: TokenConstraint | None) -> Job:
        sequence = Slotted(request, list(request.prompt_ids), constraint)
        stream = EventStream(asyncio.get_running_loop(), cancel=lambda: self._cancel(job))
        job = Job(sequence, Generation(sequence, self.tokenizer), stream)
        return job

    def _cancel(self, job: Job) -> None:
        job.is_cancelled = True
        self._scheduler.drop_cancelled()

    def _constraint(self, request: GenerationRequest) -> TokenConstraint | None:
        return None if request.grammar is None else self._grammars.compile(request.grammar)

    def _check(self, request: GenerationRequest) -> None:
        if not request.prompt_ids:
            raise RequestError("The prompt is empty.", param="prompt")
        limit = self.info.context_length
        needed = len(request.prompt_ids) + (1 if request.max_tokens else 0)
        if needed > limit:
            raise ContextLengthExceeded(len(request.prompt_ids), limit, param="prompt")
        self._check_ids(_text_ids(request), "prompt")
        self.check_sampling(request.sampling)

    def check_sampling(self, sampling: SamplingParams) -> None:
        """RequestError when it names tokens that the model does not have, or leaves none."""
        self._check_ids(tuple(token_id for token_id, _ in sampling.logit_bias), "logit_bias")
        self._check_ids(sampling.custom_token_bans, "custom_token_bans")
        if self._bans_everything(sampling):
            raise RequestError("Every token is banned.", param="logit_bias")

    def _bans_everything(self, sampling: SamplingParams) -> bool:
        """A sampler chain with nothing left to choose from would end the process."""
        size = self.info.vocabulary_size
        banned = set(sampling.banned_ids)
        if sampling.ban_eos_token and len(banned) > size // 2:
            banned.update(filter(self.tokenizer.is_end, range(size)))
        return len(banned) >= size

    def _check_ids(self, token_ids: tuple[int, ...], param: str) -> None:
        size = self.info.vocabulary_size
        ids = token_ids or (0,)
        for token_id in (min(ids), max(ids)):
            if not 0 <= token_id < size:
                raise RequestError(
                    f"{token_id} is not a token id of this model (0 to {size - 1}).", param=param
                )


def _text_ids(request: GenerationRequest) -> tuple[int, ...]:
    """The prompt's ids without those that stand for pictures."""
    if not request.media:
        return request.prompt_ids
    ids: list[int] = []
    start = 0
    for media in request.media:
        ids += request.prompt_ids[start : media.start]
        start = media.start + media.length
    return (*ids, *request.prompt_ids[start:])
