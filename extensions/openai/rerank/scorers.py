"""Which model scores documents: a reranker, or, where there is none, an embedding model."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import Request

from extensions.openai.media_lease import lease_worker
from modules.context import AppContext
from modules.core.errors import NotInstalled
from modules.engine.media.scoring import PairScorer, Scorer, VectorScorer

log = logging.getLogger("hearth.api")


@asynccontextmanager
async def lease_scorer(
    name: str | None, context: AppContext, request: Request
) -> AsyncGenerator[Scorer]:
    """The reranker that `model` means, by the usual rules. The name of an embedding model means that one."""
    async with AsyncExitStack() as stack:
        media, settings = context.media, context.settings
        if not settings.compares_embeddings and not await _means_embedder(name, context):
            try:
                lease = lease_worker(media.rerank, name, context, request)
                yield PairScorer(await stack.enter_async_context(lease))
                return
            except NotInstalled as error:
                if settings.rerank_model is not None:
                    raise
                log.info("Comparing embeddings instead of reranking: %s", error.message)
        lease = lease_worker(media.embedding, name, context, request)
        yield VectorScorer(await stack.enter_async_context(lease))


async def _means_embedder(name: str | None, context: AppContext) -> bool:
    if name is None:
        return False
    return await asyncio.to_thread(_is_embedder, name, context)


def _is_embedder(name: str, context: AppContext) -> bool:
    media = context.media
    is_reranker = media.rerank.catalog.find(name) is not None
    return not is_reranker and media.embedding.catalog.find(name) is not None
