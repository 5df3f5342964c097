# pyright: basic
"""A diffusers pipeline in memory, with its variants for initial pictures and masks over the same weights."""

import inspect
from typing import Any

import diffusers

from modules.core.errors import LoadError, Unsupported
from modules.core.images import ImageRequest, ImageTraits

TASKS = {
    "text_to_image": "AutoPipelineForText2Image",
    "image_to_image": "AutoPipelineForImage2Image",
    "inpainting": "AutoPipelineForInpainting",
}
"""By name, since asking for them makes diffusers import them all, with warnings that are turned off first."""
INPAINTING_CHANNELS = 9
"""Of a UNet that was made for inpainting, and can do nothing else: noise, mask and masked picture."""


class Pipelines:
    """By what is asked for: `base` itself, or another class of the library around its parts."""

    def __init__(self, base: Any, name: str) -> None:
        self.base = base
        self._name = name
        tasks = ["inpainting"] if self._is_inpainting_only else list(TASKS)
        made = {task: self._make(task) for task in tasks}
        self._by_task = {task: pipeline for task, pipeline in made.items() if pipeline is not None}
        if not self._by_task:
            raise LoadError(
                f"{name} is a {type(base).__name__}, which draws no pictures from text in a way that is known here."
            )
        for pipeline in self._by_task.values():
            pipeline.set_progress_bar_config(disable=True)

    @property
    def capabilities(self) -> tuple[str, ...]:
        return tuple(self._by_task)

    @property
    def any(self) -> Any:
        return next(iter(self._by_task.values()))

    def choose(self, request: ImageRequest) -> Any:
        """Unsupported where this model has no such variant."""
        task = "text_to_image" if request.initial is None else "image_to_image"
        task = "inpainting" if request.mask is not None else task
        if task not in self._by_task:
            raise Unsupported(f"{self._name} cannot do {task.replace('_', ' ')}.", param="model")
        return self._by_task[task]

    @property
    def _is_inpainting_only(self) -> bool:
        unet = getattr(self.base, "unet", None)
        return unet is not None and unet.config.in_channels == INPAINTING_CHANNELS

    def _make(self, task: str) -> Any:
        """None where the library has no such class for this family."""
        try:
            made = getattr(diffusers, TASKS[task]).from_pipe(self.base)
        except (ValueError, AttributeError):
            return None
        needs_picture = "image" in _required(made)
        return made if needs_picture <= (task != "text_to_image") else None


def traits_of(pipeline: Any) -> ImageTraits:
    """What the library's authors chose for this family; an unknown size is 1024, as newer families have it."""
    call = inspect.signature(pipeline.__call__).parameters
    steps = _number(call, "num_inference_steps", 30)
    side = _native_side(pipeline)
    return ImageTraits(
        width=side,
        height=side,
        multiple=_multiple(pipeline),
        steps=int(min(steps, 30)),
        guidance=float(_number(call, guidance_name(pipeline), 7.0)),
    )


def guidance_name(pipeline: Any) -> str:
    """Where classifier-free guidance goes. Some families have a second one, which takes part only where its default says so."""
    call = inspect.signature(pipeline.__call__).parameters
    return "true_cfg_scale" if _number(call, "true_cfg_scale", 0) > 1 else "guidance_scale"


def takes_negative_prompt(pipeline: Any) -> bool:
    """Families with distilled guidance name the field, but heed it only beside a second guidance that is off."""
    call = inspect.signature(pipeline.__call__).parameters
    is_distilled = "true_cfg_scale" in call and guidance_name(pipeline) == "guidance_scale"
    return "negative_prompt" in call and not is_distilled


def _required(pipeline: Any) -> set[str]:
    call = inspect.signature(pipeline.__call__).parameters
    return {name for name, each in call.items() if each.default is inspect.Parameter.empty}


def _number(call: Any, name: str, default: float) -> float:
    value = call[name].default if name in call else None
    return value if isinstance(value, int | float) else default


def _native_side(pipeline: Any) -> int:
    size = getattr(pipeline, "default_sample_size", None)
    unet = getattr(pipeline, "unet", None)
    if size is None and unet is not None:
        size = unet.config.sample_size
    return size * pipeline.vae_scale_factor if isinstance(size, int) else 1024


def _multiple(pipeline: Any) -> int:
    """Of the decoder's factor, and of the patches that a transformer cuts its latents into."""
    factor = getattr(pipeline, "vae_scale_factor", 8)
    transformer = getattr(pipeline, "transformer", None)
    patch = 1 if transformer is None else getattr(transformer.config, "patch_size", 1)
    if hasattr(pipeline, "_pack_latents"):
        patch = 2
    return max(8, factor * (patch if isinstance(patch, int) else 2))
