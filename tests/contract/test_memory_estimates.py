"""What is told of the memory before a load, against what llama.cpp says and what the process takes."""

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modules.loaders.catalog import InstalledModel
from modules.loaders.memory import estimate_memory
from modules.loaders.memory_estimate import MemoryEstimate
from modules.loaders.registry import LOADERS, check_load_args, default_load_args
from modules.settings import ROOT
from tests.contract.memory_models import DEMO, write_recurrent, write_sliding_window
from tests.contract.shaped_models import Shape, write_shape

MIB = 2**20
KV_TOLERANCE = 0.01
BUFFER_TOLERANCE = 0.25
TOTAL_TOLERANCE = 0.15
SLACK_BYTES = 1 * MIB
"""Below this nobody cares; llama.cpp prints hundredths of MiB."""

SHAPES: Mapping[str, Shape] = {
    "plain": Shape(),
    "wide": Shape(width=1024, heads=8, kv_heads=4, inner=4096, layers=2),
    "many-words": Shape(vocabulary=150_000, layers=2),
    "long": Shape(context=32_768),
    "large-inner": Shape(inner=8192),
    "long-keys": Shape(key_length=256),
    "deep": Shape(layers=24),
    "uneven": Shape(kv_heads=(4, 2, 1, 2)),
}
OPTIONS: tuple[Mapping[str, Any], ...] = (
    {},
    {"ctx_size": 3000, "parallel": 3},
    {"ctx_size": 8192, "parallel": 4, "kv_unified": True},
    {"cache_type_k": "q8_0", "cache_type_v": "q4_0"},
    {"flash_attn": "off"},
    {"ubatch_size": 128},
    {"ctx_size": 600, "parallel": 16, "kv_unified": True},
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("shapes")
    paths = {name: write_shape(folder / f"{name}.gguf", shape) for name, shape in SHAPES.items()}
    paths |= {"sliding": folder / "sliding.gguf", "recurrent": folder / "recurrent.gguf"}
    write_sliding_window(paths["sliding"])
    write_recurrent(paths["recurrent"])
    return paths | {"demo": DEMO}


def estimated(path: Path, loader: str = "llamacpp", **args: Any) -> MemoryEstimate:
    options = default_load_args(loader) | check_load_args(loader, args)
    return estimate_memory(InstalledModel(path.name, path, loader), options)


def printed(log: str, kind: str) -> float:
    """Bytes of all buffers of a kind."""
    found = re.findall(rf"{kind} buffer size =\s+([\d.]+) MiB", log)
    return sum(map(float, found)) * MIB


def assert_near(told: float, measured: float, tolerance: float) -> None:
    assert abs(told - measured) <= tolerance * measured + SLACK_BYTES, (told, measured)


ALL = (*SHAPES, "sliding", "recurrent", "demo")
CASES = [
    *((name, OPTIONS[0]) for name in ALL),
    *((name, args) for name in ("long-keys", "uneven", "sliding") for args in OPTIONS[1:]),
]


@pytest.mark.parametrize(("name", "args"), CASES, ids=str)
def test_the_parts_are_those_that_llama_cpp_allocates(
    models: dict[str, Path], name: str, args: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    options = default_load_args("llamacpp") | check_load_args("llamacpp", args)
    with caplog.at_level(logging.DEBUG, "hearth.llamacpp"):
        LOADERS["llamacpp"]()(models[name], name, options, lambda _share: True).close()
    told = estimated(models[name], **args)
    assert_near(told.weights, printed(caplog.text, "model"), 0.06)
    assert_near(told.kv, printed(caplog.text, "(?:KV|RS)"), KV_TOLERANCE)
    buffers = printed(caplog.text, "compute") + printed(caplog.text, "output")
    assert_near(told.buffers, buffers, BUFFER_TOLERANCE)


def test_a_projector_counts_with_its_model() -> None:
    model = DEMO.parent / "tiny-vision-Q8_0.gguf"
    projector = DEMO.parent / "tiny-vision-mmproj-F16.gguf"
    blind = estimated(model, mmproj="none")
    assert estimated(model).weights - blind.weights == projector.stat().st_size


MEASURE = """
import sys, asyncio
from pathlib import Path
from modules.core.requests import GenerationRequest
from modules.engine.engine import LocalEngine
from modules.loaders.registry import LOADERS, check_load_args, default_load_args

loader = sys.argv[4]

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024

def load(path):
    options = default_load_args(loader) | check_load_args(loader, eval(sys.argv[2]))
    return LocalEngine(LOADERS[loader]()(path, "m", options, lambda _share: True))

async def use(engine):
    length = min(engine.info.context_length - 2, 1000)
    prompts = [tuple(20 + (i + n) % 500 for i in range(length)) for n in range(engine.info.slots)]
    await asyncio.gather(*(engine.complete(GenerationRequest(prompt, 1)) for prompt in prompts))

first = load(Path(sys.argv[3]))  # the library's own needs, once
asyncio.run(use(first))
first.close()
before = resident()
engine = load(Path(sys.argv[1]))
asyncio.run(use(engine))
print(resident() - before)
engine.close()
"""


def measured(path: Path, first: Path, args: Mapping[str, Any], loader: str = "llamacpp") -> int:
    """Bytes by which a process grows that loads this and fills all slots, after it has done the same with `first`."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), repr(args), str(first), loader],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads Linux's count of pages"
)


@needs_proc
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("wide", {"ctx_size": 1024, "parallel": 4}),
        ("many-words", {"ctx_size": 2048, "parallel": 2}),
        ("deep", {"ctx_size": 1024, "parallel": 2, "cache_type": "q8_0"}),
    ],
)
def test_the_whole_is_what_the_process_grows_by(
    models: dict[str, Path], name: str, args: dict[str, Any]
) -> None:
    told, grown = estimated(models[name], **args), measured(models[name], DEMO, args)
    assert_between(told, grown, TOTAL_TOLERANCE)


def assert_between(told: MemoryEstimate, grown: int, tolerance: float) -> None:
    """Of the buffers a process only takes what is written to: logits of all tokens are not, unless somebody asks for them."""
    assert (told.weights + told.kv) * (1 - tolerance) - SLACK_BYTES <= grown
    assert grown <= told.total * (1 + tolerance) + SLACK_BYTES


@needs_proc
def test_a_folder_of_transformers_is_told_too(tmp_path: Path) -> None:
    small = DEMO.parent / "tiny-chat"
    folder = tmp_path / "larger"
    shutil.copytree(small, folder)
    write_weights(folder)
    args = {"parallel": 2, "ctx_size": 512, "dtype": "float32", "cpu": True}
    told = estimated(folder, "transformers", **args)
    assert_between(told, measured(folder, small, args, "transformers"), TOTAL_TOLERANCE)


def write_weights(folder: Path) -> None:
    """A Llama of random weights in place of those that are there, stored as bfloat16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=3,
        num_attention_heads=16,
        num_key_value_heads=8,
        vocab_size=1536,
        max_position_embeddings=4096,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
