"""The README's examples, run as they stand; only the port is the test server's."""

import re
import subprocess
import sys

import pytest

from modules.settings import ROOT
from tests.live.launch import PATIENCE_S, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")


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
    assert '"finish_reason":"stop"' in done.stdout


@pytest.mark.parametrize("example", examples("python"))
def test_python_examples_run(example: str, server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-c", here(example, server)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The sky is blue." in done.stdout
    assert len(done.stdout.split("The sky is blue.")[1].split()) > 1, "the stream brought nothing"


def test_there_are_examples_of_both_kinds() -> None:
    assert len([e for e in examples("shell") if e.startswith("curl")]) == 2
    assert len(examples("python")) == 1
