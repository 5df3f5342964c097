"""Whose documents there are: everybody's, and with --multi-user each person's own beside them, which nobody else gets to see."""

import threading
from collections.abc import Callable
from pathlib import Path

from extensions.rag.library import Found, Library
from modules.chats.disk_store import user_folder

Open = Callable[[Path, Path], Library]
"""A folder of documents and one for their vectors to a library."""


class Shelf:
    """Everybody's documents lie in `folder` itself, those of a person in a folder of their own below it. A person without a name
    ("") has those of everybody, and only them. Threads may share this; all of it may block.
    """

    def __init__(self, folder: Path, cache: Path, open_library: Open) -> None:
        self.folder = folder
        self._cache = cache
        self._open = open_library
        self._libraries: dict[str, Library] = {}
        self._lock = threading.Lock()

    def own(self, person: str) -> Library:
        """Where the person's documents are added and removed."""
        with self._lock:
            if person not in self._libraries:
                user = person or None
                folders = user_folder(self.folder, user), user_folder(self._cache, user)
                self._libraries[person] = self._open(*folders)
            return self._libraries[person]

    def all_for(self, person: str) -> list[Library]:
        """What the person's chats may read."""
        return [self.own(person), self.own("")] if person else [self.own("")]

    def refresh(self, person: str) -> None:
        for library in self.all_for(person):
            library.refresh()

    def search(self, person: str, question: str, count: int, least: float) -> list[Found]:
        """The passages nearest to the question, of all that the person may read; as `Library.search`."""
        found = [
            passage
            for library in self.all_for(person)
            for passage in library.search(question, count, least)
        ]
        return sorted(found, key=lambda each: -each.score)[: max(0, count)]
