"""A picture from the editor, and what was painted over it. Imported late: it needs Pillow."""

from collections.abc import Sequence

from PIL import Image as Pillow, ImageChops

from modules.core.errors import RequestError
from modules.core.images import Mask
from modules.core.messages import Image
from modules.pictures.originals import Original

PAINTED = 24
"""From this opacity on, of 255, a pixel of a layer counts as painted: the brush has soft edges."""


def to_original(
    background: Pillow.Image | None, layers: Sequence[Pillow.Image], max_pixels: int
) -> Original:
    """With a mask where something was painted. RequestError where there is no picture, or it is too large. Blocking."""
    if background is None:
        raise RequestError("Choose a picture first, or draw from words.")
    if background.width * background.height > max_pixels:
        raise RequestError(
            f"The picture has {background.width} x {background.height} pixels; at most {max_pixels / 1e6:g} million are read."
        )
    rgba = background.convert("RGBA")
    paper = Pillow.new("RGB", rgba.size, "white")
    paper.paste(rgba, mask=rgba.getchannel("A"))
    return Original(Image(paper.width, paper.height, paper.tobytes()), to_mask(layers, rgba.size))


def to_mask(layers: Sequence[Pillow.Image], size: tuple[int, int]) -> Mask | None:
    """What is painted on any of the layers; None where nothing is."""
    levels = Pillow.new("L", size, 0)
    for layer in layers:
        alpha = layer.convert("RGBA").getchannel("A")
        alpha = alpha if alpha.size == size else alpha.resize(size)
        levels = ImageChops.lighter(levels, alpha)
    painted = levels.point([0] * PAINTED + [255] * (256 - PAINTED))
    if painted.getextrema() == (0, 0):
        return None
    return Mask(size[0], size[1], painted.tobytes())
