"""The tabs of the page, in their order: id, title, and the late import of the file that builds it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from modules.ui.shell import Shell


@dataclass(frozen=True, slots=True)
class TabEntry:
    """`modules.ui.NAME.build(shell)` is called inside the tab."""

    id: str
    title: str
    module: str

    def load(self) -> Callable[[Shell], None]:
        return import_module(f"modules.ui.{self.module}").build


TABS = (
    TabEntry("chat", "Chat", "chat.tab"),
    TabEntry("notebook", "Notebook", "notebook.tab"),
    TabEntry("parameters", "Parameters", "parameters.tab"),
    TabEntry("model", "Model", "model.tab"),
    TabEntry("character", "Character", "character.tab"),
    TabEntry("images", "Images", "images.tab"),
    TabEntry("audio", "Audio", "audio.tab"),
    TabEntry("embeddings", "Embeddings", "embeddings.tab"),
    TabEntry("monitor", "Monitor", "monitor.tab"),
    TabEntry("session", "Session", "host.tab"),
)
