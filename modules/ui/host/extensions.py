"""The extensions that there are: what each says of itself, whether it is on, and what only a restart changes."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.context import AppContext
from modules.extensions import find_extensions
from modules.hooks import Extension, Fault
from modules.settings import ROOT
from modules.ui.markup import chip, to_markup

API = "openai"
OF_THE_START = frozenset({"setup", "routes", "ui", "ui_tab", "custom_css", "custom_js"})
"""Hooks whose effect on pages and routes comes with a start."""
MAX_SCRIPT_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class ExtensionRow:
    """`about`: the first line of its script's docstring. `note`: what has to be known of it now."""

    name: str
    title: str
    about: str
    is_on: bool
    note: str = ""

    @property
    def can_switch(self) -> bool:
        return self.name != API


def read_rows(context: AppContext) -> list[ExtensionRow]:
    """Nothing is imported for this. Blocking."""
    user_data = Path(context.settings.user_data_dir)
    at_start = context.settings.enabled_extensions
    return [
        _row(name, user_data, context.hooks.find(name), was_on=name in at_start)
        for name in find_extensions(user_data)
    ]


def _row(name: str, user_data: Path, loaded: Extension | None, *, was_on: bool) -> ExtensionRow:
    title, about = read_script(_script_of(name, user_data))
    is_on = loaded is not None and loaded.is_enabled
    if loaded is not None:
        title = loaded.display_name
    return ExtensionRow(name, title or name, about, is_on, _note(name, loaded, was_on=was_on))


def _note(name: str, loaded: Extension | None, *, was_on: bool) -> str:
    if name == API:
        return "Started with --api"
    if loaded is None or OF_THE_START.isdisjoint(loaded.functions):
        return ""
    if loaded.is_enabled and not was_on:
        return "Its parts of the page and its routes come with a restart that starts it"
    if not loaded.is_enabled and was_on:
        return "Its parts of the page and its routes stay until a restart"
    return ""


def _script_of(name: str, user_data: Path) -> Path:
    """The user's own wins."""
    own = user_data / "extensions" / name / "script.py"
    return own if own.is_file() else ROOT / "extensions" / name / "script.py"


def read_script(path: Path) -> tuple[str, str]:
    """The display name where its `params` say one, and the first line of its docstring; empty where it cannot be read."""
    try:
        if path.stat().st_size > MAX_SCRIPT_BYTES:
            return "", ""
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return "", "This script cannot be read"
    about = (ast.get_docstring(tree) or "").strip().partition("\n")[0]
    return _display_name(tree), about


def _display_name(tree: ast.Module) -> str:
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(each, ast.Name) and each.id == "params" for each in targets):
            value = getattr(statement, "value", None)
            for key, item in zip(getattr(value, "keys", []), getattr(value, "values", []), strict=False):  # fmt: skip
                if _constant(key) == "display_name":
                    return str(_constant(item) or "")
    return ""


def _constant(node: Any) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def to_list(rows: list[ExtensionRow], faults: list[Fault]) -> str:
    if not rows:
        return '<p class="note">There are no extensions.</p>'
    return f'<div class="items">{"".join(_item(row, faults) for row in rows)}</div>'


def _item(row: ExtensionRow, faults: list[Fault]) -> str:
    state = chip("on", "state-ready") if row.is_on else chip("off")
    button = ""
    if row.can_switch:
        do, title = ("stop", "Turn off") if row.is_on else ("select", "Turn on")
        button = f'<button type="button" class="small-button" data-do="{do}" data-name="{to_markup(row.name)}">{title}</button>'
    own = [fault for fault in faults if fault.extension == row.name]
    name = "" if row.title == row.name else f'<span class="item-note">{to_markup(row.name)}</span>'
    return (
        f'<div class="item" data-extension="{to_markup(row.name)}"><span class="item-name">{to_markup(row.title)}</span>{name}{state}{button}'
        f"{_line('item-about', row.about)}{_line('item-about note', row.note)}{''.join(map(_fault, own))}</div>"
    )


def _fault(fault: Fault) -> str:
    times = "" if fault.count == 1 else f", {fault.count} times"
    where = f" at {fault.where}" if fault.where else ""
    return _line("problem", f"{fault.hook} failed{times}: {fault.error}{where}")


def _line(kind: str, text: str) -> str:
    return f'<div class="{kind}">{to_markup(text)}</div>' if text else ""
