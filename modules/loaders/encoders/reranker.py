# pyright: basic
"""Cross-encoders of sentence-transformers."""

import gc
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer

from modules.core.errors import ContextLengthExceeded, LoadError
from modules.core.vectors import EncodedPair, RerankerTraits, refuse_huge
from modules.loaders.encoders.device import limits_on
from modules.loaders.encoders.embedder import LONGEST_TEXT, places_of
from modules.loaders.encoders.loading import load_encoder
from modules.loaders.encoders.rows import cut_by_length, to_rows
from modules.loaders.encoders.vocabulary import Vocabulary
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia


def load_reranker(model: InstalledMedia, options: Mapping[str, Any]) -> "CrossEncoderReranker":
    return load_encoder(CrossEncoder, CrossEncoderReranker, model, options)


class CrossEncoderReranker:
    """Implements `modules.loaders.media_base.Reranker`. A score is the sigmoid of the model's one output.

    That is the activation of most of these models; those without one (ms-marco) get it here, so that scores of all compare.
    """

    def __init__(
        self, model: CrossEncoder, installed: InstalledMedia, options: Mapping[str, Any]
    ) -> None:
        if model.num_labels != 1:
            raise LoadError(
                f"{installed.name} tells {model.num_labels} labels apart; a reranker has one score."
            )
        self._model = model
        self._vocabulary = Vocabulary(model.tokenizer)
        first: Any = model[0]
        self._takes_ids = (
            isinstance(first, Transformer)
            and list(first.modalities) == ["text"]
            and not first.can_flatten_inputs
            and len(model) == 1
        )
        places = places_of(first) if isinstance(first, Transformer) else LONGEST_TEXT
        self.traits = RerankerTraits(
            max_tokens=int(min(model.max_seq_length or LONGEST_TEXT, places, LONGEST_TEXT)),
            limits=limits_on(options["device"]),
        )
        self.info = MediaInfo(
            name=installed.name,
            loader="cross_encoder",
            capabilities=("rerank",),
            size_bytes=installed.size_bytes,
            options={**options, "dtype": str(model.dtype).removeprefix("torch.")},
        )

    def encode(
        self, query: str, documents: Sequence[str], max_document_tokens: int | None = None
    ) -> list[EncodedPair]:
        limit = self.traits.max_tokens
        refuse_huge(query, limit, "query")
        taken = self._vocabulary.count(query) + self._vocabulary.pair_specials
        if taken >= limit:
            raise ContextLengthExceeded(taken, limit, param="query")
        room = limit - taken
        longest = min(room, max_document_tokens or room)
        return self._vocabulary.encode_pairs(query, documents, longest, limit)

    @torch.inference_mode()
    def score(self, batch: Sequence[EncodedPair]) -> list[float]:
        scores = [0.0] * len(batch)
        for places in cut_by_length([pair.size for pair in batch], self.traits.limits):
            found = self._compute([batch[place] for place in places])
            for place, score in zip(places, found, strict=True):
                scores[place] = score
        return scores

    def _compute(self, pairs: Sequence[EncodedPair]) -> list[float]:
        if not self._takes_ids:
            raw = self._model.predict(
                [pair.texts for pair in pairs],
                activation_fn=torch.nn.Identity(),
                batch_size=len(pairs),
                show_progress_bar=False,
                convert_to_tensor=True,
            )
        else:
            rows = to_rows(
                [pair.ids for pair in pairs],
                self._vocabulary,
                [pair.segments for pair in pairs],
            )
            on_device = {name: value.to(self._model.device) for name, value in rows.items()}
            raw = self._model({**on_device, "modality": "text"})["scores"]
        return torch.sigmoid(raw.float().reshape(-1)).cpu().tolist()

    def close(self) -> None:
        device = self._model.device.type
        del self._model
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
