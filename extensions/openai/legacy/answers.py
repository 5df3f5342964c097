"""Answers of the newer endpoints, put into older shapes."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from extensions.openai.ignored import HEADER
from extensions.openai.message_types import ChatMessage
from extensions.openai.sse import in_one_line
from modules.core.errors import RequestError

_DATA = b"data: "
_END = b"\n\n"

Change = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def renamed_params(names: Mapping[str, str]) -> Generator[None]:
    """Errors name the field as the caller's request does."""
    try:
        yield
    except RequestError as error:
        error.param = names.get(error.param or "", error.param)
        raise


def message_of(role: str, content: str) -> ChatMessage:
    return ChatMessage.model_validate({"role": role, "content": content})


def body_of(response: Response) -> dict[str, Any]:
    return orjson.loads(response.body)


def ignored_in(*responses: Mapping[str, str]) -> dict[str, str]:
    """The header of all that was ignored on the way, from headers that may have it."""
    names = [name for each in responses for name in each.get(HEADER, "").split(", ") if name]
    return {HEADER: ", ".join(sorted(set(names)))} if names else {}


class ChangedStream(Response):
    """Another stream of events with each of its JSON objects changed; all else of it stays as it is."""

    def __init__(self, stream: Response, change: Change) -> None:
        super().__init__()
        self._stream = stream
        self._change = change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_changed(message: Message) -> None:
            if message["type"] == "http.response.body" and message["body"]:
                frames = message["body"].split(_END)
                message = {**message, "body": _END.join(map(self._changed, frames))}
            await send(message)

        await self._stream(scope, receive, send_changed)

    def _changed(self, frame: bytes) -> bytes:
        if not frame.startswith(_DATA + b"{"):
            return frame
        changed = self._change(orjson.loads(frame.removeprefix(_DATA)))
        return _DATA + in_one_line(orjson.dumps(changed))
