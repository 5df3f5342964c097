"""The FastAPI application: routers, error handlers, the gate."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from extensions.openai import chat, completions, health, metrics, models
from extensions.openai.audio import speech, transcriptions, voices
from extensions.openai.decisions import routes as decisions
from extensions.openai.dependencies import ClientGone
from extensions.openai.docs import mount_docs
from extensions.openai.embeddings import routes as embeddings
from extensions.openai.errors import install_error_handlers
from extensions.openai.gate import Gate
from extensions.openai.ignored import HEADER
from extensions.openai.images import files as image_files, routes as images
from extensions.openai.internal import (
    downloads,
    logits,
    loras,
    media,
    model_events,
    model_settings,
    models as internal_models,
    stop,
    tokenize,
    tokens,
)
from extensions.openai.legacy import (
    billing,
    blocking_api,
    edits,
    engines,
    search,
    text_completion,
)
from extensions.openai.moderations import routes as moderations
from extensions.openai.rerank import routes as rerank
from extensions.openai.response_types import ErrorResponse
from modules.context import AppContext
from modules.settings import VERSION
from modules.web.access import OriginRule

CLIENT_CLOSED_REQUEST = 499

ROUTERS = (
    chat.router,
    completions.router,
    models.router,
    health.router,
    tokens.router,
    logits.router,
    internal_models.router,
    loras.router,
    model_events.router,
    model_settings.router,
    downloads.router,
    media.router,
    stop.router,
    tokenize.router,
    decisions.router,
    embeddings.router,
    rerank.router,
    moderations.router,
    speech.router,
    voices.router,
    transcriptions.router,
    images.router,
    image_files.router,
    text_completion.router,
    edits.router,
    search.router,
    engines.router,
    billing.router,
    blocking_api.router,
)


def build_app(context: AppContext) -> FastAPI:
    app = FastAPI(
        title="Hearth",
        version=VERSION,
        description="An OpenAI-compatible API for models on this machine.",
        docs_url=None,
        redoc_url=None,
        responses={code: {"model": ErrorResponse} for code in (400, 401, 404, 429, 500, 503)},
    )
    app.state.context = context
    app.state.moderator = moderations.build_moderator(context.settings)
    app.state.image_files = image_files.ImageFiles(context.settings.image_url_ttl_s)
    install_error_handlers(app)
    app.add_exception_handler(ClientGone, _on_client_gone)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(metrics.build_router(context))
    mount_docs(app)
    for add_routes in context.hooks.routes:
        add_routes(app)
    # The last one added is the first that a request meets.
    remote = context.models.catalog.remote
    own_id = None if remote is None else remote.own_id
    app.add_middleware(Gate, settings=context.settings, traffic=context.traffic, own_id=own_id)
    _add_cors(app, context)
    _correct_description(app)
    return app


def _correct_description(app: FastAPI) -> None:
    """FastAPI's promises 422 in a shape of its own, where it is 400 in OpenAI's; and it cannot know of the gate's keys."""
    describe = app.openapi

    def corrected() -> dict[str, Any]:
        schema = describe()
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{}, {"key": []}]
        return schema

    app.openapi = corrected


class OriginMiddleware(CORSMiddleware):
    """Asks the same rule as the gate."""

    def __init__(self, app: ASGIApp, rule: OriginRule, **options: Any) -> None:
        super().__init__(app, **options)
        self._rule = rule

    def is_allowed_origin(self, origin: str) -> bool:
        return self._rule.allows(origin, host="")


def _add_cors(app: FastAPI, context: AppContext) -> None:
    app.add_middleware(
        OriginMiddleware,
        rule=OriginRule.from_settings(context.settings),
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=False,
        expose_headers=[HEADER, images.REQUEST_ID, images.UNREAD, "Retry-After"],
    )


async def _on_client_gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)
