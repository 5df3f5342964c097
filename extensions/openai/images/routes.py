"""POST /v1/images/generations, /v1/images/edits and /v1/images/variations."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from extensions.openai.dependencies import ClientGone, Context, while_connected
from extensions.openai.forms import form_schema, read_form
from extensions.openai.head import REQUEST_ID
from extensions.openai.ignored import ignored_headers
from extensions.openai.images.files import ImageFiles, url_of
from extensions.openai.images.typing import (
    MAX_PICTURES,
    DrawingFields,
    DrawnImage,
    ImageEditForm,
    ImageEditRequest,
    ImageGenerationRequest,
    ImagesResponse,
    ImageVariationForm,
    StreamFields,
)
from extensions.openai.media_lease import lease_worker
from extensions.openai.sse import EventStreamResponse, guarded
from modules.context import AppContext
from modules.core.errors import ContextLengthExceeded

if TYPE_CHECKING:  # these need Pillow, and are imported when the first picture is asked for
    from extensions.openai.images.plan import Drawing, ImagePlan
    from modules.engine.media.drawing import DrawnFile
    from modules.pictures.originals import Original

UNREAD = "X-Unread-Prompt-Tokens"

router = APIRouter(prefix="/v1/images", tags=["images"])


@router.post("/generations", response_model=ImagesResponse)
async def create_image(
    body: ImageGenerationRequest, request: Request, context: Context
) -> Response:
    """Draw what the prompt says. With `stream` the images come as events, before them as many previews as were asked for."""
    from extensions.openai.images.plan import Drawing

    return await _answer(body, Drawing(body.prompt), request, context, "image_generation")


EDIT_FORM = form_schema(
    ImageEditForm,
    {
        "image": "The picture (PNG, JPEG, WebP, GIF or BMP); image[] is the same",
        "mask": "What is transparent is drawn anew; in a mask without transparency what is white",
    },
    ["image"],
)
EDIT_FORM["requestBody"]["content"]["application/json"] = {
    "schema": ImageEditRequest.model_json_schema(ref_template="#/components/schemas/{model}")
}


@router.post("/edits", response_model=ImagesResponse, openapi_extra=EDIT_FORM)
async def edit_image(request: Request, context: Context) -> Response:
    """Draw a picture anew: the part that a mask marks, which leaves every other pixel as it is, or all of it.

    As a form with files, or as JSON with `images: [{"image_url": …}]`.
    """
    from extensions.openai.images.plan import Drawing, strength_of

    async with _edit(request, context) as (body, original):
        strength = strength_of(body, has_mask=original.mask is not None)
        drawing = Drawing(body.prompt, original, strength)
        return await _answer(body, drawing, request, context, "image_edit")


@router.post(
    "/variations",
    response_model=ImagesResponse,
    openapi_extra=form_schema(ImageVariationForm, {"image": "The picture"}, ["image"]),
)
async def vary_image(request: Request, context: Context) -> Response:
    """Draw pictures like this one: without a prompt, and not leaving it far behind."""
    from extensions.openai.images.inputs import read_uploads
    from extensions.openai.images.plan import VARIATION_STRENGTH, Drawing

    async with read_form(request, ImageVariationForm, files=("image",)) as form:
        body = form.fields
        original = await read_uploads(form.file("image"), None, context.settings)
    drawing = Drawing("", original, VARIATION_STRENGTH)
    return await _answer(body, drawing, request, context, "image_variation")


@asynccontextmanager
async def _edit(
    request: Request, context: AppContext
) -> "AsyncGenerator[tuple[ImageEditForm | ImageEditRequest, Original]]":
    """The fields and the picture of an edit, in either way of sending them."""
    from extensions.openai.images.inputs import fetch_references, one_picture_only, read_uploads

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with read_form(
            request, ImageEditForm, files=("image", "mask"), max_files=MAX_PICTURES + 1
        ) as form:
            if len(form.files.get("image", [])) > 1:
                raise one_picture_only("image")
            mask = form.file("mask") if "mask" in form.files else None
            original = await read_uploads(form.file("image"), mask, context.settings)
        yield form.fields, original
        return
    body = await _read_json(request)
    fetching = fetch_references(body.images, body.mask, context.settings)
    yield body, await while_connected(request, fetching)


async def _read_json(request: Request) -> ImageEditRequest:
    try:
        data = await request.body()
    except ClientDisconnect:
        raise ClientGone from None
    try:
        return await asyncio.to_thread(ImageEditRequest.model_validate_json, data)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def _answer(
    body: DrawingFields, drawing: "Drawing", request: Request, context: AppContext, prefix: str
) -> Response:
    from extensions.openai.images.frames import to_frames
    from extensions.openai.images.plan import plan_images
    from modules.engine.media.drawing import drawn_files, new_job, start

    settings, pool = context.settings, context.media.image
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(lease_worker(pool, body.model, context, request))
        job = new_job()
        planning = worker.prepare(lambda model, _: plan_images(body, drawing, model, settings), job)
        plan = await while_connected(request, planning)
        headers = {REQUEST_ID: job.stop_id, **_notes(body, plan, is_strict=settings.strict_params)}
        drawings = start(plan.finish, worker, job)
        stack.push_async_callback(drawings.stream.aclose)
        files = drawn_files(drawings, pool)
        if isinstance(body, StreamFields) and body.stream:
            frames = guarded(to_frames(plan, files, prefix), sends_done=True)
            return EventStreamResponse(frames, stack.pop_all(), settings.api_keep_alive_s, headers)
        answer = await while_connected(request, _to_response(plan, files, request))
        content = await asyncio.to_thread(answer.model_dump_json)
    return Response(content, media_type="application/json", headers=headers)


def _notes(body: DrawingFields, plan: "ImagePlan", *, is_strict: bool) -> dict[str, str]:
    """What of the request does not count: in headers, or as an error with --strict-params."""
    headers = ignored_headers(body, None, is_strict=is_strict, also=plan.ignored)
    if plan.length.unread and is_strict:
        raise ContextLengthExceeded(plan.length.tokens, plan.length.limit or 0, param="prompt")
    return headers | ({UNREAD: str(plan.length.unread)} if plan.length.unread else {})


async def _to_response(
    plan: "ImagePlan", files: "AsyncGenerator[DrawnFile]", request: Request
) -> ImagesResponse:
    kept: set[str] = set()
    async with aclosing(files):
        data = [
            await _to_drawn_image(plan, file, kept, request)
            async for file in files
            if file.seed is not None
        ]
    return ImagesResponse(
        created=int(time.time()),
        model=plan.model,
        output_format=plan.shape.format,  # pyright: ignore[reportArgumentType]
        quality=plan.quality,
        size=str(plan.size),
        data=data,
        usage=plan.usage(len(data)),
    )


async def _to_drawn_image(
    plan: "ImagePlan", file: "DrawnFile", kept: set[str], request: Request
) -> DrawnImage:
    """`kept`: names of the pictures that this answer has already."""
    prompt, seed = plan.request.prompt, file.seed or 0
    if not plan.is_url:
        return DrawnImage(b64_json=await file.base64(), revised_prompt=prompt, seed=seed)
    store: ImageFiles = request.app.state.image_files
    name = store.add(file.data, plan.shape.format, plan.media_type, kept)
    kept.add(name)
    return DrawnImage(url=url_of(name, request), revised_prompt=prompt, seed=seed)
