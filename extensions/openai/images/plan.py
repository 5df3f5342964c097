"""A request for pictures to an ImageRequest with every value settled, and to what becomes of its pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

from extensions.openai.images.counts import to_batches, to_seed
from extensions.openai.images.typing import (
    DrawingFields,
    ImageTokens,
    ImageUsage,
    StreamFields,
    StrengthFields,
)
from modules.core.errors import RequestError, Unsupported
from modules.core.images import ImageRequest, ImageTraits, PromptLength
from modules.loaders.media_base import Imager
from modules.pictures.encoding import MEDIA_TYPES, FileShape
from modules.pictures.finish import Finish
from modules.pictures.originals import Original
from modules.pictures.sizes import (
    Size,
    drawn_size,
    drawn_size_of_picture,
    image_tokens,
    native_size,
    parse_size,
    size_of_picture,
)
from modules.settings import Settings

MAX_STEPS = 150
STEPS_OF_QUALITY = {"low": 0.5, "high": 1.5, "hd": 1.5, "xhigh": 2.0, "max": 3.0}
"""Times the model's own number of steps; 1 for all others."""
WIRE_QUALITY = {"auto": "medium", "standard": "medium", "hd": "high"}

EDIT_STRENGTH, FAITHFUL_STRENGTH = 0.8, 0.6
MASK_STRENGTH, FAITHFUL_MASK_STRENGTH = 1.0, 0.8
VARIATION_STRENGTH = 0.5


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the route knows: the prompt, and for edits and variations the picture and how far it is left behind."""

    prompt: str
    original: Original | None = None
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """`size` is that of the answer's pictures; `original` has it too. `ignored`: fields without effect."""

    request: ImageRequest
    model: str
    size: Size
    shape: FileShape
    quality: str
    length: PromptLength
    original: Original | None = None
    embeds_settings: bool = True
    is_url: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.shape.format]

    def usage(self, count: int) -> ImageUsage:
        """Of so many pictures."""
        length = self.length
        text = length.tokens - length.unread
        pictures = 0 if self.original is None else image_tokens(self.original.size)
        made = image_tokens(self.size) * count
        return ImageUsage(
            input_tokens=text + pictures,
            input_tokens_details=ImageTokens(text_tokens=text, image_tokens=pictures),
            output_tokens=made,
            output_tokens_details=ImageTokens(text_tokens=0, image_tokens=made),
            total_tokens=text + pictures + made,
            unread_prompt_tokens=length.unread or None,
        )

    @property
    def finish(self) -> Finish:
        return Finish(
            self.request, self.model, self.size, self.shape, self.original, self.embeds_settings
        )


def plan_images(
    body: DrawingFields, drawing: Drawing, model: Imager, settings: Settings
) -> ImagePlan:
    """RequestError names the field that this model cannot follow. Blocking: it tokenizes and scales pictures."""
    traits = model.traits
    _check_ability(body, drawing, model)
    size, drawn = _sizes(body, drawing, traits, settings.max_drawn_pixels)
    original = None if drawing.original is None else drawing.original.fitted(size)
    initial = None if original is None else original.stretched(drawn)
    batches = to_batches(body, settings.max_drawn_images)
    has_previews = "previews" in model.info.capabilities
    request = ImageRequest(
        prompt=drawing.prompt,
        width=drawn.width,
        height=drawn.height,
        steps=_steps(body, traits),
        guidance=traits.guidance if body.cfg_scale is None else body.cfg_scale,
        seed=to_seed(body),
        negative_prompt=body.negative_prompt or "",
        batch_size=batches.size,
        batch_count=batches.count,
        initial=None if initial is None else initial.image,
        mask=None if initial is None else initial.mask,
        strength=drawing.strength,
        previews=_previews(body) if has_previews else 0,
    )
    if request.steps_taken < 1:
        raise RequestError(
            f"A strength of {request.strength:g} leaves less than one of {request.steps} steps.",
            param="strength",
        )
    return ImagePlan(
        request=request,
        model=model.info.name,
        size=size,
        shape=FileShape(body.output_format or "png", _compression(body)),
        quality=WIRE_QUALITY.get(body.quality or "auto", body.quality or "auto"),
        length=model.measure(drawing.prompt),
        original=original,
        embeds_settings=settings.image_metadata and body.embed_settings is not False,
        is_url=body.response_format == "url",
        ignored=tuple(_ignored(body, request, model)),
    )


def strength_of(body: StrengthFields, *, has_mask: bool) -> float:
    if body.strength is not None:
        return body.strength
    if has_mask:
        return FAITHFUL_MASK_STRENGTH if body.input_fidelity == "high" else MASK_STRENGTH
    return FAITHFUL_STRENGTH if body.input_fidelity == "high" else EDIT_STRENGTH


def _check_ability(body: DrawingFields, drawing: Drawing, model: Imager) -> None:
    able, name = model.info.capabilities, model.info.name
    if body.background == "transparent":
        raise Unsupported(
            "Transparent images cannot be made here; use background 'opaque'.", param="background"
        )
    if drawing.original is None and "text_to_image" not in able:
        raise Unsupported(f"{name} only changes pictures: use /v1/images/edits.", param="model")
    if drawing.original is None:
        return
    if drawing.original.mask is not None and "inpainting" not in able:
        raise Unsupported(f"{name} cannot change parts of a picture.", param="mask")
    if drawing.original.mask is None and "image_to_image" not in able:
        raise Unsupported(
            f"{name} cannot change whole pictures{'; send a mask' if 'inpainting' in able else ''}.",
            param="image",
        )


def _sizes(
    body: DrawingFields, drawing: Drawing, traits: ImageTraits, max_pixels: int
) -> tuple[Size, Size]:
    """Of the answer, and of the drawing."""
    asked = parse_size(body.size, max_pixels)
    if asked is not None:
        return asked, drawn_size(asked, traits)
    if drawing.original is None:
        native = native_size(traits)
        return native, drawn_size(native, traits)
    own = size_of_picture(drawing.original.size, max_pixels)
    return own, drawn_size_of_picture(own, traits)


def _steps(body: DrawingFields, traits: ImageTraits) -> int:
    if body.steps is not None:
        return body.steps
    wanted = round(traits.steps * STEPS_OF_QUALITY.get(body.quality or "auto", 1.0))
    return max(1, min(MAX_STEPS, wanted))


def _previews(body: DrawingFields) -> int:
    is_streamed = isinstance(body, StreamFields) and bool(body.stream)
    return (body.partial_images or 0) if isinstance(body, StreamFields) and is_streamed else 0


def _compression(body: DrawingFields) -> int:
    return 100 if body.output_compression is None else body.output_compression


def _ignored(body: DrawingFields, request: ImageRequest, model: Imager) -> Iterator[str]:
    """Fields that are understood, and change nothing here."""
    able = model.info.capabilities
    has_guidance = request.guidance > 1
    if request.negative_prompt and not (has_guidance and "negative_prompt" in able):
        yield "negative_prompt"
    if body.output_compression is not None and (body.output_format or "png") == "png":
        yield "output_compression"
    if body.style is not None:
        yield "style"
    if body.seed is not None and body.image_seed not in (None, body.seed):
        yield "seed"
    if body.steps is not None and body.quality not in (None, "auto"):
        yield "quality"
    if isinstance(body, StrengthFields) and body.strength is not None and body.input_fidelity:
        yield "input_fidelity"
    if isinstance(body, StreamFields):
        if body.partial_images and not request.previews:
            yield "partial_images"
        if body.stream and body.response_format == "url":
            yield "response_format"
