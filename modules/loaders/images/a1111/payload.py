"""An `ImageRequest` as that API wants it: the bodies of /sdapi/v1/txt2img and /sdapi/v1/img2img."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from PIL import Image as Pillow

from modules.core.images import ImageRequest
from modules.loaders.images.a1111.server import MULTIPLE

HIRES_FROM = 1.2
"""Times the base size: from here on a picture is drawn at the base size first, then scaled up and drawn over."""
HIRES_STRENGTH = 0.68
FILL_WITH_ORIGINAL = 1


def split(request: ImageRequest) -> Iterator[ImageRequest]:
    """Requests of one batch each, in the order of the seeds.

    The server counts seeds on without an end, so a batch ends where ours begin again at 0. What it shows of a batch in the making is one
    picture of all, so where previews are wanted pictures are drawn one by one.
    """
    size = 1 if request.previews else request.batch_size
    batch: list[int] = []
    for seed in request.seeds:
        if batch and (len(batch) == size or seed != batch[-1] + 1):
            yield _batch(request, batch)
            batch = []
        batch.append(seed)
    yield _batch(request, batch)


def _batch(request: ImageRequest, seeds: list[int]) -> ImageRequest:
    return replace(request, seed=seeds[0], batch_size=len(seeds), batch_count=1)


def route_of(request: ImageRequest) -> str:
    return "/sdapi/v1/txt2img" if request.initial is None else "/sdapi/v1/img2img"


def to_payload(
    request: ImageRequest, task_id: str, *, checkpoint: str | None = None, base_size: int = 0
) -> dict[str, Any]:
    """The body for `route_of` the request. Sampler and scheduler are the server's; nothing is kept on its disk."""
    payload: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "steps": request.steps,
        "cfg_scale": max(
            1.0, request.guidance
        ),  # 0 is "without" here; there it would be the negative prompt alone
        "seed": request.seed,
        "batch_size": request.batch_size,
        "n_iter": request.batch_count,
        "send_images": True,
        "save_images": False,
        "force_task_id": task_id,
    }
    if checkpoint is not None:
        payload["override_settings"] = {"sd_model_checkpoint": checkpoint}
        payload["override_settings_restore_afterwards"] = True
    return payload | (_hires(request, base_size) if request.initial is None else _initial(request))


def _initial(request: ImageRequest) -> dict[str, Any]:
    assert request.initial is not None
    picture = Pillow.frombytes(
        "RGB", (request.initial.width, request.initial.height), request.initial.rgb
    )
    fields: dict[str, Any] = {
        "init_images": [_to_base64(picture)],
        "denoising_strength": request.strength,
    }
    return fields | _mask(request)


def _mask(request: ImageRequest) -> dict[str, Any]:
    """White is drawn anew, with the whole picture in view: a prompt describes all of it."""
    if request.mask is None:
        return {}
    mask = Pillow.frombytes("L", (request.mask.width, request.mask.height), request.mask.levels)
    return {
        "mask": _to_base64(mask),
        "inpainting_mask_invert": 0,
        "inpainting_fill": FILL_WITH_ORIGINAL,
        "inpaint_full_res": False,
    }


def _hires(request: ImageRequest, base_size: int) -> dict[str, Any]:
    """A checkpoint that learned small pictures repeats itself in large ones; only where the operator named its size."""
    scale = min(request.width, request.height) / base_size if base_size else 0.0
    if scale < HIRES_FROM:
        return {}
    return {
        "enable_hr": True,
        "width": _fitting(request.width / scale),
        "height": _fitting(request.height / scale),
        "hr_resize_x": request.width,
        "hr_resize_y": request.height,
        "hr_upscaler": "Latent",
        "denoising_strength": HIRES_STRENGTH,
    }


def _fitting(side: float) -> int:
    return max(MULTIPLE, int(side) // MULTIPLE * MULTIPLE)


def _to_base64(picture: Pillow.Image) -> str:
    file = io.BytesIO()
    picture.save(file, format="PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode()
