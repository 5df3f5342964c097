"""What a request asks for: texts or token ids, how they are worded, and what happens when they are too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from extensions.openai.embeddings.typing import TextFields
from extensions.openai.fields import Prompt
from modules.core.errors import RequestError
from modules.core.options import shown
from modules.core.vectors import EmbedderTraits, EncodedText
from modules.engine.media.embedding import (
    DOCUMENT,
    QUERY,
    Cutting,
    Wording,
    encode_ids,
    encode_texts,
    names_of,
    wording_for,
)
from modules.engine.media.step_thread import Steps
from modules.loaders.media_base import Embedder

MAX_INPUTS = 2048
KINDS = {
    "query": ("query", QUERY),
    "search_query": ("query", QUERY),
    "document": ("document", DOCUMENT),
    "passage": ("document", DOCUMENT),
    "search_document": ("document", DOCUMENT),
}
"""Of `input_type`, in the words of several servers: the task, and the names that models give its prompt."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Either texts or token ids."""

    texts: tuple[str, ...] = ()
    ids: tuple[Sequence[int], ...] = ()


def read_inputs(given: Prompt) -> Inputs:
    """RequestError where there is nothing, or too much."""
    if isinstance(given, str):
        inputs = Inputs(texts=(given,))
    elif given and isinstance(given[0], int):
        inputs = Inputs(ids=(cast("list[int]", given),))
    elif given and isinstance(given[0], list):
        inputs = Inputs(ids=tuple(cast("list[list[int]]", given)))
    else:
        inputs = Inputs(texts=tuple(cast("list[str]", given)))
    _check(inputs)
    return inputs


def _check(inputs: Inputs) -> None:
    items = inputs.texts or inputs.ids
    if not items:
        raise RequestError("Invalid 'input': input cannot be an empty list.", param="input")
    if len(items) > MAX_INPUTS:
        raise RequestError(
            f"Invalid 'input': it has {len(items)} items; there can be at most {MAX_INPUTS}.",
            param="input",
        )
    for place, item in enumerate(items):
        if not item:
            where = "input" if len(items) == 1 else f"input[{place}]"
            kind = "string" if inputs.texts else "list"
            raise RequestError(f"Invalid '{where}': input cannot be an empty {kind}.", param=where)


def cutting_of(body: TextFields) -> Cutting:
    side = body.truncate.upper() if isinstance(body.truncate, str) else None
    limit = body.truncate_prompt_tokens
    if limit == 0:
        raise RequestError(
            "truncate_prompt_tokens must be at least 1, or -1 for what the model takes.",
            param="truncate_prompt_tokens",
        )
    return Cutting(
        is_on=limit is not None or body.truncate is True or side in ("START", "END"),
        limit=limit if limit is not None and limit > 0 else None,
        keeps_end=side == "START",
    )


def wording_of(body: TextFields, traits: EmbedderTraits) -> Wording:
    """RequestError names the prompts that there are where `prompt_name` is none of them."""
    if body.prompt_name is not None:
        if body.prompt_name not in traits.prompts:
            names = ", ".join(map(repr, traits.prompts)) or "none"
            raise RequestError(
                f"This model has no prompt {shown(body.prompt_name)}; it has: {names}.",
                param="prompt_name",
            )
        return wording_for(traits, [body.prompt_name])
    if body.input_type is None:
        return wording_for(traits, [])
    task, names = KINDS.get(body.input_type, (None, (body.input_type,)))
    return wording_for(traits, names, task)


def idle_fields(body: TextFields, traits: EmbedderTraits) -> list[str]:
    """What was asked for and changes nothing: an input_type of which the model knows nothing."""
    if body.input_type is None or body.prompt_name is not None:
        return []
    task, names = KINDS.get(body.input_type, (None, (body.input_type,)))
    is_known = any(name in traits.prompts for name in names)
    return [] if is_known or (task and traits.has_tasks) else ["input_type"]


def encode_inputs(
    model: Embedder, inputs: Inputs, body: TextFields, cutting: Cutting
) -> Steps[list[EncodedText]]:
    wording = wording_of(body, model.traits)
    if inputs.texts:
        names = names_of("input", len(inputs.texts))
        return (yield from encode_texts(model, inputs.texts, wording, cutting, names))
    if wording.prompt:
        raise RequestError(
            "Token ids take no prompt before them; send the text instead.",
            param="prompt_name" if body.prompt_name else "input_type",
        )
    names = names_of("input", len(inputs.ids))
    return (yield from encode_ids(model, inputs.ids, cutting, names))
