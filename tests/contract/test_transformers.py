"""What only the transformers loader has: other architectures, sampling that equals llama.cpp's own, the bundled model in both forms."""

import asyncio
import ctypes
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modules.core.errors import LoadError, ModelError, RequestError
from modules.core.sampling import SamplingParams
from modules.engine.engine import Engine, LocalEngine
from modules.loaders.registry import LOADERS, check_load_args, default_load_args
from modules.settings import ROOT
from tests.contract.conftest import build_request, complete, complete_one
from tests.contract.drawings import ask_about, drawn
from tests.contract.loaders import DEMO_MODELS
from tests.contract.test_generation import LONG, PROMPTS

pytestmark = pytest.mark.anyio

FOLDER = DEMO_MODELS / "tiny-chat"
GGUF = DEMO_MODELS / "tiny-chat-Q8_0.gguf"
VOCABULARY = 1536


def load(path: Path, **options: Any) -> Engine:
    loader = "llamacpp" if path.suffix == ".gguf" else "transformers"
    args = default_load_args(loader) | check_load_args(loader, options)
    return LocalEngine(LOADERS[loader]()(path, path.name, args, lambda _share: True))


@pytest.fixture
def engines() -> Iterator[Callable[..., Engine]]:
    loaded: list[Engine] = []

    def start(path: Path, **options: Any) -> Engine:
        loaded.append(load(path, **options))
        return loaded[-1]

    yield start
    for engine in loaded:
        engine.close()


SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "bos_token_id": 0,
    "eos_token_id": 1528,
    "pad_token_id": 1526,
}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "llama": ("LlamaConfig", SMALL, True),
    "mistral with a window": ("MistralConfig", {**SMALL, "sliding_window": 24}, True),
    "gemma2 with two kinds of layers": (
        "Gemma2Config",
        {**SMALL, "head_dim": 16, "sliding_window": 24},
        True,
    ),
    "gemma3 with two kinds of layers": (
        "Gemma3TextConfig",
        {**SMALL, "head_dim": 16, "sliding_window": 24},
        True,
    ),
    "phi3": ("Phi3Config", SMALL, True),
    "gpt2 with learned positions": (
        "GPT2Config",
        {"vocab_size": VOCABULARY, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 1024},
        True,
    ),
    "mamba, which has a state": (
        "MambaConfig",
        {"vocab_size": VOCABULARY, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8},
        False,
    ),
    "mixtral": (
        "MixtralConfig",
        {**SMALL, "num_local_experts": 4, "num_experts_per_tok": 2},
        True,
    ),
}


def make_model(folder: Path, config_class: str, fields: dict[str, Any]) -> Path:
    """Random weights, the bundled vocabulary."""
    import torch
    import transformers

    torch.manual_seed(5)
    config = getattr(transformers, config_class)(**fields)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():  # livelier than fresh weights, whose replies are all alike
        for parameter in model.parameters():
            parameter.mul_(2.0)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(FOLDER / name, folder / name)
    return folder


@pytest.mark.parametrize("name", ARCHITECTURES)
async def test_rows_of_a_batch_are_what_they_are_alone(
    name: str, tmp_path: Path, engines: Callable[..., Engine]
) -> None:
    config_class, fields, is_batched = ARCHITECTURES[name]
    path = make_model(tmp_path, config_class, fields)
    engine = engines(path, parallel=6, ctx_size=512)
    assert engine.info.options["batched"] is is_batched
    requests = [
        build_request(engine, prompt * (1 + index % 3), 12, temperature=0, logprobs=0)
        for index, prompt in enumerate(PROMPTS[:6])
    ]
    fresh = engines(path, parallel=1, ctx_size=512)
    alone = [await complete_one(fresh, request) for request in requests]
    together = await complete(engine, *requests)
    for one, other in zip(alone, together, strict=True):
        assert other.text == one.text
        scores = [[token.chosen.logprob for token in done.logprobs] for done in (one, other)]
        assert scores[1] == pytest.approx(scores[0], abs=2e-3)


