"""Pixels to files: PNG, JPEG or WebP, with the settings they were drawn with inside. Imported late: it needs Pillow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, cast

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from modules.core.messages import Image

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
SETTINGS_KEY = "image_gen_settings"
PARAMETERS_KEY = "parameters"
_EXIF_FOLDER, _USER_COMMENT = 0x8769, 0x9286
_ASCII = b"ASCII\0\0\0"
MAX_COMMENT_BYTES = 60_000
"""EXIF data of a JPEG has at most 64 KiB."""


@dataclass(frozen=True, slots=True)
class FileShape:
    """`quality` from 0 to 100, for JPEG and WebP."""

    format: str = "png"
    quality: int = 100


def encode(image: Image, shape: FileShape, settings: Mapping[str, Any] | None) -> bytes:
    """`settings`: what is written into the file, None for nothing. Blocking."""
    picture = Pillow.frombytes("RGB", (image.width, image.height), image.rgb)
    file = BytesIO()
    if shape.format == "png":
        picture.save(file, "PNG", pnginfo=_png_texts(settings))
    else:
        exif = _exif(settings)
        picture.save(file, shape.format.upper(), quality=shape.quality, exif=exif)
    return file.getvalue()


def _png_texts(settings: Mapping[str, Any] | None) -> PngInfo | None:
    if settings is None:
        return None
    texts = PngInfo()
    texts.add_text(SETTINGS_KEY, json.dumps(settings, ensure_ascii=False))
    texts.add_text(PARAMETERS_KEY, parameters_text(settings))
    return texts


def parameters_text(settings: Mapping[str, Any]) -> str:
    """In the manner of AUTOMATIC1111's web UI, which many programs read."""
    negative = settings["negative_prompt"]
    named = {
        "Steps": settings["steps"],
        "CFG scale": settings["cfg_scale"],
        "Seed": settings["seed"],
        "Size": f"{settings['width']}x{settings['height']}",
        "Model": settings["model"],
        "Denoising strength": settings.get("strength"),
    }
    values = ", ".join(f"{name}: {value}" for name, value in named.items() if value is not None)
    lines = [settings["prompt"], *([f"Negative prompt: {negative}"] if negative else []), values]
    return "\n".join(lines)


def _exif(settings: Mapping[str, Any] | None) -> bytes:
    """The settings as JSON in UserComment; left out where they are longer than a file can hold."""
    comment = b"" if settings is None else _ASCII + json.dumps(settings).encode("ascii")
    if not comment or len(comment) > MAX_COMMENT_BYTES:
        return b""
    exif = Pillow.Exif()
    exif.get_ifd(_EXIF_FOLDER)[_USER_COMMENT] = comment
    return exif.tobytes()


def read_settings(file: IO[bytes]) -> dict[str, Any] | None:
    """What `encode` wrote into a PNG, of which only what comes before the pixels is read; None where there is nothing of that kind.
    Blocking."""
    try:
        with Pillow.open(file, formats=["PNG"]) as picture:
            found = json.loads(str(picture.info.get(SETTINGS_KEY, "null")))
    except (OSError, ValueError, SyntaxError, RecursionError, Pillow.DecompressionBombError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
