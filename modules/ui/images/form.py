"""What a person wants drawn, and the request that it becomes once the model is known."""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.errors import RequestError, Unsupported
from modules.core.images import MAX_SEED, ImageRequest, ImageTraits
from modules.loaders.media_base import Imager
from modules.pictures.finish import Finish
from modules.pictures.originals import Original
from modules.pictures.sizes import (
    Size,
    drawn_size,
    drawn_size_of_picture,
    native_size,
    parse_size,
    size_of_picture,
)

BEST = "Best size"
AS_SIZE = "As the size"
SHAPES: Mapping[str, tuple[int, int]] = {
    "Square 1:1": (1, 1),
    "Landscape 4:3": (4, 3),
    "Landscape 3:2": (3, 2),
    "Landscape 16:9": (16, 9),
    "Portrait 3:4": (3, 4),
    "Portrait 2:3": (2, 3),
    "Portrait 9:16": (9, 16),
}
UNKNOWN_SIZES = (512, 768, 1024)
FACTORS = (0.5, 0.75, 1.5, 2.0)
MAX_STEPS, MAX_GUIDANCE = 150, 30.0
PREVIEWS = 5


@dataclass(frozen=True, slots=True)
class DrawingLimits:
    """`pixels` of one picture; `images` of one request."""

    pixels: int
    images: int
    embeds_settings: bool = True


@dataclass(frozen=True, slots=True)
class ImageForm:
    """None is what suits the model; of `seed` None and -1 are random. `size`: BEST or WIDTHxHEIGHT; `shape` keeps its area.
    `strength`: beside a picture, how far it is left behind.
    """

    prompt: str
    negative_prompt: str = ""
    size: str = BEST
    shape: str = AS_SIZE
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    count: int = 1
    strength: float = 0.9
    has_previews: bool = True

    def check(self) -> None:
        """RequestError for what no model can."""
        _check_range("The number of steps", self.steps, 1, MAX_STEPS)
        _check_range("Guidance", self.guidance, 0, MAX_GUIDANCE)
        _check_range("The seed", self.seed, -1, MAX_SEED)
        _check_range("How much changes", self.strength, 0.01, 1)


def _check_range(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise RequestError(f"{name} must be from {least:.15g} to {most:.15g}.")


def read_form(fields: Sequence[Any], count: int, *, has_previews: bool) -> ImageForm:
    """Of what stands in the form: prompt, negative prompt, size, shape, steps, guidance, seed, strength. RequestError for no numbers."""
    prompt, negative, size, shape, steps, guidance, seed, strength = fields
    return ImageForm(
        str(prompt or "").strip(),
        str(negative or "").strip(),
        str(size or BEST),
        str(shape or AS_SIZE),
        _whole("Steps", steps),
        _number("Guidance", guidance),
        _whole("The seed", seed),
        count,
        float(strength),
        has_previews,
    )


def _number(name: str, text: str | None) -> float | None:
    """None where nothing was written."""
    if not text or not text.strip():
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise RequestError(f"{name} must be a number; leave it empty for the usual.") from None


def _whole(name: str, text: str | None) -> int | None:
    value = _number(name, text)
    if value is None:
        return None
    if not value.is_integer():
        raise RequestError(f"{name} must be a whole number; leave it empty for the usual.")
    return int(value)


def size_choices(traits: ImageTraits | None, max_pixels: int) -> list[str]:
    """What is offered; other sizes can be written. `traits`: of the model, None where they are not known yet."""
    if traits is None:
        sizes = [Size(side, side) for side in UNKNOWN_SIZES]
    else:
        native = native_size(traits)
        sizes = [native.scaled(factor, traits.multiple) for factor in FACTORS]
    return [BEST, *dict.fromkeys(str(size) for size in sizes if size.pixels <= max_pixels)]


def shaped(size: Size, shape: str, multiple: int) -> Size:
    """About as many pixels, of this shape."""
    ratio = SHAPES.get(shape)
    if ratio is None:
        return size
    width, height = ratio
    scale = math.sqrt(size.pixels / (width * height))
    return Size(*(max(1, round(side * scale / multiple)) * multiple for side in (width, height)))


def to_size(form: ImageForm, traits: ImageTraits, max_pixels: int) -> Size:
    """RequestError for what is no size, or too large."""
    asked = None if form.size == BEST else parse_size(form.size, max_pixels)
    size = shaped(asked or native_size(traits), form.shape, traits.multiple)
    if size.pixels > max_pixels:
        raise RequestError(f"{size} is larger than the {max_pixels} pixels that are allowed here.")
    return size


def to_finish(
    form: ImageForm, model: Imager, original: Original | None, limits: DrawingLimits
) -> Finish:
    """The request, and what becomes of its pictures. RequestError says what this model cannot follow. Blocking: it scales pictures."""
    form.check()
    _check_ability(model, original, form)
    if not 1 <= form.count <= limits.images:
        raise RequestError(f"From 1 to {limits.images} pictures can be drawn at once.")
    traits = model.traits
    if original is None:
        size = to_size(form, traits, limits.pixels)
        drawn = drawn_size(size, traits)
    else:
        size = size_of_picture(original.size, limits.pixels)
        drawn = drawn_size_of_picture(size, traits)
        original = original.fitted(size)
    initial = None if original is None else original.stretched(drawn)
    can_preview = form.has_previews and "previews" in model.info.capabilities
    is_random = form.seed is None or form.seed < 0
    request = ImageRequest(
        prompt=form.prompt,
        width=drawn.width,
        height=drawn.height,
        steps=form.steps or traits.steps,
        guidance=traits.guidance if form.guidance is None else form.guidance,
        seed=secrets.randbelow(MAX_SEED + 1) if is_random else form.seed or 0,
        negative_prompt=form.negative_prompt,
        batch_count=form.count,
        initial=None if initial is None else initial.image,
        mask=None if initial is None else initial.mask,
        strength=1.0 if original is None else form.strength,
        previews=PREVIEWS if can_preview else 0,
    )
    if request.steps_taken < 1:
        raise RequestError("So few steps and so little change leave nothing to draw.")
    return Finish(
        request, model.info.name, size, original=original, embeds_settings=limits.embeds_settings
    )


def _check_ability(model: Imager, original: Original | None, form: ImageForm) -> None:
    able, name = model.info.capabilities, model.info.name
    if original is None:
        if not form.prompt.strip():
            raise RequestError("Say in the prompt what to draw.")
        if "text_to_image" not in able:
            raise Unsupported(f"{name} only changes pictures: give it one.")
    elif original.mask is not None and "inpainting" not in able:
        raise Unsupported(f"{name} cannot change parts of a picture: remove what you painted.")
    elif original.mask is None and "image_to_image" not in able:
        raise Unsupported(f"{name} cannot change whole pictures: paint over what should change.")


def form_from(settings: Mapping[str, Any]) -> ImageForm:
    """The form that draws a picture again, of what stands in its file; values of a wrong type are left out."""

    def number(name: str) -> float | None:
        value = settings.get(name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if is_number else None

    def text(name: str) -> str:
        value = settings.get(name)
        return value if isinstance(value, str) else ""

    width, height, steps, seed = (number(n) for n in ("width", "height", "steps", "seed"))
    return ImageForm(
        text("prompt"),
        text("negative_prompt"),
        size=f"{width:.0f}x{height:.0f}" if width and height else BEST,
        steps=None if steps is None else int(steps),
        guidance=number("cfg_scale"),
        seed=None if seed is None else int(seed),
        strength=number("strength") or 0.9,
    )
