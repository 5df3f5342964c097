"""What extensions make of a prompt: its text, its beginning of the reply, its tokens, its length, its logits. Blocking."""

from collections.abc import Sequence
from typing import Any, cast

from modules.core.asked import ChatRequest, TextRequest
from modules.core.messages import Message
from modules.core.requests import LogitsProcessor
from modules.engine.encoding import EncodedPrompt
from modules.engine.model import LoadedModel
from modules.hooks import Extension, Hooks, State, WrongAnswer
from modules.replies.input_hooks import checked_text

PROCESSORS = "logits_processor_modifier"


def custom_prompt(messages: Sequence[Message], request: ChatRequest, hooks: Hooks) -> str | None:
    return hooks.first("custom_generate_chat_prompt", tuple(messages), request, check=checked_text)


def reply_prefix(request: ChatRequest, hooks: Hooks) -> str:
    """What the reply begins with; nothing where it goes on from a message, since there it has begun."""
    if request.continues_last:
        return ""
    return hooks.modify("bot_prefix_modifier", "", request, check=checked_text)


def prompt_length(prompt: str, request: ChatRequest, hooks: Hooks) -> int | None:
    return hooks.first("custom_tokenized_length", prompt, request, check=_checked_length)


def hooked_tokens(
    prompt: str, encoded: EncodedPrompt, state: State, model: LoadedModel, hooks: Hooks
) -> EncodedPrompt:
    """Ids as extensions leave them. With pictures they stay: their places are counted."""
    if encoded.media or not hooks.has("tokenizer_modifier"):
        return encoded
    size = model.info.vocabulary_size

    def check(answer: object, _before: list[int]) -> list[int]:
        return _checked_ids(answer, size)

    ids = hooks.modify(
        "tokenizer_modifier",
        list(encoded.ids),
        state,
        check=check,
        before=(prompt,),
        copy=list,
    )
    return EncodedPrompt(tuple(ids))


def logits_processors(
    token_ids: tuple[int, ...], state: ChatRequest | TextRequest, hooks: Hooks
) -> tuple[LogitsProcessor, ...]:
    """Of one reply: each call makes new ones, which may count along."""
    processors: list[LogitsProcessor] = []
    for extension, hook in hooks.each(PROCESSORS):
        try:
            answer = _checked_processors(hook(list(processors), token_ids, state))
            processors = [_guarded(each, extension, hooks) for each in answer]
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            hooks.note(extension, PROCESSORS, error)
    return tuple(processors)


class GuardedProcessor:
    """A function of an extension over logits. It gets a copy; once it fails it is not called again."""

    def __init__(self, process: LogitsProcessor, extension: Extension, hooks: Hooks) -> None:
        self._process: LogitsProcessor | None = process
        self._extension = extension
        self._hooks = hooks

    def __call__(self, token_ids: Sequence[int], logits: Any) -> Any:
        if self._process is None:
            return logits
        try:
            return _checked_logits(self._process(token_ids, logits.copy()), logits)
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            self._process = None
            self._hooks.note(self._extension, PROCESSORS, error)
            return logits


def _guarded(process: LogitsProcessor, extension: Extension, hooks: Hooks) -> LogitsProcessor:
    if isinstance(process, GuardedProcessor):
        return process
    return GuardedProcessor(process, extension, hooks)


def _checked_logits(answer: object, before: Any) -> Any:
    """float32 of the same size, with something to choose from: llama.cpp would end the process without."""
    import numpy as np

    if answer is None:
        raise WrongAnswer("a processor returned NoneType, not logits")
    logits = np.array(answer, dtype=np.float32)
    if logits.shape != before.shape:
        raise WrongAnswer(
            f"a processor returned logits of shape {logits.shape}, not {before.shape}"
        )
    logits[np.isneginf(before)] = -np.inf  # rows that stand for no token
    if not np.isfinite(logits.max()):  # nan, all of them -inf, or inf
        raise WrongAnswer("a processor returned logits that leave nothing to choose from")
    return logits


def _checked_length(answer: object) -> int:
    if not isinstance(answer, int) or isinstance(answer, bool) or answer < 0:
        raise WrongAnswer(f"it returned {type(answer).__name__}, not a count")
    return answer


def _checked_ids(answer: object, size: int) -> list[int]:
    if not isinstance(answer, list | tuple):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not a list of token ids")
    ids = cast("list[Any]", list(cast("list[object]", answer)))
    if not ids or not all(type(each) is int and 0 <= each < size for each in ids):
        raise WrongAnswer("it returned no tokens, or some that the model does not have")
    return ids


def _checked_processors(answer: object) -> list[LogitsProcessor]:
    if not isinstance(answer, list | tuple):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not a list of functions")
    items = list(cast("list[object]", answer))
    if not all(callable(each) for each in items):
        raise WrongAnswer("it returned something else than functions")
    return cast("list[LogitsProcessor]", items)
