"""The line at the top: the name of the program, the model that is loaded, light or dark."""

# pyright: basic
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from modules.context import AppContext
from modules.core.errors import AppError
from modules.ui import host, images
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.model.actions import choices, choose_model, list_models
from modules.ui.model.state import ModelState, read_state, to_header
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.top import login as header_login

LOGO = (
    '<svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><path fill="currentColor" d="M16 2c1 5 7 8 7 15a7 7 0 0 1-14 0c0-3 '
    '1.500-5 3-7 .5 2 1.500 3 2.500 3.500C14.500 10 14 6 16 2z"/><path fill="currentColor" opacity=".35" d="M4 27h24v3H4z"/></svg>'
)
SCRIPTS = (
    Path(__file__).parent / "theme.js",
    Path(host.__file__).parent / "tab.js",
    Path(images.__file__).parent / "large_pictures.js",
)
HEAD = "".join(f"<script>{script.read_text(encoding='utf-8')}</script>" for script in SCRIPTS)
"""For the page's head."""
CALM_S, LIVELY_S = 2.0, 0.5
"""Seconds between looks at the models, also while one is loading. All pages see what any of them does, and the API."""
PART = "header"


def build(shell: Shell) -> None:
    with gr.Row(elem_id="header"):
        gr.HTML(f'<div class="brand">{LOGO}<span>Hearth</span></div>', elem_id="brand")
        name = gr.Dropdown(
            [("…", "")],
            value="",
            label="Model",
            show_label=False,
            container=False,
            interactive=True,
            min_width=0,
            elem_id="header-model",
        )
        state = gr.HTML(elem_id="header-state")
        leave = gr.Button("Unload", size="sm", min_width=0, visible=False, elem_id="header-unload")
        cancel = gr.Button("Cancel", size="sm", min_width=0, visible=False, elem_id="header-cancel")
        theme = gr.Button("Light or dark", size="sm", min_width=0, elem_id="header-theme")
        header_login.build(shell)
    timer = gr.Timer(CALM_S)
    theme.click(None, None, None, js="() => window.hearthToggleTheme()")
    _watch(shell, state, timer)
    _tell(shell, state, [name, leave, cancel, timer])
    _act(shell, name, leave, cancel, timer)


@dataclass(frozen=True, slots=True)
class Sight:
    """What all pages show. `downloads`: key and state of each."""

    models: ModelState
    downloads: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Seen:
    """What this page has been shown: by the last look, and by the last telling of it to the tabs."""

    looked: Sight | None = None
    told: Sight | None = None
    version: int = 0


def _read(context: AppContext) -> Sight:
    """In the event loop; touches no disk."""
    downloads = tuple((each.key, each.state) for each in context.downloads.known)
    return Sight(read_state(context.models), downloads)


def _seen(session: Session) -> Seen:
    return session.parts.setdefault(PART, Seen())


def _watch(shell: Shell, state: gr.HTML, timer: gr.Timer) -> None:
    """One look every other second: a short request without a queue, which sends nothing while nothing changes."""

    async def look(session: Session):  # noqa: ANN202 - an update
        now, seen = _read(shell.context), _seen(session)
        if now == seen.looked:
            return gr.skip()
        seen.looked = now
        seen.version += 1
        return to_header(now.models, seen.version)

    timer.tick(told(look), [shell.session], [state], **AT_ONCE)
    shell.on_open(look, [shell.session], [state])


def _tell(shell: Shell, state: gr.HTML, shown: list) -> None:
    """When the look has changed the chip. In the queue: only its answers make the listeners of states run."""
    models = shell.context.models
    signals = [shell.signal(name) for name in ("model", "loading", "downloads")]

    async def tell(session: Session, model: int, loading: int, downloads: int):  # noqa: ANN202 - updates
        seen = _seen(session)
        sight, last = seen.looked or _read(shell.context), seen.told
        seen.told = sight
        now, before = sight.models, None if last is None else last.models
        has_moved = last is not None and last.downloads != sight.downloads
        fetching = downloads + 1 if has_moved else gr.skip()
        if before is not None and before.settled == now.settled:
            return [*[gr.skip()] * (len(shown) + 1), loading + 1, fetching]
        installed = await list_models(models)
        return [
            gr.Dropdown(choices(installed, models), value=now.name),
            gr.Button(visible=now.kind in ("ready", "asleep")),
            gr.Button(visible=now.is_loading),
            gr.Timer(LIVELY_S if now.is_loading else CALM_S),
            gr.skip() if _are_same_models(before, now) else model + 1,
            loading + 1,
            fetching,
        ]

    inputs = [shell.session, *signals]
    outputs = [*shown, *signals]
    state.change(told(tell), inputs, outputs, **QUIET)


def _are_same_models(before: ModelState | None, now: ModelState) -> bool:
    """`model` is told when one came or went or was loaded anew, or another one answers now; the tabs read it anew then."""
    return before is not None and before.in_service == now.in_service


def _act(
    shell: Shell, name: gr.Dropdown, leave: gr.Button, cancel: gr.Button, timer: gr.Timer
) -> None:
    models = shell.context.models

    async def choose(wanted: str | None, session: Session) -> None:
        try:
            await choose_model(models, wanted or "")
        except AppError:
            session.parts.pop(PART, None)  # the next look shows again what is so
            raise

    async def unload() -> None:
        await models.unload()

    async def give_up() -> None:
        models.cancel_load()

    async def refresh():  # noqa: ANN202 - an update
        return gr.Dropdown(choices(await list_models(models), models))

    async def look_soon():  # noqa: ANN202 - an update
        return gr.Timer(LIVELY_S)

    name.select(told(choose), [name, shell.session], None, trigger_mode="multiple", **QUIET)
    name.select(told(look_soon), None, [timer], **QUIET)
    name.focus(told(refresh), None, [name], **QUIET)
    leave.click(told(unload), None, None, **QUIET)
    leave.click(told(look_soon), None, [timer], **QUIET)
    cancel.click(told(give_up), None, None, **QUIET)
