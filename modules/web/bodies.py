"""Bodies of requests: their kind, their limits, counted while they come in."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive


class BodyTooLarge(HTTPException):
    """More came in than the limit allows; applications of Starlette answer with 413."""

    def __init__(self, message: str) -> None:
        super().__init__(413, message)


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """JSON is held in memory; files go to the disk while they come in, so they may be larger."""

    max_mb: float

    @property
    def max_bytes(self) -> int:
        return int(self.max_mb * 2**20)

    @property
    def message(self) -> str:
        return f"The request body is larger than {self.max_mb:g} MiB."

    def is_exceeded_by(self, headers: Headers) -> bool:
        """By what the headers announce."""
        length = headers.get("content-length", "")
        return length.isdigit() and int(length) > self.max_bytes


def kind_of_body(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def has_files(headers: Headers) -> bool:
    return kind_of_body(headers).startswith("multipart/")


def limited(
    receive: Receive, limit: BodyLimit, look: Callable[[bytes], None] | None = None
) -> Receive:
    """`receive` that counts the body while it comes in: BodyTooLarge. `look` sees each part too, and may raise as well."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            body: bytes = message.get("body", b"")
            received += len(body)
            if received > limit.max_bytes:
                raise BodyTooLarge(limit.message)
            if look is not None:
                look(body)
        return message

    return counted
