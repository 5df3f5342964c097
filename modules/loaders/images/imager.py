# pyright: basic
"""Implements `modules.loaders.media_base.Imager` with diffusers."""

import gc
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from modules.core.errors import ModelError, RequestError
from modules.core.images import (
    ImageEvent,
    ImagePreview,
    ImageRequest,
    ImageTraits,
    MadeImage,
    PromptLength,
)
from modules.core.jobs import Job
from modules.core.messages import Image
from modules.loaders.images import model_defaults, placement
from modules.loaders.images.loading import load_pipeline
from modules.loaders.images.pipelines import (
    Pipelines,
    guidance_name,
    takes_negative_prompt,
    traits_of,
)
from modules.loaders.images.pixels import PreviewDecoder, mask_to_pillow, to_images, to_pillow
from modules.loaders.images.prompt_length import PromptMeasure
from modules.loaders.images.watch import watched_steps
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia

Send = Callable[[ImageEvent], object]


@dataclass(frozen=True, slots=True)
class _Batch:
    """The `number`-th forward of a request, and what hears of it."""

    request: ImageRequest
    number: int
    job: Job
    send: Send

    @property
    def first(self) -> int:
        return self.number * self.request.batch_size

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.request.seeds[self.first : self.first + self.request.batch_size]

    def note(self, done: int, steps: int) -> None:
        self.job.note(self.number * steps + done, self.request.batch_count * steps)


def load_imager(model: InstalledMedia, options: Mapping[str, Any]) -> "DiffusersImager":
    """LoadError has the reason. `options`: device, dtype, attn_backend, cpu_offload, compile, quant."""
    path = model.path
    assert path is not None, "the catalog finds image models by their files"
    device = placement.choose_device(options["device"])
    dtype = placement.choose_dtype(options["dtype"], device)
    pipelines = Pipelines(load_pipeline(path, dtype, options), model.name)
    traits = model_defaults.guess(traits_of(pipelines.any), model.name)
    traits = model_defaults.with_file(traits, model_defaults.defaults_file(path))
    placement.place(pipelines.base, device, options)
    used = {
        **options,
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
        "cpu_offload": placement.offloads(device, options),
    }
    return DiffusersImager(model, pipelines, traits, used, device)


class DiffusersImager:
    """Draws with one pipeline at a time; all of them share their parts."""

    def __init__(
        self,
        model: InstalledMedia,
        pipelines: Pipelines,
        traits: ImageTraits,
        options: Mapping[str, Any],
        device: torch.device,
    ) -> None:
        self._pipelines = pipelines
        self._traits = traits
        self._device = device
        self._measure = PromptMeasure(pipelines.any)
        self._offloading: Any = None  # the pipeline whose hooks move the parts
        self._info = MediaInfo(
            model.name, model.loader, self._capabilities(), model.size_bytes, options
        )

    @property
    def info(self) -> MediaInfo:
        return self._info

    @property
    def traits(self) -> ImageTraits:
        return self._traits

    def measure(self, prompt: str) -> PromptLength:
        return self._measure.measure(prompt)

    def draw(self, request: ImageRequest, job: Job, send: Send) -> None:
        pipeline = self._pipelines.choose(request)
        job.note(0, request.steps_taken * request.batch_count)
        try:
            self._use(pipeline)
            for number in range(request.batch_count):
                self._draw_batch(pipeline, _Batch(request, number, job, send))
        except torch.OutOfMemoryError:
            raise ModelError(
                "The device's memory is too small for this: ask for a smaller size or batch_size."
            ) from None
        finally:
            self._tidy(pipeline)

    def close(self) -> None:
        if self._offloading is not None:
            self._offloading.remove_all_hooks()
        self.__dict__.clear()
        gc.collect()
        _empty_cache()

    def _capabilities(self) -> tuple[str, ...]:
        pipeline = self._pipelines.any
        also = {
            "negative_prompt": takes_negative_prompt(pipeline),
            "previews": PreviewDecoder(pipeline).is_possible,
        }
        return (*self._pipelines.capabilities, *(name for name, has_it in also.items() if has_it))

    def _use(self, pipeline: Any) -> None:
        """Hooks that move parts to the device and back belong to one pipeline."""
        if self._info.options["cpu_offload"] and self._offloading is not pipeline:
            if self._offloading is not None:
                self._offloading.remove_all_hooks()
            pipeline.enable_model_cpu_offload(device=self._device)
            self._offloading = pipeline

    def _tidy(self, pipeline: Any) -> None:
        """A call that was broken off has left its parts on the device."""
        if self._offloading is pipeline and pipeline is not None:
            pipeline.maybe_free_model_hooks()
        if self._device.type != "cpu":
            _empty_cache()

    def _draw_batch(self, pipeline: Any, batch: _Batch) -> None:
        steps = _Steps(pipeline, batch)
        with watched_steps(pipeline.scheduler, steps.see):
            result = pipeline(**arguments(pipeline, batch.request, batch.seeds))
        batch.job.check()
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise RequestError(
                "The model's own safety checker held back a picture; ask for another one.",
                param="prompt",
                code="content_policy_violation",
            )
        for i, image in enumerate(_checked(to_images(result.images), batch)):
            batch.send(MadeImage(batch.first + i, batch.seeds[i], image))


