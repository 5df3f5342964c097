"""The documents of a folder, searched by meaning. Blocking throughout: hooks call it from worker threads."""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Protocol

from extensions.rag.documents import Document, KeptVectors
from extensions.rag.passages import split_passages
from modules.chats.attachments import MAX_BYTES, ReadFile, read_attachment, shown_name
from modules.core.errors import AppError, RequestError
from modules.core.files import write_atomically
from modules.prompts.user_files import place_for

BATCH = 32
"""Passages that are embedded together, so that others have their turn between."""


class Embeds(Protocol):
    """A model that makes numpy vectors of length 1. Errors are AppErrors."""

    @property
    def name(self) -> str:
        """Which model it is: vectors of different ones do not compare."""
        ...

    def documents(self, texts: Sequence[str]) -> Any: ...

    def query(self, text: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A passage: `number` of `total` in the document `name`. `score`: cosine with the question."""

    name: str
    number: int
    total: int
    text: str
    score: float


class Library:
    """`folder`: the documents. `cache`: where their vectors are kept. `size` and `overlap` of passages, in characters."""

    def __init__(
        self, folder: Path, cache: Path, model: Embeds, *, size: int = 900, overlap: int = 150
    ) -> None:
        self.folder = folder
        self._kept = KeptVectors(cache)
        self._model = model
        self._size = size
        self._overlap = overlap
        self._documents: dict[str, Document] = {}
        self._refreshing = threading.Lock()
        self.progress = ""
        """What is being read now, for people."""

    @property
    def documents(self) -> list[Document]:
        return sorted(self._documents.values(), key=lambda each: each.name.lower())

    def refresh(self) -> None:
        """Reads what is new or has changed and forgets what is gone. One thread at a time; others find what there is so far."""
        with self._refreshing:
            wanted = {path.name: path for path in self._files()}
            self._documents = {n: d for n, d in self._documents.items() if n in wanted}
            model = self._model.name if wanted else ""
            for name, path in wanted.items():
                key = self._key(path, model)
                known = self._documents.get(name)
                if known is None or known.key != key:
                    document = self._kept.load(name, key) or self._make(path, key)
                    self._documents = {**self._documents, name: document}
            self._kept.sweep(self._documents)

    def search(self, question: str, count: int, least: float) -> list[Found]:
        """The passages nearest to the question, the nearest first; none below a cosine of `least`."""
        import numpy as np

        documents = [each for each in self._documents.values() if each.passages]
        if not documents or not question.strip():
            return []
        query = self._model.query(question)
        found: list[Found] = []
        for document in documents:
            if document.vectors.shape[1] == len(query):  # else it is being made anew
                scores = document.vectors @ query
                places = np.argsort(-scores)[:count]
                found += [_found(document, int(place), float(scores[place])) for place in places]
        found.sort(key=lambda each: -each.score)
        return [each for each in found[:count] if each.score >= least]

    def add(self, name: str, data: bytes) -> str:
        """The name under which it lies in the folder now. RequestError for a name that cannot be one, or a file without text."""
        name = shown_name(name)
        if not read_attachment(name, data).attachment.text.strip():
            raise RequestError(f"{name} has no text to read.")
        plain = PurePath(name)
        path = place_for(self.folder, plain.stem, [plain.suffix], param="document")
        write_atomically(path, data)
        return path.name

    def remove(self, name: str) -> None:
        """The document itself. RequestError where there is none of that name."""
        path = next((path for path in self._files() if path.name == name), None)
        if path is None:
            raise RequestError(f"There is no document {name!r}.")
        path.unlink()

    def _files(self) -> Iterator[Path]:
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir()):
                if path.is_file() and not path.name.startswith("."):
                    yield path

    def _key(self, path: Path, model: str) -> str:
        state = path.stat()
        return json.dumps([model, state.st_mtime_ns, state.st_size, self._size, self._overlap])

    def _make(self, path: Path, key: str) -> Document:
        made = Document(path.name, key)
        try:
            read = _read(path).attachment
            passages = split_passages(read.text, self._size, self._overlap)
            if not passages:
                return replace(made, problem="It has no text to read.")
            vectors = self._vectors(path.name, passages)
        except AppError as error:
            return replace(made, problem=error.message)
        except OSError as error:
            return replace(made, problem=f"It cannot be read: {error.strerror}.")
        finally:
            self.progress = ""
        made = replace(made, passages=tuple(passages), vectors=vectors, notice=read.notice)
        self._kept.keep(made)
        return made

    def _vectors(self, name: str, passages: Sequence[str]) -> Any:
        import numpy as np

        rows: list[Any] = []
        for start in range(0, len(passages), BATCH):
            self.progress = f"{name}: {start} of {len(passages)} passages"
            rows.append(self._model.documents(passages[start : start + BATCH]))
        return np.concatenate(rows)


def _read(path: Path) -> ReadFile:
    if path.stat().st_size > MAX_BYTES:
        raise RequestError(f"{path.name} is larger than {MAX_BYTES // 2**20} MiB.")
    return read_attachment(path.name, path.read_bytes())


def _found(document: Document, place: int, score: float) -> Found:
    total = len(document.passages)
    return Found(document.name, place + 1, total, document.passages[place], score)
