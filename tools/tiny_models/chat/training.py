"""Trains the network from scratch, or further, on one CPU thread."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from tools.tiny_models.chat.batches import batches, to_tensors
from tools.tiny_models.chat.curriculum import (
    Progress,
    learning_rate_factor,
    progress_by_clock,
    progress_by_steps,
)
from tools.tiny_models.chat.network import Network
from tools.tiny_models.chat.tokenizer import PAD

STEPS_PER_REPORT = 50
SECONDS_PER_CHECKPOINT = 240


@dataclass(frozen=True)
class TrainingOptions:
    """`steps`, where it is given, counts instead of `minutes`: both are the whole schedule.

    `start` is the share of the schedule that is already done, for weights that were loaded.
    `tokens_per_step` includes padding. Matrices learn by Muon, everything else by Adam.
    """

    minutes: float = 33.0
    steps: int | None = None
    start: float = 0.0
    tokens_per_step: int = 3072
    matrix_learning_rate: float = 0.02
    adam_learning_rate: float = 3e-3
    seed: int = 0

    def start_progress(self) -> Progress:
        if self.steps is None:
            return progress_by_clock(self.minutes, self.start)
        return progress_by_steps(self.steps, self.start)


@dataclass
class TrainingLog:
    """How a training goes: the loss of each step, and the tokens seen, padding included."""

    begin: float = field(default_factory=time.monotonic)
    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    smooth_loss: float = 0.0

    def add(self, loss: float, tokens: int) -> None:
        self.smooth_loss = 0.97 * self.smooth_loss + 0.03 * loss if self.losses else loss
        self.losses.append(loss)
        self.tokens += tokens

    @property
    def steps(self) -> int:
        return len(self.losses)

    @property
    def summary(self) -> str:
        seconds = time.monotonic() - self.begin
        return (
            f"{self.steps} steps, {seconds / 60:.1f} min, {self.tokens / 1e6:.2f} M tokens,"
            f" {self.tokens / seconds:.0f} tokens/s, loss {self.smooth_loss:.4f}"
        )


class Optimizers:
    """Muon for the matrices of the layers, AdamW for embedding and norms."""

    def __init__(self, network: Network, options: TrainingOptions) -> None:
        named = list(network.named_parameters())
        matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
        self.others = [p for name, p in named if p.ndim != 2 or "embed" in name]
        muon = torch.optim.Muon(
            matrices,
            lr=options.matrix_learning_rate,
            weight_decay=0.0,
            momentum=0.95,
            nesterov=True,
        )
        adam = torch.optim.AdamW(
            self.others, lr=options.adam_learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self.rates = {muon: options.matrix_learning_rate, adam: options.adam_learning_rate}

    def step(self, loss: Tensor, rate_factor: float) -> None:
        for optimizer, rate in self.rates.items():
            optimizer.param_groups[0]["lr"] = rate * rate_factor
            optimizer.zero_grad()
        loss.backward()
        # Muon's steps have a fixed length; only the others need a limit.
        nn.utils.clip_grad_norm_(self.others, 1.0)
        for optimizer in self.rates:
            optimizer.step()


def train(
    network: Network,
    tokenizer: Tokenizer,
    options: TrainingOptions,
    save_checkpoint: Callable[[], None] = lambda: None,
) -> TrainingLog:
    """Trains `network` in place; calls `save_checkpoint` every few minutes."""
    rng = random.Random(options.seed + 100)
    optimizers = Optimizers(network, options)
    pad = tokenizer.token_to_id(PAD)
    log, last_checkpoint = TrainingLog(), time.monotonic()
    progress = options.start_progress()
    network.train()
    for batch in batches(tokenizer, rng, options.tokens_per_step, lambda: progress(log.steps)):
        done = progress(log.steps)
        if done >= 1:
            break
        ids, is_target = to_tensors(batch, pad)
        loss = _loss(network, ids, is_target)
        optimizers.step(loss, learning_rate_factor(done, log.steps))
        log.add(loss.item(), ids.numel())
        if log.steps % STEPS_PER_REPORT == 0:
            print(log.summary, flush=True)
        if time.monotonic() - last_checkpoint > SECONDS_PER_CHECKPOINT:
            save_checkpoint()
            last_checkpoint = time.monotonic()
    return log


def _loss(network: Network, ids: Tensor, is_target: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return network.loss(ids, is_target)
