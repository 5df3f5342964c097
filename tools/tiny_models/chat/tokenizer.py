"""The tokenizer: byte-level BPE, split the way that llama.cpp calls "qwen2".

Merges never join a space or a punctuation mark with a word, so that a word has the same tokens
wherever it stands; copying it is then easy to learn. Only frequent words of the templates get an
extra token " word" at the end.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.rendering import render_for_training, to_text
from tools.tiny_models.chat.conversations.sampling import sample

PAD, END = "<|endoftext|>", "<|im_end|>"
# Control tokens, left out of decoded text. The last three are for a later vision model.
SPECIAL = (PAD, "<|im_start|>", END, "<|image_pad|>", "<|vision_start|>", "<|vision_end|>")
# Tokens of their own that stay in decoded text: a parser reads them.
VISIBLE = ("<think>", "</think>", "<tool_call>", "</tool_call>")
# The pre-tokenizer of Qwen2, as in llama.cpp's LLAMA_VOCAB_PRE_TYPE_QWEN2.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Words of these stand in slots and not in templates: no " word" token for them.
SLOT_POOLS = (
    *(pools.NAMES, pools.CITIES, pools.ADJECTIVES, pools.NOUNS, pools.VERBS, pools.JOBS),
    *(pools.HOBBIES, pools.COMMON_WORDS, pools.ACTIONS, pools.PARAMETER_NAMES),
    *(pools.JSON_KEYS, pools.RESULT_KEYS),
)
TEMPLATE = Path(__file__).parent / "chat_template.jinja"
CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": None,
    "eos_token": END,
    "pad_token": PAD,
    "unk_token": None,
    "model_max_length": 2048,
    "clean_up_tokenization_spaces": False,
    "add_prefix_space": False,
}


@dataclass(frozen=True)
class TokenizerOptions:
    vocab_size: int = 1536
    samples: int = 20000
    space_words: int = 80
    min_frequency: int = 20
    seed: int = 0


def build_tokenizer(options: TokenizerOptions) -> Tokenizer:
    parts = list(_training_parts(options))
    vocab, merges = _train_bpe(parts, options)
    _add_space_words(vocab, merges, parts, options.space_words)
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(merge) for merge in merges]))
    tokenizer.pre_tokenizer = _pre_tokenizer(QWEN2_SPLIT)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_added(token, is_special=True) for token in SPECIAL])
    tokenizer.add_tokens([_added(token, is_special=False) for token in VISIBLE])
    return tokenizer


def _training_parts(options: TokenizerOptions) -> Iterator[str]:
    """Rendered samples, cut at the tokens that are no part of the BPE."""
    rng = random.Random(options.seed)
    draw = Draw(rng)
    added = "|".join(re.escape(token) for token in SPECIAL + VISIBLE)
    for _ in range(options.samples):
        text = to_text(render_for_training(sample(draw), rng))
        yield from filter(None, re.split(added, text))


def _train_bpe(parts: list[str], options: TokenizerOptions) -> tuple[dict[str, int], list[Any]]:
    """Vocabulary and merges, with words split off from what stands before them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer(QWEN2_SPLIT, r"\p{L}+")
    added = len(SPECIAL) + len(VISIBLE) + options.space_words
    trainer = trainers.BpeTrainer(
        vocab_size=options.vocab_size - added,
        min_frequency=options.min_frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(parts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], model["merges"]


def _pre_tokenizer(*patterns: str) -> pre_tokenizers.PreTokenizer:
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*splits, byte_level])


def _add_space_words(
    vocab: dict[str, int], merges: list[Any], parts: Iterable[str], count: int
) -> None:
    """Appends the merges of a space ("Ġ" in byte-level BPE) with the most frequent words."""
    slot_words = {word for pool in SLOT_POOLS for word in pool}
    found = Counter(word for part in parts for word in re.findall(r" ([a-zA-Z]+)", part))
    words = [
        word
        for word, _ in found.most_common()
        if word in vocab and "Ġ" + word not in vocab and word not in slot_words and len(word) >= 3
    ]
    for word in words[:count]:
        merges.append(["Ġ", word])
        vocab["Ġ" + word] = len(vocab)


def _added(token: str, is_special: bool) -> AddedToken:
    return AddedToken(token, special=is_special, normalized=False)


def letter_pieces(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The tokens of small ASCII letters only, for `Draw.pieces`."""
    tokens = tokenizer.get_vocab()
    return tuple(sorted(t for t in tokens if t.isascii() and t.isalpha() and t.islower()))


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """tokenizer.json, tokenizer_config.json and the chat template, as transformers reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(CONFIG, indent=2), encoding="utf-8")
    template = TEMPLATE.read_text(encoding="utf-8")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
