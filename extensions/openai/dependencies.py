"""What routes ask for, as Annotated aliases."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from extensions.openai.adapter_names import split_model
from extensions.openai.gate import VIA
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
    name, _ = await split_model(name, context)
    wanted = None if name is None else await _to_wanted(name, context, request)
    async with context.models.lease(wanted) as model:
        if model.info.renders_itself and VIA in request.headers:
            raise NotFound(
                f"{model.info.name} is here from yet another server: requests are not passed on twice, since that could go in a circle.",
                param="model",
                code="model_not_found",
            )
        yield model


async def _to_wanted(name: str, context: AppContext, request: Request) -> str | None:
    """The installed model that a name means; None for what is loaded. What is in service already is there for everybody."""
    models, settings = context.models, context.settings
    wanted = models.in_service(name)  # the usual case needs no look at the folder
    if wanted is None and not models.catalog.is_surely_unknown(name):
        installed = await asyncio.to_thread(models.catalog.find, name)
        wanted = None if installed is None else installed.name
    if wanted is not None and models.in_service(wanted) is not None:
        return wanted
    if wanted is not None and settings.model_switch:
        require_admin(request)
        return wanted
    if settings.strict_models:
        raise NotFound(
            f"The model {name!r} is not served here.", param="model", code="model_not_found"
        )
    return None


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
        if not task.done():
            task.cancel()
            # It has to be over before the caller closes what it reads from.
            await asyncio.gather(task, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
