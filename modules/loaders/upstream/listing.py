"""The models that an upstream server lists, beside those of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modules.core.errors import Unreachable
from modules.loaders.catalog import InstalledModel
from modules.loaders.upstream.connection import Connection
from modules.loaders.upstream.dialects import Dialect, dialect_of
from modules.loaders.upstream.faults import NO_ROUTE, garbled
from modules.loaders.upstream.json_values import to_fields, to_items, whole_number

LOADER = "upstream"
MAX_MODELS = 10_000
MAX_NAME_CHARS = 500
_TEXT = {"completion", "chat"}


@dataclass(frozen=True)
class UpstreamModel(InstalledModel):
    """`path` is that of no file. `listed` is what the server says of it."""

    connection: Connection = field(compare=False, kw_only=True)
    params: str = field(compare=False, kw_only=True)
    listed: Mapping[str, Any] = field(compare=False, kw_only=True)

    @property
    def size_bytes(self) -> int:
        """Of this machine's memory and disk it takes none."""
        return 0

    @property
    def created(self) -> int:
        return whole_number(self.listed.get("created")) or 0

    @property
    def meta(self) -> Mapping[str, Any]:
        """What Hearth and llama-server say beyond OpenAI's fields."""
        return to_fields(self.listed.get("meta"))

    @property
    def dialect(self) -> Dialect:
        return dialect_of(self.listed, self.connection.address.host, self.params)

    @property
    def writes_text(self) -> bool:
        """Known of few servers: false for what embeds or draws, and for what that server has from yet another one."""
        if self.meta.get("loader") == LOADER:
            return False
        capabilities = to_items(self.meta.get("capabilities"))
        return not capabilities or not _TEXT.isdisjoint(map(str, capabilities))


def read_models(
    connection: Connection, params: str, timeout_s: float, *, wanted: str | None = None
) -> list[UpstreamModel]:
    """Those that write text, in the server's order. Blocking; AppError when there is no good answer.

    `wanted`: a server that has no such list is taken to have this one.
    """
    try:
        return _read(connection, params, timeout_s)
    except Unreachable as error:
        if wanted is None or error.code != NO_ROUTE:
            raise
    return [UpstreamModel(wanted, Path(), LOADER, connection=connection, params=params, listed={})]


def _read(connection: Connection, params: str, timeout_s: float) -> list[UpstreamModel]:
    answer = to_fields(
        connection.ask("GET", f"{connection.address.base}/models", timeout_s=timeout_s)
    )
    if not isinstance(answer.get("data"), list):
        raise garbled("/models is no list of models")
    models: dict[str, UpstreamModel] = {}
    for listed in map(to_fields, to_items(answer["data"])[:MAX_MODELS]):
        name = listed.get("id")
        if isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARS and name.isprintable():
            model = UpstreamModel(
                name, Path(), LOADER, connection=connection, params=params, listed=listed
            )
            if model.writes_text:
                models.setdefault(name, model)
    return list(models.values())
