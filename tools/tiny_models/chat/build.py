"""Makes the tiny chat model from nothing: conversations, tokenizer, training, GGUF, scores.

Nothing is downloaded; one core works for 33 minutes unless told otherwise. FOLDER then holds
tiny-chat/ (as transformers reads it), tiny-chat-F16.gguf, tiny-chat-Q8_0.gguf and scores.json.
"""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from tools.tiny_models.chat.evaluation.evaluate import evaluate
from tools.tiny_models.chat.evaluation.template_check import (
    apply_with_llama_cpp,
    apply_with_transformers,
    check_template,
)
from tools.tiny_models.chat.gguf_file import write_gguf
from tools.tiny_models.chat.network import Network, NetworkShape
from tools.tiny_models.chat.tokenizer import (
    TEMPLATE,
    TokenizerOptions,
    build_tokenizer,
    save_tokenizer,
)
from tools.tiny_models.chat.training import TrainingLog, TrainingOptions, train
from tools.tiny_models.chat.weights import load_weights, save_model

GGUF_KINDS = ("F16", "Q8_0")


@dataclass(frozen=True)
class BuildOptions:
    """`first_weights` is a folder with the weights to begin with, None for random ones."""

    out: Path
    training: TrainingOptions = field(default_factory=TrainingOptions)
    tokenizer: TokenizerOptions = field(default_factory=TokenizerOptions)
    shape: NetworkShape = field(default_factory=NetworkShape)
    first_weights: Path | None = None
    score_every: int = 1

    @property
    def model_folder(self) -> Path:
        return self.out / "tiny-chat"

    def gguf(self, kind: str) -> Path:
        return self.out / f"tiny-chat-{kind}.gguf"


def build(options: BuildOptions) -> TrainingLog:
    tokenizer = make_tokenizer(options)
    check_templates(options)
    log = train_model(options, tokenizer)
    for kind in GGUF_KINDS:
        write_gguf(options.model_folder, options.gguf(kind), kind)
    score_model(options)
    return log


def make_tokenizer(options: BuildOptions) -> Tokenizer:
    tokenizer = build_tokenizer(options.tokenizer)
    save_tokenizer(tokenizer, options.model_folder)
    print(f"tokenizer: {tokenizer.get_vocab_size()} tokens")
    return tokenizer


def check_templates(options: BuildOptions) -> None:
    count = check_template(apply_with_transformers(options.model_folder))
    check_template(apply_with_llama_cpp(TEMPLATE.read_text(encoding="utf-8")))
    print(f"chat template: equal to the training's text in {count} conversations")


def train_model(options: BuildOptions, tokenizer: Tokenizer) -> TrainingLog:
    torch.set_num_threads(1)
    torch.manual_seed(options.training.seed)
    network = Network(replace(options.shape, vocab_size=tokenizer.get_vocab_size()))
    if options.first_weights is not None:
        load_weights(network, options.first_weights)
    print(f"network: {sum(p.numel() for p in network.parameters())} parameters")
    checkpoint = options.out / "tiny-chat-checkpoint"
    log = train(
        network, tokenizer, options.training, lambda: save_model(network, tokenizer, checkpoint)
    )
    save_model(network, tokenizer, options.model_folder)
    print(f"training: {log.summary}")
    return log


def score_model(options: BuildOptions) -> None:
    score = evaluate(options.gguf("Q8_0"), options.model_folder, options.score_every)
    (options.out / "scores.json").write_text(score.to_json(), encoding="utf-8")
    print(score.to_table())
    print(f"same text as transformers: {score.equal_texts}/{score.total.total()}")


def parse_options(arguments: list[str] | None = None) -> BuildOptions:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument(
        "--minutes", type=float, default=33, help="training time; learning rate and mixture follow"
    )
    parser.add_argument("--steps", type=int, help="train for so many steps, whatever the time")
    parser.add_argument("--seed", type=int, default=0, help="of weights and training samples")
    parser.add_argument("--init", type=Path, metavar="FOLDER", help="go on from these weights")
    parser.add_argument(
        "--start", type=float, default=0.0, help="with --init: share of the schedule already done"
    )
    parser.add_argument("--score-every", type=int, default=1, help="score every n-th test case")
    parsed = parser.parse_args(arguments)
    training = TrainingOptions(
        minutes=parsed.minutes, steps=parsed.steps, start=parsed.start, seed=parsed.seed
    )
    return BuildOptions(
        out=parsed.out,
        training=training,
        first_weights=parsed.init,
        score_every=parsed.score_every,
    )


if __name__ == "__main__":
    build(parse_options())
