"""All pools of models that do not write text."""

from dataclasses import dataclass
from typing import Any

from modules.core.jobs import Job
from modules.engine.media.pool import ModelPool
from modules.loaders.media_base import Embedder, Imager, Reranker, Speaker, Transcriber


@dataclass(frozen=True, slots=True)
class MediaEngines:
    embedding: ModelPool[Embedder]
    rerank: ModelPool[Reranker]
    transcription: ModelPool[Transcriber]
    speech: ModelPool[Speaker]
    image: ModelPool[Imager]

    @property
    def pools(self) -> tuple[ModelPool[Any], ...]:
        return (self.embedding, self.rerank, self.transcription, self.speech, self.image)

    @property
    def jobs(self) -> list[Job]:
        return [job for pool in self.pools for job in pool.jobs]

    def stop(self, stop_id: str | None = None) -> int:
        """Cancel all jobs or those with this id; says how many."""
        return sum(pool.stop(stop_id) for pool in self.pools)

    async def close(self) -> None:
        """For the end of the process: gives up what runs."""
        for pool in self.pools:
            await pool.close()
