"""Makes .venv, installs the requirements into it, then runs the server or the tests.

One file, and only the standard library, because it runs before anything is installed. It parses on
older Pythons than it supports, to be able to say so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

HELP = """\
usage: python3 start.py [FLAGS]       install what is missing, then serve the demo model: web UI and API
       python3 start.py run [FLAGS]   the same; FLAGS go to server.py as they are
       python3 start.py setup         only install
       python3 start.py download ARGS fetch a model from the Hugging Face hub (--help tells more)
       python3 start.py test [ARGS]   install the test tools too and run what CI runs: format, lint,
                                      layers, types, tests; with ARGS, only pytest with these ARGS
       python3 start.py run --help    the server's own flags (installs first)

options of start.py itself:
  --minimal    not with test: install only what the API with GGUF models needs (no web UI, no
               torch), and start without the web UI
  --gpu NAME   not with test: build llama.cpp for a GPU, now and whenever it is installed again:
               cuda (NVIDIA), hip (AMD), vulkan (most), or none. Needs the toolkit of the GPU's
               maker, and takes from minutes to an hour. On a Mac, Metal is there without it
  -h, --help   this text; needs no installation

Everything is installed into .venv beside start.py. The first start takes some minutes; later ones
are immediate, until a requirement file or the Python version changes. pip's log is
.venv/install.log.
"""

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "start.json"
LOCK = VENV / "start.lock"
LOG = VENV / "install.log"
BUILT_FOR = VENV / "gpu"  # which GPU llama.cpp is built for, and which release of it
OLDEST_PYTHON = (3, 11)
PYTHON_TAG = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
HEARTBEAT_S = 30
BUILT_PACKAGE = "llama-cpp-python"
PIP_SETTINGS = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_USER": "0",
    "PIP_ROOT_USER_ACTION": "ignore",
}

# Prints an environment's tag; fails where pip is missing or half installed (RECORD is written last).
PROBE = """\
import importlib.metadata, sys, sysconfig
importlib.metadata.distribution("pip").read_text("RECORD") or sys.exit(1)
print(sys.implementation.cache_tag, sysconfig.get_platform())
"""

# What `test` runs, in order. Modules, not scripts: a script breaks when the folder is moved.
STEPS = {
    "format": ("-m", "ruff", "format", "--check", "."),
    "lint": ("-m", "ruff", "check", "."),
    "layers": ("-c", "from importlinter.cli import lint_imports_command as main; main()"),
    "types": ("-m", "pyright"),
    "tests": ("-m", "pytest"),
}
# What is added where a step runs whole: two processes, each with files of its own and the servers that these share.
WHOLE = {"tests": ("-n", "2", "--dist", "loadfile")}


class Failure(Exception):
    """Its message is one sentence that tells the person what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def to_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest if rest > 9 else round(seconds, 1)} s"


def read_requirements(path: Path) -> list[str]:
    """The lines that matter to pip, with the `-r` files in their place."""
    if not path.exists():
        raise Failure(f"{path} is missing: get a complete copy of the project.")
    lines: list[str] = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        included = re.match(r"(?:-r|--requirement)[\s=]*(.+)", line)
        if included:
            lines += read_requirements(path.parent / included.group(1))
        elif line:
            lines.append(line)
    return lines


@dataclass(frozen=True)
class Group:
    name: str
    files: tuple[str, ...]
    disk_gb: float
    notice: str

    @property
    def requirements(self) -> list[str]:
        return [line for file in self.files for line in read_requirements(ROOT / file)]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256("\n".join(self.requirements).encode()).hexdigest()


BUILD_NOTICE = """\
  llama-cpp-python is built from source: about 4 minutes on two cores; pip keeps the result.
"""
MODELS_NOTICE = """\
  Big downloads: torch (200 MB; several GB where pip takes the CUDA build), triton (290 MB),
  transformers, scipy, av, onnxruntime, diffusers and the like (300 MB). Disk: 3.5 GB, about 9 GB with CUDA.
  Without these, `python3 start.py --minimal` still serves GGUF models by the API, and takes 0.3 GB.
"""
UI_NOTICE = "  The web UI: Gradio, pandas and the like, 50 MB of downloads, 0.2 GB of disk.\n"
SMALL_NOTICE = "  Downloads: about 100 MB. Disk: 0.3 GB, 1 GB while it builds.\n"
TOOLS_NOTICE = "  The test tools: 150 MB of downloads, 0.6 GB of disk.\n"

