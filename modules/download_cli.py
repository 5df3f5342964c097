"""`server.py download`: fetches models from the hub on the command line; and the folders of downloads, as the settings have them."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from modules.console import set_up_logging
from modules.core.errors import AppError, ConfigError, Conflict, NotFound, RequestError
from modules.core.jobs import Job
from modules.download_console import show_plan, watch
from modules.downloads.checksums import is_intact
from modules.downloads.disk import Disk
from modules.downloads.download import (
    Download,
    Limits,
    check_room,
    open_late,
    plan_download,
    run_download,
)
from modules.downloads.layout import Places
from modules.downloads.manager import Downloads
from modules.downloads.sizes import shown_size
from modules.downloads.staging import Staging, find_leftovers
from modules.downloads.wanted import PURPOSES, Wanted, parse_wanted
from modules.settings import Settings
from modules.settings_sources import read_settings

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
PASSED_ON = ("settings", "user_data_dir", "model_dir", "image_model_dir")

DESCRIPTION = """\
Fetches a model from the Hugging Face hub, or from the server that HF_ENDPOINT names, into the folder where the server finds it.
Of a repository with safetensors files everything that belongs to the model is fetched, and no weights twice. Of a repository with GGUF
files one model is, with all its parts and the projector for pictures: name it with --file if there are several.
"""
EPILOG = """\
examples:
  python server.py download org/name
  python server.py download org/name:branch --exclude '*.md'
  python server.py download org/name-GGUF --file Q4_K_M
  python server.py download org/encoder --to embedding
  python server.py download org/name --check

