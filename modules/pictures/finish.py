"""What becomes of what a model draws: the size that was asked for, what a mask keeps, and a file. Imported late: it needs Pillow."""

from dataclasses import dataclass, field
from typing import Any

from modules.core.images import ImagePreview, ImageRequest, MadeImage
from modules.pictures.encoding import FileShape, encode
from modules.pictures.originals import Original, resized
from modules.pictures.sizes import Size


@dataclass(frozen=True, slots=True)
class Finish:
    """`size` is that of the files; `original`, where a picture is edited, has it too. `model`: its name, for the settings in the file."""

    request: ImageRequest
    model: str
    size: Size
    shape: FileShape = field(default_factory=FileShape)
    original: Original | None = None
    embeds_settings: bool = True

    def file(self, event: MadeImage | ImagePreview) -> bytes:
        """A picture as it is sent. Blocking."""
        complete = resized(event.image, self.size)
        if self.original is not None:
            complete = self.original.completed(event.image)
        seed = event.seed if isinstance(event, MadeImage) else None
        is_told = self.embeds_settings and seed is not None
        return encode(complete, self.shape, self.settings(seed) if is_told else None)

    def settings(self, seed: int | None) -> dict[str, Any]:
        """With these the picture can be drawn again; the keys are those of the old web UI, and a few more."""
        request = self.request
        settings: dict[str, Any] = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "width": self.size.width,
            "height": self.size.height,
            "steps": request.steps,
            "cfg_scale": request.guidance,
            "seed": seed,
            "model": self.model,
        }
        if request.initial is not None:
            settings["strength"] = request.strength
        if (request.width, request.height) != (self.size.width, self.size.height):
            settings |= {"drawn_width": request.width, "drawn_height": request.height}
        return settings
