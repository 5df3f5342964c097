"""The web UI's state, and pictures drawn by Pillow: the colour and shape that a prompt names."""

import base64
import io
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageDraw

from tests.live.a1111.wire import ImageToImage, Mode, TextToImage

CHECKPOINTS = {
    "v1-5-pruned-emaonly": "v1-5-pruned-emaonly.safetensors [6ce0161689]",
    "folder_dream": "folder/dream.ckpt [4199bcdd14]",
}
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "black")
SHAPES = ("circle", "square", "triangle")


@dataclass
class State:
    """The web UI's `shared.state`, and what the tests want to know."""

    mode: Mode = "good"
    step_s: float = 0.0
    checkpoint: str = CHECKPOINTS["v1-5-pruned-emaonly"]
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    interrupts: list[str | None] = field(default_factory=list[str | None])
    drawn_with: list[str] = field(default_factory=list[str])
    finished: list[str] = field(default_factory=list[str])
    pending: list[str] = field(default_factory=list[str])
    current: str | None = None
    job: str = ""
    job_count: int = 0
    job_no: int = 0
    job_timestamp: str = "0"
    step: int = 0
    steps: int = 0
    is_interrupted: bool = False
    preview: Image.Image | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def task(self, task_id: str, job: str, count: int) -> Iterator[None]:
        self.pending.append(task_id)
        with self.turn:
            self.pending.remove(task_id)
            self.current, self.job, self.job_count, self.job_no = task_id, job, count, 0
            self.job_timestamp = uuid.uuid4().hex
            self.is_interrupted = False
            try:
                yield
            finally:
                self.current, self.job, self.job_count = None, "", 0
                self.preview = None
                self.finished.append(task_id)

    @property
    def progress(self) -> float:
        if self.job_count <= 0:
            return 0.0
        within = self.step / self.steps / self.job_count if self.steps else 0.0
        return min(1.0, self.job_no / self.job_count + within)

    def shown(self) -> dict[str, Any]:
        return {
            "skipped": False,
            "interrupted": self.is_interrupted,
            "stopping_generation": False,
            "job": self.job,
            "job_count": self.job_count,
            "job_timestamp": self.job_timestamp,
            "job_no": self.job_no,
            "sampling_step": self.step,
            "sampling_steps": self.steps,
        }


def draw(prompt: str, size: tuple[int, int], seed: int) -> Image.Image:
    """The shape of the prompt's last colour before it, on the colour after "on" (white where there is none)."""
    words = prompt.lower().replace(",", " ").split()
    colours = [word for word in words if word in COLOURS]
    ground = words[words.index("on") + 1 :] if "on" in words else []
    background = next((word for word in ground if word in COLOURS), "white")
    picture = Image.new("RGB", size, background)
    pen = ImageDraw.Draw(picture)
    box = (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4)
    colour = colours[0] if colours else "grey"
    if "circle" in words:
        pen.ellipse(box, fill=colour)
    elif "triangle" in words:
        pen.polygon([(box[0], box[3]), (box[2], box[3]), (size[0] // 2, box[1])], fill=colour)
    else:
        pen.rectangle(box, fill=colour)
    noise = random.Random(seed)
    picture.putpixel((0, 0), (noise.randrange(256), noise.randrange(256), noise.randrange(256)))
    return picture


def to_base64(picture: Image.Image, file_format: str = "PNG") -> str:
    file = io.BytesIO()
    picture.save(file, format=file_format)
    return base64.b64encode(file.getvalue()).decode()


def from_base64(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2] or text)))


class Draughtsman:
    """Makes the pictures of one request, step by step, as `process_images` does."""

    def __init__(self, state: State, asked: TextToImage | ImageToImage) -> None:
        self.state = state
        self.asked = asked
        self.size = (asked.width, asked.height)
        self.seed = random.randrange(2**32) if asked.seed == -1 else asked.seed
        if isinstance(asked, TextToImage) and asked.enable_hr and asked.hr_resize_x:
            self.size = (asked.hr_resize_x, asked.hr_resize_y)

    def run(self) -> list[Image.Image]:
        made: list[Image.Image] = []
        stored = self.state.checkpoint
        self._override()
        try:
            for batch in range(self.asked.n_iter):
                self.state.job_no = batch
                seeds = [self.seed + len(made) + i for i in range(self.asked.batch_size)]
                finals = [self._final(seed) for seed in seeds]
                self._sample(finals[0])
                made += finals
                if self.state.is_interrupted:
                    break
        finally:
            if self.asked.override_settings_restore_afterwards:
                self.state.checkpoint = stored
        return made

    def _override(self) -> None:
        """As in the web UI: a checkpoint that it does not know is ignored in silence."""
        wanted = (self.asked.override_settings or {}).get("sd_model_checkpoint")
        if wanted in CHECKPOINTS.values():
            self.state.checkpoint = wanted
        self.state.drawn_with.append(self.state.checkpoint)

    def _sample(self, final: Image.Image) -> None:
        state = self.state
        state.steps = self.asked.steps
        fog = Image.new("RGB", final.size, "grey")
        for step in range(self.asked.steps):
            if state.is_interrupted:
                return
            state.step = step
            state.preview = Image.blend(fog, final, step / self.asked.steps)
            time.sleep(state.step_s)

    def _final(self, seed: int) -> Image.Image:
        drawn = draw(self.asked.prompt, self.size, seed)
        if isinstance(self.asked, TextToImage):
            return drawn
        return self._over_initial(drawn, self.asked)

    def _over_initial(self, drawn: Image.Image, asked: ImageToImage) -> Image.Image:
        """White of the mask is drawn anew, as far as the strength says; `inpainting_mask_invert` turns that round."""
        initial = from_base64((asked.init_images or [""])[0]).convert("RGB").resize(self.size)
        changed = Image.blend(initial, drawn, asked.denoising_strength or 0.0)
        if asked.mask is None:
            return changed
        mask = from_base64(asked.mask).convert("L").resize(self.size)
        if asked.inpainting_mask_invert:
            mask = mask.point(lambda level: 255 - level)
        return Image.composite(changed, initial, mask)
