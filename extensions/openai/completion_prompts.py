"""The prompts of a completion as they were given. Pure functions."""

from extensions.openai.typing import CompletionRequest
from modules.core.errors import RequestError
from modules.loaders.base import Tokenizer

MAX_PROMPTS = 1024


def as_list(body: CompletionRequest) -> list[str | list[int]]:
    """One entry a prompt; a list of numbers is one prompt. RequestError when there are none, or too many."""
    if body.prompt is None:
        raise RequestError("Missing required parameter: 'prompt'.", param="prompt")
    given = _split(body.prompt)
    if not given:
        raise RequestError("prompt is an empty list.", param="prompt")
    if len(given) > MAX_PROMPTS:
        raise RequestError(f"prompt takes at most {MAX_PROMPTS} prompts.", param="prompt")
    return given


def is_text(body: CompletionRequest) -> bool:
    """Whether the prompts are texts: an echo is then exactly what was sent."""
    prompt = body.prompt
    return isinstance(prompt, str) or (bool(prompt) and isinstance(prompt[0], str))


def _split(prompt: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    if isinstance(prompt, str):
        return [prompt]
    texts_or_ids: list[str | list[int]] = [p for p in prompt if not isinstance(p, int)]
    return texts_or_ids or ([[p for p in prompt if isinstance(p, int)]] if prompt else [])


def echo_of(prompt: list[int], body: CompletionRequest, tokenizer: Tokenizer) -> str:
    """The text of a prompt of ids."""
    special = body.skip_special_tokens is False
    pieces = [tokenizer.piece(i, special=special) for i in prompt if i < tokenizer.size]
    return b"".join(pieces).decode(errors="replace")
