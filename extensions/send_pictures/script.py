"""Pictures for models without eyes: another model that has some describes each, and the description takes its place.

Acts when the model that answers cannot see. Descriptions are kept in memory, so that a chat asks for each once.
"""

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from extensions.send_pictures.describing import Describer
from modules.core.asked import ChatRequest
from modules.core.errors import AppError
from modules.core.messages import Image, Message

params: dict[str, Any] = {
    "display_name": "Pictures for all models",
    "model": "",  # an installed model that sees; empty: the first one with a projector beside it
    "question": "Describe this picture in detail.",
    "max_tokens": 200,
    "patience_s": 120.0,
}

KEPT = 500
AT_ONCE = 3
"""Each takes a thread of those that make prompts, while it waits."""
UNSEEN = "A picture, which cannot be seen here: {reason}"


class Descriptions:
    """By the digest of the picture; the oldest go."""

    def __init__(self) -> None:
        self.describer: Describer | None = None
        self._known: OrderedDict[int, str] = OrderedDict()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def of(self, image: Image, model: str) -> str:
        """For the model of this name."""
        known = self._known.get(image.digest)
        if known is not None:
            return known
        if self.describer is None or not self._places.acquire(blocking=False):
            return UNSEEN.format(reason="too many pictures come at once.")
        try:
            question, limit = str(params["question"]), int(params["max_tokens"])
            patience_s = float(params["patience_s"])
            text = self.describer.describe(image, question, limit, patience_s, answering=model)
        except AppError as error:
            return UNSEEN.format(reason=error.message)
        except TimeoutError:
            return UNSEEN.format(reason="it took too long to look at it.")
        finally:
            self._places.release()
        self._known[image.digest] = described = f"A picture. It shows: {text}"
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return described


descriptions = Descriptions()


def setup(context: Any) -> None:
    descriptions.describer = Describer(context, str(params["model"]))


def history_modifier(messages: list[Message], state: ChatRequest) -> list[Message]:
    describer = descriptions.describer
    if describer is None or describer.can_see(state.model) or not any(m.images for m in messages):
        return messages
    return [_described(m, state.model) if m.images else m for m in messages]


def _described(message: Message, model: str) -> Message:
    assert message.content is not None
    parts = [
        part if isinstance(part, str) else f"[{descriptions.of(part, model)}]"
        for part in message.content
    ]
    return replace(message, content="\n".join(filter(None, parts)))
