"""Plain prompts with pictures: `messages` of /v1/completions, whose text marks the places with `<__media__>`."""

from collections.abc import Iterator, Mapping, Sequence

from extensions.openai.message_types import ChatMessage
from extensions.openai.messages import Place, to_messages
from modules.core.errors import RequestError
from modules.core.messages import Image
from modules.engine.encoding import EncodedPrompt, encode_prompt
from modules.engine.model import LoadedModel
from modules.prompts.prompt import Prompt

MARK = "<__media__>"


def encode_media_prompt(
    messages: Sequence[ChatMessage], images: Mapping[Place, Image], model: LoadedModel
) -> EncodedPrompt:
    """The texts of all messages one after the other; no chat template. Blocking."""
    converted = to_messages(messages, images)
    text = "".join(message.text for message in converted)
    pictures = [image for message in converted for image in message.images]
    prompt = Prompt(tuple(_parts(text, pictures)))
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
