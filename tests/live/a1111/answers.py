"""What the server answers: pictures, or one of the ways in which that can go wrong."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from PIL import Image

from tests.live.a1111.drawing import from_base64, to_base64
from tests.live.a1111.wire import ImageToImage, Mode, Pictures, TextToImage


def answer_of(asked: TextToImage | ImageToImage, seed: int, made: list[Image.Image]) -> Pictures:
    info = {
        "prompt": asked.prompt,
        "seed": seed,
        "all_seeds": [seed + i for i in range(asked.batch_size * asked.n_iter)],
        "width": asked.width,
        "height": asked.height,
        "steps": asked.steps,
        "cfg_scale": asked.cfg_scale,
        "index_of_first_image": 0,
    }
    images = [to_base64(picture) for picture in made]
    return Pictures(images=images, parameters=asked.model_dump(), info=json.dumps(info))


def spoil(answer: Pictures, mode: Mode) -> Pictures:
    """The answers that are 200 and wrong, or at least unusual."""
    images = answer.images or []
    if mode == "bomb":
        images = [to_base64(Image.new("1", (12_000, 12_000)))]
    elif mode == "damaged":
        images = [image[: len(image) // 2] for image in images]
    elif mode == "text":
        images = ["no picture at all" for _ in images]
    elif mode == "few":
        images = images[1:]
    elif mode == "many":
        images = [*images, images[0]]
    elif mode == "grid":
        images = [to_base64(Image.new("RGB", (64, 64))), *images]
        answer.info = json.dumps(json.loads(answer.info) | {"index_of_first_image": 1})
    elif mode == "no info":
        answer.info = "Steps: 20, Sampler: Euler"
    elif mode == "smaller":
        images = [
            to_base64(from_base64(image).resize((56, 56)), file_format="JPEG") for image in images
        ]
    answer.images = images
    return answer


def refusal(mode: Mode, prompt: str) -> Any:
    """The answers that are no pictures; None where there are some."""
    if mode == "fault":
        error = {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": f"CUDA: {prompt}"}
        return JSONResponse(error, status_code=500)
    if mode == "quoting":
        error = {"error": "ValueError", "detail": f"bad prompt: {prompt}", "errors": prompt}
        return JSONResponse(error, status_code=500)
    if mode == "invalid":
        finding = {"type": "x", "loc": ["body", "steps"], "msg": "Too many steps", "input": prompt}
        return JSONResponse({"detail": [finding]}, status_code=422)
    if mode == "unknown":
        raise HTTPException(404, "Sampler not found")
    if mode == "html":
        return PlainTextResponse("<html>Gradio</html>")
    if mode == "list":
        return JSONResponse(["pictures"])
    if mode == "endless":
        return StreamingResponse(_endless(), media_type="application/json")
    if mode == "hang up":
        return StreamingResponse(_broken(), headers={"Content-Length": "1000"})
    if mode == "redirect":
        return RedirectResponse("/sdapi/v1/elsewhere", status_code=307)
    return None


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 2**20
        await asyncio.sleep(0)  # or nobody would notice that the client has gone


async def _broken() -> AsyncIterator[bytes]:
    """Less than was promised; uvicorn then ends the connection."""
    yield b"{"