class _Steps:
    """What is done at the end of each step: the progress is noted, and previews that are due are sent."""

    def __init__(self, pipeline: Any, batch: _Batch) -> None:
        self._pipeline = pipeline
        self._batch = batch
        self._decoder = PreviewDecoder(pipeline)
        self._due = list(batch.request.preview_steps if self._decoder.is_possible else ())
        self._sent = 0

    def see(self, done: int, latents: torch.Tensor) -> None:
        """Schedulers of higher order take more steps than were asked for."""
        request = self._batch.request
        total = max(done, getattr(self._pipeline, "_num_timesteps", None) or request.steps_taken)
        self._batch.note(done, total)
        if self._due and done * request.steps_taken >= self._due[0] * total:
            self._due.pop(0)
            self._send(self._decoder.decode(latents, request.width, request.height))

    def _send(self, images: list[Image]) -> None:
        for i, image in enumerate(images):
            self._batch.send(ImagePreview(self._batch.first + i, self._sent, image))
        self._sent += bool(images)


def arguments(pipeline: Any, request: ImageRequest, seeds: tuple[int, ...]) -> dict[str, Any]:
    """What this pipeline's call takes of the request. A generator of its own for each picture, on the processor: a seed means
    the same picture in every batch and on every device, but for rounding."""
    wanted = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt or None,
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.steps,
        guidance_name(pipeline): request.guidance,
        "num_images_per_prompt": len(seeds),
        "generator": [torch.Generator().manual_seed(seed) for seed in seeds],
        "output_type": "np",
    }
    taken = inspect.signature(pipeline.__call__).parameters
    wanted |= _pictures(request, len(seeds) if "strength" in taken else 1)
    return {name: value for name, value in wanted.items() if value is not None and name in taken}


def _pictures(request: ImageRequest, copies: int) -> dict[str, Any]:
    """As many copies as there are generators: of a single picture only the first generator would sample the latents.

    Pipelines without a strength are told in words what to change; to them several pictures are several things to look at.
    """
    if request.initial is None:
        return {}
    found: dict[str, Any] = {
        "image": [to_pillow(request.initial)] * copies,
        "strength": request.strength,
    }
    if request.mask is not None:
        found["mask_image"] = [mask_to_pillow(request.mask)] * copies
    return found


def _checked(images: list[Image] | None, batch: _Batch) -> list[Image]:
    if images is None:
        raise ModelError(
            "The model's numbers overflowed, so there is no picture. Set image_dtype to bfloat16 or float32."
        )
    if len(images) != len(batch.seeds):
        raise ModelError(f"The model drew {len(images)} pictures instead of {len(batch.seeds)}.")
    return images


def _empty_cache() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
