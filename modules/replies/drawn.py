"""One planned prompt to its replies: a seed, logits processors and perhaps an extension's own text for each. Blocking."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.engine.model import LoadedModel
from modules.hooks import Extension, Hooks, State, WrongAnswer
from modules.replies.own_replies import HOOK, OwnReply, checked_piece
from modules.replies.plans import PlannedReply
from modules.replies.prompt_hooks import logits_processors


def plan_replies(
    request: GenerationRequest,
    state: State,
    prompt: str,
    model: LoadedModel,
    hooks: Hooks,
    *,
    first: int = 0,
) -> tuple[PlannedReply, ...]:
    """`state.count` of them. `prompt`: the text that extensions are told; `first`: replies of other prompts before these."""
    replies: list[PlannedReply] = []
    for index in range(first, first + state.count):
        wanted = request.with_sampling(with_seed(request.sampling, index))
        if not model.info.renders_itself:
            processors = logits_processors(wanted.prompt_ids, state, hooks)
            wanted = replace(wanted, logits_processors=processors) if processors else wanted
        own = find_own_reply(prompt, state, hooks) if wanted.max_tokens else None
        replies.append(PlannedReply(wanted, own))
    return tuple(replies)


def with_seed(sampling: SamplingParams, index: int) -> SamplingParams:
    """The n-th reply of a seeded request gets a seed of its own."""
    if sampling.seed < 0 or index == 0:
        return sampling
    return sampling.updated({"seed": (sampling.seed + index) % 2**63})


def find_own_reply(prompt: str, state: State, hooks: Hooks) -> OwnReply | None:
    """Of the first extension that answers. Its first piece is made here: one that fails before that leaves the reply to others."""
    for extension, hook in hooks.each(HOOK):
        try:
            answer = hook(prompt, state)
            if answer is not None:
                return _begun(answer, extension, hooks)
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            hooks.note(extension, HOOK, error)
    return None


def _begun(answer: object, extension: Extension, hooks: Hooks) -> OwnReply:
    if isinstance(answer, str):
        return OwnReply(hooks, extension, iter(()), answer)
    if not isinstance(answer, Iterable):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not pieces of text")
    pieces = cast("Iterator[str]", iter(cast("Iterable[object]", answer)))
    first = next(pieces, None)
    return OwnReply(hooks, extension, pieces, None if first is None else checked_piece(first))
