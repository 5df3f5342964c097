# pyright: basic
"""Embedding models of sentence-transformers."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from modules.core.vectors import EmbedderTraits, EncodedText
from modules.loaders.encoders.device import limits_on
from modules.loaders.encoders.loading import load_encoder
from modules.loaders.encoders.rows import cut_by_length, to_rows
from modules.loaders.encoders.vocabulary import Vocabulary
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia

LONGEST_TEXT = 1_000_000
"""Tokens, where a model has no limit of its own."""


def load_embedder(model: InstalledMedia, options: Mapping[str, Any]) -> "TransformerEmbedder":
    return load_encoder(SentenceTransformer, TransformerEmbedder, model, options)


class TransformerEmbedder:
    """Implements `modules.loaders.media_base.Embedder`.

    Texts become ids here and not in the library, so that they are counted, never cut silently, and can share a batch with those of
    other requests. Models whose first part does not take ids (static vectors, routers, chat templates) get the text itself.
    """

    def __init__(
        self, model: SentenceTransformer, installed: InstalledMedia, options: Mapping[str, Any]
    ) -> None:
        self._model = model
        self._vocabulary = Vocabulary(model.tokenizer)
        self._takes_ids = _takes_ids(model)
        self._leaves_prompts_out = any(
            isinstance(part, Pooling) and not part.include_prompt for part in model
        )
        dimensions = model.get_embedding_dimension() or len(model.encode("a"))
        self.traits = EmbedderTraits(
            dimensions=dimensions,
            max_tokens=_max_tokens(model),
            vocabulary_size=self._vocabulary.size,
            limits=limits_on(options["device"]),
            prompts={name: prompt or "" for name, prompt in model.prompts.items()},
            default_prompt=model.default_prompt_name,
            has_tasks=any(isinstance(part, Router) for part in model),
        )
        self.info = MediaInfo(
            name=installed.name,
            loader="sentence_transformers",
            capabilities=("embedding",),
            size_bytes=installed.size_bytes,
            options={**options, "dtype": str(model.dtype).removeprefix("torch.")},
        )

    def encode(
        self, texts: Sequence[str], prompt: str | None = None, task: str | None = None
    ) -> list[EncodedText]:
        prompt = prompt or ""
        in_front = self._prompt_tokens(prompt)
        encoded = self._vocabulary.encode([prompt + text for text in texts])
        return [
            EncodedText(ids, prompt + text, in_front, task)
            for ids, text in zip(encoded, texts, strict=True)
        ]

    def encode_ids(self, ids: Sequence[int]) -> EncodedText:
        text = "" if self._takes_ids else self._vocabulary.decode(ids)
        return EncodedText(self._vocabulary.frame.put_around(ids), text)

    def cut(self, text: EncodedText, limit: int, *, keeps_end: bool = False) -> EncodedText:
        shorter = self._vocabulary.frame.cut(text, limit, keeps_end=keeps_end)
        if self._takes_ids or shorter is text:
            return shorter
        return replace(shorter, text=self._vocabulary.decode(shorter.ids))

    @torch.inference_mode()
    def embed(self, batch: Sequence[EncodedText]) -> Any:
        """Texts of alike length are computed together."""
        found = np.empty((len(batch), self.traits.dimensions), dtype=np.float32)
        for group in _groups(batch, by_prompt=self._leaves_prompts_out):
            for rows in cut_by_length([batch[i].size for i in group], self.traits.limits):
                places = [group[row] for row in rows]
                found[places] = self._compute([batch[i] for i in places])
        return found

    def _compute(self, texts: Sequence[EncodedText]) -> Any:
        if not self._takes_ids:
            return self._compute_texts(texts)
        features = to_rows([text.ids for text in texts], self._vocabulary)
        features["modality"] = "text"
        if self._leaves_prompts_out and texts[0].prompt_tokens:
            features["prompt_length"] = texts[0].prompt_tokens
        on_device = {
            name: value.to(self._model.device) if isinstance(value, torch.Tensor) else value
            for name, value in features.items()
        }
        return self._model(on_device)["sentence_embedding"].float().cpu().numpy()

    def _compute_texts(self, texts: Sequence[EncodedText]) -> Any:
        task: dict[str, Any] = {"task": texts[0].task} if texts[0].task else {}
        whole = [text.text for text in texts]
        return self._model.encode(
            whole, prompt="", batch_size=len(whole), show_progress_bar=False, **task
        )

    def _prompt_tokens(self, prompt: str) -> int:
        if not prompt:
            return 0
        return len(self._vocabulary.frame.before) + self._vocabulary.count(prompt)

    def close(self) -> None:
        device = self._model.device.type
        del self._model
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()


def _groups(batch: Sequence[EncodedText], *, by_prompt: bool) -> list[list[int]]:
    """Places of texts that may be computed together: a prompt that is left out of the mean has one length for all rows."""
    groups: dict[object, list[int]] = {}
    for place, text in enumerate(batch):
        key = (text.task, text.prompt_tokens if by_prompt else 0)
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _takes_ids(model: SentenceTransformer) -> bool:
    first: Any = model[0]
    return (
        isinstance(first, Transformer)
        and list(first.modalities) == ["text"]
        and not first.can_flatten_inputs
        and first.query_expansion is None
    )


def _max_tokens(model: SentenceTransformer) -> int:
    """What the library cuts at, or what the model has places for where that is less (or nothing)."""
    limits = [model.max_seq_length or LONGEST_TEXT, LONGEST_TEXT]
    first: Any = model[0]
    if isinstance(first, Transformer):
        limits.append(places_of(first))
    return int(min(limits))


def places_of(transformer: Transformer) -> int:
    """Learned positions; the RoBERTa family begins behind the one for padding."""
    for module in transformer.model.modules():
        positions = getattr(module, "position_embeddings", None)
        if isinstance(positions, torch.nn.Embedding):
            first = getattr(module, "padding_idx", None)
            return positions.num_embeddings - (first + 1 if isinstance(first, int) else 0)
    return getattr(transformer.config, "max_position_embeddings", None) or LONGEST_TEXT
