# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOptionalSubscript=false
"""A `llama_batch` of embeddings instead of tokens: rows of one picture, for one slot."""

import ctypes

import llama_cpp.llama_cpp as c
import numpy as np

from modules.loaders.places import PlacedPiece


def decode_rows(
    context: c.llama_context_p,
    placed: PlacedPiece,
    slot: int,
    first: int,
    count: int,
    *,
    last_logits: bool,
) -> int:
    """`count` rows of a picture from `first` on; llama.cpp's answer, as for tokens.

    Rows that see each other in both directions (`is_causal` is False) must come all at once.
    """
    piece = placed.piece
    rows = np.ascontiguousarray(piece.rows[first : first + count])
    positions = piece.row_positions(placed.position, first, count)
    slots = np.full(count, slot, dtype=np.int32)
    slot_counts = np.ones(count, dtype=np.int32)
    wants_logits = np.zeros(count, dtype=np.int8)
    wants_logits[-1] = last_logits
    own_slot = slots.ctypes.data_as(ctypes.POINTER(c.llama_seq_id))
    slot_pointers = (ctypes.POINTER(c.llama_seq_id) * count)(*[own_slot] * count)
    batch = c.llama_batch(
        n_tokens=count,
        token=None,
        embd=rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        pos=positions.ctypes.data_as(ctypes.POINTER(c.llama_pos)),
        n_seq_id=slot_counts.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
        seq_id=ctypes.cast(slot_pointers, ctypes.POINTER(ctypes.POINTER(c.llama_seq_id))),
        logits=wants_logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
    )
    if piece.is_causal:
        return c.llama_decode(context, batch)
    c.llama_set_causal_attn(context, False)
    try:
        return c.llama_decode(context, batch)
    finally:
        c.llama_set_causal_attn(context, True)
