"""Text models on a CUDA GPU give what they give on the processor, live in the GPU's memory, and leave it again.

Run by hand on a machine that has one: `python3 start.py test -m gpu tests/gpu`. llama-cpp-python must be a build with CUDA.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from modules.core.errors import LoadError, RequestError
from modules.engine.engine import Engine
from tests.contract.conftest import STORY, build_request, complete
from tests.contract.loaders import CASES, LoaderCase
from tests.contract.test_generation import PROMPTS

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]
LLAMACPP, TRANSFORMERS = CASES
ON_CPU: Mapping[str, Mapping[str, Any]] = {
    "llamacpp": {"n_gpu_layers": 0, "offload_kqv": False},
    "transformers": {"cpu": True},
}
LENGTH = 24
MIB = 2**20


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.loader)
def case(request: pytest.FixtureRequest) -> LoaderCase:
    if request.param.loader == "llamacpp":
        import llama_cpp

        if not llama_cpp.llama_supports_gpu_offload():
            pytest.skip("llama-cpp-python is built without a GPU here")
    return request.param


@pytest.fixture(scope="module")
def expected(case: LoaderCase) -> list[str]:
    """The greedy replies of the processor."""
    return greedy(case, **ON_CPU[case.loader])


def greedy(case: LoaderCase, **options: Any) -> list[str]:
    engine = case.serve(parallel=16, **options)
    try:
        return [done.text for done in ask(engine)]
    finally:
        engine.close()


def ask(engine: Engine) -> list[Any]:
    requests = [build_request(engine, prompt, LENGTH, temperature=0) for prompt in PROMPTS]
    return asyncio.run(complete(engine, *requests))


def used_bytes() -> int:
    """Of all processes, as the driver counts."""
    free, total = torch.cuda.mem_get_info()
    return total - free


def same_share(found: list[str], expected: list[str]) -> float:
    """A tie between two tokens may fall otherwise where sums are added in another order."""
    return sum(a == b for a, b in zip(found, expected, strict=True)) / len(expected)


def test_replies_are_those_of_the_processor(case: LoaderCase, expected: list[str]) -> None:
    dtype = {"dtype": "float32"} if case is TRANSFORMERS else {}
    assert same_share(greedy(case, **dtype), expected) >= 0.8
    assert len(set(expected)) > 3


def test_the_model_is_in_the_gpus_memory_and_leaves_it(case: LoaderCase) -> None:
    greedy(case)  # what the libraries keep for themselves is there from now on
    before = used_bytes()
    wanted = {"parallel": 16, "ctx_size": 4096}
    runner = case.load(**wanted)
    try:
        engine_free = used_bytes()
    finally:
        runner.close()
    assert engine_free - before > 4 * MIB
    assert used_bytes() - before < 64 * MIB


@pytest.mark.parametrize(
    "options",
    [
        {"n_gpu_layers": 2},
        {"n_gpu_layers": 999},
        {"offload_kqv": False},
        {"split_mode": "none", "main_gpu": 0},
        {"tensor_split": ["1"]},
        {"flash_attn": "on"},
        {"flash_attn": "off"},
        {"mmap": False},
        {"kv_unified": True},
    ],
    ids=str,
)
def test_every_way_to_place_a_gguf_model_gives_the_same(options: Mapping[str, Any]) -> None:
    expected = greedy(LLAMACPP, **ON_CPU["llamacpp"])
    assert same_share(greedy(LLAMACPP, **options), expected) >= 0.8


@pytest.mark.parametrize("kind", ["q8_0", "q4_0", "bf16"])
def test_a_compact_kv_memory_still_answers(kind: str) -> None:
    assert all(greedy(LLAMACPP, cache_type=kind))


def test_a_gpu_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises((LoadError, RequestError), match="main_gpu"):
        LLAMACPP.load(split_mode="none", main_gpu=99).close()


def test_sharing_by_rows_works_or_is_refused_with_the_reason() -> None:
    """llama.cpp's CUDA backend has no split buffers any more where there is one device."""
    try:
        found = greedy(LLAMACPP, split_mode="row")
    except LoadError as error:
        found = []
        reason = str(error)
    else:
        reason = ""
    assert found or "split buffers" in reason


def test_a_context_beyond_the_gpus_memory_is_refused_and_nothing_is_kept() -> None:
    greedy(LLAMACPP)
    before = used_bytes()
    with pytest.raises((LoadError, RequestError), match="memory"):
        LLAMACPP.load(ctx_size=2**24, parallel=64, kv_unified=False).close()
    assert used_bytes() - before < 64 * MIB
    assert all(greedy(LLAMACPP))


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "bfloat16"},
        {"dtype": "float16"},
        {"device_map": "cuda"},
        {"device_map": "cuda:0"},
        {"device_map": "balanced"},
        {"device_map": "sequential"},
        {"attn_implementation": "eager"},
        {"attn_implementation": "sdpa"},
    ],
    ids=str,
)
def test_every_way_to_place_a_checkpoint_answers(options: Mapping[str, Any]) -> None:
    expected = greedy(TRANSFORMERS, cpu=True)
    assert same_share(greedy(TRANSFORMERS, **options), expected) >= 0.5


def test_a_seed_repeats_a_reply_on_the_gpu(case: LoaderCase) -> None:
    engine = case.serve(parallel=8)
    try:
        requests = [build_request(engine, STORY, LENGTH, seed=7, temperature=1.5)] * 4
        texts = [done.text for done in asyncio.run(complete(engine, *requests))]
    finally:
        engine.close()
    assert len(set(texts)) == 1
