"""Going on with a text: from the text and the page's parameters to a running reply, and the likely next tokens. Nothing here knows of widgets."""

import math
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from modules.chats.turns import Tally
from modules.context import AppContext
from modules.core.asked import TextRequest
from modules.core.events import Event, Finished, TextDelta, Usage
from modules.core.sampling import SamplingParams
from modules.engine.model import LoadedModel
from modules.replies.constraints import named_grammar_constraint
from modules.replies.start import in_thread, start
from modules.replies.streams import ReplyStream
from modules.replies.text_plan import DEFAULT_MAX_TOKENS, plan_text
from modules.settings import Settings
from modules.ui.model.actions import refuse_without_model
from modules.ui.notebook.stopping import GivenUp, Stopping
from modules.ui.profile import Parameters

SHOWN_PER_S = 12
"""How often a text that grows is shown, at most."""
CHARS_PER_S = 200_000
"""How much of it is shown anew in a second: a browser lays the whole text out each time, so a longer one is shown less often."""
TOP_TOKENS = 20


@dataclass(frozen=True, slots=True)
class Written:
    """What has been written so far. `is_over`: with `reason`, the engine's, and exact `tokens`; before that they are counted by pieces."""

    text: str = ""
    tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0
    left_out: int = 0
    reason: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.reason)

    @property
    def tokens_per_second(self) -> float | None:
        return Tally(self.prompt_tokens, self.tokens, self.seconds).tokens_per_second


@dataclass(frozen=True, slots=True)
class NextToken:
    """`probability` from 0 to 1; `token_id` is -1 where another server tells texts only."""

    token_id: int
    text: str
    probability: float


async def write_on(
    context: AppContext, text: str, parameters: Parameters, stopping: Stopping, person: str = ""
) -> AsyncGenerator[Written]:
    """`stopping.stop()` ends it with what is there, whoever writes. Closing the generator cancels it. AppError when it cannot be done."""
    try:
        refuse_without_model(context.models)
        async with AsyncExitStack() as stack:
            model = await stopping.wait(stack.enter_async_context(context.models.lease()))

            def fit() -> tuple[TextRequest, int]:
                asked = to_request(text, parameters, context.settings, person)
                return fitting(asked, parameters, model)

            wanted, left_out = await stopping.wait(in_thread(fit, model))
            running = stack.enter_async_context(_running(context, wanted, model))
            reply = await stopping.wait(running)
            stopping.follow(reply.stream)
            growing = await stack.enter_async_context(aclosing(_read(reply, len(text), stopping)))
            async for written in growing:
                yield replace(written, left_out=left_out)
    except GivenUp:  # before anything was written
        yield Written(reason="cancelled")


async def next_tokens(
    context: AppContext,
    text: str,
    parameters: Parameters,
    *,
    is_sampled: bool,
    person: str = "",
) -> list[NextToken]:
    """The likeliest, best first: as the model has them, or as the samplers leave them."""
    refuse_without_model(context.models)
    async with context.models.lease() as model:

        def plan() -> TextRequest:
            asked = to_request(text, parameters, context.settings, person)
            sampling = asked.sampling if is_sampled else SamplingParams()
            asked = replace(
                asked,
                sampling=sampling,
                given=asked.given if is_sampled else frozenset[str](),
                constraint=asked.constraint if is_sampled else None,
                stop=(),
                max_tokens=1,
                logprobs=TOP_TOKENS,
                sampled_logprobs=is_sampled,
                scores_end=True,
            )
            return fitting(asked, parameters, model)[0]

        async with _running(context, await in_thread(plan, model), model) as reply:
            done = await reply.stream.fold()
    found = done.logprobs[0].alternatives if done.logprobs else ()
    return [NextToken(each.token_id, each.text, math.exp(each.logprob)) for each in found]


def count_tokens(text: str, model: LoadedModel) -> int:
    """As the prompt that it would be. Blocking."""
    return len(model.engine.tokenizer.encode(text, add_special=True, parse_special=True))


def to_request(
    text: str, parameters: Parameters, settings: Settings, person: str = ""
) -> TextRequest:
    """`person`: as in `Asked`. RequestError for a grammar that cannot be used. Reads files."""
    grammar = parameters.grammar.strip()
    return TextRequest(
        face="ui",
        person=person,
        text=text,
        sampling=settings.sampling.updated(parameters.sampling),
        given=frozenset(name for name, value in parameters.sampling.items() if value is not None),
        stop=parameters.stop,
        max_tokens=parameters.max_tokens or DEFAULT_MAX_TOKENS,
        constraint=named_grammar_constraint(grammar, settings.grammars_path) if grammar else None,
    )


def fitting(
    request: TextRequest, parameters: Parameters, model: LoadedModel
) -> tuple[TextRequest, int]:
    """Where the parameters allow it, without as much of the text's beginning as does not fit; and how many tokens that were."""
    if not parameters.can_truncate or model.info.renders_itself:
        return request, 0
    tokenizer, limit = model.engine.tokenizer, model.info.context_length
    most = limit * tokenizer.longest_piece  # what is before it can have no part in what fits
    text = request.text[-most:]
    ids = tokenizer.encode(text, add_special=False, parse_special=True)
    room = limit - max(1, min(request.max_tokens or 1, limit // 2)) - 1
    if len(ids) <= room and len(text) == len(request.text):
        return request, 0
    kept = b"".join(tokenizer.piece(each, special=True) for each in ids[-room:])
    left_out = max(1, len(ids) - room)
    return replace(request, text=kept.decode(errors="ignore")), left_out


@dataclass(frozen=True, slots=True)
class _Reply:
    stream: ReplyStream
    prompt_tokens: int


@asynccontextmanager
async def _running(
    context: AppContext, request: TextRequest, model: LoadedModel
) -> AsyncGenerator[_Reply]:
    plan = await in_thread(lambda: plan_text(request, model, context.hooks), model)
    stream = start(plan, model, context.hooks)
    try:
        await stream.taken()
        yield _Reply(stream, len(plan.replies[0].request.prompt_ids))
    finally:
        await stream.aclose()


async def _read(reply: _Reply, length: int, stopping: Stopping) -> AsyncGenerator[Written]:
    """At once what comes first, then not more often than can be seen, and the end in any case. `length`: of the text before."""
    pieces: list[str] = []
    began = shown = 0.0
    count = 0
    while events := await _next(reply, stopping, count):
        now = time.monotonic()
        began = began or now
        for event in events:
            if isinstance(event, TextDelta):
                pieces.append(event.text)
                length += len(event.text)
                count += 1
            elif isinstance(event, Finished):
                usage = event.usage
                yield Written(
                    "".join(pieces),
                    usage.completion_tokens,
                    usage.prompt_tokens,
                    now - began,
                    reason=event.reason,
                )
                return
        if now - shown >= max(1 / SHOWN_PER_S, length / CHARS_PER_S):
            shown = now
            yield Written("".join(pieces), count, seconds=now - began)


async def _next(reply: _Reply, stopping: Stopping, count: int) -> list[Event]:
    """The end, where a reply that was stopped does not come to it by itself. `count`: of the pieces so far."""
    try:
        return await stopping.wait(reply.stream.batch())
    except GivenUp:
        return [Finished("cancelled", Usage(reply.prompt_tokens, count))]
