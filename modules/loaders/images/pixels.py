# pyright: basic
"""Between pixels as bytes and what pipelines take and give."""

from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow

from modules.core.images import Mask
from modules.core.messages import Image


def to_pillow(image: Image) -> Pillow.Image:
    return Pillow.frombytes("RGB", (image.width, image.height), image.rgb)


def mask_to_pillow(mask: Mask) -> Pillow.Image:
    return Pillow.frombytes("L", (mask.width, mask.height), mask.levels)


def to_images(pictures: Any) -> list[Image] | None:
    """From an array (pictures, height, width, 3) with values from 0 to 1; None where a value is no number."""
    values = np.asarray(pictures, dtype=np.float32)
    if not np.isfinite(values).all():
        return None
    pixels = (values.clip(0, 1) * 255).round().astype(np.uint8)
    return [Image(each.shape[1], each.shape[0], each.tobytes()) for each in pixels]


class PreviewDecoder:
    """Latents in the middle of the way to pixels, by the pipeline's own decoder."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    @property
    def is_possible(self) -> bool:
        """Families with a decoder for video, or with a scale for each channel, are none that this can read."""
        vae = getattr(self._pipeline, "vae", None)
        return (
            vae is not None
            and getattr(vae.config, "scaling_factor", None) is not None
            and not hasattr(vae, "temperal_downsample")
            and getattr(vae.config, "latents_mean", None) is None
        )

    @torch.no_grad()
    def decode(self, latents: torch.Tensor, width: int, height: int) -> list[Image]:
        """One for each picture of the batch; empty where the numbers overflowed, which the end of the way tells."""
        pipeline, vae = self._pipeline, self._pipeline.vae
        if latents.ndim == 3:
            latents = pipeline._unpack_latents(latents, height, width, pipeline.vae_scale_factor)
        shift = getattr(vae.config, "shift_factor", None) or 0.0
        scaled = (latents / vae.config.scaling_factor + shift).to(vae.dtype)
        decoded = vae.decode(scaled, return_dict=False)[0]
        pictures = pipeline.image_processor.postprocess(decoded.detach(), output_type="np")
        return to_images(pictures) or []
