"""The tiny chat model can be rebuilt: same conversations, same test set, same files.

The digests were taken from the prototype scripts that made the bundled model. A digest that
changes means that the generator now makes other conversations than the model learned from.
"""

import hashlib
import json
import math
import random
import re
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.conversation import FreeText
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.rendering import render_for_training, to_text
from tools.tiny_models.chat.conversations.sampling import sample
from tools.tiny_models.chat.curriculum import learning_rate_factor, progress_by_steps
from tools.tiny_models.chat.evaluation.checks import is_right, parse_calls
from tools.tiny_models.chat.evaluation.template_check import (
    TemplateMismatchError,
    apply_with_llama_cpp,
    apply_with_transformers,
    check_template,
)
from tools.tiny_models.chat.held_out import words
from tools.tiny_models.chat.held_out.case import Check
from tools.tiny_models.chat.held_out.test_set import build_test_set

MODELS = Path(__file__).parents[2] / "user_data" / "models"
BUNDLED_FOLDER = MODELS / "tiny-chat"
BUNDLED_GGUF = MODELS / "tiny-chat-Q8_0.gguf"
TEMPLATE = Path(__file__).parents[2] / "tools" / "tiny_models" / "chat" / "chat_template.jinja"
PIECES = pools.words_of("""
ar bel cor dun est fin gar hol ing kel lan mor ner oth per qui ran ster tion und ver wen yar zan
""")


def _digest_of_samples(draw, count, copying, late):
    digest = hashlib.sha256()
    for _ in range(count):
        drawn = sample(draw, copying, late)
        segments = render_for_training(drawn, draw.rng)
        is_text = isinstance(drawn, FreeText)
        content = drawn.text if is_text else [drawn.messages, drawn.tools, drawn.thoughts]
        digest.update(json.dumps([content, segments]).encode())
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("draw", "copying", "late", "expected"),
    [
        pytest.param(
            Draw(random.Random(11)),
            0.0,
            False,
            "55dc9f73a97de39e9914eeab1bac84ca42aa05089a284e3ee4f7389e32e38aaf",
            id="for the tokenizer",
        ),
        pytest.param(
            Draw(random.Random(12), PIECES),
            0.5,
            False,
            "6ab20a99f8c02f0cff3c20fd9b8b42121b3e5f75744bb715a8e002eec904fd25",
            id="early in training",
        ),
        pytest.param(
            Draw(random.Random(13), PIECES),
            0.06,
            True,
            "f1ca3ad32d33784142fd0fbfc1cf4564a69d0d378879421243ca2e7b2b5e03ad",
            id="late in training",
        ),
        pytest.param(
            Draw(random.Random(14), PIECES, with_held_out_pairs=True),
            0.15,
            False,
            "efffc41ff335a37c46e21a1756e06e653f9d8b12847e819e85e0ede5c276bad7",
            id="with held-out pairs",
        ),
    ],
)
def test_generator_makes_the_samples_that_the_bundled_model_learned_from(
    draw, copying, late, expected
):
    assert _digest_of_samples(draw, 1000, copying, late) == expected


def test_test_set_is_the_one_that_was_scored():
    cases = [asdict(case) for case in build_test_set()]
    rows = [
        {key: case[key] for key in ("task", "messages", "tools", "think")}
        | {"check": [case["check"]["kind"], case["check"]["wanted"]]}
        for case in cases
    ]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert len(rows) == 369
    assert digest == "3321b54d80c2edac46475567929b493e46ebdf80e3b9778352105a24497fcd31"


def test_pools_hold_no_word_of_the_test_set():
    found = [
        (name, word)
        for name, pool in vars(pools).items()
        if name.isupper()
        for word in pool
        if words.is_held_out(word)
    ]
    assert found == []


def test_samples_hold_no_word_of_the_test_set():
    draw = Draw(random.Random(21), PIECES)
    text = " ".join(to_text(render_for_training(sample(draw), draw.rng)) for _ in range(1000))
    assert [word for word in set(re.findall("[A-Za-z]+", text)) if words.is_held_out(word)] == []


def test_held_out_pairs_are_counted_only_by_the_test_set():
    asked = {case.messages[-1]["content"] for case in build_test_set() if "count" in case.task}
    draw = Draw(random.Random(22))
    trained = {
        message["content"]
        for drawn in (sample(draw, late=True) for _ in range(2000))
        if not isinstance(drawn, FreeText)
        for message in drawn.messages
    }
    assert len(asked) == 46
    assert asked & trained == set()


def test_bundled_model_carries_this_template():
    bundled = BUNDLED_FOLDER / "chat_template.jinja"
    assert bundled.read_text(encoding="utf-8") == TEMPLATE.read_text(encoding="utf-8")


def test_training_text_equals_the_template_in_llama_cpp():
    pytest.importorskip("llama_cpp")
    assert check_template(apply_with_llama_cpp(TEMPLATE.read_text(encoding="utf-8"))) > 250


def test_training_text_equals_the_template_in_transformers():
    pytest.importorskip("transformers")
    assert check_template(apply_with_transformers(BUNDLED_FOLDER)) > 250


def test_a_template_that_differs_is_refused():
    with pytest.raises(TemplateMismatchError, match="trained: "):
        check_template(lambda conversation: "something else")


def test_calls_are_read_in_order():
    call = '<tool_call>\n{"name": "%s", "arguments": {}}\n</tool_call>'
    assert parse_calls(f"{call % 'a'}\n{call % 'b'}") == [["a", {}], ["b", {}]]


@pytest.mark.parametrize("inner", ["{", "[]", '{"name": "a"}', '"text"'])
def test_a_broken_call_is_no_call(inner):
    assert parse_calls(f"<tool_call>\n{inner}\n</tool_call>") is None


