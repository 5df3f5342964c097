"""Pictures of coloured shapes, as the tiny vision model knows them, and prompts that have them."""

from typing import Any

from PIL import Image as Pillow, ImageDraw

from modules.core.messages import Image
from modules.core.requests import GenerationRequest, Media
from modules.core.sampling import SamplingParams
from modules.engine.engine import Engine
from modules.loaders.base import TextRunner, image_ids

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 70, 220),
    "yellow": (240, 215, 40),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
}
CORNERS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0, -1), (1, 0.8), (-1, 0.8)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
}
_SHARPNESS = 4


def draw_shape(colour: str, shape: str, background: str, *, size: int = 64) -> Pillow.Image:
    """The shape in the middle, a good half of the picture wide; with smooth edges."""
    large = size * _SHARPNESS
    picture = Pillow.new("RGB", (large, large), COLOURS[background])
    middle, radius = large / 2, large * 0.3
    pen = ImageDraw.Draw(picture)
    if shape == "circle":
        box = (middle - radius, middle - radius, middle + radius, middle + radius)
        pen.ellipse(box, fill=COLOURS[colour])
    else:
        corners = [(middle + radius * x, middle + radius * y) for x, y in CORNERS[shape]]
        pen.polygon(corners, fill=COLOURS[colour])
    return picture.resize((size, size), Pillow.Resampling.BOX)


def to_image(picture: Pillow.Image) -> Image:
    return Image(picture.width, picture.height, picture.tobytes())


def drawn(colour: str, shape: str, background: str, *, size: int = 64) -> Image:
    return to_image(draw_shape(colour, shape, background, size=size))


def look(
    engine: Engine | TextRunner, *parts: str | Image, max_tokens: int = 40, **fields: Any
) -> GenerationRequest:
    """A greedy request whose prompt is these parts."""
    ids: list[int] = []
    media: list[Media] = []
    for part in parts:
        if isinstance(part, str):
            ids += engine.tokenizer.encode(part, add_special=False, parse_special=True)
            continue
        placed = engine.place_image(part)
        ids += placed.before
        media.append(Media(len(ids), placed.length, part))
        ids += image_ids(part.digest, placed.length)
        ids += placed.after
    sampling = fields.pop("sampling", {"temperature": 0})
    return GenerationRequest(
        tuple(ids),
        max_tokens,
        SamplingParams().updated(sampling),
        media=tuple(media),
        **fields,
    )


def ask_about(
    engine: Engine | TextRunner,
    *images: Image,
    question: str = "What is in the image?",
    **fields: Any,
) -> GenerationRequest:
    end = f"{question}<|im_end|>\n<|im_start|>assistant\n"
    return look(engine, "<|im_start|>user\n", *images, end, **fields)
