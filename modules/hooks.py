"""What an extension can add to the program. An extension's `setup(context)` registers it on `context.hooks`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

RouteHook = Callable[[Any], None]
"""Called with the API's `fastapi.FastAPI` application before it serves: include a router, add a route."""


class Service(Protocol):
    """Something that runs as long as the program does, such as an HTTP server."""

    name: str

    async def start(self) -> list[str]:
        """Begin to serve; returns lines for people, such as URLs. ConfigError when it cannot."""
        ...

    async def run(self) -> None:
        """Returns when it was asked to stop."""
        ...

    def stop(self) -> None: ...


@dataclass
class Hooks:
    """Everything that extensions registered, in the order of the settings."""

    routes: list[RouteHook] = field(default_factory=list[RouteHook])
    services: list[Service] = field(default_factory=list[Service])
    on_stop: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list[Callable[[], Awaitable[None]]]
    )