@pytest.mark.parametrize(
    "name", ["llama", "gemma2 with two kinds of layers", "mamba, which has a state"]
)
async def test_a_reply_is_that_of_generate(
    name: str, tmp_path: Path, engines: Callable[..., Engine]
) -> None:
    """The library's own loop is the oracle."""
    import torch
    import transformers

    config_class, fields, _ = ARCHITECTURES[name]
    path = make_model(tmp_path, config_class, fields)
    model = transformers.AutoModelForCausalLM.from_pretrained(path)
    engine = engines(path, ctx_size=512)
    for prompt in PROMPTS[:3]:
        request = build_request(engine, prompt, 16, temperature=0, ban_eos_token=True, logprobs=0)
        done = await complete_one(engine, request)
        inputs = torch.tensor([request.prompt_ids])
        ends = sorted(i for i in range(VOCABULARY) if engine.tokenizer.is_end(i))
        expected = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=16,
            do_sample=False,
            suppress_tokens=ends,
            pad_token_id=0,
        )[0, inputs.shape[1] :]
        assert [token.chosen.token_id for token in done.logprobs] == expected.tolist()


async def test_a_known_beginning_is_reused_where_the_state_allows_it(
    tmp_path: Path, engines: Callable[..., Engine]
) -> None:
    path = make_model(tmp_path, *ARCHITECTURES["mamba, which has a state"][:2])
    engine = engines(path, parallel=2, ctx_size=1024)
    first = await complete_one(engine, build_request(engine, LONG, 8, temperature=0, logprobs=0))
    reply = [token.chosen.token_id for token in first.logprobs]
    prompt = build_request(engine, LONG).prompt_ids
    longer = build_request(engine, [*prompt, *reply, 40, 41], 8, temperature=0)
    cached = await complete_one(engine, longer)
    assert cached.usage.cached_tokens > 100
    fresh = await complete_one(engines(path, parallel=1, ctx_size=1024), longer)
    assert cached.text == fresh.text


async def test_the_bundled_folder_says_what_its_gguf_says(engines: Callable[..., Engine]) -> None:
    texts: list[list[str]] = []
    for path in (FOLDER, GGUF):
        engine = engines(path)
        requests = [build_request(engine, prompt, 60, temperature=0) for prompt in PROMPTS]
        texts.append([done.text for done in await complete(engine, *requests)])
    same = sum(one == other for one, other in zip(*texts, strict=True))
    assert same >= len(PROMPTS) - 1  # the GGUF's numbers are rounded to 8 bits


async def test_both_loaders_read_a_text_as_the_same_tokens(engines: Callable[..., Engine]) -> None:
    folder, gguf = engines(FOLDER).tokenizer, engines(GGUF).tokenizer
    texts = [
        "Hello world",
        " a  b\n\n",
        "é👍日",
        "<|im_start|>user\n<think>x</think>",
        "1 2 3.5",
        "",
    ]
    for text in texts:
        for parse_special in (False, True):
            assert folder.encode(
                text, add_special=True, parse_special=parse_special
            ) == gguf.encode(text, add_special=True, parse_special=parse_special)
    assert folder.control_texts == gguf.control_texts
    for token_id in range(folder.size):
        assert folder.is_end(token_id) == gguf.is_end(token_id)
        assert folder.piece(token_id, special=True) == gguf.piece(token_id, special=True)