MINIMAL = Group("minimal", ("requirements/minimal.txt",), 1, BUILD_NOTICE + SMALL_NOTICE)
FULL = Group("full", ("requirements.txt",), 4.7, BUILD_NOTICE + UI_NOTICE + MODELS_NOTICE)
TEST = Group("test", (*FULL.files, "requirements/test.txt"), 5.4, FULL.notice + TOOLS_NOTICE)
GROUPS = (MINIMAL, FULL, TEST)  # each holds all of the one before it


def is_installed(group: Group) -> bool:
    wanted = {"python": PYTHON_TAG, group.name: group.fingerprint}
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return PYTHON.exists() and wanted.items() <= stamp.items()


def write_stamp(group: Group) -> None:
    held = GROUPS[: GROUPS.index(group) + 1]
    stamp = {"python": PYTHON_TAG, **{part.name: part.fingerprint for part in held}}
    partial = STAMP.with_suffix(".part")
    partial.write_text(json.dumps(stamp), encoding="utf-8")
    partial.replace(STAMP)


@dataclass(frozen=True)
class GpuBuild:
    """How llama.cpp is built for a kind of GPU, with which compiler, and whose that is."""

    option: str
    compiler: str
    toolkit: str


GPU_BUILDS = {
    "cuda": GpuBuild("-DGGML_CUDA=on", "nvcc", "NVIDIA's CUDA toolkit"),
    "hip": GpuBuild("-DGGML_HIP=on", "hipcc", "AMD's ROCm"),
    "vulkan": GpuBuild("-DGGML_VULKAN=on", "glslc", "the Vulkan SDK with its shader compiler"),
}


def install(group: Group, gpu: str = "") -> None:
    """Bring .venv up to the group, with llama.cpp for the GPU (without a name: the one of the last time).

    Return at once when it is.
    """
    gpu = gpu or chosen_gpu()
    if is_installed(group) and is_built_for(gpu):
        return
    check_python()
    try:
        with install_lock() as lock:
            if not is_installed(group):  # another start may have done it meanwhile
                install_under_lock(group, lock)
            if not is_built_for(gpu):
                build_for(gpu, lock) if gpu != "none" else go_back_to_the_processor(lock)
    except OSError as error:
        raise Failure(
            f"cannot write {error.filename or VENV} ({error.strerror}): "
            f"make {ROOT} writable for you, or move the project to a folder of yours."
        ) from error


def install_under_lock(group: Group, lock: int) -> None:
    started = time.monotonic()
    say(f"Installing the {group.name} requirements into {VENV}.\n{group.notice}")
    check_disk(group)
    STAMP.unlink(missing_ok=True)
    make_venv()
    check_compiler(group)
    drop_half_installed()
    files = [part for file in group.files for part in ("-r", str(ROOT / file))]
    install_with_pip(files, lock)
    write_stamp(group)
    say(f"Installed in {to_duration(time.monotonic() - started)}.")


def chosen_gpu() -> str:
    with suppress(OSError):
        return BUILT_FOR.read_text(encoding="utf-8").partition(" ")[0]
    return "none"


def is_built_for(gpu: str) -> bool:
    if gpu == "none":
        return not BUILT_FOR.exists()
    with suppress(OSError):
        return BUILT_FOR.read_text(encoding="utf-8") == f"{gpu} {built_requirement()}"
    return False


def built_requirement() -> str:
    lines = (line for line in MINIMAL.requirements if line.startswith(BUILT_PACKAGE))
    return next(lines, BUILT_PACKAGE)


def build_for(gpu: str, lock: int) -> None:
    """pip keeps no wheel of it: its cache does not tell the builds apart."""
    build = GPU_BUILDS[gpu]
    if not shutil.which(build.compiler):
        raise Failure(
            f"{build.compiler} is not found, which llama.cpp is built with for {gpu}: install "
            f"{build.toolkit} and have its programs on PATH, then run this again."
        )
    say(f"Building llama.cpp for {gpu}: minutes on many cores, up to an hour on few.")
    started = time.monotonic()
    options = f"{os.environ.get('CMAKE_ARGS', '')} {build.option}".strip()
    anew = ("--force-reinstall", "--no-deps", "--no-cache-dir", "--no-binary", BUILT_PACKAGE)
    try:
        install_with_pip((*anew, built_requirement()), lock, CMAKE_ARGS=options)
    except Failure as failure:
        raise Failure(f"{failure} Without a GPU: `python3 start.py --gpu none`.") from failure
    BUILT_FOR.write_text(f"{gpu} {built_requirement()}", encoding="utf-8")
    say(f"Built in {to_duration(time.monotonic() - started)}.")


