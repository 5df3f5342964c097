"""Writes docs/reference.md: every setting, load option and sampling parameter, from the tables in the code.

python -m tools.reference          # writes the file
python -m tools.reference --check  # exit status 1 when the file is out of date
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from modules.core.options import Option
from modules.core.sampling import SAMPLERS
from modules.loaders.options import LOAD_OPTIONS
from modules.settings import GROUPS, OPTIONS, ROOT
from modules.settings_sources import REQUEST_ONLY, flags_of, shown_default

FILE = ROOT / "docs" / "reference.md"
INTRODUCTION = """\
# Reference

Made by `python -m tools.reference` from the tables in the code; do not edit it by hand. Precedence: environment > flags >
`settings.yaml` > defaults. A flag `--api-port` is the key `api_port` in `settings.yaml`; switches also have a `--no-…` form.
"""


def build_reference() -> str:
    parts = [INTRODUCTION]
    for group in ("model", "host", "ui", "api", "media"):
        rows = [option for option in OPTIONS if option.group == group]
        parts.append(_section(f"Settings: {GROUPS[group]}", _setting_rows(rows)))
    for loader, options in LOAD_OPTIONS.items():
        parts.append(
            _section(
                f"Load options: {loader}",
                _option_rows(options),
                "Flags of the server, and keys of `args` in `/v1/internal/model/load`.",
            )
        )
    parts.append(
        _section(
            "Sampling parameters",
            _option_rows(SAMPLERS),
            "Fields of `/v1/completions`, `/v1/chat/completions` and `/v1/internal/logits`; all but "
            + ", ".join(f"`{name}`" for name in sorted(REQUEST_ONLY))
            + " are also flags that set the server's default. llama.cpp honours all of them.",
        )
    )
    return "\n".join(parts)


def _section(title: str, rows: list[str], about: str = "") -> str:
    return "\n".join([f"## {title}", "", *([about, ""] if about else []), *rows, ""])


def _setting_rows(options: Iterable[Option]) -> list[str]:
    rows = ["| flag | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for option in options:
        environment = f"`{option.env}`" if option.env else ""
        rows.append(
            f"| `{flags_of(option)[0]}` | {environment} | {_default(option)} | {_cell(option.help)} |"
        )
    return rows


def _option_rows(options: Iterable[Option]) -> list[str]:
    rows = ["| name | also | range | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for option in options:
        also = ", ".join(f"`{alias}`" for alias in option.aliases)
        rows.append(
            f"| `{option.name}` | {also} | {_range(option)} | {_default(option)} | {_cell(option.help)} |"
        )
    return rows


def _range(option: Option) -> str:
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices if choice)
    if option.kind is bool:
        return "true, false"
    if option.minimum is not None and option.maximum is not None:
        return f"{option.minimum:g} to {option.maximum:g}"
    return ""


def _default(option: Option) -> str:
    if option.default in (None, (), ""):
        return ""
    return f"`{_cell(shown_default(option.default))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only compare")
    is_check = parser.parse_args().check
    text = build_reference()
    if not is_check:
        Path(FILE).write_text(text, encoding="utf-8")
        return 0
    is_current = FILE.is_file() and FILE.read_text(encoding="utf-8") == text
    if not is_current:
        print("docs/reference.md is out of date: run `python -m tools.reference`", file=sys.stderr)
    return 0 if is_current else 1


if __name__ == "__main__":
    sys.exit(main())
