"""A rendered prompt to the ids that the engine takes."""

from dataclasses import dataclass

from modules.core.errors import ContextLengthExceeded
from modules.core.messages import Image
from modules.core.requests import Media
from modules.engine.engine import Engine
from modules.loaders.base import Tokenizer, image_ids
from modules.prompts.prompt import Prompt, Verbatim

MAX_BYTES = 16 * 2**20
"""Of a prompt's text. A vocabulary may have very long tokens, so the context alone does not bound the work."""


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    ids: tuple[int, ...]
    media: tuple[Media, ...] = ()


def encode_prompt(
    prompt: Prompt, engine: Engine, *, bos_text: str, param: str, is_continuation: bool = False
) -> EncodedPrompt:
    """Blocking, and long for pictures: for a worker thread. ContextLengthExceeded names `param`.

    `bos_text`: when the text begins with it, the tokenizer must not add another. `is_continuation`: other ids come before these.
    """
    check_length(prompt.text, engine, param=param)
    ids: list[int] = []
    media: list[Media] = []
    if prompt.parts and isinstance(prompt.parts[0], Image) and not is_continuation:
        ids += engine.tokenizer.encode("", add_special=True, parse_special=False)
    for index, part in enumerate(prompt.parts):
        if isinstance(part, Image):
            placed = engine.place_image(part)
            ids += placed.before
            media.append(Media(len(ids), placed.length, part))
            ids += image_ids(part.digest, placed.length)
            ids += placed.after
        else:
            is_first = index == 0 and not is_continuation
            has_bos = bool(bos_text) and isinstance(part, str) and part.startswith(bos_text)
            ids += _encode(part, engine.tokenizer, add_special=is_first and not has_bos)
    return EncodedPrompt(tuple(ids), tuple(media))


def check_length(text: str, engine: Engine, *, param: str) -> None:
    """Refuse what cannot fit by its mere length: to tokenize it would keep a thread busy for long."""
    size = len(text.encode())
    at_least = size // engine.tokenizer.longest_piece
    if at_least > engine.info.context_length or size > MAX_BYTES:
        raise ContextLengthExceeded(at_least, engine.info.context_length, param=param)


def _text(part: str | Verbatim) -> str:
    return part if isinstance(part, str) else part.text


def _encode(part: str | Verbatim, tokenizer: Tokenizer, *, add_special: bool) -> list[int]:
    return tokenizer.encode(
        _text(part), add_special=add_special, parse_special=isinstance(part, str)
    )
