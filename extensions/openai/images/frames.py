"""Server-sent events of pictures: previews and the pictures that are done."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from extensions.openai.images.plan import ImagePlan
from modules.engine.media.drawing import DrawnFile


async def to_frames(
    plan: ImagePlan, files: AsyncGenerator[DrawnFile], prefix: str
) -> AsyncGenerator[bytes]:
    """`prefix`: `image_generation` or `image_edit`. Each event also says which picture it belongs to, as `image_index`."""
    async with aclosing(files):
        async for file in files:
            body: dict[str, Any] = {
                "b64_json": await file.base64(),
                "created_at": int(time.time()),
                "size": str(plan.size),
                "quality": plan.quality,
                "background": "opaque",
                "output_format": plan.shape.format,
                "image_index": file.index,
            }
            if file.seed is not None:
                kind = f"{prefix}.completed"
                body |= {"seed": file.seed, "usage": plan.usage(1).model_dump()}
            else:
                kind = f"{prefix}.partial_image"
                body["partial_image_index"] = file.preview
            yield b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **body}))
