"""How many requests came over HTTP, for `/metrics` and the web UI: counts only."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKind:
    """`route` is its template, such as `/v1/models/{name}`; `status` 499: the client left first."""

    route: str
    method: str
    status: int


class Traffic:
    """Belongs to the event loop."""

    def __init__(self) -> None:
        self._counts: Counter[RequestKind] = Counter()

    def note(self, kind: RequestKind) -> None:
        self._counts[kind] += 1

    @property
    def counts(self) -> Mapping[RequestKind, int]:
        """Since the start, as they are now."""
        return dict(self._counts)
