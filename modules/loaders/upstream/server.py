"""One upstream server as a source of installed models."""

import logging
import secrets
import threading
import time

from modules.core.errors import AppError, ConfigError, NotFound
from modules.loaders.upstream.address import parse_address
from modules.loaders.upstream.connection import Access, Connection
from modules.loaders.upstream.listing import UpstreamModel, read_models

log = logging.getLogger("hearth.models")

LOOK_S = 3.0
"""In which a server must list its models, while somebody waits for the names of all models."""
HOLDS_S = 5.0


def build_server(
    url: str, *, key: str | None, params: str, timeout_s: float, proxy: str | None
) -> "UpstreamServer":
    """From settings; ConfigError says which is wrong. Asks nobody yet."""
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError("upstream_key has characters that no key may have.")
    access = Access(
        parse_address(url),
        key,
        timeout_s,
        None if proxy is None else parse_address(proxy, "upstream_proxy"),
        own_id=secrets.token_hex(8),
    )
    return UpstreamServer(access, params)


class UpstreamServer:
    """A RemoteSource. `models` is what was listed some seconds ago; where the server does not answer there are none. Threads may share this."""

    def __init__(self, access: Access, params: str = "auto") -> None:
        self.connection = Connection(access)
        self.own_id = access.own_id
        self._params = params
        self._known: list[UpstreamModel] = []
        self._looked_at = float("-inf")
        self._is_silent = False
        self._turn = threading.Lock()

    def models(self) -> list[UpstreamModel]:
        """Blocks for some seconds at most, and one thread at a time: others take what is known."""
        if time.monotonic() - self._looked_at < HOLDS_S:
            return self._known
        is_first = self._looked_at == float("-inf")
        if self._turn.acquire(timeout=LOOK_S if is_first else 0):
            try:
                if time.monotonic() - self._looked_at >= HOLDS_S:
                    self._look()
            finally:
                self._turn.release()
        return self._known

    def choose(self, name: str | None) -> UpstreamModel:
        """The model of this name, or the first one. NotFound lists what there is."""
        models = read_models(self.connection, self._params, LOOK_S, wanted=name)
        for model in models:
            if name is None or model.name == name:
                return model
        names = ", ".join(model.name for model in models[:20]) or "none"
        wanted = "no model" if name is None else f"no model {name!r}"
        raise NotFound(
            f"The upstream server has {wanted}. It lists: {names}.",
            param="model",
            code="model_not_found",
        )

    def close(self) -> None:
        self.connection.close()

    def _look(self) -> None:
        try:
            self._known = read_models(self.connection, self._params, LOOK_S)
        except AppError as error:
            self._known = []
            if not self._is_silent:
                log.warning("%s lists no models: %s", self.connection.address.shown, error.message)
            self._is_silent = True
        else:
            self._is_silent = False
        self._looked_at = time.monotonic()
