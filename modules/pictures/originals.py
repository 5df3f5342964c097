"""Pictures that are drawn anew: brought to a size, and what a mask keeps. Imported late: it needs Pillow."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image as Pillow, ImageOps

from modules.core.images import Mask
from modules.core.messages import Image
from modules.pictures.sizes import Size


@dataclass(frozen=True, slots=True)
class Original:
    """The picture that is edited, and the part of it that is drawn anew (None: all of it), of the same size."""

    image: Image
    mask: Mask | None = None

    @property
    def size(self) -> Size:
        return Size(self.image.width, self.image.height)

    def fitted(self, size: Size) -> "Original":
        """Scaled to fill this size; what stands over in one direction is cut off on both sides. Blocking."""
        return self._changed(size, ImageOps.fit)

    def stretched(self, size: Size) -> "Original":
        """Scaled to exactly this size, of nearly the same shape. Blocking."""
        return self._changed(size, Pillow.Image.resize)

    def _changed(self, size: Size, change: Callable[..., Pillow.Image]) -> "Original":
        if size == self.size:
            return self

        def changed(mode: str, data: bytes) -> bytes:
            picture = Pillow.frombytes(mode, (self.image.width, self.image.height), data)
            return change(picture, (size.width, size.height), Pillow.Resampling.LANCZOS).tobytes()

        mask = None
        if self.mask is not None:
            mask = Mask(size.width, size.height, changed("L", self.mask.levels))
        return Original(Image(size.width, size.height, changed("RGB", self.image.rgb)), mask)

    def completed(self, drawn: Image) -> Image:
        """A drawing scaled to this size, with the pixels that the mask keeps put back exactly. Blocking."""
        picture = resized(drawn, self.size)
        if self.mask is None:
            return picture
        kept, new = (
            Pillow.frombytes("RGB", (each.width, each.height), each.rgb)
            for each in (self.image, picture)
        )
        levels = Pillow.frombytes("L", kept.size, self.mask.levels)
        kept.paste(new, mask=levels)
        return Image(kept.width, kept.height, kept.tobytes())


def resized(image: Image, size: Size) -> Image:
    """Blocking."""
    if (image.width, image.height) == (size.width, size.height):
        return image
    picture = Pillow.frombytes("RGB", (image.width, image.height), image.rgb)
    picture = picture.resize((size.width, size.height), Pillow.Resampling.LANCZOS)
    return Image(size.width, size.height, picture.tobytes())