A download that was interrupted goes on where it was when the same command is given again. What is not whole and checked is kept in
.downloads below the folder of the models, and is never taken for a model. HF_TOKEN: a token for gated and private models.
Exit status: 0 everything is in place, 1 it failed, 2 the command is wrong, 130 it was interrupted.
"""


def download_places(settings: Settings) -> Places:
    """The folder of each purpose."""
    user_data = Path(settings.user_data_dir)
    return {
        "models": settings.models_path,
        "lora": user_data / "loras",
        "embedding": user_data / "embedding_models",
        "rerank": user_data / "rerank_models",
        "whisper": user_data / "whisper_models",
        "speech": user_data / "speech_models",
        "image": settings.image_models_path,
        "mmproj": user_data / "mmproj",
    }


def build_downloads(settings: Settings) -> Downloads:
    return Downloads(download_places(settings))


def run_command(argv: Sequence[str]) -> int:
    """The exit status. Errors are told on standard error."""
    arguments = _build_parser().parse_args(list(argv))
    try:
        set_up_logging(is_verbose=False)
        return asyncio.run(_run(arguments, download_places(_read_settings(arguments))))
    except AppError as error:
        print(f"Error: {error.message}", file=sys.stderr)  # noqa: T201 - for the person at the terminal
        return WRONG_USE if _is_wrong_use(error) else FAILED
    except KeyboardInterrupt:
        print(  # noqa: T201
            "\nInterrupted. The same command goes on from here; --clean removes what was fetched.",
            file=sys.stderr,
        )
        return INTERRUPTED


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="server.py download",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_choice(parser)
    _add_ways(parser)
    _add_limits(parser)
    for name in PASSED_ON:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="PATH", help="As for the server")
    return parser


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Which files, and where they go."""
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="org/name, org/name:branch or its web address")
    add("--branch", metavar="NAME", help="Branch, tag or commit, as after the colon")
    add(
        "--file",
        action="append",
        default=[],
        metavar="PATTERN",
        help="Only these files: a path, a pattern, or a word of the name such as Q4_K_M; several by repeating",
    )
    add("--exclude", action="append", default=[], metavar="PATTERN", help="Not these files")
    add(
        "--to",
        choices=PURPOSES,
        default="models",
        metavar="KIND",
        help=f"What it is for: {', '.join(PURPOSES)} (default: models)",
    )
    add(
        "--output",
        metavar="FOLDER",
        help="Put the files into this folder, instead of one for the kind",
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """What is done with them, where they are not just fetched."""
    add = parser.add_argument
    add("--force", action="store_true", help="Replace other files of the same name")
    add(
        "--check",
        action="store_true",
        help="Fetch nothing: compare what is there with the hub's checksums",
    )
    add("--list", action="store_true", help="Show downloads that were not finished")
    add(
        "--clean",
        action="store_true",
        help="Remove what was fetched of downloads that were not finished: of MODEL, or of all",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--max-workers",
        "--threads",
        type=_count(1, 32),
        default=4,
        metavar="N",
        help="Files at once (default: 4)",
    )
    add(
        "--max-retries",
        type=_count(0, 100),
        default=5,
        metavar="N",
        help="Retries of a file while nothing comes in (default: 5)",
    )


def _count(lowest: int, highest: int):  # noqa: ANN202 - a reader of numbers for argparse
    def number(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"it must be {lowest} to {highest}")
        return value

    return number


def _read_settings(arguments: argparse.Namespace) -> Settings:
    """From all sources of the server, so that both mean the same folders."""
    flags: list[str] = []
    for name in PASSED_ON:
        if getattr(arguments, name) is not None:
            flags += [f"--{name.replace('_', '-')}", getattr(arguments, name)]
    return read_settings(flags)


async def _run(arguments: argparse.Namespace, places: Places) -> int:
    if arguments.list or arguments.clean:
        return await asyncio.to_thread(_tidy, arguments, places)
    wanted = _to_wanted(arguments)
    output = _output(arguments)
    disk = Disk()
    try:
        async with open_late() as hub:
            download = await plan_download(hub, wanted, places, disk, output)
            if arguments.check:
                return await disk.run(_check, download)
            check_room(download)
            show_plan(download)
            limits = Limits(arguments.max_workers, arguments.max_retries)
            await watch(download, run_download(download, hub, disk, limits))
    finally:
        disk.close()
    return 0


def _output(arguments: argparse.Namespace) -> Path | None:
    return Path(arguments.output).absolute() if arguments.output else None


def _to_wanted(arguments: argparse.Namespace) -> Wanted:
    if arguments.model is None:
        raise ConfigError("Name a model: org/name (--help tells more).")
    model = f"{arguments.model}:{arguments.branch}" if arguments.branch else arguments.model
    return parse_wanted(
        model,
        arguments.file,
        arguments.exclude,
        arguments.to,
        overwrite=arguments.force or arguments.check,
    )


def _check(download: Download) -> int:
    """Compares every file with its checksum; says which differ or are missing."""
    wrong = 0
    for each in download.files:
        path = download.layout.path_of(each.file)
        is_right = path.is_file() and is_intact(path, each.file, Job())
        verdict = "ok" if is_right else "differs" if path.is_file() else "missing"
        wrong += not is_right
        _tell(f"{verdict:8} {path}")
    return FAILED if wrong else 0


def _tidy(arguments: argparse.Namespace, places: Places) -> int:
    """Lists or removes leftovers, of one model or of all."""
    repository = parse_wanted(arguments.model).repository if arguments.model else None
    output = _output(arguments)
    roots = {*places.values(), *([output.parent] if output is not None else [])}
    for root in sorted(roots):
        for leftover in find_leftovers(root):
            if repository is not None and leftover.model.partition(":")[0] != repository:
                continue
            size = f"{shown_size(leftover.bytes_done)} of {shown_size(leftover.bytes_total)}"
            if arguments.clean:
                Staging(root, leftover.key).remove()
            _tell(
                f"{'removed  ' if arguments.clean else ''}{leftover.model}  {size}  {leftover.folder}"
            )
    return 0


def _is_wrong_use(error: AppError) -> bool:
    """Which another command would mend, and no other disk or hub."""
    if isinstance(error, RequestError):
        return error.param is not None and not isinstance(error, NotFound | Conflict)
    return isinstance(error, ConfigError)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201
