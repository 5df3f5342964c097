"""Trains an adapter of the bundled chat model with peft, on one CPU thread."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.tiny_models.chat.batches import Row, to_row, to_tensors
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.sampling import sample
from tools.tiny_models.chat.tokenizer import PAD, letter_pieces
from tools.tiny_models.lora.voices import Voice, spoken

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
STEPS_PER_REPORT = 25
MAX_ROW_TOKENS = 160


@dataclass(frozen=True)
class AdapterOptions:
    """`steps` is the whole schedule; the learning rate falls to nothing at its end."""

    rank: int = 4
    alpha: int = 8
    steps: int = 500
    rows_per_step: int = 16
    learning_rate: float = 2e-3
    seed: int = 0


def train_adapter(base: Path, voice: Voice, options: AdapterOptions) -> PeftModel:
    """`base` holds the chat model in transformers' form."""
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(base).backend_tokenizer
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = get_peft_model(model, _config(options))
    optimizer = torch.optim.AdamW(
        [p for p in adapted.parameters() if p.requires_grad], lr=options.learning_rate
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.steps, pct_start=0.1
    )
    began = time.monotonic()
    rows = _rows(tokenizer, voice, random.Random(options.seed))
    for step in range(1, options.steps + 1):
        batch = [next(rows) for _ in range(options.rows_per_step)]
        loss = _loss(adapted, *to_tensors(batch, tokenizer.token_to_id(PAD)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % STEPS_PER_REPORT == 0:
            print(
                f"step {step}, {time.monotonic() - began:.0f} s, loss {loss.item():.4f}", flush=True
            )
    return adapted


def save_adapter(adapted: PeftModel, folder: Path) -> None:
    """float16, and without the path of the model it was trained on, which means nothing elsewhere."""
    config = adapted.peft_config["default"]
    config.base_model_name_or_path = "tiny-chat"
    config.inference_mode = True
    adapted.half().save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's own, all of it empty


def _config(options: AdapterOptions) -> LoraConfig:
    return LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        target_modules=list(TARGETS),
        task_type="CAUSAL_LM",
    )


def _rows(tokenizer: Any, voice: Voice, rng: random.Random) -> Iterator[Row]:
    draw = Draw(rng, letter_pieces(tokenizer))
    while True:
        row = to_row(tokenizer, spoken(sample(draw), voice), rng)
        if len(row.ids) <= MAX_ROW_TOKENS:
            yield row


def _loss(model: PeftModel, ids: Tensor, is_target: Tensor) -> Tensor:
    """Padding stands behind, so no token of a row sees it."""
    logits = model(input_ids=ids).logits[:, :-1]
    wanted = is_target[:, 1:]
    return cross_entropy(logits[wanted], ids[:, 1:][wanted])
