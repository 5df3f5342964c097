"""Sizes of pictures: what was asked for, and at what size the model draws it."""

import math
import re
from dataclasses import dataclass

from modules.core.errors import RequestError
from modules.core.images import ImageTraits

MIN_SIDE = 16
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def scaled(self, factor: float, multiple: int = 1) -> "Size":
        """To the nearest multiples, at least one."""
        sides = (
            max(1, round(side * factor / multiple)) * multiple for side in (self.width, self.height)
        )
        return Size(*sides)


def parse_size(text: str | None, max_pixels: int) -> Size | None:
    """None for `auto` and where nothing is said; RequestError for what is no size, or one that is not made here."""
    if text is None or text.lower() == AUTO:
        return None
    match = re.fullmatch(r"([0-9]{1,6})\s*[xX×]\s*([0-9]{1,6})", text.strip())
    if match is None:
        raise _wrong("it must be WIDTHxHEIGHT, such as 1024x1024, or 'auto'")
    size = Size(int(match[1]), int(match[2]))
    if min(size.width, size.height) < MIN_SIDE:
        raise _wrong(f"sides have at least {MIN_SIDE} pixels")
    if size.pixels > max_pixels:
        raise _wrong(f"{size} is larger than the {max_pixels} pixels that are allowed here")
    return size


def drawn_size(size: Size, traits: ImageTraits) -> Size:
    """At which a size that was asked for is drawn: the same, unless the model draws only smaller ones."""
    limit = traits.max_side
    if limit is not None and max(size.width, size.height) > limit:
        return size.scaled(limit / max(size.width, size.height), traits.multiple)
    if size.width % traits.multiple or size.height % traits.multiple:
        raise _wrong(f"this model's sides are multiples of {traits.multiple}, which {size} is not")
    return size


def native_size(traits: ImageTraits) -> Size:
    return Size(traits.width, traits.height)


def size_of_picture(size: Size, max_pixels: int) -> Size:
    """The answer's size to a picture whose size was not said otherwise: its own, smaller where that is too large."""
    if size.pixels <= max_pixels:
        return size
    factor = math.sqrt(max_pixels / size.pixels)
    return Size(max(1, int(size.width * factor)), max(1, int(size.height * factor)))


def drawn_size_of_picture(size: Size, traits: ImageTraits) -> Size:
    """Of its shape, with about as many pixels as the model draws best."""
    factor = math.sqrt(native_size(traits).pixels / size.pixels)
    if traits.max_side is not None:
        factor = min(factor, traits.max_side / max(size.width, size.height))
    return size.scaled(factor, traits.multiple)


def image_tokens(size: Size) -> int:
    """One for each started square of 16 pixels."""
    return math.ceil(size.width / 16) * math.ceil(size.height / 16)


def _wrong(reason: str) -> RequestError:
    return RequestError(f"Invalid value for 'size': {reason}.", param="size")