@pytest.mark.parametrize("breakers", [(), ("\n", ":", '"', "*"), (" the", "ing", "is s")])
def test_dry_punishes_as_llama_cpp_does(breakers: tuple[str, ...]) -> None:
    """The same tokens, the same penalties as its own sampler, over its own vocabulary."""
    import llama_cpp.llama_cpp as c

    from modules.loaders.hf.dry import DryStages
    from modules.loaders.llamacpp import library
    from modules.loaders.llamacpp.sampling import TOKEN_DATA, DryPrototypes

    runner = LOADERS["llamacpp"]()(GGUF, "m", default_load_args("llamacpp"), lambda _: True)
    tokenizer: Any = runner.tokenizer
    tokenizer.known = tokenizer.size
    draw = random.Random(7)

    def penalties(made: Any, params: SamplingParams, past: list[int]) -> np.ndarray:
        stage = made.clone(params, 256)
        for token_id in past:
            library.sampler_accept(stage, token_id)
        data = np.zeros(tokenizer.size, dtype=TOKEN_DATA)
        data["id"] = np.arange(tokenizer.size)
        array = c.llama_token_data_array(
            data=data.ctypes.data_as(c.llama_token_data_p),
            size=len(data),
            selected=-1,
            sorted=False,
        )
        library.sampler_apply(stage, ctypes.byref(array))
        c.llama_sampler_free(stage)
        return data["logit"][np.argsort(data["id"])]

    own, theirs = DryStages(tokenizer), DryPrototypes(tokenizer)
    words = [
        *range(40, 46),
        *tokenizer.encode(" the\n: is sing", add_special=False, parse_special=False),
    ]
    for allowed in (0, 1, 2, 4):
        params = SamplingParams(
            dry_multiplier=1.5, dry_allowed_length=allowed, dry_sequence_breakers=breakers
        )
        for _ in range(60):
            past = [draw.choice(words) for _ in range(draw.randrange(60))]
            found, expected = (penalties(made, params, past) for made in (own, theirs))
            assert found == pytest.approx(expected, rel=1e-4), (allowed, past)
    theirs.free()
    runner.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer"),
        (lambda folder: (folder / "config.json").write_text("{}"), "model"),
        (lambda folder: (folder / "model.safetensors").unlink(), "safetensors"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}'), "BertModel"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "nowhere"}'), "nowhere"),
    ],
)  # fmt: skip
def test_a_broken_folder_is_a_load_error_that_says_why(
    tmp_path: Path, change: Callable[[Path], Any], said: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(FOLDER, folder)
    change(folder)
    with pytest.raises(LoadError, match=said):
        load(folder)


def test_code_of_a_model_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    shutil.copytree(FOLDER, folder)
    config = (folder / "config.json").read_text()
    auto = '{"auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}, '
    (folder / "config.json").write_text(config.replace("{", auto, 1).replace('"qwen3"', '"evil"'))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(LoadError):
        load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_request_cannot_switch_on_code_of_models() -> None:
    from modules.loaders.registry import refuse_flags

    with pytest.raises(RequestError, match="--trust-remote-code"):
        refuse_flags({"trust-remote-code": True})


async def test_a_failing_step_ends_its_requests_and_the_next_one_works(
    engines: Callable[..., Engine],
) -> None:
    engine = engines(FOLDER, parallel=2)
    runner: Any = engine._runner
    compute, calls = runner._compute, []

    def fail_once(works: Any) -> Any:
        calls.append(works)
        if len(calls) == 3:
            raise RuntimeError("no more memory")
        return compute(works)

    runner._compute = fail_once
    request = build_request(engine, PROMPTS[0], 20, temperature=0)
    outcomes = await asyncio.gather(engine.complete(request), return_exceptions=True)
    assert "RuntimeError" in str(outcomes[0])
    assert "memory" not in str(outcomes[0])
    assert (await complete_one(engine, request)).usage.completion_tokens > 3


# -- pictures ----------------------------------------------------------------------------------

EYES = ROOT / "tests" / "models" / "tiny-vision"
SEEN = [("red", "circle", "white"), ("blue", "square", "yellow"), ("green", "triangle", "black")]


@pytest.fixture(scope="module")
def eyes() -> Iterator[Engine]:
    engine = load(EYES, parallel=6)
    yield engine
    engine.close()


@pytest.mark.parametrize("seen", SEEN, ids="-".join)
async def test_a_vision_model_names_what_it_sees(eyes: Engine, seen: tuple[str, str, str]) -> None:
    assert "vision" in eyes.info.capabilities
    done = await complete_one(eyes, ask_about(eyes, drawn(*seen)))
    colour, shape, background = seen
    assert done.text == f"The image shows a {colour} {shape} on a {background} background."


async def test_pictures_of_many_requests_do_not_mix(eyes: Engine) -> None:
    requests = [ask_about(eyes, drawn(*SEEN[index % 3])) for index in range(9)]
    texts = [done.text for done in await complete(eyes, *requests)]
    for index, text in enumerate(texts):
        assert SEEN[index % 3][0] in text
    again = await complete_one(eyes, requests[0])
    assert again.text == texts[0]
    assert again.usage.cached_tokens > 16  # the picture too


async def test_a_reply_about_a_picture_is_that_of_generate(eyes: Engine) -> None:
    import torch
    import transformers
    from PIL import Image as Pillow

    model = transformers.AutoModelForImageTextToText.from_pretrained(EYES)
    processor = transformers.AutoProcessor.from_pretrained(EYES)
    image = drawn(*SEEN[0], size=100)
    request = ask_about(eyes, image, logprobs=0)
    done = await complete_one(eyes, request)
    ids = list(request.prompt_ids)
    start, length = request.media[0].start, request.media[0].length
    picture = Pillow.frombytes("RGB", (image.width, image.height), image.rgb)
    pixels = processor.image_processor(images=[picture], return_tensors="pt")["pixel_values"]
    ids[start : start + length] = [processor.image_token_id] * length
    inputs = torch.tensor([ids])
    expected = model.generate(
        input_ids=inputs,
        attention_mask=torch.ones_like(inputs),
        pixel_values=pixels,
        max_new_tokens=len(done.logprobs),
        do_sample=False,
        pad_token_id=0,
    )[0, len(ids) :]
    assert [token.chosen.token_id for token in done.logprobs] == expected.tolist()


# -- what one request leaves behind ---------------------------------------------------------------


async def test_a_request_without_numbers_harms_no_other(engines: Callable[..., Engine]) -> None:
    """Short rows are read as far as the longest goes: what is masked there must still be numbers."""
    import torch

    engine = engines(FOLDER, parallel=4)
    plain = [build_request(engine, prompt, 12, temperature=0) for prompt in (PROMPTS[1], LONG)]
    expected = [(await complete_one(engine, request)).text for request in plain]
    runner: Any = engine._runner
    layer = runner._model.model.layers[0].self_attn.k_proj
    poisoned = layer.weight.detach().clone()
    with torch.inference_mode():
        layer.weight.mul_(torch.nan)
    outcomes = await asyncio.gather(
        *(engine.complete(build_request(engine, LONG + "x" * n, 8)) for n in range(4)),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, ModelError) for outcome in outcomes), outcomes
    with torch.inference_mode():
        layer.weight.copy_(poisoned)
    for _ in range(2):
        done = await complete(engine, *plain, *plain)
        assert [completion.text for completion in done] == expected * 2


