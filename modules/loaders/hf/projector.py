# pyright: basic
"""Pictures to embeddings by a transformers vision model and its processor, which knows how a picture stands in a prompt."""

import inspect
import logging
import threading
from itertools import groupby
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow

from modules.core.errors import ModelError
from modules.core.messages import Image
from modules.core.traces import WITH_MESSAGES
from modules.loaders.base import PlacedImage
from modules.loaders.pictures import EncodedImage, Piece

log = logging.getLogger("hearth.transformers")


class HfProjector:
    """Implements `modules.loaders.eyes.Projector`, for models whose pictures are tokens in a row like any others."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor
        self._image_id = processor.image_token_id
        known = inspect.signature(model.get_image_features).parameters
        self._wanted = {name for name in known if name != "kwargs"}
        self._lock = threading.Lock()  # a processor is not made for several threads

    def place(self, image: Image) -> PlacedImage:
        return PlacedImage(len(self.inputs(image)["input_ids"][0]))

    @torch.inference_mode()
    def encode(self, image: Image) -> EncodedImage:
        """ModelError when the model's features do not fit the places that its processor leaves for them."""
        inputs = self.inputs(image)
        ids = inputs["input_ids"][0].tolist()
        rows = self._features(inputs)
        if len(rows) != ids.count(self._image_id):
            raise ModelError("The model's picture takes more or less room than its processor says.")
        return EncodedImage(tuple(self._pieces(ids, rows)))

    def close(self) -> None:
        pass

    def inputs(self, image: Image) -> Any:
        """What the processor makes of a prompt that is nothing but this picture."""
        picture = Pillow.frombytes("RGB", (image.width, image.height), image.rgb)
        with self._lock:
            return self._processor(
                text=[self._processor.image_token],
                images=[picture],
                return_tensors="pt",
                add_special_tokens=False,
            )

    def _features(self, inputs: Any) -> np.ndarray:
        """float32 [tokens, width]."""
        given = {
            name: value.to(self._model.device) if hasattr(value, "to") else value
            for name, value in inputs.items()
            if name in self._wanted
        }
        given["pixel_values"] = given["pixel_values"].to(self._model.dtype)
        found = self._model.get_image_features(**given)
        found = getattr(found, "pooler_output", found)
        parts = found if isinstance(found, list | tuple) else [found]
        rows = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        return rows.float().cpu().numpy()

    def _pieces(self, ids: list[int], rows: np.ndarray) -> list[Piece]:
        """Runs of picture rows, and of text between them (marks of tiles and lines)."""
        pieces: list[Piece] = []
        taken = 0
        for is_picture, run in groupby(ids, lambda token_id: token_id == self._image_id):
            own = tuple(run)
            if is_picture:
                pieces.append(Piece(len(own), len(own), rows=rows[taken : taken + len(own)]))
                taken += len(own)
            else:
                pieces.append(Piece(len(own), len(own), ids=own))
        return pieces


def open_projector(path: Any, model: Any, source: dict[str, Any]) -> HfProjector | None:
    """None, with the reason in the log, where this model's pictures cannot be read in this way."""
    if not hasattr(model, "get_image_features"):
        return None
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(path, **source)
        projector = HfProjector(model, processor)
        difference = _difference(model, projector)
    except Exception:
        log.exception("Pictures are not read by this model", extra=WITH_MESSAGES)
        return None
    if difference > 0.05:
        log.warning("Pictures are not read: this kind of model places them in a way of its own")
        return None
    return projector


@torch.inference_mode()
def _difference(model: Any, projector: HfProjector) -> float:
    """Between the model's own way with a picture and ours: of the logits behind it, as a share of their spread."""
    rgb = bytes((x * 5 + y * 3) % 256 for y in range(48) for x in range(64) for _ in range(3))
    image = Image(64, 48, rgb)
    inputs = {k: v.to(model.device) for k, v in projector.inputs(image).items() if hasattr(v, "to")}
    inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    expected = model(**inputs, use_cache=False).logits[0, -1].float()
    embed = model.get_input_embeddings()
    parts = [
        torch.from_numpy(piece.rows).to(model.device, model.dtype)
        if piece.rows is not None
        else embed(torch.tensor(piece.ids, device=model.device))
        for piece in projector.encode(image).pieces
    ]
    found = model(inputs_embeds=torch.cat(parts)[None], use_cache=False).logits[0, -1].float()
    return float((found - expected).abs().max()) / (float(expected.std()) or 1.0)
