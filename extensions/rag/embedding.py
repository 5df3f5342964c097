"""The program's own embedding model, for threads that wait for it."""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from modules.context import AppContext
from modules.core.events import Usage
from modules.core.jobs import Job
from modules.engine.media.embedding import (
    DOCUMENT,
    QUERY,
    Cutting,
    embed,
    encode_texts,
    names_of,
    unit_vectors,
    wording_for,
)

TIMEOUT_S = 120.0
"""For one batch: on a busy machine, with the load of the model."""
QUESTIONS_KEPT = 64


class OwnEmbeddings:
    """`wanted`: name of an installed model; the default one when empty."""

    def __init__(self, context: AppContext, wanted: str = "") -> None:
        self._context = context
        self._wanted = wanted
        self._known_query = lru_cache(QUESTIONS_KEPT)(self._query)

    @property
    def name(self) -> str:
        return self._model().name

    def documents(self, texts: Sequence[str]) -> Any:
        return self._wait(texts, DOCUMENT, "document")

    def query(self, text: str) -> Any:
        """A chat asks the same again for each round of tools."""
        return self._known_query(self.name, text)

    def _query(self, model: str, text: str) -> Any:
        return self._wait([text], QUERY, "query")[0]

    def _model(self) -> Any:
        catalog = self._context.media.embedding.catalog
        return catalog.get(self._wanted) if self._wanted else catalog.default()

    def _wait(self, texts: Sequence[str], names: Sequence[str], task: str) -> Any:
        work = self._embed(texts, names, task, self._model())
        return unit_vectors(self._context.hooks.loop.wait_for(work, TIMEOUT_S))

    async def _embed(
        self, texts: Sequence[str], names: Sequence[str], task: str, model: Any
    ) -> list[Any]:
        """Without the threads of `asyncio.to_thread`: all of them may be hooks that wait for this."""
        async with self._context.media.embedding.lease(model) as worker:
            wording = wording_for(worker.model.traits, names, task)
            naming = names_of("input", len(texts))
            job = Job(stop_id=f"embd-{uuid.uuid4().hex}")
            encoded = await worker.prepare_in_steps(
                lambda model, _: encode_texts(model, texts, wording, Cutting(is_on=True), naming),
                job,
            )
            vectors = await embed(worker, encoded, job)
            tokens = sum(text.size for text in encoded)
            self._context.models.ledger.note(worker.name, Usage(tokens, 0))
            return vectors
