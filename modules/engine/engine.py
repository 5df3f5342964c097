"""The face of one loaded text model: submit a request, read its events."""

import asyncio
from collections.abc import Iterable

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.events import Completion, Finished, Usage
from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.engine.constraints import GrammarCompiler
from modules.engine.generation import Generation
from modules.engine.scheduler import Job, Scheduler
from modules.engine.statistics import EngineStatistics
from modules.engine.stream import EventStream
from modules.loaders.base import ModelInfo, Sequence, TextRunner, TokenConstraint, Tokenizer


class Engine:
    """Streams for asyncio over a Scheduler. `submit` and `complete` belong to a running event loop."""

    def __init__(self, runner: TextRunner, max_queue: int = 256) -> None:
        self.info: ModelInfo = runner.info
        self.tokenizer: Tokenizer = runner.tokenizer
        self._grammars = GrammarCompiler(runner.build_grammar_tokenizer)
        self._max_queue = max_queue
        self._scheduler = Scheduler(runner, max_queue)
        self._jobs: dict[EventStream, Job] = {}

    @property
    def statistics(self) -> EngineStatistics:
        return self._scheduler.statistics

    @property
    def capacity(self) -> int:
        """Requests that can run and wait together."""
        return self.info.slots + self._max_queue

    def prepare(self, request: GenerationRequest) -> None:
        """Compile the request's grammar, which may take long: call it in a worker thread before `submit`."""
        if request.grammar is not None:
            self._grammars.compile(request.grammar)

    def submit(self, request: GenerationRequest) -> EventStream:
        """Check now, generate from now on.

        A plain function, so that an error is raised before anything of a response has gone out:
        ContextLengthExceeded, RequestError (a wrong grammar, a token id out of range), Busy, NotReady.
        """
        self._check(request)
        return self._start(request, self._constraint(request))

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

    def _start(self, request: GenerationRequest, constraint: TokenConstraint | None) -> EventStream:
        loop = asyncio.get_running_loop()
        sequence = Sequence(request, list(request.prompt_ids), constraint)
        job = Job(sequence, Generation(sequence, self.tokenizer))
        stream = EventStream(loop, cancel=lambda: self._cancel(job))
        if request.max_tokens == 0 and request.prompt_logprobs is None:
            stream.push([Finished("length", Usage(sequence.prompt_length, 0))])
            return stream
        job.stream = stream
        self._scheduler.submit(job)
        self._jobs[stream] = job
        stream.on_end = lambda: self._jobs.pop(stream, None)
        return stream

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
        sampling = request.sampling
        self._check_ids(request.prompt_ids, "prompt")
        self._check_ids((token_id for token_id, _ in sampling.logit_bias), "logit_bias")
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

    def _check_ids(self, token_ids: Iterable[int], param: str) -> None:
        size = self.info.vocabulary_size
        for token_id in token_ids:
            if not 0 <= token_id < size:
                raise RequestError(
                    f"{token_id} is not a token id of this model (0 to {size - 1}).", param=param
                )