def go_back_to_the_processor(lock: int) -> None:
    """With what pip keeps of earlier builds, all of which were for the processor."""
    install_with_pip(("--force-reinstall", "--no-deps", built_requirement()), lock)
    BUILT_FOR.unlink()


@contextmanager
def install_lock() -> Generator[int]:
    """One start at a time installs. pip inherits the lock, so it outlasts a start that is killed."""
    VENV.mkdir(exist_ok=True)
    with LOCK.open("a") as file:
        if not try_lock(file.fileno()):
            say("Another start.py is installing into .venv: waiting for it to finish.")
            while not try_lock(file.fileno()):
                time.sleep(0.5)
        yield file.fileno()


def try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make_venv() -> None:
    if has_sound_venv():
        return
    if PYTHON.is_symlink() or PYTHON.exists():
        say("This .venv is incomplete or of another Python: making it anew.\n")
    for path in VENV.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path == BUILT_FOR:
            path.write_text(chosen_gpu(), encoding="utf-8")
        elif path != LOCK:
            path.unlink()
    command = [sys.executable, "-m", "venv", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        reason = (made.stdout + made.stderr).strip().rpartition("\n")[2]
        raise Failure(f"`{' '.join(command)}` failed ({reason}): mend that, then run this again.")


def has_sound_venv() -> bool:
    with suppress(OSError):
        probe = [str(PYTHON), "-c", PROBE]
        found = subprocess.run(probe, capture_output=True, text=True, check=False)
        return found.returncode == 0 and found.stdout.strip() == PYTHON_TAG
    return False


def drop_half_installed() -> None:
    """Let pip see a package whose installation was cut off as absent: it writes RECORD last."""
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(VENV)}))
    for info in site.glob("*.dist-info"):
        if not (info / "RECORD").exists():
            shutil.rmtree(info)


def install_with_pip(arguments: Iterable[str], lock: int, **settings: str) -> None:
    LOG.write_bytes(b"")
    posix = os.name == "posix"
    pip = subprocess.Popen(
        [str(PYTHON), "-m", "pip", "install", "--log", str(LOG), *arguments],
        env={**os.environ, **PIP_SETTINGS, **settings},
        stdin=subprocess.DEVNULL,
        pass_fds=(lock,) if posix else (),
        process_group=0 if posix else None,  # so that `stop` reaches the compilers too
    )
    try:
        watch(pip)
    except BaseException:
        stop(pip)
        raise
    if pip.returncode:
        raise Failure(explain(LOG.read_text(encoding="utf-8", errors="replace")))


def watch(pip: subprocess.Popen[bytes]) -> None:
    with LOG.open(encoding="utf-8", errors="replace") as log:
        progress = Progress()
        while pip.poll() is None:
            progress.report(log.readlines())
            with suppress(subprocess.TimeoutExpired):
                pip.wait(1)


def stop(pip: subprocess.Popen[bytes]) -> None:
    """End pip and what it started, gently first: at SIGINT it removes its temporary files."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError):
            os.killpg(pip.pid, signal.SIGINT)
    try:
        pip.wait(10)
    except subprocess.TimeoutExpired:
        pip.kill()


class Progress:
    """Says from time to time what pip is doing while pip is silent; learns it from pip's log."""

    ACTIVITIES = (
        (r"Running command Building wheel for (\S+)", r"building \1"),
        (r"Downloading (\S+)", r"downloading \1"),
        (r"Installing collected packages", "installing the packages"),
        (r"Created wheel for|Collecting |Running command ", "preparing"),
    )

    def __init__(self) -> None:
        self.begin("preparing")

    def begin(self, activity: str) -> None:
        self.activity = activity
        self.started = self.said = time.monotonic()

    def report(self, log_lines: Iterable[str]) -> None:
        for line in log_lines:
            for pattern, activity in self.ACTIVITIES:
                if match := re.search(pattern, line):
                    self.begin(match.expand(activity))
                    break
        self.say_it_is_alive(time.monotonic())

    def say_it_is_alive(self, now: float) -> None:
        text = f"  still {self.activity}: {to_duration(now - self.started)}"
        if sys.stdout.isatty():
            if self.activity.startswith("building"):  # else pip draws a bar of its own
                # pip's spinner, which knows nothing of us, turns on the last of the spaces.
                print(f"\r{text:<72}", end="", flush=True)
        elif now - self.said >= HEARTBEAT_S:
            say(text)
            self.said = now


