"""The tab for chats: three parts that draw themselves, see `modules/ui/chat`."""

# pyright: basic
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from modules.toolbox.toolbox import Toolbox
from modules.ui.access.caller import calling_as
from modules.ui.chat.assets import find_katex, read_page
from modules.ui.chat.desk import ChatDesk
from modules.ui.chat.handlers import Handlers
from modules.ui.chat.people import People
from modules.ui.extension_parts import build_places
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.shell import Shell

EACH: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}


def build(shell: Shell) -> None:
    desk = _build_desk(shell)
    handlers = Handlers(desk)
    with gr.Row(elem_id="chat", equal_height=True):
        with gr.Column(elem_id="chat-side", min_width=0, scale=0):
            sidebar = _part("sidebar")
        with gr.Column(elem_id="chat-main", min_width=0):
            messages = _part("messages", katex=find_katex())
            composer = _part("composer")
            build_places(shell.context)
    live = _part("live", template="<i></i>", elem_classes="chat-live")
    parts = [sidebar, messages, composer]
    shell.on_open(handlers.on_open, [shell.session], parts)
    for part in parts:
        part.act(told(handlers.on_act), [shell.session], parts, **EACH)
    for part in (messages, composer):
        part.reply(told(handlers.on_reply), [shell.session], [live, *parts], **EACH)
    messages.models(lambda: Shell.show("model"), None, shell.tabs, **EACH)
    for name in ("model", "characters", "parameters", "chats", "profile"):
        shell.signal(name).change(told(handlers.on_signal), [shell.session], parts, **EACH)


def _build_desk(shell: Shell) -> ChatDesk:
    context = shell.context
    toolbox = Toolbox(Path(context.settings.user_data_dir))
    context.hooks.on_stop.append(toolbox.close)
    people = People(context.settings.characters_path, _serve_to_all)
    return ChatDesk(context, toolbox, people, _serve, Path(get_upload_folder()))


def _serve(data: bytes, name: str) -> str:
    """Whoever is served can read it, with `--multi-user` nobody else. Nobody can guess the address."""
    path = save_bytes_to_cache(data, name, get_upload_folder())
    return f"gradio_api/file={Path(path).as_posix()}"


def _serve_to_all(data: bytes, name: str) -> str:
    """Made once, whoever asked for it first."""
    with calling_as(None):
        return _serve(data, name)


def _part(name: str, template: str | None = None, **props: Any) -> gr.HTML:
    return gr.HTML(
        None,
        html_template=template or read_page(f"{name}.html"),
        js_on_load=read_page("kit.js") + read_page(f"{name}.js"),
        apply_default_css=False,
        elem_id=f"chat-part-{name}",
        **props,
    )
