"""An audio file that is sent while it is made."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from modules.core.errors import AppError

log = logging.getLogger("hearth.api")


class AudioResponse(StreamingResponse):
    """`cleanup` holds the lease of the model and the job: it is closed however the response ends, also when the client is gone
    before the first byte and the generator was never started.

    A file has no place for an error. Where one comes in the middle the connection is cut, so that no client takes the part for the whole.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes],
        cleanup: AsyncExitStack,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(chunks, media_type=media_type, headers=headers)
        self._chunks = chunks
        self._cleanup = cleanup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except AppError as error:
            log.warning("Speech broke off: %s", error.message)
        finally:
            with anyio.CancelScope(shield=True):
                await self._chunks.aclose()
                await self._cleanup.aclose()