@pytest.mark.parametrize(
    ("kind", "wanted", "right", "wrong"),
    [
        ("exact", "red dog", " red dog\n", "red dogs"),
        ("text_has", ["Oslo", "7"], "It is 7 in oslo.", "It is 7."),
        ("json", {"age": 7}, '{"age": 7}', '{"age": "7"}'),
        ("no_think", ["Rome"], "Rome.", "<think>\n\n</think>\n\nRome."),
        ("think", ["Rome"], "I know it.\n</think>\n\nRome.", "\n</think>\n\nRome."),
    ],
)
def test_answers_are_judged(kind, wanted, right, wrong):
    assert is_right(Check(kind, wanted), right)
    assert not is_right(Check(kind, wanted), wrong)


def test_learning_rate_warms_up_holds_and_falls():
    progress = progress_by_steps(1000, start=0.0)
    factors = [learning_rate_factor(progress(step), step) for step in range(1000)]
    assert factors[:50] == sorted(factors[:50])
    assert set(factors[49:400]) == {1.0}
    assert factors[399:] == sorted(factors[399:], reverse=True)
    assert factors[-1] == pytest.approx(0.01)


def test_rebuilt_tokenizer_is_the_bundled_one(tmp_path):
    pytest.importorskip("tokenizers")
    from tools.tiny_models.chat.tokenizer import (
        TokenizerOptions,
        build_tokenizer,
        save_tokenizer,
    )

    save_tokenizer(build_tokenizer(TokenizerOptions()), tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        rebuilt, bundled = tmp_path / name, BUNDLED_FOLDER / name
        assert rebuilt.read_text(encoding="utf-8") == bundled.read_text(encoding="utf-8")


def _fields_and_tensors(path):
    gguf = pytest.importorskip("gguf")
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    tensors = {
        tensor.name: (tensor.tensor_type.name, tensor.shape.tolist(), bytes(tensor.data))
        for tensor in reader.tensors
    }
    return fields, tensors


def test_gguf_of_the_bundled_folder_is_the_bundled_gguf(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("gguf")
    from tools.tiny_models.chat.gguf_file import write_gguf

    written = tmp_path / "tiny-chat-Q8_0.gguf"
    write_gguf(BUNDLED_FOLDER, written, "Q8_0")
    fields, tensors = _fields_and_tensors(written)
    bundled_fields, bundled_tensors = _fields_and_tensors(BUNDLED_GGUF)
    assert fields == bundled_fields
    assert tensors == bundled_tensors


def test_bundled_model_scores_what_the_readme_says():
    pytest.importorskip("transformers")
    pytest.importorskip("llama_cpp")
    from tools.tiny_models.chat.evaluation.evaluate import evaluate

    score = evaluate(BUNDLED_GGUF, every=5)
    # The whole set gives 347/369; every fifth case leaves room for another build of llama.cpp.
    assert score.total.total() == 74
    assert score.right.total() >= 65


def test_network_computes_what_transformers_computes():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tools.tiny_models.chat.network import Network, NetworkShape
    from tools.tiny_models.chat.weights import load_weights

    network = Network(NetworkShape())
    load_weights(network, BUNDLED_FOLDER)
    reference = transformers.Qwen3Model.from_pretrained(BUNDLED_FOLDER, dtype=torch.float32)
    ids = torch.arange(300, 340)[None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        hidden = network(ids).float()
    with torch.no_grad():
        expected = reference(ids).last_hidden_state
    error = (hidden - expected).norm() / expected.norm()
    assert error < 0.03  # bfloat16 has 8 bits


def test_steps_count_where_they_are_given():
    for package in ("transformers", "gguf", "llama_cpp"):
        pytest.importorskip(package)
    from tools.tiny_models.chat.build import parse_options

    options = parse_options(["--out", "somewhere", "--steps", "8", "--start", "0.5"])
    progress = options.training.start_progress()
    assert [progress(step) for step in (0, 2, 4)] == [0.5, 0.75, 1.0]


@pytest.fixture
def one_torch_thread():
    """The build sets the number of threads for the process; this puts it back."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.training
@pytest.mark.usefixtures("one_torch_thread")
def test_a_small_model_is_built_from_nothing(tmp_path):
    for package in ("transformers", "gguf", "llama_cpp"):
        pytest.importorskip(package)
    from tools.tiny_models.chat.build import BuildOptions, build
    from tools.tiny_models.chat.network import NetworkShape
    from tools.tiny_models.chat.tokenizer import TokenizerOptions
    from tools.tiny_models.chat.training import TrainingOptions

    options = BuildOptions(
        out=tmp_path,
        training=TrainingOptions(steps=30, tokens_per_step=1024),
        tokenizer=TokenizerOptions(vocab_size=400, samples=200, space_words=20),
        shape=NetworkShape(hidden=64, layers=2, heads=4, kv_heads=2, head_dim=16, ffn=128),
        score_every=150,
    )
    log = build(options)

    assert log.steps == 30
    assert all(math.isfinite(loss) for loss in log.losses)
    assert sum(log.losses[-5:]) / 5 < log.losses[0] - 0.5
    assert (tmp_path / "tiny-chat" / "model.safetensors").is_file()
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert sum(total for _, total in scores.values()) == 3
    assert _count_generated_tokens(options.gguf("Q8_0")) == 1


def _count_generated_tokens(model):
    from tools.tiny_models.chat.evaluation.greedy import load_gguf

    with closing(load_gguf(model, context_length=64)) as llama:
        completion = llama.create_completion("<|im_start|>user\nHello", max_tokens=1)
    return completion["usage"]["completion_tokens"]
