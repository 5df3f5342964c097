"""What extensions add to the page: places below the chat, tabs, styles and scripts. One that fails is noted, and the page goes on."""

# pyright: basic
import json

import gradio as gr

from modules.context import AppContext
from modules.hooks import Extension, Hooks, WrongAnswer

_RUN_EACH = """
for (const [name, code] of %s) {
  try { new Function(code)(); } catch (error) { console.error(`The script of the extension ${name} failed`, error); }
}
"""


_HEAD = (
    """<button type="button" class="extensions-head" aria-expanded="false">Extensions</button>"""
)
_TOGGLE = """
const button = element.querySelector("button");
button.addEventListener("click", () => {
  const isClosed = element.closest("#chat-extensions").classList.toggle("closed");
  button.setAttribute("aria-expanded", String(!isClosed));
});
"""
STYLE = """
#chat-extensions { gap: 6px; flex-grow: 0 !important; }
#chat-extensions.closed > :not(#extensions-head) { display: none !important; }
.extensions-head { border: 0; background: none; color: var(--body-text-color-subdued); font-size: .85rem; cursor: pointer; padding: 2px 4px; }
.extensions-head::before { content: "▾ " / ""; } .closed .extensions-head::before { content: "▸ " / ""; }
"""


def build_places(context: AppContext) -> None:
    """What `ui` makes, below the text field of the chat, behind a button. It is on the page from the beginning, which what is in an
    accordion is not: scripts of extensions may work from there."""
    found = [each for each in context.hooks.extensions if each.ui_hook]
    if not found:
        return
    with gr.Column(elem_id="chat-extensions", elem_classes="closed"):
        gr.HTML(
            None,
            html_template=_HEAD,
            js_on_load=_TOGGLE,
            apply_default_css=False,
            elem_id="extensions-head",
        )
        for extension in found:
            with gr.Column(elem_id=f"extension-{extension.name}"):
                _call(extension, "ui", extension.ui_hook, context)


def build_tabs(context: AppContext) -> None:
    """After the program's own."""
    for extension in context.hooks.extensions:
        if extension.tab_hook is not None:
            name = f"extension-{extension.name}"
            with gr.Tab(extension.display_name, id=name, elem_id=f"tab-{name}"):
                hook = "ui_tab" if extension.hook("ui_tab") else "ui"
                _call(extension, hook, extension.tab_hook, context)


def collect_css(hooks: Hooks) -> str:
    return "\n".join([STYLE, *(text for _, text in _texts(hooks, "custom_css"))])


def collect_js(hooks: Hooks, script: str) -> str:
    """The page's own script (a function without parameters), then those of extensions, each by itself."""
    codes = _texts(hooks, "custom_js")
    if not codes:
        return script
    return f"() => {{ ({script})(); {_RUN_EACH % json.dumps(codes)} }}"


def _texts(hooks: Hooks, hook: str) -> list[tuple[str, str]]:
    """Name of the extension, and what it has, where it has something."""
    found: list[tuple[str, str]] = []
    for extension, function in hooks.each(hook):
        try:
            text = function()
            if not isinstance(text, str):
                raise WrongAnswer(f"it returned {type(text).__name__}, not str")
            if text.strip():
                found.append((extension.name, text))
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            hooks.note(extension, hook, error)
    return found


def _call(extension: Extension, hook: str, function, context: AppContext) -> None:  # noqa: ANN001 - a hook
    try:
        function(context)
    except Exception as error:  # noqa: BLE001 - whatever an extension does
        context.hooks.note(extension, hook, error)
