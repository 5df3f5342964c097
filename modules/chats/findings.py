"""What the latest searches have found in each file: so a list that is shown anew while a search is on reads only the files that have changed."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modules.core.errors import RequestError

Stamp = tuple[int, int, int]
"""Of a file as it was: time of change in ns, bytes, and the revision of the chat, since times are too coarse to tell two saves apart."""

MAX_SEARCHES = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """`snippet`: None where the text is not in the file."""

    stamp: Stamp
    snippet: str | None


class Findings:
    """Of the last few searches, a line for each file. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches: dict[str, dict[str, Finding]] = {}

    def find(
        self, search: str, stamps: Mapping[str, Stamp], look: Callable[[str], str | None]
    ) -> dict[str, str]:
        """The snippets of those that have the text, by their ids, in the order of `stamps`. `look` reads a file; what cannot be read now
        (RequestError) is left out, and tried again the next time."""
        with self._lock:
            known = self._searches.get(search, {})
        found: dict[str, Finding] = {}
        for file_id, stamp in stamps.items():
            finding = known.get(file_id)
            if finding is None or finding.stamp != stamp:
                try:
                    finding = Finding(stamp, look(file_id))
                except RequestError:
                    continue
            found[file_id] = finding
        self._note(search, found)
        return {
            file_id: each.snippet for file_id, each in found.items() if each.snippet is not None
        }

    def _note(self, search: str, found: dict[str, Finding]) -> None:
        with self._lock:
            self._searches.pop(search, None)  # the newest stands last
            self._searches[search] = found
            while len(self._searches) > MAX_SEARCHES:
                del self._searches[next(iter(self._searches))]