async def test_an_unloaded_model_is_freed_also_after_adapters(tmp_path: Path) -> None:
    import weakref

    engine = load(FOLDER)
    runner: Any = engine._runner
    read = runner.read_adapter(ROOT / "user_data" / "loras" / "tiny-pirate")
    runner.add_adapter("pirate", read)
    model = weakref.ref(runner._model)
    await complete_one(engine, build_request(engine, PROMPTS[0], 4))
    del runner
    engine.close()
    assert model() is None


def test_an_adapter_is_attached_without_changing_torch_for_others() -> None:
    """A layer that is made in another thread meanwhile has real weights."""
    import threading

    import torch

    engine = load(FOLDER)
    runner: Any = engine._runner
    read = runner.read_adapter(ROOT / "user_data" / "loras" / "tiny-pirate")
    is_done = threading.Event()
    devices: set[str] = set()

    def make_layers() -> None:
        while not is_done.is_set():
            devices.add(torch.nn.Linear(4, 4).weight.device.type)

    thread = threading.Thread(target=make_layers)
    thread.start()
    try:
        for _ in range(5):
            runner._loras._inject(f"lora_{_}", read)
    finally:
        is_done.set()
        thread.join()
        engine.close()
    assert devices == {"cpu"}


def test_a_trial_without_numbers_is_no_agreement() -> None:
    from modules.loaders.hf.masks import FULL, Masks
    from modules.loaders.hf.trial import Trial

    engine = load(FOLDER)
    runner: Any = engine._runner
    import torch

    trial = Trial(runner._model, Masks(frozenset({FULL}), None, torch.float32), frozenset({FULL}))
    nothing = torch.full((engine.info.vocabulary_size,), torch.nan)
    assert not trial._agrees(lambda: [(nothing, [1, 2, 3])])
    engine.close()
