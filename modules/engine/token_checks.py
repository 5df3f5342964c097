"""What can be refused by looking at token ids, before anything runs."""

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.requests import GenerationRequest
from modules.loaders.base import ModelInfo


def check_prompt(request: GenerationRequest, info: ModelInfo) -> None:
    """ContextLengthExceeded, or RequestError for ids that the model does not have. What is not known of a model is not checked."""
    if not request.prompt_ids:
        raise RequestError("The prompt is empty.", param="prompt")
    limit = info.context_length
    needed = len(request.prompt_ids) + (1 if request.max_tokens else 0)
    if limit and needed > limit:
        raise ContextLengthExceeded(len(request.prompt_ids), limit, param="prompt")
    check_ids(_text_ids(request), info, "prompt")


def check_ids(token_ids: tuple[int, ...], info: ModelInfo, param: str) -> None:
    size = info.vocabulary_size
    ids = token_ids or (0,)
    for token_id in (min(ids), max(ids)):
        if size and not 0 <= token_id < size:
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
