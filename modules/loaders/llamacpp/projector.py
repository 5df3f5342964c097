# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOptionalSubscript=false
"""llama.cpp's mtmd: pictures to embeddings that a language model reads between its tokens."""

import ctypes
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as c
import llama_cpp.mtmd_cpp as mtmd
import numpy as np

from modules.core.errors import LoadError, ModelError, NotReady, RequestError
from modules.core.messages import Image
from modules.loaders.base import PlacedImage
from modules.loaders.gguf_header import read_gguf_header
from modules.loaders.llamacpp import library
from modules.loaders.pictures import EncodedImage, Piece

MAX_SIDES_RATIO = 200
"""Of a picture's sides: a thinner one is nothing but stripes once it is scaled, and some scalers fail on it."""
_TRIED = (1000, 1000)
_FLASH_TYPES = {"auto": -1, "off": 0, "on": 1}


class Projector:
    """One mtmd context. `place` and `encode` may be called from any thread; to encode, one at a time."""

    def __init__(self, path: Path, model: Any, options: Mapping[str, Any]) -> None:
        """`model`: the language model, which must outlive this; `options`: as they are in effect.

        LoadError when the two do not fit.
        """
        _check_header(path)
        mtmd.mtmd_helper_log_set(library.LOG_CALLBACK, ctypes.c_void_p(0))
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = options["n_gpu_layers"] != 0
        params.print_timings = False
        params.n_threads = options["threads_batch"]
        params.flash_attn_type = _FLASH_TYPES[options["flash_attn"]]
        library.COMPLAINTS.take()
        self._context = mtmd.mtmd_init_from_file(os.fsencode(path), model, params)
        if not self._context:
            reason = library.COMPLAINTS.take().replace(str(path), path.name)
            raise LoadError(f"llama.cpp could not use the projector {path.name}: {reason}")
        self._width = c.llama_model_n_embd_inp(model)
        self._ubatch_size: int = options["ubatch_size"]
        self._has_mrope = mtmd.mtmd_decode_use_mrope(self._context)
        self._encoding, self._placing = threading.Lock(), threading.Lock()
        self._vocabulary_size = c.llama_vocab_n_tokens(c.llama_model_get_vocab(model))
        if not mtmd.mtmd_support_vision(self._context):
            self.close()
            raise LoadError(f"The projector {path.name} is not for pictures")
        self._try(path)

    def _try(self, path: Path) -> None:
        """Whether the vocabulary has all marks that pictures of this kind want; mtmd does not look."""
        try:
            self.place(Image(*_TRIED, bytes(_TRIED[0] * _TRIED[1] * 3)))
        except ModelError as error:
            self.close()
            raise LoadError(
                f"The projector {path.name} is of another model: {error.message}"
            ) from None
        except RequestError:  # too large for how the model is loaded: smaller ones may do
            pass

    def close(self) -> None:
        """Waits for whoever is using it."""
        with self._encoding, self._placing:
            if self._context:
                mtmd.mtmd_free(self._context)
                self._context = None

    def place(self, image: Image) -> PlacedImage:
        """Quick: counts without a look at the pixels. RequestError when the picture cannot be read by this model."""
        _check_shape(image)
        with self._placing, self._chunks(image, has_pixels=False) as chunks:
            lengths = [mtmd.mtmd_input_chunk_get_n_tokens(chunk) for chunk in chunks]
            ids = [self._text_ids(chunk) for chunk in chunks]
            self._check_ubatch(chunks)
        first, last = _ends(ids)
        return PlacedImage(
            length=sum(lengths[first : last + 1]),
            before=sum(ids[:first], ()),
            after=sum(ids[last + 1 :], ()),
        )

    def encode(self, image: Image) -> EncodedImage:
        """Takes milliseconds for a tiny model and seconds for a large one."""
        _check_shape(image)
        with self._encoding, self._chunks(image, has_pixels=True) as chunks:
            ids = [self._text_ids(chunk) for chunk in chunks]
            first, last = _ends(ids)
            return EncodedImage(
                tuple(self._encode_chunk(chunks[i], ids[i]) for i in range(first, last + 1))
            )

    @contextmanager
    def _chunks(self, image: Image, *, has_pixels: bool) -> Iterator[list[Any]]:
        """The picture between what this kind of model wants around it, cut into slices if it wants that."""
        if not self._context:
            raise NotReady("The model is being unloaded.")
        pixels = (
            (ctypes.c_uint8 * len(image.rgb)).from_buffer_copy(image.rgb) if has_pixels else None
        )
        marker = mtmd.mtmd_get_marker(self._context)
        text = mtmd.mtmd_input_text(
            text=marker, text_len=len(marker), add_special=False, parse_special=True
        )
        bitmap = mtmd.mtmd_bitmap_init(image.width, image.height, pixels)
        chunks = mtmd.mtmd_input_chunks_init()
        try:
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            answer = mtmd.mtmd_tokenize(self._context, chunks, ctypes.byref(text), bitmaps, 1)
            if answer != 0:
                raise RequestError(
                    f"The model cannot read a picture of {image.width} x {image.height}.",
                    param="messages",
                )
            count = mtmd.mtmd_input_chunks_size(chunks)
            yield [mtmd.mtmd_input_chunks_get(chunks, i) for i in range(count)]
        finally:
            mtmd.mtmd_input_chunks_free(chunks)
            mtmd.mtmd_bitmap_free(bitmap)

    def _check_ubatch(self, chunks: list[Any]) -> None:
        """A picture whose parts all see each other must be computed at once; llama.cpp would end the process."""
        for chunk in chunks:
            length = mtmd.mtmd_input_chunk_get_n_tokens(chunk)
            is_whole = mtmd.mtmd_decode_use_non_causal(self._context, chunk)
            if not _is_text(chunk) and is_whole and length > self._ubatch_size:
                raise RequestError(
                    f"The picture takes {length} tokens at once, and ubatch_size is {self._ubatch_size}; "
                    "load the model with a larger ubatch_size, or send a smaller picture.",
                    param="messages",
                )

    def _text_ids(self, chunk: Any) -> tuple[int, ...]:
        """Empty for the picture's own chunks."""
        if not _is_text(chunk):
            return ()
        count = ctypes.c_size_t()
        array = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
        ids = tuple(array[: count.value])
        if not all(0 <= token_id < self._vocabulary_size for token_id in ids):
            raise ModelError("the vocabulary lacks the marks around its pictures.")
        return ids

    def _encode_chunk(self, chunk: Any, ids: tuple[int, ...]) -> Piece:
        length = mtmd.mtmd_input_chunk_get_n_tokens(chunk)
        positions = mtmd.mtmd_input_chunk_get_n_pos(chunk)
        if ids:
            return Piece(length, positions, ids)
        if mtmd.mtmd_encode_chunk(self._context, chunk) != 0:
            raise ModelError("The model failed to read a picture.")
        output = mtmd.mtmd_get_output_embd(self._context)
        rows = np.ctypeslib.as_array(
            ctypes.cast(output, ctypes.POINTER(ctypes.c_float)), (length, self._width)
        )
        origin, slope = self._positions(chunk, length)
        return Piece(
            length,
            positions,
            rows=np.array(rows, dtype=np.float32),
            is_causal=not mtmd.mtmd_decode_use_non_causal(self._context, chunk),
            origin=origin,
            slope=slope,
        )

    def _positions(self, chunk: Any, length: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """How the four positions of each row follow from the first: read at 0 and at 1. The order is that of llama_batch: t, y, x, z."""
        if not self._has_mrope:
            return None, None
        image = mtmd.mtmd_input_chunk_get_tokens_image(chunk)
        found = []
        for begin in (0, 1):
            array = (mtmd.mtmd_decoder_pos * length)()
            mtmd.mtmd_helper_image_get_decoder_pos(image, begin, array)
            found.append(np.array([[p.t, p.y, p.x, p.z] for p in array], dtype=np.int32).T)
        return found[0], found[1] - found[0]


def _check_header(path: Path) -> None:
    """What mtmd would only complain about in its own words."""
    header = read_gguf_header(path)
    if header.get("general.type") != "mmproj" and header.get("general.architecture") != "clip":
        raise LoadError(f"{path.name} is not a projector (mmproj), but a model")


def _check_shape(image: Image) -> None:
    short, long = sorted((image.width, image.height))
    if short < 1 or len(image.rgb) != image.width * image.height * 3:
        raise RequestError("The picture is empty or damaged.", param="messages")
    if long > short * MAX_SIDES_RATIO:
        raise RequestError(
            f"The picture is too narrow: one side is more than {MAX_SIDES_RATIO} times the other.",
            param="messages",
        )


def _is_text(chunk: Any) -> bool:
    return mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT


def _ends(ids: list[tuple[int, ...]]) -> tuple[int, int]:
    """Where the picture itself begins and ends among its chunks."""
    own = [i for i, text in enumerate(ids) if not text]
    if not own:
        raise ModelError("The model failed to read a picture.")
    return own[0], own[-1]
