"""Command lines of Hearth and of the servers it is measured against, all with the same settings.

    python -m benchmarks.peers llama-server --model FILE.gguf --port 5771 [-- MORE FLAGS]

Starts one in the foreground, in this process. Every server listens on 127.0.0.1 only.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_LAB = ROOT / "bench-lab"
OPENMP = {"GOMP_SPINCOUNT": "1000"}
"""With the default spin time two threads on two busy cores are up to 100 times slower than one."""


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """`slots` sequences run at once where the server can; `context_length` is that of each."""

    model: Path
    port: int
    lab: Path = DEFAULT_LAB
    threads: int = 1
    has_ui: bool = False
    slots: int = 16
    context_length: int = 4096


def hearth_argv(options: PeerOptions) -> list[str]:
    """From the project's own environment where start.py has made one."""
    python = ROOT / ".venv/bin/python"
    argv = [str(python) if python.exists() else sys.executable, str(ROOT / "server.py")]
    argv += ["--api", "--nowebui"] if not options.has_ui else ["--api", "--listen-port", "0"]
    argv += ["--api-port", str(options.port), "--model", str(options.model)]
    argv += ["--parallel", str(options.slots), "--ctx-size", str(options.context_length)]
    return [*argv, "--threads", str(options.threads), "--threads-batch", str(options.threads)]


def llama_server_argv(options: PeerOptions) -> list[str]:
    """llama.cpp's own server, as the lab builds it. Its -c is the sum over all slots."""
    argv = [str(options.lab / "build/bin/llama-server"), "-m", str(options.model)]
    argv += ["--host", "127.0.0.1", "--port", str(options.port)]
    argv += ["-np", str(options.slots), "-c", str(options.slots * options.context_length), "-cb"]
    argv += ["-t", str(options.threads), "-tb", str(options.threads)]
    return [*argv, "-b", "2048", "-ub", "512", "--no-webui"]


def llama_cpp_server_argv(options: PeerOptions) -> list[str]:
    """llama-cpp-python's own server: one request at a time."""
    argv = [str(options.lab / "venv/bin/python"), "-m", "llama_cpp.server"]
    argv += ["--model", str(options.model), "--host", "127.0.0.1", "--port", str(options.port)]
    argv += ["--n_ctx", str(options.context_length), "--n_threads", str(options.threads)]
    argv += ["--n_threads_batch", str(options.threads)]
    return [*argv, "--interrupt_requests", "false", "--verbose", "false"]


def xllamacpp_argv(options: PeerOptions) -> list[str]:
    """llama.cpp's server inside a Python process; `lab --xllamacpp` installs it."""
    script = ROOT / "benchmarks/xllamacpp_server.py"
    argv = [str(options.lab / "venv-xllamacpp/bin/python"), str(script), str(options.model)]
    numbers = (options.port, options.threads, options.slots, options.context_length)
    return [*argv, *map(str, numbers)]


PEERS: Mapping[str, Callable[[PeerOptions], list[str]]] = {
    "hearth": hearth_argv,
    "llama-server": llama_server_argv,
    "llama_cpp.server": llama_cpp_server_argv,
    "xllamacpp": xllamacpp_argv,
}


def clear_hearth_variables() -> None:
    """Hearth's variables win over its flags: a port or a key set there would spoil the run."""
    for name in [name for name in os.environ if name.startswith("OPENEDAI_")]:
        del os.environ[name]


def split_at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before the first `--`, and what stands after it."""
    arguments = list(argv)
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", choices=tuple(PEERS))
    parser.add_argument("--model", type=Path, required=True, metavar="FILE")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lab", type=Path, default=DEFAULT_LAB, metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--context-length", type=int, default=4096, metavar="TOKENS")
    own, more = split_at_dashes(sys.argv[1:] if argv is None else argv)
    values = vars(parser.parse_args(own))
    peer = values.pop("peer")
    command = [*PEERS[peer](PeerOptions(**values)), *more]
    clear_hearth_variables()
    os.execve(command[0], command, {**os.environ, **OPENMP})


if __name__ == "__main__":
    main()
