"""What routes ask for, as Annotated aliases."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from extensions.openai.ignored import ignored_headers
from modules.context import AppContext
from modules.core.errors import AuthError, NotFound
from modules.engine.model import LoadedModel

T = TypeVar("T")


class ClientGone(Exception):
    """The client left before the answer was ready; nobody reads what is sent now."""


def _context(request: Request) -> AppContext:
    return request.app.state.context


def require_admin(request: Request) -> None:
    if not is_admin(request):
        raise AuthError(
            "Loading, unloading and downloading models needs the admin key.",
            is_forbidden=True,
            code="insufficient_permissions",
        )


def is_admin(request: Request) -> bool:
    return bool(getattr(request.state, "is_admin", False))


Context = Annotated[AppContext, Depends(_context)]
AdminOnly = Depends(require_admin)


def note_ignored(body: BaseModel, response: Response, context: AppContext) -> None:
    """X-Ignored-Params on a route that returns a model rather than a response."""
    headers = ignored_headers(body, None, is_strict=context.settings.strict_params)
    response.headers.update(headers)


@asynccontextmanager
async def lease_for(
    name: str | None, context: AppContext, request: Request
) -> AsyncGenerator[LoadedModel]:
    """The model that a request's `model` field means, by the rules of the settings."""
    settings = context.settings
    current = context.models.current
    if current is not None and name == current.info.name:
        name = None  # the usual case needs no look at the folder
    catalog = context.models.catalog
    installed = None
    if name is not None and not catalog.is_surely_unknown(name):
        installed = await asyncio.to_thread(catalog.find, name)
    is_current = current is not None and (
        name is None or (installed is not None and installed.name == current.info.name)
    )
    wanted = None
    if not is_current and installed is not None and settings.model_switch:
        require_admin(request)
        wanted = installed.name
    elif not is_current and name is not None and settings.strict_models:
        raise NotFound(
            f"The model {name!r} is not served here.", param="model", code="model_not_found"
        )
    async with context.models.lease(wanted) as model:
        yield model


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client leaves: Starlette would let it go on."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait([task, watch], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        watch.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
