# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""Embedding models in GGUF files."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import llama_cpp.llama_cpp as c
import numpy as np

from modules.core.errors import LoadError, ModelError
from modules.core.vectors import BatchLimits, EmbedderTraits, EncodedText, Frame
from modules.loaders.gguf_header import read_gguf_header
from modules.loaders.llamacpp import library
from modules.loaders.llamacpp.batch import Batch
from modules.loaders.llamacpp.tokenizer import LlamaTokenizer
from modules.loaders.machine import usable_cores
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia

MAX_TOKENS = 8192
"""Of one text: memory is set aside for the longest, in a model without a cache for its square."""
ROUND_TOKENS = 2048
SEQUENCES = 64


def load_embedder(model: InstalledMedia, options: Mapping[str, Any]) -> "LlamaEmbedder":
    """Called in the thread that will use it: a context of llama.cpp belongs to one."""
    path = model.path
    if path is None:
        raise LoadError(f"{model.name} has no file")
    header = read_gguf_header(path)
    _refuse_rerankers(header)
    library.start_backend("off")
    with ExitStack() as undo:
        params = c.llama_model_default_params()
        params.n_gpu_layers = _gpu_layers(options["device"])
        library.COMPLAINTS.take()
        weights = c.llama_model_load_from_file(os.fsencode(path), params)
        if not weights:
            raise LoadError(f"llama.cpp could not load {path.name}: {library.COMPLAINTS.take()}")
        undo.callback(c.llama_model_free, weights)
        context = _build_context(weights, header)
        undo.callback(c.llama_free, context)
        embedder = LlamaEmbedder(weights, context, model, options)
        undo.pop_all()
    return embedder


def _refuse_rerankers(header: Mapping[str, Any]) -> None:
    """Their one number is a score, which would pass for a vector."""
    architecture = header.get("general.architecture", "")
    if header.get(f"{architecture}.pooling_type") == c.LLAMA_POOLING_TYPE_RANK:
        raise LoadError(
            "This is a reranker: those are served as folders of a cross-encoder, not as GGUF."
        )


def _gpu_layers(device: str) -> int:
    """llama.cpp takes all GPUs that it was built for; it cannot be told one of torch's names."""
    if device == "cpu":
        return 0
    if device != "auto" and not c.llama_supports_gpu_offload():
        raise LoadError(f"There is no device {device}: llama.cpp was built without one.")
    return 2**30


def _build_context(weights: c.llama_model_p, header: Mapping[str, Any]) -> c.llama_context_p:
    """Whole texts go into one step, which models that look in both directions need: batch and ubatch are equal."""
    longest = min(c.llama_model_n_ctx_train(weights) or MAX_TOKENS, MAX_TOKENS)
    params = c.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = max(longest, ROUND_TOKENS)
    params.n_seq_max = SEQUENCES
    params.kv_unified = True
    params.embeddings = True
    params.n_threads = params.n_threads_batch = max(1, usable_cores() - 1)
    params.no_perf = True
    architecture = header.get("general.architecture", "")
    if not header.get(f"{architecture}.pooling_type"):
        params.pooling_type = c.LLAMA_POOLING_TYPE_MEAN
    library.COMPLAINTS.take()
    context = c.llama_init_from_model(weights, params)
    if not context:
        raise LoadError(f"llama.cpp could not make a context: {library.COMPLAINTS.take()}")
    return context


class LlamaEmbedder:
    """Implements `modules.loaders.media_base.Embedder`."""

    def __init__(
        self,
        weights: c.llama_model_p,
        context: c.llama_context_p,
        installed: InstalledMedia,
        options: Mapping[str, Any],
    ) -> None:
        self._weights, self._context = weights, context
        self._memory = c.llama_get_memory(context)
        self._tokenizer = LlamaTokenizer(weights)
        self._frame = Frame.found_in(self._ids("a"), self._ids("a", add_special=False))
        self._capacity = min(c.llama_n_batch(context), c.llama_n_ubatch(context))
        self._sequences = c.llama_n_seq_max(context)
        self._batch = Batch(self._capacity)
        trained = c.llama_model_n_ctx_train(weights) or self._capacity
        self.traits = EmbedderTraits(
            dimensions=c.llama_model_n_embd_out(weights),
            max_tokens=min(trained, self._capacity, MAX_TOKENS),
            vocabulary_size=self._tokenizer.size,
            limits=BatchLimits(self._sequences, min(self._capacity, ROUND_TOKENS)),
        )
        self.info = MediaInfo(
            name=installed.name,
            loader="llamacpp",
            capabilities=("embedding",),
            size_bytes=c.llama_model_size(weights),
            options=dict(options),
        )

    def encode(
        self, texts: Sequence[str], prompt: str | None = None, task: str | None = None
    ) -> list[EncodedText]:
        whole = [(prompt or "") + text for text in texts]
        return [EncodedText(self._frame.put_around(self._ids(text)), text) for text in whole]

    def encode_ids(self, ids: Sequence[int]) -> EncodedText:
        return EncodedText(self._frame.put_around(ids))

    def cut(self, text: EncodedText, limit: int, *, keeps_end: bool = False) -> EncodedText:
        return self._frame.cut(text, limit, keeps_end=keeps_end)

    def embed(self, batch: Sequence[EncodedText]) -> Any:
        """In as many steps as the context's size asks for; more tokens at once would end the process."""
        found = np.empty((len(batch), self.traits.dimensions), dtype=np.float32)
        for places in self._steps(batch):
            self._compute([batch[place] for place in places])
            for sequence, place in enumerate(places):
                found[place] = self._vector(sequence)
        return found

    def _steps(self, batch: Sequence[EncodedText]) -> list[list[int]]:
        steps: list[list[int]] = []
        tokens = 0
        for place, text in enumerate(batch):
            tokens += text.size
            if not steps or tokens > self._capacity or len(steps[-1]) == self._sequences:
                steps.append([])
                tokens = text.size
            steps[-1].append(place)
        return steps

    def _compute(self, texts: Sequence[EncodedText]) -> None:
        self._batch.clear()
        for sequence, text in enumerate(texts):
            self._batch.add_chunk(sequence, 0, text.ids, all_logits=True, last_logits=True)
        if self._memory:
            c.llama_memory_clear(self._memory, True)
        status = self._batch.decode(self._context)
        if status != 0:
            raise ModelError(f"llama.cpp could not compute the texts (status {status}).")

    def _vector(self, sequence: int) -> Any:
        address = c.llama_get_embeddings_seq(self._context, sequence)
        if not address:
            raise ModelError("llama.cpp made no vector of a text.")
        return np.ctypeslib.as_array(address, shape=(self.traits.dimensions,)).copy()

    def _ids(self, text: str, *, add_special: bool = True) -> list[int]:
        return list(self._tokenizer.encode(text, add_special=add_special, parse_special=False))

    def close(self) -> None:
        c.llama_free(self._context)
        c.llama_model_free(self._weights)
