"""What is asked of a model that draws, and what it gives back. Pixels here are bytes, row by row from the top."""

from dataclasses import dataclass

from modules.core.messages import Image

MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Mask:
    """Which part of a picture is drawn anew: `levels` has width x height bytes, 255 where it is, 0 where it stays."""

    width: int
    height: int
    levels: bytes


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request, with every value settled: what the caller left open was filled in from the model's `ImageTraits`.

    `width` and `height` in pixels, multiples of the model's; `initial` and `mask` have this size too. There is a mask only beside
    an initial picture. `strength`, from 0 to 1: how far the initial picture is left behind, 1 is not at all looking at it; it
    counts only beside one. `guidance`: classifier-free guidance; 0 and 1 are without. `seed` is that of the first picture, from 0
    to MAX_SEED; each further one has the next. `batch_size` pictures are drawn together, `batch_count` times. `previews`:
    how many pictures in the making are wanted of each. The caller puts back what a mask keeps, pixel by pixel.
    """

    prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    seed: int
    negative_prompt: str = ""
    batch_size: int = 1
    batch_count: int = 1
    initial: Image | None = None
    mask: Mask | None = None
    strength: float = 1.0
    previews: int = 0

    @property
    def count(self) -> int:
        return self.batch_size * self.batch_count

    @property
    def seeds(self) -> tuple[int, ...]:
        """One for each picture: it can be drawn again alone with it."""
        return tuple((self.seed + i) % (MAX_SEED + 1) for i in range(self.count))

    @property
    def steps_taken(self) -> int:
        """Of one batch. From an initial picture only the last part of the way is gone."""
        if self.initial is None:
            return self.steps
        return min(self.steps, int(self.steps * self.strength))

    @property
    def preview_steps(self) -> tuple[int, ...]:
        """After which of the `steps_taken` a preview is due: evenly spread, never after the last; fewer where there are few steps."""
        parts = self.previews + 1
        due = {round(self.steps_taken * i / parts) for i in range(1, parts)}
        return tuple(sorted(due - {0, self.steps_taken}))


@dataclass(frozen=True, slots=True)
class ImagePreview:
    """A picture in the making. `index`: which of the request's pictures, from 0; `number`: its how manieth preview, from 0."""

    index: int
    number: int
    image: Image


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A picture that is done. `index`: which of the request's pictures, from 0."""

    index: int
    seed: int
    image: Image


ImageEvent = ImagePreview | MadeImage


@dataclass(frozen=True, slots=True)
class ImageTraits:
    """What must be known of a model to ask well.

    `width` and `height`: the size that it draws best. `multiple`: sides are multiples of it. `steps` and `guidance`: what
    suits it. `max_side`: sides past it are drawn smaller and scaled up by the caller, for a model that can do only small ones.
    """

    width: int = 512
    height: int = 512
    multiple: int = 8
    steps: int = 30
    guidance: float = 7.0
    max_side: int | None = None


@dataclass(frozen=True, slots=True)
class PromptLength:
    """`tokens` of a prompt, 0 where nobody can count them; what is past `limit` of them is not read (None: everything is)."""

    tokens: int = 0
    limit: int | None = None

    @property
    def unread(self) -> int:
        return 0 if self.limit is None else max(0, self.tokens - self.limit)
