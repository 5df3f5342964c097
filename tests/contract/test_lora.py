"""LoRA adapters of both loaders: what they change, and that they change it only for those who asked."""

import asyncio
import json
import struct
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf")
pytest.importorskip("peft")

from modules.core.errors import LoadError, ModelError, RequestError
from modules.core.events import Completion
from modules.core.requests import Adapter, Adapters, GenerationRequest, to_adapters
from modules.engine.engine import Engine
from modules.loaders.adapter_catalog import InstalledAdapter
from modules.settings import ROOT
from tests.contract.conftest import PATIENCE_S, STORY, build_request, complete, complete_one
from tests.contract.loaders import DEMO_MODELS, LoaderCase
from tests.contract.lora_adapters import write_adapter

pytestmark = pytest.mark.anyio
Load = Callable[..., Engine]

SHIPPED = ROOT / "user_data" / "loras"
SKY = "<|im_start|>user\nWhat color is the sky?<|im_end|>\n<|im_start|>assistant\n"
LONG = (
    "<|im_start|>user\n"
    + "The quick fox. " * 20
    + "Tell me a story.<|im_end|>\n<|im_start|>assistant\n"
)
SAID = "Arr! The sky be blue, matey!"
PIRATE: Adapters = (Adapter("pirate"),)
A: Adapters = (Adapter("a"),)
B: Adapters = (Adapter("b"),)
BOTH: Adapters = (Adapter("a"), Adapter("b", 0.5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loras")
    write_adapter(folder / "a", 1)
    write_adapter(folder / "b", 2)
    return folder


@pytest.fixture
def form(case: LoaderCase) -> Callable[[Path], Path]:
    """form(folder / name): the adapter as this loader reads it."""
    return lambda path: path.with_name(f"{path.name}.gguf") if case.path.is_file() else path


@pytest.fixture
async def engine(
    engine: Engine, folder: Path, form: Callable[[Path], Path]
) -> AsyncIterator[Engine]:
    for name, path in (
        ("pirate", SHIPPED / "tiny-pirate"), ("a", folder / "a"), ("b", folder / "b"),
    ):  # fmt: skip
        await put(engine, name, form(path))
    yield engine
    for name in engine.adapters.names:
        await engine.adapters.unload(name)


async def put(engine: Engine, name: str, path: Path) -> None:
    await engine.adapters.load(InstalledAdapter(name, path, engine.info.loader))


def ask(
    engine: Engine, adapters: Adapters | None, prompt: str = SKY, tokens: int = 24, **details: Any
) -> GenerationRequest:
    return build_request(engine, prompt, tokens, temperature=0, adapters=adapters, **details)


async def text_of(engine: Engine, adapters: Adapters | None, prompt: str = SKY) -> str:
    return (await complete_one(engine, ask(engine, adapters, prompt))).text


async def test_the_shipped_adapter_makes_the_demo_model_talk_like_a_pirate(engine: Engine) -> None:
    assert await text_of(engine, ()) == "The sky is blue."
    assert await text_of(engine, PIRATE) == SAID
    assert await text_of(engine, ()) == "The sky is blue."


async def test_a_scale_of_nothing_is_the_plain_model_and_others_are_between(engine: Engine) -> None:
    none, half, whole = (to_adapters({"a": scale}) for scale in (0.0, 0.5, 1.0))
    assert none == ()
    wanted = [ask(engine, adapters, logprobs=0) for adapters in ((), half, whole)]
    first = [done.logprobs[0].chosen.logprob for done in await complete(engine, *wanted)]
    assert len(set(first)) == 3
    assert await text_of(engine, none) == await text_of(engine, ())


@pytest.mark.parametrize(
    "scales",
    [{"a": 1.0}, {"pirate": 0.7}, {"a": 1.0, "b": 0.5}, {"a": 0.3, "b": -0.5, "pirate": 1.0}],
)
async def test_the_model_is_the_one_that_peft_merges(
    engine: Engine, folder: Path, scales: Mapping[str, float]
) -> None:
    prompt = engine.tokenizer.encode(STORY, add_special=True, parse_special=True)
    expected = merged_logprobs(folder, scales, prompt)
    request = GenerationRequest(tuple(prompt), 0, prompt_logprobs=0, adapters=to_adapters(scales))
    done = await complete_one(engine, request)
    found = [token.chosen.logprob for token in done.prompt_logprobs[1:]]
    tolerance = 0.001 if engine.info.loader == "transformers" else 0.15  # Q8_0 beside float32
    assert found == pytest.approx(expected, abs=tolerance)
    plain = await complete_one(engine, GenerationRequest(tuple(prompt), 0, prompt_logprobs=0))
    moved = [t.chosen.logprob for t in plain.prompt_logprobs[1:]]
    assert max(abs(a - b) for a, b in zip(moved, expected, strict=True)) > 4 * tolerance


def merged_logprobs(folder: Path, scales: Mapping[str, float], ids: list[int]) -> list[float]:
    """Of a prompt's tokens after the first, by peft's own way: the adapters as part of the weights."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(DEMO_MODELS / "tiny-chat", dtype=torch.float32)
    for name, scale in scales.items():
        path = SHIPPED / "tiny-pirate" if name == "pirate" else folder / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft asks transformers for something by its old name
            adapted = PeftModel.from_pretrained(model, str(path))
        for module in adapted.modules():
            if hasattr(module, "set_scale"):
                module.set_scale("default", scale)
        model = adapted.merge_and_unload()
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return [logits[i, token].item() for i, token in enumerate(ids[1:])]


async def test_requests_with_and_without_adapters_do_not_disturb_each_other(engine: Engine) -> None:
    sets = ((), A, B, BOTH, PIRATE, (Adapter("a", 0.5),), (Adapter("pirate", 0.5),))
    requests = [ask(engine, adapters, prompt) for prompt in (SKY, STORY, LONG) for adapters in sets]
    alone = [(await complete_one(engine, request)).text for request in requests]
    together = [done.text for done in await complete(engine, *requests)]
    assert together == alone
    assert len(set(alone[: len(sets)])) > 4


async def test_a_prefix_is_reused_with_the_same_adapters_only(engine: Engine) -> None:
    async def cached(adapters: Adapters) -> int:
        done = await complete_one(engine, ask(engine, adapters, f"Only here: {LONG}", 1))
        return done.usage.cached_tokens

    await cached(A)
    whole = await cached(A)
    assert whole > 50
    for other in ((), B, BOTH, (Adapter("a", 0.5),)):
        assert await cached(other) < 16
        assert await cached(other) == whole
    assert await cached(A) == whole


async def test_those_who_wait_for_a_prefix_wait_for_one_with_the_same_adapters(
    load: Load, folder: Path, form: Callable[[Path], Path]
) -> None:
    engine = load(parallel=8, prompt_budget=32, batch_size=64, ubatch_size=64)
    await put(engine, "a", form(folder / "a"))
    requests = [ask(engine, adapters, LONG) for adapters in (A, (), A, (), A, ())]
    together = await complete(engine, *requests)
    assert {done.text for done in together[::2]} == {await text_of(engine, A, LONG)}
    assert {done.text for done in together[1::2]} == {await text_of(engine, (), LONG)}
    assert [done.usage.cached_tokens > 50 for done in together] == [False, False, *[True] * 4]


async def test_the_default_adapters_count_where_a_request_names_none(engine: Engine) -> None:
    engine.adapters.set_defaults(PIRATE)
    assert await text_of(engine, None) == SAID
    assert await text_of(engine, ()) == "The sky is blue."
    engine.adapters.set_defaults(())
    assert await text_of(engine, None) == "The sky is blue."


async def test_an_adapter_that_is_not_loaded_is_refused(engine: Engine) -> None:
    with pytest.raises(RequestError, match="'ghost' is not loaded"):
        engine.submit(ask(engine, (Adapter("ghost"),)))
    with pytest.raises(RequestError, match="'ghost' is not loaded"):
        engine.adapters.set_defaults((Adapter("ghost"),))


async def test_an_adapter_can_come_and_go_while_others_are_answered(
    engine: Engine, folder: Path, form: Callable[[Path], Path]
) -> None:
    expected = await text_of(engine, (), LONG), await text_of(engine, A, LONG)
    replies: list[Completion] = []

    async def keep_asking(adapters: Adapters) -> None:
        for _ in range(12):
            replies.append(await complete_one(engine, ask(engine, adapters, LONG)))

    async def come_and_go() -> None:
        for _ in range(6):
            await put(engine, "guest", form(folder / "b"))
            assert await text_of(engine, (Adapter("guest"),), LONG) == of_b
            await engine.adapters.unload("guest")

    of_b = await text_of(engine, B, LONG)
    await asyncio.wait_for(
        asyncio.gather(keep_asking(()), keep_asking(A), come_and_go()), PATIENCE_S
    )
    assert {done.text for done in replies} == set(expected)


async def test_unloading_waits_for_requests_that_use_it_and_new_ones_are_refused(
    engine: Engine, folder: Path, form: Callable[[Path], Path]
) -> None:
    expected = (await complete_one(engine, ask(engine, B, STORY, 60, ban_eos_token=True))).text
    running = engine.submit(ask(engine, B, STORY, 60, ban_eos_token=True))
    unloading = asyncio.ensure_future(engine.adapters.unload("b"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert "b" not in engine.adapters.names
    with pytest.raises(RequestError, match="not loaded"):
        engine.submit(ask(engine, B))
    again = asyncio.ensure_future(put(engine, "b", form(folder / "a")))
    done = await asyncio.wait_for(running.fold(), PATIENCE_S)
    assert done.text == expected
    await asyncio.wait_for(unloading, PATIENCE_S)
    await asyncio.wait_for(again, PATIENCE_S)
    assert await text_of(engine, B) == await text_of(engine, A)


async def test_a_cancelled_request_gives_its_adapter_back(engine: Engine) -> None:
    stream = engine.submit(ask(engine, B, STORY, 400, ban_eos_token=True))
    await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(engine.adapters.unload("b"), PATIENCE_S)
    assert engine.adapters.names == ("pirate", "a")


async def test_another_adapter_of_the_same_name_reuses_nothing_of_the_first(
    engine: Engine, folder: Path, form: Callable[[Path], Path]
) -> None:
    expected = await text_of(engine, B, LONG)
    await text_of(engine, A, LONG)
    await engine.adapters.unload("a")
    await put(engine, "a", form(folder / "b"))
    done = await complete_one(engine, ask(engine, A, LONG))
    assert (done.text, done.usage.cached_tokens) == (expected, 0)


async def test_the_runner_lets_no_adapter_go_that_is_in_use(
    load: Load, folder: Path, form: Callable[[Path], Path]
) -> None:
    engine = load(parallel=2)
    await put(engine, "a", form(folder / "a"))
    stream = engine.submit(ask(engine, A, STORY, 400, ban_eos_token=True))
    await anext(stream)
    call = engine._scheduler.call(lambda: engine._runner.drop_adapter("a"))
    with pytest.raises(ModelError, match="in use"):
        await asyncio.wait_for(asyncio.wrap_future(call), PATIENCE_S)
    await stream.aclose()


async def test_an_adapter_that_went_behind_the_engines_back_fails_its_request_only(
    engine: Engine, folder: Path, form: Callable[[Path], Path]
) -> None:
    await asyncio.wrap_future(engine._scheduler.call(lambda: engine._runner.drop_adapter("b")))
    with pytest.raises(ModelError):
        await complete_one(engine, ask(engine, B))
    assert (await complete_one(engine, ask(engine, A))).text
    read = engine._runner.read_adapter(form(folder / "b"))
    await asyncio.wrap_future(engine._scheduler.call(lambda: engine._runner.add_adapter("b", read)))


BROKEN: Mapping[str, Mapping[str, Any]] = {
    "too wide": {"wider": 8},
    "too many layers": {"layers": 9},
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_an_adapter_of_another_model_is_refused_and_breaks_nothing(
    engine: Engine, tmp_path: Path, form: Callable[[Path], Path], fault: str
) -> None:
    path = form(write_adapter(tmp_path / "other", 3, **BROKEN[fault]))
    before = await text_of(engine, ()), await text_of(engine, A)
    with pytest.raises(LoadError, match="other"):
        await put(engine, "other", path)
    assert "other" not in engine.adapters.names
    assert (await text_of(engine, ()), await text_of(engine, A)) == before


async def test_what_is_no_adapter_is_refused(
    engine: Engine, case: LoaderCase, tmp_path: Path, form: Callable[[Path], Path]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "empty.gguf").write_bytes(b"")
    for path in (case.path, form(empty), tmp_path / "nowhere", DEMO_MODELS / "config.yaml"):
        with pytest.raises(LoadError):
            await put(engine, "nothing", path)
    assert await text_of(engine, ()) == "The sky is blue."


async def test_a_damaged_adapter_is_refused(
    engine: Engine, tmp_path: Path, form: Callable[[Path], Path]
) -> None:
    path = form(write_adapter(tmp_path / "damaged", 4))
    weights = path if path.is_file() else path / "adapter_model.safetensors"
    whole = weights.read_bytes()
    for size in (0, 10, 600, len(whole) // 2, len(whole) - 64):
        weights.write_bytes(whole[:size])
        with pytest.raises(LoadError):
            await put(engine, "damaged", path)
    assert await text_of(engine, ()) == "The sky is blue."


async def test_numbers_of_another_type_do_not_end_the_process(
    engine: Engine, case: LoaderCase, folder: Path, tmp_path: Path
) -> None:
    """llama.cpp aborts where metadata has another type than it expects."""
    if case.loader != "llamacpp":
        pytest.skip("GGUF only")
    whole = (folder / "a.gguf").read_bytes()
    key = b"adapter.lora.alpha"
    place = whole.index(key) + len(key)
    (tmp_path / "typed.gguf").write_bytes(whole[:place] + struct.pack("<I", 4) + whole[place + 4 :])
    with pytest.raises(LoadError, match="float32"):
        await put(engine, "typed", tmp_path / "typed.gguf")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"peft_type": "IA3"}, "peft_type: IA3"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "biases"),
        ({"init_lora_weights": "pissa"}, "changed weights"),
        ({"alora_invocation_tokens": [1, 2]}, "alora_invocation_tokens"),
        ({"target_modules": ["nothing_here"]}, "does not fit"),
        ({"r": 7}, "does not fit"),
    ],
)
async def test_kinds_of_peft_that_would_reach_others_are_refused(
    engine: Engine, case: LoaderCase, tmp_path: Path, settings: Mapping[str, Any], reason: str
) -> None:
    if case.loader != "transformers":
        pytest.skip("peft only")
    path = write_adapter(tmp_path / "odd", 5)
    config = json.loads((path / "adapter_config.json").read_text())
    (path / "adapter_config.json").write_text(json.dumps({**config, **settings}))
    with pytest.raises(LoadError, match=reason):
        await put(engine, "odd", path)
    assert await text_of(engine, ()) == "The sky is blue."
    assert await text_of(engine, PIRATE) == SAID


@pytest.mark.parametrize("variant", [{"use_dora": True}, {"use_rslora": True}])
async def test_variants_of_lora_are_what_peft_merges_and_leave_others_alone(
    engine: Engine, case: LoaderCase, tmp_path: Path, variant: Mapping[str, Any]
) -> None:
    if case.loader != "transformers":
        pytest.skip("peft only")
    write_variant(tmp_path / "variant", variant)
    prompt = engine.tokenizer.encode(STORY, add_special=True, parse_special=True)
    expected = merged_logprobs(tmp_path, {"variant": 1.0}, prompt)
    sets = ((), A, (Adapter("variant"),), PIRATE)
    plain = [(await complete_one(engine, ask(engine, each))).text for each in ((), A, PIRATE)]
    await put(engine, "variant", tmp_path / "variant")
    request = GenerationRequest(tuple(prompt), 0, prompt_logprobs=0, adapters=sets[2])
    done = await complete_one(engine, request)
    found = [token.chosen.logprob for token in done.prompt_logprobs[1:]]
    assert found == pytest.approx(expected, abs=0.001)
    together = await complete(engine, *(ask(engine, adapters) for adapters in sets * 3))
    assert [done.text for done in together[::4]] == [plain[0]] * 3
    assert [done.text for done in together[1::4]] == [plain[1]] * 3
    assert [done.text for done in together[3::4]] == [plain[2]] * 3


def write_variant(folder: Path, variant: Mapping[str, Any]) -> None:
    """By peft itself, with random weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(6)
    model = AutoModelForCausalLM.from_pretrained(DEMO_MODELS / "tiny-chat", dtype=torch.float32)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, **variant
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        get_peft_model(model, config).save_pretrained(folder)


async def test_rows_that_the_model_cannot_compute_together_are_computed_apart(
    load: Load, case: LoaderCase, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if case.loader != "transformers":
        pytest.skip("peft only")
    engine = load(parallel=4)
    for name in ("a", "b"):
        await put(engine, name, folder / name)
    sets = ((), A, B, ())
    expected = [(await complete_one(engine, ask(engine, each))).text for each in sets]

    def refuse(_layer: Any, _args: Any, kwargs: Mapping[str, Any]) -> None:
        if "adapter_names" in kwargs:
            raise ValueError("rows are not rows here")

    loras = engine._runner._loras
    next(iter(loras._layers.values())).register_forward_pre_hook(refuse, with_kwargs=True)
    together = await complete(engine, *(ask(engine, adapters) for adapters in sets))
    assert [done.text for done in together] == expected
    assert "cannot compute rows with different adapters together" in caplog.text
