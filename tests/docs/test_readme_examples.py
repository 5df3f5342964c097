"""The README's examples, run as they stand; only the port is the test server's."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.settings import ROOT
from tests.live.launch import DEMO, PATIENCE_S, Server, running

EYES = ("tiny-vision-Q8_0.gguf", "tiny-vision-mmproj-F16.gguf")

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With all bundled models, as after the install."""
    models = {name: DEMO.with_name(name) for name in (DEMO.name, *EYES)}
    with running(tmp_path_factory.mktemp("readme"), models=models) as started:
        yield started


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def here(example: str, server: Server) -> str:
    return example.replace("http://127.0.0.1:5000", server.url)


@pytest.mark.parametrize("example", [e for e in examples("shell") if e.startswith("curl")])
def test_curl_examples_answer(example: str, server: Server) -> None:
    command = here(example, server).replace("curl ", "curl --silent --fail --noproxy '*' ", 1)
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r'"finish_reason":"(stop|length)"', done.stdout)


PRINTED = (
    r"The sky is blue\.\s+\w+",  # whole, then the stream
    r'get_weather {"city": "Paris"}\n.*17',
    r"red circle",
    r"green house water\n96",
)
LOADING_S = 240
"""What the libraries of all kinds of models may take to be imported on a busy machine."""


@pytest.mark.parametrize(("example", "printed"), [*zip(examples("python"), PRINTED, strict=True)])
def test_python_examples_run(example: str, printed: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    done = subprocess.run(
        [sys.executable, "-c", here(example, server)],
        capture_output=True,
        text=True,
        timeout=LOADING_S,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(printed, done.stdout), done.stdout


def test_there_are_examples_of_both_kinds() -> None:
    assert len([e for e in examples("shell") if e.startswith("curl")]) == 3
    assert len(examples("python")) == 4
