"""Loading: what cannot work is refused with a reason, and nothing ends the process."""

import subprocess
import sys
from pathlib import Path

import pytest

from modules.core.errors import LoadError, RequestError
from modules.loaders.catalog import DEMO_MODEL
from modules.loaders.llamacpp import library
from modules.loaders.registry import LOADERS, default_load_args
from modules.settings import ROOT
from tests.contract.loaders import CASES, LoaderCase

RISKY = """
import asyncio, sys
from modules.core.errors import AppError
from modules.engine.engine import LocalEngine
from tests.contract.conftest import build_request
from tests.contract.loaders import CASES

case = CASES[int(sys.argv[1])]

async def run(options):
    print(options, flush=True)
    try:
        engine = LocalEngine(case.load(**options))
    except AppError as error:
        assert len(error.message) > 10 and "no reason" not in error.message, error.message
        return
    requests = [build_request(engine, [20] * min(100, engine.info.context_length - 1), 3) for _ in range(4)]
    done = await asyncio.gather(*map(engine.complete, requests), return_exceptions=True)
    engine.close()
    assert not any(isinstance(each, Exception) and not isinstance(each, AppError) for each in done), done

for options in case.risky:
    asyncio.run(run(options))
print("survived")
"""


def test_risky_options_load_or_are_refused_with_a_reason(case: LoaderCase) -> None:
    """A library that aborts would take the tests with it, so this runs beside them."""
    done = subprocess.run(
        [sys.executable, "-c", RISKY, str(CASES.index(case))],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout.splitlines()
    assert output[-1:] == ["survived"], (
        f"ended ({done.returncode}) at {output[-1:]}\n{done.stderr[-2000:]}"
    )


@pytest.mark.parametrize("size", [0, 4, 100, 5000, 1_000_000])
def test_a_file_that_is_cut_is_a_load_error(case: LoaderCase, tmp_path: Path, size: int) -> None:
    path = case.cut(tmp_path, size)
    with pytest.raises(LoadError, match="cut") as caught:
        LOADERS[case.loader]()(path, "cut", default_load_args(case.loader), lambda _share: True)
    assert "no reason" not in caught.value.message


def test_a_file_whose_weights_are_cut_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes((ROOT / "user_data" / "models" / DEMO_MODEL).read_bytes()[:-1])
    with pytest.raises(LoadError, match="download it again, or delete it"):
        LOADERS["llamacpp"]()(path, path.name, default_load_args("llamacpp"), lambda _share: True)


def test_loading_tells_how_far_it_is(case: LoaderCase) -> None:
    told: list[float] = []

    def listen(share: float) -> bool:
        told.append(share)
        return True

    options = default_load_args(case.loader)
    LOADERS[case.loader]()(case.path, "m", options, listen).close()
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_load_can_be_given_up(case: LoaderCase) -> None:
    with pytest.raises(LoadError):
        LOADERS[case.loader]()(case.path, "m", default_load_args(case.loader), lambda _share: False)


def test_what_is_loaded_says_what_it_is(case: LoaderCase) -> None:
    runner = case.load(parallel=3, ctx_size=512)
    info = runner.info
    assert (info.loader, info.slots, info.context_length) == (case.loader, 3, 512)
    assert info.vocabulary_size == runner.tokenizer.size
    assert info.options["parallel"] == 3
    assert info.chat_template
    runner.close()


@pytest.mark.parametrize("text", ["", "Hello", " a  b\n", "é👍日", "<|im_start|>"])
def test_text_comes_back_from_its_tokens(case: LoaderCase, text: str) -> None:
    runner = case.load(parallel=1, ctx_size=256)
    for parse_special in (False, True):
        ids = runner.tokenizer.encode(text, add_special=False, parse_special=parse_special)
        assert b"".join(runner.tokenizer.piece(i, special=True) for i in ids).decode() == text
    runner.close()


def test_sharing_by_tensors_is_refused_without_two_gpus() -> None:
    """Let through on one, llama.cpp ends the process at the first token: seen on an H200."""
    library.start_backend("off")
    if library.count_gpus() > 1:
        pytest.skip("this machine has several GPUs")
    with pytest.raises(RequestError, match="two GPUs"):
        CASES[0].load(split_mode="tensor")
