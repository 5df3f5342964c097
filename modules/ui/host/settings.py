"""The settings as they were read at the start, and the flags that can be chosen for the next one."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from modules.core.errors import ConfigError
from modules.core.options import Option
from modules.flag_file import Flag, chosen_flags, read_flag_file, with_flags
from modules.settings import GROUPS, OPTIONS, Settings, load_option_defaults, sampler_defaults
from modules.settings_sources import build_parser, explain_settings, saved_flags_path, shown_default
from modules.ui.markup import to_markup

NOT_HERE = frozenset({"nowebui", "share", "api_disable_ipv4"})
"""Whoever switches these on here may have no page on which to switch them off again."""
_PASSWORD = re.compile(r"//[^/@\s]+@")


def command_line() -> list[str]:
    """What this process was started with."""
    return sys.argv[1:]


def switches() -> list[Option]:
    """The flags that are on or off."""
    return [each for each in OPTIONS if each.kind is bool and each.name not in NOT_HERE]


def is_on(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name))


def chosen_now(settings: Settings, text: str) -> list[str]:
    """Names of the switches that are on at the next start: as now, but for what the file's block says."""
    chosen = chosen_flags(text)
    return [each.name for each in switches() if chosen.get(each.name, is_on(settings, each.name))]


def to_flags(
    settings: Settings, text: str, wanted: Sequence[str], extensions: Sequence[str] | None
) -> dict[str, Flag]:
    """The flags that the block needs: those that it has already, and those that shall be other than now."""
    before = chosen_flags(text)
    flags: dict[str, Flag] = {}
    for each in switches():
        value = each.name in wanted
        if each.name in before or value != is_on(settings, each.name):
            flags[each.name] = value
    if extensions is not None:
        flags["extensions"] = tuple(extensions)
    elif "extensions" in before:
        flags["extensions"] = before["extensions"]
    return {name: value for name, value in flags.items() if value != ()}


def read_flags() -> tuple[Path, str]:
    """The file of flags that this start has read, and what is in it now. Blocking."""
    path = saved_flags_path(command_line())
    return path, read_flag_file(path)


def preview(text: str, flags: Mapping[str, Flag]) -> str:
    """The whole file as it would be."""
    return with_flags(text, flags) or "# nothing: the file would be empty\n"


def overruled(flags: Mapping[str, Flag]) -> list[str]:
    """Those that the command line says itself: what it says wins over the file."""
    try:
        given = vars(build_parser().parse_args(command_line()))
    except ConfigError:
        return []
    return sorted(f"--{name.replace('_', '-')}" for name in flags if name in given)


def to_table(settings: Settings) -> str:
    """All settings by their groups, with where each is from. Keys are not shown. Blocking."""
    try:
        sources = explain_settings(command_line())
    except ConfigError as error:
        sources = {}
        problem = f'<p class="problem">{to_markup(error.message)}</p>'
    else:
        problem = ""
    groups = [(title, _rows_of(group, settings, sources)) for group, title in GROUPS.items()]
    parts = [
        f"<h4>{to_markup(title.partition(' (')[0])}</h4>{rows}" for title, rows in groups if rows
    ]
    return f'{problem}<div class="settings-table">{"".join(parts)}</div>'


def _rows_of(group: str, settings: Settings, sources: Mapping[str, str]) -> str:
    if group == "load":
        found = [(o, settings.load.get(o.name, o.default)) for o in load_option_defaults()]
    elif group == "sampling":
        found = [(o, getattr(settings.sampling, o.name)) for o in sampler_defaults()]
    else:
        found = [(o, getattr(settings, o.name)) for o in OPTIONS if o.group == group]
    return "".join(_to_row(o, value, sources.get(o.name, "")) for o, value in found)


def _to_row(option: Option, value: Any, source: str) -> str:
    kind = "setting given" if source else "setting"
    return (
        f'<div class="{kind}" title="{to_markup(option.help)}"><span class="setting-name">{to_markup(option.name)}</span>'
        f'<span class="setting-value">{to_markup(to_shown(option, value))}</span><span class="setting-source">{to_markup(source)}</span></div>'
    )


def to_shown(option: Option, value: Any) -> str:
    """For people; a key only as whether there is one, and no password in an address."""
    if option.is_secret:
        return "set, not shown" if value else "not set"
    if value is None or value in ((), ""):
        return "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {v}" for k, v in cast("Mapping[Any, Any]", value).items())
    return _PASSWORD.sub("//…@", shown_default(value))
