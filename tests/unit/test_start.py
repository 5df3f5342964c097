"""start.py in copies of the project's skeleton: no network, and never the real .venv."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[2]
SERVER = """\
import os, sys
print("server", sys.argv[1:], "in", os.getcwd(), "spin", os.environ["GOMP_SPINCOUNT"])
sys.exit(7 if "--fail" in sys.argv else 0)
"""
# A build backend that needs nothing installed, and waits until a file named "go" stands beside it.
WAITING_BACKEND = """\
import pathlib, shutil, time
def build_wheel(folder, config_settings=None, metadata_directory=None):
    pathlib.Path("building").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.05)
    wheel = next(pathlib.Path().glob("*.whl"))
    shutil.copy(wheel, folder)
    return wheel.name
"""
FAILING_BACKEND = """\
import pathlib, zipfile
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    with zipfile.ZipFile(next(pathlib.Path().glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return next(pathlib.Path(folder).glob("*.dist-info")).name
def build_wheel(folder, config_settings=None, metadata_directory=None):
    raise SystemExit("no CXX compiler could be found")
"""
# Keeps what CMake would be told, as the program that is built.
TELLING_BACKEND = """\
import os, pathlib, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = next(pathlib.Path().glob("*.whl")).name
    with zipfile.ZipFile(name) as old, zipfile.ZipFile(pathlib.Path(folder) / name, "w") as new:
        for file in old.namelist():
            text = old.read(file) + f"options = {os.environ.get('CMAKE_ARGS')!r}\\n".encode() * file.endswith(".py")
            new.writestr(file, text)
    return name
"""
STUB_TOOLS = {
    "ruff": {"ruff/__main__.py": "import sys; print('ruff', *sys.argv[1:])"},
    "import-linter": {
        "importlinter/__init__.py": "",
        "importlinter/cli.py": "import sys\ndef lint_imports_command(): sys.exit('layer broken')",
    },
    "pyright": {"pyright/__main__.py": "raise SystemExit('type wrong')"},
    "pytest": {"pytest.py": "import os, sys; print('pytest', sys.argv[1:], 'in', os.getcwd())"},
}


def make_wheel(folder: Path, name: str, version: str = "1.0", files: dict[str, str] | None = None):
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    content = files or {f"{module}.py": f"version = {version!r}\n"}
    content |= {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in content.items():
            wheel.writestr(path, text)


def make_source_archive(index: Path, scratch: Path, name: str, version: str, backend: str) -> None:
    """A release without a wheel, as llama-cpp-python has them."""
    folder = make_source_package(scratch / f"{name}-{version}", backend, name, version)
    (folder / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    with tarfile.open(index / f"{name}-{version}.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)


def make_source_package(
    folder: Path, backend: str, name: str | None = None, version: str = "1.0"
) -> Path:
    folder.mkdir()
    make_wheel(folder, name or folder.name, version)
    build = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(f"[build-system]\n{build}")
    (folder / "backend.py").write_text(backend)
    return folder


class Project:
    """A folder with start.py, requirement files and a server that prints its arguments."""

    def __init__(self, root: Path, index: Path) -> None:
        self.root = root
        self.index = index
        (root / "requirements").mkdir(parents=True)
        shutil.copy(REPOSITORY / "start.py", root)
        (root / "server.py").write_text(SERVER)
        self.require("minimal", "small==1.0")
        self.require("models", "big==1.0")
        self.require("test", *STUB_TOOLS)
        (root / "requirements.txt").write_text(
            "-r requirements/minimal.txt\n-r requirements/models.txt  # torch and the like\n"
        )

    @property
    def environment(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "GOMP_"))}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_NO_CACHE_DIR": "1"}
        return keep | pip | {"PIP_FIND_LINKS": str(self.index), "PIP_RETRIES": "0"}

    @property
    def site_packages(self) -> Path:
        return next(self.root.glob(".venv/lib/python*/site-packages"))

    def require(self, group: str, *lines: str) -> None:
        (self.root / "requirements" / f"{group}.txt").write_text("\n".join((*lines, "")))

    def start(self, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
        with self.begin(*arguments, **options) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def begin(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **environ
    ):
        return subprocess.Popen(
            [sys.executable, str(script or self.root / "start.py"), *arguments],
            cwd=cwd or self.root,
            env=self.environment | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def is_installed(self, module: str) -> bool:
        return (self.site_packages / f"{module}.py").exists()

    def load(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        """start.py as a module, for what a child process cannot be made to see."""
        spec = importlib.util.spec_from_file_location("start_copy", self.root / "start.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "start_copy", module)
        spec.loader.exec_module(module)
        return module


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels that stands for the package index."""
    folder = tmp_path_factory.mktemp("index")
    for name, version in (("small", "1.0"), ("small", "2.0"), ("big", "1.0")):
        make_wheel(folder, name, version)
    for name, files in STUB_TOOLS.items():
        make_wheel(folder, name, files=files)
    return folder


@pytest.fixture(scope="module")
def first_start(
    tmp_path_factory: pytest.TempPathFactory, index: Path
) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A project after its first start; tests take copies of its .venv, which is slow to make."""
    project = Project(tmp_path_factory.mktemp("first") / "my project", index)
    return project, project.start("--port", "5001", "--name", "two words")


@pytest.fixture
def bare(tmp_path: Path, index: Path) -> Project:
    """Nothing installed."""
    return Project(tmp_path / "my project", index)


@pytest.fixture
def project(bare: Project, first_start: tuple[Project, object]) -> Project:
    """The full group is installed."""
    origin = first_start[0].root / ".venv"
    shutil.copytree(origin, bare.root / ".venv", symlinks=True, copy_function=link_or_copy)
    return bare


def link_or_copy(source: str, target: str) -> None:
    """Packages are linked, which is fast: pip replaces their files and never writes into them."""
    if "site-packages" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def assert_fails(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with one sentence that holds the words."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    sentence = done.stderr.strip().splitlines()[-1]
    assert sentence.startswith("start.py: ")
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence


def wait_for(path: Path) -> None:
    limit = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < limit, f"{path} did not appear"
        time.sleep(0.05)


# Starting


def test_the_first_start_makes_the_environment_and_passes_the_flags(first_start):
    project, done = first_start
    assert done.returncode == 0, done.stderr
    assert "Installing the full requirements" in done.stdout
    assert "about 4 minutes" in done.stdout
    assert f"server {['--api', '--port', '5001', '--name', 'two words']}" in done.stdout
    assert "spin 1000" in done.stdout
    assert project.is_installed("small")
    assert project.is_installed("big")


def test_a_second_start_installs_nothing(project: Project):
    (project.root / ".venv" / "install.log").unlink()
    done = project.start("run", "--port", "1")
    assert done.stdout.startswith("server ['--api', '--port', '1']")
    assert not (project.root / ".venv" / "install.log").exists()


def test_it_can_be_called_from_another_folder_through_a_link(project: Project, tmp_path: Path):
    (tmp_path / "hearth").symlink_to(project.root / "start.py")
    (tmp_path / "elsewhere").mkdir()
    done = project.start(script=tmp_path / "hearth", cwd=tmp_path / "elsewhere")
    assert done.stdout.startswith(f"server ['--api'] in {tmp_path / 'elsewhere'}")


def test_the_exit_status_of_the_server_is_passed_on(project: Project):
    assert project.start("--fail").returncode == 7


def test_the_spin_count_of_the_user_is_kept(project: Project):
    assert "spin 5" in project.start(GOMP_SPINCOUNT="5").stdout


def test_a_download_is_handed_on(project: Project):
    done = project.start("download", "org/name", "--file", "Q8_0")
    assert "server ['download', 'org/name', '--file', 'Q8_0']" in done.stdout


def test_help_needs_no_installation(bare: Project):
    for flag in ("--help", "-h"):
        done = bare.start(flag)
        assert done.returncode == 0
        for word in ("setup", "test", "--minimal", "run --help"):
            assert word in done.stdout
    assert not (bare.root / ".venv").exists()


def test_an_unknown_command_is_refused_before_anything_is_installed(bare: Project):
    assert_fails(bare.start("tset"), "'tset'", "--help")
    assert_fails(bare.start("setup", "--quick"), "'--quick'", "--minimal")
    assert not (bare.root / ".venv").exists()


# When requirements are installed


def test_a_changed_requirement_file_is_installed(project: Project):
    project.require("minimal", "small==2.0")
    assert project.start("setup").returncode == 0
    assert "2.0" in (project.site_packages / "small.py").read_text()
    assert "Installing" not in project.start().stdout


def test_a_changed_comment_installs_nothing(project: Project):
    project.require("minimal", "# for the API", "", "small==1.0  # pinned")
    assert "Installing" not in project.start().stdout


def test_another_python_makes_the_environment_anew(project: Project):
    stamp = project.root / ".venv" / "start.json"
    stamp.write_text(
        re.sub(r'"python": "[^"]+"', '"python": "cpython-310 linux"', stamp.read_text())
    )
    assert "Installing" in project.start("setup").stdout
    assert "Installing" not in project.start().stdout


def test_the_full_group_holds_the_minimal_one(project: Project):
    done = project.start("--minimal", "--port", "1")
    assert done.stdout.startswith("server ['--api', '--nowebui', '--port', '1']")


def test_minimal_installs_only_the_small_group(project: Project):
    (project.root / ".venv" / "start.json").unlink()
    shutil.rmtree(project.site_packages / "big-1.0.dist-info")
    (project.site_packages / "big.py").unlink()

    assert "Installing the minimal requirements" in project.start("--port", "1", "--minimal").stdout
    assert not project.is_installed("big")
    assert "Installing" not in project.start("setup", "--minimal").stdout

    assert "Installing the full requirements" in project.start("setup").stdout
    assert project.is_installed("big")


def test_going_back_to_earlier_requirements_is_noticed(project: Project):
    project.require("minimal", "small==2.0")
    project.start("setup", "--minimal")
    project.require("minimal", "small==1.0")
    project.start("setup")
    assert "1.0" in (project.site_packages / "small.py").read_text()


# Interrupted and simultaneous installations


@pytest.fixture
def slow(project: Project, tmp_path: Path) -> Iterator[Path]:
    """The folder of a required package whose build ends only when the file "go" is in it."""
    folder = make_source_package(tmp_path / "slow", WAITING_BACKEND)
    project.require("models", "big==1.0", f"slow @ {folder.as_uri()}")
    yield folder
    (folder / "go").touch()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_installation_is_repaired(project: Project, slow: Path, number: int):
    with project.begin("setup") as process:
        wait_for(slow / "building")
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert not (project.root / ".venv" / "start.json").exists()

    (slow / "go").touch()
    done = project.start()
    assert "server ['--api']" in done.stdout
    assert project.is_installed("slow")


def test_what_a_killed_start_left_running_is_waited_for(project: Project, slow: Path):
    with project.begin("setup") as process:
        wait_for(slow / "building")
        process.kill()
    with project.begin("setup") as process:
        assert "waiting" in process.stdout.readline()
        (slow / "go").touch()
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert project.is_installed("slow")


def test_two_starts_at_once_install_once(project: Project, slow: Path):
    with project.begin() as first:
        wait_for(slow / "building")
        with project.begin() as second:
            assert "waiting" in second.stdout.readline()
            (slow / "go").touch()
            second_output, _ = second.communicate(timeout=30)
        first_output, _ = first.communicate(timeout=30)
    assert "Installing" in first_output
    assert "Installing" not in second_output
    assert "server" in first_output
    assert "server" in second_output


def test_a_half_installed_package_is_installed_again(project: Project):
    (project.root / ".venv" / "start.json").unlink()
    (project.site_packages / "small-1.0.dist-info" / "RECORD").unlink()
    (project.site_packages / "small.py").unlink()
    project.start("setup")
    assert project.is_installed("small")


def test_a_half_made_environment_is_made_anew(project: Project):
    (project.root / ".venv" / "start.json").unlink()
    shutil.rmtree(project.site_packages / "pip")
    for info in project.site_packages.glob("pip-*.dist-info"):
        (info / "RECORD").unlink()
    done = project.start()
    assert "making it anew" in done.stdout
    assert "server" in done.stdout


# Failures


def test_an_unknown_requirement_is_named(project: Project):
    project.require("models", "no-such-package==1.0")
    assert_fails(project.start(), "no-such-package==1.0", "Python version")


def test_a_malformed_requirement_is_quoted(project: Project):
    project.require("models", "big=1.0")
    assert_fails(project.start(), "big=1.0", "install.log")


def test_an_index_that_does_not_answer_is_named_as_such(project: Project):
    project.require("models", "elsewhere==1.0")
    nowhere = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    assert_fails(project.start(**nowhere), "network", "HTTPS_PROXY")


def test_a_failing_build_is_named(project: Project, tmp_path: Path):
    folder = make_source_package(tmp_path / "native", FAILING_BACKEND)
    project.require("models", f"native @ {folder.as_uri()}")
    assert_fails(project.start(), "native could not be built", "install.log", "compiler")


def test_a_missing_compiler_is_noticed_before_any_download(project: Project, tmp_path: Path):
    project.require("minimal", "small==2.0", "llama-cpp-python==0.3.36")
    assert_fails(project.start(PATH=str(tmp_path)), "no C++ compiler", "install")
    assert "1.0" in (project.site_packages / "small.py").read_text()


def test_no_compiler_is_needed_where_a_wheel_is_at_hand(project: Project, tmp_path: Path):
    make_wheel(tmp_path, "llama-cpp-python", "0.3.36")
    project.require("minimal", "llama-cpp-python==0.3.36")
    links = f"{project.index} {tmp_path}"
    assert project.start(PATH=str(tmp_path), PIP_FIND_LINKS=links).returncode == 0


# Building for a GPU


@pytest.fixture
def sources(project: Project, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Two releases of llama-cpp-python, the first one required; the environment of a machine with CUDA's compiler."""
    folder, programs = tmp_path / "sources", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    for version in ("0.3.36", "0.3.37"):
        make_source_archive(folder, tmp_path, "llama_cpp_python", version, TELLING_BACKEND)
    (programs / "nvcc").write_text("#!/bin/sh\n")
    (programs / "nvcc").chmod(0o755)
    project.require("minimal", "llama-cpp-python==0.3.36")
    return {
        "PIP_FIND_LINKS": f"{project.index} {folder}",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }


def built_with(project: Project) -> str:
    return (project.site_packages / "llama_cpp_python.py").read_text()


def test_llama_cpp_is_built_for_the_gpu_once_and_again_for_each_release(
    project: Project, sources: dict[str, str]
):
    assert project.start(**sources).returncode == 0
    assert "options = None" in built_with(project)
    done = project.start("setup", "--gpu", "cuda", **sources, CMAKE_ARGS="-DMINE=1")
    assert done.returncode == 0, done.stderr
    assert "options = '-DMINE=1 -DGGML_CUDA=on'" in built_with(project)
    assert "Built in" in done.stdout
    assert "Build" not in project.start("--port", "1", **sources).stdout
    project.require("minimal", "llama-cpp-python==0.3.37")
    assert "server ['--api'" in project.start(**sources).stdout
    assert "version = '0.3.37'" in built_with(project)
    assert "options = '-DGGML_CUDA=on'" in built_with(project)
    assert project.start("--gpu=none", **sources).returncode == 0
    assert "options = None" in built_with(project)


def test_another_python_keeps_the_choice_of_the_gpu(project: Project, sources: dict[str, str]):
    assert project.start("--gpu", "cuda", **sources).returncode == 0
    python = next((project.root / ".venv/bin").glob("python3.*"))
    for name in {"python", "python3", python.name}:
        (project.root / ".venv/bin" / name).unlink()
    assert project.start(**sources).returncode == 0
    assert "options = '-DGGML_CUDA=on'" in built_with(project)


def test_a_missing_toolkit_is_named_and_the_build_for_the_processor_stays(
    project: Project, sources: dict[str, str]
):
    assert project.start(**sources).returncode == 0
    assert_fails(project.start("setup", "--gpu", "hip", **sources), "hipcc", "ROCm")
    assert project.start(**sources).returncode == 0
    assert "options = None" in built_with(project)


@pytest.mark.parametrize("flags", [("--gpu",), ("--gpu", "fast"), ("--gpu=",)])
def test_an_unknown_gpu_is_refused_before_anything_is_installed(bare: Project, flags: list[str]):
    assert_fails(bare.start(*flags), "cuda", "vulkan")
    assert not (bare.root / ".venv").exists()


def test_an_environment_that_cannot_be_written_is_named(bare: Project):
    (bare.root / ".venv").write_text("a file where the folder should be")
    assert_fails(bare.start(), ".venv", "writable")


def test_a_missing_requirement_file_is_named(bare: Project):
    (bare.root / "requirements" / "minimal.txt").unlink()
    assert_fails(bare.start(), "minimal.txt is missing")


def test_a_full_disk_is_noticed_before_the_installation(bare: Project, monkeypatch):
    start = bare.load(monkeypatch)
    usage = shutil.disk_usage(bare.root)._replace(free=2_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(start.Failure, match=r"2\.0 GB .* need 4\.7 GB: .*--minimal\.$"):
        start.install(start.FULL)


def test_an_old_python_is_refused(bare: Project, monkeypatch):
    start = bare.load(monkeypatch)
    monkeypatch.setattr(start, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(start.Failure, match="newer is needed"):
        start.install(start.FULL)


def test_a_python_without_ensurepip_is_named(bare: Project, monkeypatch):
    start = bare.load(monkeypatch)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(start.Failure, match="python3-venv"):
        start.install(start.FULL)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "TMPDIR"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "make it yours"),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out.", "network"),
        ("WARNING: Retrying after connection broken by 'ReadTimeoutError'\nERROR: Failed building wheel for x", "x could not be built"),
        ("ERROR: Cannot install a and b\nERROR: ResolutionImpossible: see the manual", "ResolutionImpossible: see the manual"),
        ("", "it gave no reason"),
    ],
)  # fmt: skip
def test_what_pip_says_becomes_advice(bare: Project, monkeypatch, log: str, words: str):
    assert words in bare.load(monkeypatch).explain(log)


# Progress


def test_a_silent_build_is_reported_with_its_duration(bare: Project, monkeypatch, capsys):
    start = bare.load(monkeypatch)
    progress = start.Progress()
    progress.report(
        ["2026-01-01T00:00:00,000   Running command Building wheel for llama-cpp-python (x)\n"]
    )
    progress.say_it_is_alive(progress.started + 29)
    assert capsys.readouterr().out == ""
    progress.say_it_is_alive(progress.started + 130)
    assert capsys.readouterr().out == "  still building llama-cpp-python: 2 min 10 s\n"


def test_a_terminal_sees_one_line_rewritten_while_something_is_built(
    bare: Project, monkeypatch, capsys
):
    start = bare.load(monkeypatch)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = start.Progress()
    progress.say_it_is_alive(progress.started + 40)
    assert capsys.readouterr().out == "", "pip draws its own bar"
    progress.begin("building x")
    progress.say_it_is_alive(progress.started + 40)
    line = capsys.readouterr().out
    assert line.startswith("\r  still building x: 40 s")
    assert "\n" not in line


# Testing


def test_test_runs_every_step_and_names_those_that_failed(project: Project):
    done = project.start("test")
    announced = re.findall(r"^== (\w+)$", done.stdout, re.MULTILINE)
    assert announced == ["format", "lint", "layers", "types", "tests"]
    results = re.findall(r"^== (\w+): (\w+), [\d.]+ s$", done.stdout, re.MULTILINE)
    assert dict(results) == {
        "format": "ok", "lint": "ok", "layers": "FAILED", "types": "FAILED", "tests": "ok",
    }  # fmt: skip
    assert "ruff format --check ." in done.stdout
    assert_fails(done, "failed: layers, types.")


def test_test_with_arguments_runs_only_pytest_in_the_project(project: Project, tmp_path: Path):
    done = project.start("test", "-k", "some name", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"pytest {['-k', 'some name']} in {project.root}" in done.stdout
    assert "== lint" not in done.stdout


@pytest.mark.parametrize(("name", "is_missing"), [("no-such-program", True), ("sh", False)])
def test_test_says_how_to_get_a_browser(project: Project, name: str, is_missing: bool):
    done = project.start("test", "-k", "some name", HEARTH_CHROMIUM=name)
    assert done.returncode == 0, done.stderr
    assert ("apt install chromium" in done.stdout) is is_missing


# The real requirement files


@pytest.mark.parametrize("name", ["requirements.txt", "requirements/test.txt"])
def test_every_requirement_is_pinned(monkeypatch, bare: Project, name: str):
    for line in bare.load(monkeypatch).read_requirements(REPOSITORY / name):
        assert re.match(r"[\w.\[\]-]+==[\w.]+(; .+)?$", line), line