def check_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise Failure(
            f"Python 3.11 or newer is needed and this is {sys.version.split()[0]}: "
            "install a newer one and run start.py with it (for example `python3.12 start.py`)."
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Failure(
            f"{sys.executable} lacks venv or ensurepip: install them "
            "(Debian, Ubuntu: `sudo apt install python3-venv`), then run this again."
        )


def check_disk(group: Group) -> None:
    present = sum(path.lstat().st_size for path in VENV.rglob("*"))
    needed_gb = max(group.disk_gb - present / 1e9, 0.2)
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < needed_gb:
        raise Failure(
            f"{ROOT} has {free_gb:.1f} GB of free disk and the {group.name} requirements need "
            f"{needed_gb:.1f} GB: free some{', or use --minimal' if group is FULL else ''}."
        )


def check_compiler(group: Group) -> None:
    built = [line for line in group.requirements if line.startswith(BUILT_PACKAGE)]
    if built and not has_compiler() and not has_wheel(built[0]):
        raise Failure(
            f"{BUILT_PACKAGE} is built from source and there is no C++ compiler: {compiler_hint()}."
        )


def has_compiler() -> bool:
    if sys.platform == "win32":
        return True  # Visual Studio is not on PATH; CMake finds it, or says that it does not
    if sys.platform == "darwin":  # /usr/bin/c++ exists there even without a compiler behind it
        probe = subprocess.run(["xcode-select", "-p"], capture_output=True, check=False)
        return probe.returncode == 0
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++"))


def has_wheel(requirement: str) -> bool:
    """Whether pip can take the package without building it: installed, published or built before."""
    name = BUILT_PACKAGE.replace("-", "_")
    published = ("install", "--dry-run", "--no-deps", "--only-binary=:all:", requirement)
    return name in ask_pip("cache", "list", name).stdout or ask_pip(*published).returncode == 0


def ask_pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "pip", *arguments]
    settings = {**os.environ, **PIP_SETTINGS}
    return subprocess.run(command, env=settings, capture_output=True, text=True, check=False)


def compiler_hint() -> str:
    if sys.platform == "darwin":
        return "run `xcode-select --install`, then this again"
    if sys.platform == "win32":
        return "install the C++ part of the Visual Studio Build Tools, then run this again"
    return "install one (Debian, Ubuntu: `sudo apt install build-essential`), then run this again"


# What pip's log says, and what a person can do about it; the first match counts.
FAULTS = (
    (
        r"No space left on device|not enough space on the disk",
        "the disk of .venv or of temporary files is full: free some space (TMPDIR names another "
        "folder for temporary files), then run this again.",
    ),
    (
        r"due to an OSError.*(?:denied|Read-only)",
        "pip may not write into {venv}: make it yours or remove it, then run this again.",
    ),
    (
        r"(?s:(?:connection broken by|connection error: |didn't respond within)"
        r".*(?:Could not find a version|No matching distribution))"
        r"|(?i:error): (?:proxy-|connection-|incomplete-|.*(?:Max retries exceeded|timed out))"
        r"|urllib3\.exceptions\.\w+: ",
        "the package index cannot be reached: check the network (HTTPS_PROXY names a proxy), "
        "then run this again.",
    ),
    (
        r"Failed (?:building wheel for |to build ')(?P<name>[\w.-]+)",
        "{name} could not be built, and {log} says why: if there is no C++ compiler, {hint}.",
    ),
    (
        r"No matching distribution found for (?P<name>\S+)",
        "pip finds no release of {name} for {python}: try another Python version from 3.11 on.",
    ),
)


def explain(log: str) -> str:
    for pattern, sentence in FAULTS:
        if found := re.search(pattern, log):
            names = {"venv": VENV, "log": LOG, "hint": compiler_hint(), "python": PYTHON_TAG}
            return sentence.format(**names, **found.groupdict())
    errors = re.findall(r"(?i:error): (.+)", log) or ["it gave no reason"]
    return f"pip could not install the requirements ({errors[-1]}): see {LOG}, then run this again."


