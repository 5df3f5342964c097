"""A server that speaks the protocol of AUTOMATIC1111's web UI and really draws. One task runs at a time, in turn.

`POST /control` makes it fail in chosen ways, `GET /control` tells what was asked. Run it as a program: it prints its URL.
"""

import argparse
import secrets
import socket
import sys
import uuid
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from tests.live.a1111.answers import answer_of, refusal, spoil
from tests.live.a1111.drawing import CHECKPOINTS, Draughtsman, State, to_base64
from tests.live.a1111.wire import Control, ImageToImage, ProgressOfTask, TextToImage


def make(state: State, asked: TextToImage | ImageToImage, job: str) -> Any:
    state.asked.append(asked.model_dump(exclude_unset=True))
    wrong = refusal(state.mode, asked.prompt)
    if wrong is not None:
        return wrong
    with state.task(asked.force_task_id or f"task({uuid.uuid4().hex})", job, asked.n_iter):
        artist = Draughtsman(state, asked)
        made = artist.run()
    return spoil(answer_of(asked, artist.seed, made), state.mode)


def drawing_routes(state: State) -> APIRouter:
    router = APIRouter(prefix="/sdapi/v1")

    @router.post("/txt2img")
    def txt2img(asked: TextToImage) -> Any:
        return make(state, asked, "scripts_txt2img")

    @router.post("/img2img")
    def img2img(asked: ImageToImage) -> Any:
        if asked.init_images is None:
            raise HTTPException(404, "Init image not found")
        return make(state, asked, "scripts_img2img")

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        rest = {"hash": None, "sha256": None, "filename": "/models/x", "config": None}
        return [{"title": title, "model_name": name, **rest} for name, title in CHECKPOINTS.items()]

    return router


def state_routes(state: State) -> APIRouter:
    router = APIRouter(prefix="/sdapi/v1")

    @router.get("/progress")
    def progress(skip_current_image: bool = False) -> dict[str, Any]:
        preview = None if skip_current_image else state.preview
        return {
            "progress": state.progress,
            "eta_relative": 0.0,
            "state": state.shown(),
            "current_image": None if preview is None else to_base64(preview),
            "textinfo": None,
        }

    @router.post("/interrupt")
    def interrupt() -> dict[str, Any]:
        state.interrupts.append(state.current)
        state.is_interrupted = True
        return {}

    return router


def ui_routes(state: State) -> APIRouter:
    """What only the web UI's page asks, without its --api-auth."""
    router = APIRouter()

    @router.post("/internal/progress")
    def progress_of_task(asked: ProgressOfTask) -> dict[str, Any]:
        is_active = asked.id_task == state.current and asked.id_task is not None
        preview = state.preview if is_active and asked.live_preview else None
        picture = None if preview is None else to_base64(preview, "JPEG")
        return {
            "active": is_active,
            "queued": asked.id_task in state.pending,
            "completed": asked.id_task in state.finished,
            "progress": state.progress if is_active else None,
            "eta": None,
            "live_preview": picture and f"data:image/jpeg;base64,{picture}",
            "id_live_preview": state.step if is_active else -1,
            "textinfo": None,
        }

    return router


def control_routes(state: State) -> APIRouter:
    router = APIRouter()

    @router.post("/control")
    def control(asked: Control) -> dict[str, Any]:
        state.mode, state.step_s = asked.mode, asked.step_s
        state.asked, state.interrupts, state.drawn_with, state.finished = [], [], [], []
        return {}

    @router.get("/control")
    def told() -> dict[str, Any]:
        names = "asked", "interrupts", "drawn_with", "finished", "pending", "current", "checkpoint"
        return {name: getattr(state, name) for name in names}

    return router


def check_credentials(wanted: str) -> Any:
    def check(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
        if not secrets.compare_digest(
            f"{given.username}:{given.password}".encode(), wanted.encode()
        ):
            raise HTTPException(401, "Incorrect username or password")

    return Depends(check)


def build_app(*, auth: str | None, has_ui: bool) -> FastAPI:
    app, state = FastAPI(), State()
    guards = [check_credentials(auth)] if auth else []
    for router in (drawing_routes(state), state_routes(state)):
        app.include_router(router, dependencies=guards)
    if has_ui:
        app.include_router(ui_routes(state))
    app.include_router(control_routes(state))
    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-auth", default=None, help="user:password")
    parser.add_argument("--nowebui", action="store_true")
    parser.add_argument("--tls-certfile", default=None, help="key and certificate, in one file")
    flags = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", flags.port))
    scheme = "https" if flags.tls_certfile else "http"
    sys.stdout.write(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    app = build_app(auth=flags.api_auth, has_ui=not flags.nowebui)
    uvicorn.Server(uvicorn.Config(app, log_level="error", ssl_certfile=flags.tls_certfile)).run(
        sockets=[listener]
    )


if __name__ == "__main__":
    main()
