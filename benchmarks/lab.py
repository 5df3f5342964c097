"""Prepares what the benchmarks need: llama-server, llama_cpp.server and the benchmark models.

    python -m benchmarks.lab [--lab FOLDER] [--models NAME ...]

llama-server is built from the llama.cpp source inside the source package of the llama-cpp-python
release that Hearth itself uses. What is ready stays as it is, so an interrupted run can go on.
Needs a C++ compiler and a network; the first run takes about 15 minutes on two cores.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.model_shapes import MODELS
from benchmarks.peers import DEFAULT_LAB, ROOT

DEFAULT_MODELS = ("nano", "q05-q4_0")
BINDINGS = "llama-cpp-python"
BUILD_OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "GGML_NATIVE": "ON",
    "LLAMA_CURL": "OFF",
    "LLAMA_OPENSSL": "OFF",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_APP": "OFF",
}


class LabError(Exception):
    """A step failed; the message names what to read or to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """`hint` says how long `run` takes."""

    name: str
    hint: str
    is_done: Callable[[], bool]
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Lab:
    """A folder: venv/ src/ build/ models/ logs/, and venv-xllamacpp/ where wanted."""

    folder: Path
    models: tuple[str, ...] = DEFAULT_MODELS
    has_xllamacpp: bool = False
    jobs: int = 1

    @property
    def python(self) -> Path:
        return self.folder / "venv/bin/python"

    @property
    def llama_server(self) -> Path:
        return self.folder / "build/bin/llama-server"

    @property
    def xllamacpp_python(self) -> Path:
        return self.folder / "venv-xllamacpp/bin/python"

    @property
    def missing_models(self) -> list[str]:
        folder = self.folder / "models"
        return [name for name in self.models if not (folder / f"{name}.gguf").exists()]

    @property
    def steps(self) -> list[Step]:
        steps = [
            Step("environment with llama_cpp.server", "minutes", self.has_venv, self.make_venv),
            Step("source of llama.cpp", "seconds", (self.folder / "src").is_dir, self.fetch_source),
            Step("llama-server", "10 minutes", self.llama_server.exists, self.build_server),
            Step("models", "2 minutes", lambda: not self.missing_models, self.make_models),
        ]
        if self.has_xllamacpp:
            is_done = self.xllamacpp_python.exists
            steps.append(Step("environment with xllamacpp", "1 minute", is_done, self.make_venv_x))
        return steps

    def has_venv(self) -> bool:
        if not self.python.exists():
            return False
        check = [str(self.python), "-c", "import llama_cpp.server.app, gguf, ninja, cmake"]
        return subprocess.run(check, check=False, capture_output=True).returncode == 0

    def make_venv(self) -> None:
        bindings = pinned(BINDINGS).replace("==", "[server]==")
        packages = [bindings, pinned("gguf"), pinned("numpy"), "ninja", "cmake"]
        self._make_environment(self.python, packages)

    def make_venv_x(self) -> None:
        self._make_environment(self.xllamacpp_python, ["xllamacpp"])

    def fetch_source(self) -> None:
        sdist, part = self.folder / "sdist", self.folder / "src.part"
        pip = [str(self.python), "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
        self._run("source", [*pip, pinned(BINDINGS), "--dest", str(sdist)])
        shutil.rmtree(part, ignore_errors=True)
        version = pinned(BINDINGS).partition("==")[2]
        with tarfile.open(next(sdist.glob(f"*-{version}.tar.gz"))) as archive:
            archive.extractall(part, filter="data")
        (root,) = part.iterdir()
        root.rename(self.folder / "src")
        part.rmdir()

    def build_server(self) -> None:
        source, build = self.folder / "src/vendor/llama.cpp", self.folder / "build"
        tools = self.folder / "venv/bin"
        env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        defines = [f"-D{name}={value}" for name, value in BUILD_OPTIONS.items()]
        cmake = str(tools / "cmake")
        configure = [cmake, "-S", str(source), "-B", str(build), "-G", "Ninja", *defines]
        self._run("configure", configure, env)
        compile_ = [cmake, "--build", str(build), "--target", "llama-server", "-j", str(self.jobs)]
        self._run("build", compile_, env)

    def make_models(self) -> None:
        vocabulary = self.folder / "src/vendor/llama.cpp/models/ggml-vocab-qwen2.gguf"
        make = [str(self.python), "-m", "benchmarks.models", str(self.folder / "models")]
        self._run("models", [*make, str(vocabulary), *self.missing_models])

    def _make_environment(self, python: Path, packages: Sequence[str]) -> None:
        venv = python.parent.parent
        self._run(venv.name, [sys.executable, "-m", "venv", str(venv)])
        self._run(venv.name, [str(python), "-m", "pip", "install", *packages])

    def _run(
        self, log_name: str, argv: Sequence[str], env: Mapping[str, str] | None = None
    ) -> None:
        log_file = self.folder / "logs" / f"{log_name}.log"
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            env = {**os.environ, **(env or {})}
            done = subprocess.run(
                argv, check=False, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT
            )
        if done.returncode:
            raise LabError(f"{Path(argv[0]).name} failed: see {log_file}")


def pinned(package: str) -> str:
    """A requirement of this project, such as `numpy==2.4.6`."""
    pattern = re.compile(rf"^{re.escape(package)}==\S+", re.MULTILINE)
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        if match := pattern.search(file.read_text(encoding="utf-8")):
            return match.group()
    raise LabError(f"no file in requirements/ pins {package}")


def prepare(lab: Lab) -> None:
    """Runs the steps that are not done yet, and says how long each took."""
    for step in lab.steps:
        if step.is_done():
            print(f"{step.name}: ready")
            continue
        print(f"{step.name}: takes about {step.hint} ...", end=" ", flush=True)
        began_s = time.monotonic()
        step.run()
        print(f"done in {time.monotonic() - began_s:.0f} s")


def check_release(lab: Lab) -> None:
    """An older lab would measure another llama.cpp than the one that Hearth uses."""
    info = lab.folder / "src/PKG-INFO"
    version = pinned(BINDINGS).partition("==")[2]
    if info.exists() and f"\nVersion: {version}\n" not in info.read_text(encoding="utf-8"):
        raise LabError(f"{lab.folder} is not of {BINDINGS} {version}: take another folder")


def parse_lab(argv: Sequence[str] | None) -> Lab:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lab", type=Path, default=DEFAULT_LAB, metavar="FOLDER")
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=DEFAULT_MODELS)
    parser.add_argument("--xllamacpp", action="store_true", help="also install that server")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at once")
    options = parser.parse_args(argv)
    models = tuple(options.models)
    return Lab(options.lab.resolve(), models, options.xllamacpp, options.jobs)


def main(argv: Sequence[str] | None = None) -> int:
    lab = parse_lab(argv)
    try:
        check_release(lab)
        prepare(lab)
    except LabError as error:
        print(f"\nError: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
