"""The network of the tiny chat model: Qwen3, written out.

It computes in bfloat16 under autocast, attention as plain matrix products: on short rows that is
faster than the library's version. Parameters have the names of transformers' Qwen3Model, so that
weights go from one to the other as they are.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody knows
from torch import Tensor, nn

NORM_EPSILON = 1e-6
ROPE_THETA = 10000.0
# Added to the scores of tokens that lie in the future; -inf is not needed in bfloat16.
MASKED = -1e4


@dataclass(frozen=True)
class NetworkShape:
    vocab_size: int = 1536
    hidden: int = 192
    layers: int = 5
    heads: int = 6
    kv_heads: int = 3
    head_dim: int = 32
    ffn: int = 448


@dataclass(frozen=True)
class Positions:
    """What attention needs to know of T positions, all bfloat16.

    `cos` and `sin`: (T, head_dim), the rotary angles. `mask`: (T, T), added to the scores.
    """

    cos: Tensor
    sin: Tensor
    mask: Tensor

    @classmethod
    def of_length(cls, length: int, head_dim: int) -> "Positions":
        frequencies = ROPE_THETA ** (-torch.arange(0, head_dim, 2) / head_dim)
        angles = torch.arange(length)[:, None] * frequencies
        angles = torch.cat((angles, angles), -1)
        mask = torch.full((length, length), MASKED, dtype=torch.bfloat16).triu(1)
        return cls(angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16), mask)

    def rotate(self, x: Tensor) -> Tensor:
        """Rotary position embedding (https://arxiv.org/abs/2104.09864), in the two-halves form."""
        a, b = x.chunk(2, -1)
        return x * self.cos + torch.cat((-b, a), -1) * self.sin


class Norm(nn.Module):
    """RMS norm over the last dimension."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), NORM_EPSILON)


class Attention(nn.Module):
    """Grouped-query attention with a norm on queries and keys."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_norm = Norm(shape.head_dim)
        self.k_norm = Norm(shape.head_dim)
        self.q_proj = nn.Linear(shape.hidden, queries, bias=False)
        self.k_proj = nn.Linear(shape.hidden, keys, bias=False)
        self.v_proj = nn.Linear(shape.hidden, keys, bias=False)
        self.o_proj = nn.Linear(queries, shape.hidden, bias=False)

    def forward(self, x: Tensor, positions: Positions) -> Tensor:
        """(B, T, hidden) to (B, T, hidden)."""
        queries = self.q_norm(self._heads(self.q_proj(x), self.shape.heads)).transpose(1, 2)
        queries = positions.rotate(queries) * self.shape.head_dim**-0.5
        keys = self.k_norm(self._heads(self.k_proj(x), self.shape.kv_heads)).transpose(1, 2)
        keys = self._for_every_head(positions.rotate(keys))
        values = self._heads(self.v_proj(x), self.shape.kv_heads).transpose(1, 2)
        scores = queries @ keys.transpose(-1, -2) + positions.mask
        weights = scores.softmax(-1, dtype=torch.float32).to(values.dtype)
        mixed = (weights @ self._for_every_head(values)).transpose(1, 2)
        return self.o_proj(mixed.reshape(*x.shape[:2], -1))

    def _heads(self, x: Tensor, count: int) -> Tensor:
        """(B, T, count * head_dim) to (B, T, count, head_dim)."""
        return x.view(*x.shape[:2], count, self.shape.head_dim)

    def _for_every_head(self, x: Tensor) -> Tensor:
        """(B, kv_heads, T, head_dim) to (B, heads, T, head_dim)."""
        group = self.shape.heads // self.shape.kv_heads
        return x if group == 1 else x.repeat_interleave(group, 1)


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.ffn, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.ffn, bias=False)
        self.down_proj = nn.Linear(shape.ffn, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One layer: attention, then the MLP, each after a norm and added to the stream."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.input_layernorm = Norm(shape.hidden)
        self.post_attention_layernorm = Norm(shape.hidden)
        self.self_attn = Attention(shape)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor, positions: Positions) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), positions)
        return x + self.mlp(self.post_attention_layernorm(x))


class Network(nn.Module):
    """From token ids to hidden states; the embedding also turns those into logits (tied)."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.hidden)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) token ids to (B, T, hidden)."""
        positions = Positions.of_length(ids.shape[1], self.shape.head_dim)
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, positions)
        return self.norm(x)

    def loss(self, ids: Tensor, is_target: Tensor) -> Tensor:
        """Mean cross-entropy of the target tokens; ids and is_target are (B, T), is_target bool."""
        hidden = self(ids)[:, :-1][is_target[:, 1:]]
        logits = F.linear(hidden, self.embed_tokens.weight).float()
        return F.cross_entropy(logits, ids[:, 1:][is_target[:, 1:]])