def run_server(arguments: Sequence[str]) -> int:
    """With --minimal there is no web UI; `--no-nowebui` among the arguments still wins, since it comes later."""
    gpu, rest = take_gpu(arguments)
    group, flags = take_minimal(rest)
    first = ("--api", "--nowebui") if group is MINIMAL else ("--api",)
    return become(group, *first, *flags, gpu=gpu)


def run_download(arguments: Sequence[str]) -> int:
    group, rest = take_minimal(arguments)
    return become(group, "download", *rest)


def become(group: Group, *arguments: str, gpu: str = "") -> int:
    """Install, then be server.py with the arguments."""
    install(group, gpu)
    command = [str(PYTHON), str(ROOT / "server.py"), *arguments]
    if os.name == "posix":
        os.execv(command[0], command)  # signals go straight to the server
    server = subprocess.Popen(command)
    while True:
        with suppress(KeyboardInterrupt):  # Windows sends it to the server too, which decides
            return server.wait()


def run_setup(arguments: Sequence[str]) -> int:
    gpu, rest = take_gpu(arguments)
    group, rest = take_minimal(rest)
    if rest:
        raise Failure(f"setup does not know {rest[0]!r}: it takes --minimal and --gpu NAME.")
    install(group, gpu)
    say("Everything is installed: `python3 start.py` starts the server.")
    return 0


def take_minimal(arguments: Sequence[str]) -> tuple[Group, list[str]]:
    rest = [argument for argument in arguments if argument != "--minimal"]
    return (FULL if len(rest) == len(arguments) else MINIMAL), rest


def take_gpu(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The value of `--gpu NAME` or `--gpu=NAME`, empty without it; and the other arguments."""
    rest = list(arguments)
    for place, argument in enumerate(rest):
        if argument == "--gpu" or argument.startswith("--gpu="):
            values = [argument[6:]] if "=" in argument else rest[place + 1 : place + 2]
            del rest[place : place + (1 if "=" in argument else 2)]
            if not values or values[0] not in (*GPU_BUILDS, "none"):
                raise Failure(f"--gpu takes one of {', '.join((*GPU_BUILDS, 'none'))}.")
            return values[0], rest
    return "", rest


CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM = """\
There is no Chromium: the browser tests of the web UI are skipped. To run them too, install one
(Debian, Ubuntu: `sudo apt install chromium`), or name its program in HEARTH_CHROMIUM.
"""


def find_chromium() -> str | None:
    """The program that HEARTH_CHROMIUM names, else the first of the usual ones that is there."""
    named = os.environ.get("HEARTH_CHROMIUM")
    return next(filter(None, map(shutil.which, (named,) if named else CHROMIUMS)), None)


def run_tests(arguments: Sequence[str]) -> int:
    install(TEST)
    if find_chromium() is None:
        say(NO_CHROMIUM)
    if arguments:
        return run_step("tests", *arguments)
    failed = [name for name in STEPS if run_step(name)]
    if failed:
        raise Failure(f"failed: {', '.join(failed)}.")
    return 0


def run_step(name: str, *extra: str) -> int:
    say(f"== {' '.join((name, *extra))}")
    started = time.monotonic()
    command = [str(PYTHON), *STEPS[name], *(extra or WHOLE.get(name, ()))]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    say(f"== {name}: {'FAILED' if status else 'ok'}, {to_duration(time.monotonic() - started)}\n")
    return status


COMMANDS = {"run": run_server, "setup": run_setup, "download": run_download, "test": run_tests}


def run_command(arguments: Sequence[str]) -> int:
    first = arguments[0] if arguments else "run"
    if first in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if first.startswith("-"):
        return run_server(arguments)
    if first not in COMMANDS:
        raise Failure(f"there is no command {first!r}: see `python3 start.py --help`.")
    return COMMANDS[first](arguments[1:])


def end_on_signal(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def main() -> int:
    signal.signal(signal.SIGTERM, end_on_signal)
    # libgomp reads it when it is loaded: waiting threads soon yield a core that others need.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        return run_command(sys.argv[1:])
    except Failure as failure:
        print(f"\nstart.py: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstart.py: interrupted; run it again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
