"""The drawings of the bundled image model, and a reader that says what is on one: colour, shape, background."""

from collections import deque
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow, ImageDraw

from modules.core.messages import Image

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 70, 220),
    "yellow": (240, 215, 40),
    "orange": (245, 140, 20),
    "purple": (140, 50, 180),
}
BACKGROUNDS = {"white": (245, 245, 245), "black": (15, 15, 15), "yellow": (240, 215, 40)}
SHAPES = ("circle", "square", "triangle", "cross")
SIDE = 64
_TEMPLATE_SIDE = 32
_SHARPNESS = 4
_CONTRAST = 75
"""Sum over the channels by which a pixel differs from the background."""

Bits = NDArray[np.bool_]


class Seen(NamedTuple):
    colour: str | None
    shape: str | None
    background: str


def draw(colour: str, shape: str, background: str = "white", *, size: int = SIDE) -> Pillow.Image:
    """As the model knows them: in the middle, a good half of the picture wide, with smooth edges."""
    colours = COLOURS | BACKGROUNDS
    large = size * _SHARPNESS
    picture = Pillow.new("RGB", (large, large), colours[background])
    _put(ImageDraw.Draw(picture), shape, large / 2, large * 0.28, colours[colour])
    return picture.resize((size, size), Pillow.Resampling.BOX)


def _put(
    pen: ImageDraw.ImageDraw, shape: str, middle: float, r: float, colour: tuple[int, int, int]
) -> None:
    if shape == "circle":
        pen.ellipse((middle - r, middle - r, middle + r, middle + r), fill=colour)
        return
    w = 0.33
    corners = {
        "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "triangle": [(0, -1), (1, 0.8), (-1, 0.8)],
        "cross": [
            *[(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w)],
            *[(w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w), (-w, -w)],
        ],
    }
    pen.polygon([(middle + r * x, middle + r * y) for x, y in corners[shape]], fill=colour)


def see(picture: Pillow.Image | Image) -> Seen:
    """Of the largest area that is not background: the nearest colour, and the shape that it overlaps best."""
    if isinstance(picture, Image):
        picture = Pillow.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE)), np.float32)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = _nearest(np.median(edge, 0), BACKGROUNDS)
    differs = np.abs(pixels - np.array(BACKGROUNDS[background])).sum(-1) > _CONTRAST
    area = _largest(differs)
    if area.sum() < 30:
        return Seen(None, None, background)
    colour = _nearest(np.median(pixels[area], 0), COLOURS)
    crop = _cropped(area)
    overlaps = {shape: _overlap(crop, _template(shape)) for shape in SHAPES}
    return Seen(colour, max(overlaps, key=lambda shape: overlaps[shape]), background)


def _nearest(value: NDArray[np.float32], palette: dict[str, tuple[int, int, int]]) -> str:
    return min(palette, key=lambda name: float(((value - np.array(palette[name])) ** 2).sum()))


def _largest(bits: Bits) -> Bits:
    """The largest connected area."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(bits), strict=True)}
    best: set[tuple[int, int]] = set()
    while left:
        first = left.pop()
        area, queue = {first}, deque([first])
        while queue:
            y, x = queue.popleft()
            for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if near in left:
                    left.discard(near)
                    area.add(near)
                    queue.append(near)
        best = max(best, area, key=len)
    found = np.zeros_like(bits)
    for y, x in best:
        found[y, x] = True
    return found


def _cropped(bits: Bits) -> Bits:
    ys, xs = np.nonzero(bits)
    crop = bits[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    picture = Pillow.fromarray(crop.astype(np.uint8) * 255)
    small = picture.resize((_TEMPLATE_SIDE, _TEMPLATE_SIDE), Pillow.Resampling.BILINEAR)
    return np.asarray(small) > 127


@cache
def _template(shape: str) -> Bits:
    return _cropped(np.asarray(draw("black", shape, "white").convert("L")) < 128)


def _overlap(one: Bits, other: Bits) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
