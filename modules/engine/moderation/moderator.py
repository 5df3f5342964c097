"""Judges texts by the examples of a file, with whichever embedding model is leased."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from modules.core.errors import RequestError
from modules.core.jobs import Job
from modules.engine.media.embedding import Wording, embed_texts, wording_for
from modules.engine.media.worker import Worker
from modules.engine.moderation.rules import Rules, read_rules
from modules.engine.moderation.texts import pieces_of, words_of
from modules.loaders.media_base import Embedder

if TYPE_CHECKING:
    from modules.engine.moderation.evidence import Judge


@dataclass(frozen=True, slots=True)
class Verdict:
    """Scores from 0 to 1 by category, and which of them reach their thresholds."""

    scores: dict[str, float]
    found: frozenset[str]


MAX_PARTS = 32_768
"""Different sentences and words of one request: each has a vector."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Texts taken apart: different pieces, which of them each text has, all words once, and the places of each piece's words."""

    texts: tuple[str, ...]
    of_texts: tuple[tuple[int, ...], ...]
    words: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Pieces":
        """RequestError where there are too many."""
        numbers: dict[str, int] = {}
        of_texts = [
            tuple({numbers.setdefault(piece, len(numbers)): None for piece in pieces_of(text)})
            for text in texts
        ]
        pieces = cls._with_words(tuple(numbers), of_texts)
        count = len(pieces.texts) + len(pieces.words)
        if count > MAX_PARTS:
            raise RequestError(
                f"Invalid 'input': it has {count} different sentences and words; there can be at most {MAX_PARTS} at once.",
                param="input",
            )
        return pieces

    @classmethod
    def whole(cls, texts: Sequence[str]) -> "Pieces":
        """Each text as one piece."""
        return cls._with_words(texts, [(place,) for place in range(len(texts))])

    @classmethod
    def _with_words(cls, pieces: Sequence[str], of_texts: Sequence[tuple[int, ...]]) -> "Pieces":
        numbers: dict[str, int] = {}
        places = [
            tuple(numbers.setdefault(word, len(numbers)) for word in words_of(piece))
            for piece in pieces
        ]
        return cls(tuple(pieces), tuple(of_texts), tuple(numbers), tuple(places))


class Moderator:
    """Belongs to the event loop; files, vectors and scores are read and made in threads.

    `path` says where the file is now. It is read again when it has changed; ConfigError says what is wrong in it.
    """

    def __init__(self, path: Callable[[], Path]) -> None:
        self._path = path
        self._read: tuple[Path, tuple[int, int], Rules] | None = None
        self._judges: WeakKeyDictionary[Worker[Embedder], tuple[Rules, Judge]] = WeakKeyDictionary()
        self._turn = asyncio.Lock()

    def rules(self) -> Rules:
        """Blocking."""
        path = self._path()
        stamp = _stamp(path)
        if self._read is None or self._read[:2] != (path, stamp):
            self._read = (path, stamp, read_rules(path))
        return self._read[2]

    async def judge(
        self, worker: Worker[Embedder], texts: Sequence[str], job: Job
    ) -> tuple[list[Verdict], int]:
        """A verdict on each text, and how many tokens were read. A text is as bad as the worst of its sentences."""
        async with self._turn:
            rules, judge = await self._prepare(worker)
        pieces = await asyncio.to_thread(Pieces.of, texts)
        vectors, tokens = await _embed(worker, pieces, job)
        split = len(pieces.texts)
        scores = await worker.prepare_in_steps(
            lambda _model, _job: judge.scores(vectors[:split], pieces.places, vectors[split:]), job
        )
        return _verdicts(scores, pieces.of_texts, rules), tokens

    async def _prepare(self, worker: Worker[Embedder]) -> "tuple[Rules, Judge]":
        """The examples' vectors, made once for each loaded model and version of the file.

        A job of its own: others wait for it as well, so that it must not end when one request is stopped by its id.
        """
        rules = await asyncio.to_thread(self.rules)
        known = self._judges.get(worker)
        if known is None or known[0] is not rules:
            pieces = await asyncio.to_thread(Pieces.whole, rules.examples)
            job = Job(stop_id=f"examples-{uuid.uuid4().hex}")
            vectors, _ = await _embed(worker, pieces, job)
            known = (rules, await asyncio.to_thread(_build_judge, rules, pieces, vectors))
            self._judges[worker] = known
        return known


async def _embed(worker: Worker[Embedder], pieces: Pieces, job: Job) -> tuple[Any, int]:
    """The pieces' vectors, then the words'."""
    wording: Wording = wording_for(worker.model.traits, [])
    return await embed_texts(worker, [*pieces.texts, *pieces.words], wording, job)


def _build_judge(rules: Rules, pieces: Pieces, vectors: Any) -> "Judge":
    """Blocking."""
    import numpy as np

    from modules.engine.moderation.evidence import Examples, Judge

    harmless = [-1] * len(rules.harmless)
    others = [n for n, category in enumerate(rules.categories) for _ in category.examples]
    split = len(pieces.texts)
    return Judge(
        Examples(
            vectors=vectors[:split],
            groups=np.array([*harmless, *others]),
            words=pieces.places,
            word_vectors=vectors[split:],
            category_count=len(rules.categories),
        )
    )


def _verdicts(scores: Any, of_texts: Sequence[Sequence[int]], rules: Rules) -> list[Verdict]:
    found: list[Verdict] = []
    for places in of_texts:
        worst = scores[list(places)].max(axis=0).tolist()
        by_name = {
            category.name: score if category.examples else 0.0
            for category, score in zip(rules.categories, worst, strict=True)
        }
        flagged = (
            each.name
            for each in rules.categories
            if each.examples and by_name[each.name] >= each.threshold
        )
        found.append(Verdict(by_name, frozenset(flagged)))
    return found


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
