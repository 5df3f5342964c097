"""Plain prompts with pictures, whose text marks the places with `<__media__>`."""

from collections.abc import Iterator, Sequence

from modules.core.errors import RequestError
from modules.core.messages import Image
from modules.engine.encoding import EncodedPrompt, encode_prompt
from modules.engine.model import LoadedModel
from modules.prompts.prompt import Prompt

MARK = "<__media__>"


def encode_media_prompt(text: str, images: Sequence[Image], model: LoadedModel) -> EncodedPrompt:
    """No chat template. Blocking."""
    prompt = Prompt(tuple(_parts(text, images)))
    return encode_prompt(prompt, model.engine, bos_text=model.info.bos_text, param="messages")


def _parts(text: str, pictures: Sequence[Image]) -> Iterator[str | Image]:
    """Without any mark the pictures come first, as with chat models."""
    pieces = text.split(MARK)
    if len(pieces) == 1:
        pieces = ["" for _ in pictures] + pieces
    if len(pieces) != len(pictures) + 1:
        raise RequestError(
            f"The text has {len(pieces) - 1} times {MARK}, for {len(pictures)} pictures.",
            param="messages",
        )
    for piece, picture in zip(pieces, [*pictures, None], strict=True):
        if piece:
            yield piece
        if picture is not None:
            yield picture
