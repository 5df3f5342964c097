"""The pictures that come with a request: uploads or URLs, to pixels. Imported late: it needs Pillow."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.datastructures import UploadFile

from extensions.openai.images.typing import ImageReference
from extensions.openai.images_in import ImageSource, fetch_images
from extensions.openai.media.budget import ByteBudget
from modules.core.errors import RequestError, Unsupported
from modules.pictures.decoding import Decoder
from modules.pictures.originals import Original
from modules.settings import Settings

T = TypeVar("T")

IMAGE, MASK = "image", "mask"


async def read_uploads(image: UploadFile, mask: UploadFile | None, settings: Settings) -> Original:
    """RequestError names the field of what cannot be read."""
    budget = ByteBudget(settings.max_image_mb)
    data = await _read(image, IMAGE, budget)
    mask_data = None if mask is None else await _read(mask, MASK, budget)
    names = (IMAGE, MASK)
    return await asyncio.to_thread(_decode, data, mask_data, names, settings.max_image_pixels)


async def fetch_references(
    images: Sequence[ImageReference], mask: ImageReference | None, settings: Settings
) -> Original:
    """From data: URLs and from the web, as pictures of chats come. RequestError names the field of what cannot be had."""
    if len(images) > 1:
        raise one_picture_only("images[1]")
    sources = [_source(images[0], "images[0]")]
    sources += [] if mask is None else [_source(mask, MASK)]
    files = await fetch_images(sources, settings)
    data = [files[source.url] for source in sources]
    mask_data = data[1] if len(data) > 1 else None
    names = (sources[0].param, MASK)
    return await asyncio.to_thread(_decode, data[0], mask_data, names, settings.max_image_pixels)


def one_picture_only(param: str) -> Unsupported:
    return Unsupported("Image models here edit one picture at a time; send one.", param=param)


def _source(reference: ImageReference, param: str) -> ImageSource:
    if reference.file_id is not None:
        raise Unsupported(
            "There are no stored files here: send the picture as 'image_url' (data: or http).",
            param=f"{param}.file_id",
        )
    if not reference.image_url:
        raise RequestError(f"Missing required parameter: '{param}.image_url'.", param=param)
    return ImageSource(reference.image_url, f"{param}.image_url")


async def _read(file: UploadFile, param: str, budget: ByteBudget) -> bytes:
    try:
        budget.take(file.size or 0)
    except RequestError as error:
        raise RequestError(error.message, param=param, code=error.code) from None
    return await file.read()


def _decode(
    data: bytes, mask_data: bytes | None, names: tuple[str, str], max_pixels: int
) -> Original:
    """`names`: of the fields that have the picture and the mask."""
    decoder = Decoder(max_pixels)
    image = _named(names[0], lambda: decoder.decode(data))
    if mask_data is None:
        return Original(image)
    mask = _named(names[1], lambda: decoder.decode_mask(mask_data))
    if (mask.width, mask.height) != (image.width, image.height):
        raise RequestError(
            f"The mask is {mask.width} x {mask.height} pixels, and the picture {image.width} x {image.height}; "
            "they must have the same size.",
            param=MASK,
        )
    if not any(mask.levels):
        raise RequestError(
            "The mask marks nothing: what is to be drawn anew must be transparent, or white in a mask without transparency.",
            param=MASK,
        )
    return Original(image, mask)


def _named(param: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except RequestError as error:
        raise RequestError(error.message, param=param, code=error.code) from error.__cause__
