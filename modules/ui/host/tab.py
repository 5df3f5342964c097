"""The tab session: extensions, what is remembered of a person, the API, settings, and the program itself."""

# pyright: basic
import gradio as gr

from modules.ui.faults import told
from modules.ui.host.api_form import ApiForm
from modules.ui.host.extension_form import ExtensionForm
from modules.ui.host.person_form import PersonForm
from modules.ui.host.program_form import ProgramForm
from modules.ui.host.settings_form import SettingsForm
from modules.ui.listening import QUIET
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    with gr.Row(elem_id="session-tab", equal_height=False):
        with gr.Column(scale=1, min_width=320):
            _title("Extensions")
            extensions = ExtensionForm(shell)
            _title("You")
            PersonForm(shell)
            _title("Program")
            ProgramForm(shell)
        with gr.Column(scale=1, min_width=320):
            _title("API")
            api = ApiForm(shell)
            _title("Settings")
            settings = SettingsForm(shell)

    async def show(event: gr.SelectData, request: gr.Request) -> list:
        """When the tab is chosen: what other pages and requests have changed meanwhile."""
        if event.value != "Session":
            return [gr.skip()] * (len(extensions.outputs) + len(api.outputs))
        return [*await extensions.show(), *await api.show(request)]

    outputs = [*extensions.outputs, *api.outputs]
    shell.tabs.select(told(show), None, outputs, **QUIET)
    shell.on_open(extensions.show, [], extensions.outputs)
    shell.on_open(api.show, [], api.outputs)
    shell.on_open(settings.show, [], settings.outputs)


def _title(text: str) -> None:
    gr.HTML(f'<h3 class="section-title">{text}</h3>')
