"""What all pages show of the text models: one value, cheap to read, so that a page can ask for it every other second."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from modules.engine.manager import ModelManager
from modules.ui.markup import chip, progress_bar

Kind = Literal["loading", "ready", "asleep", "failed", "none"]


@dataclass(frozen=True, slots=True)
class ModelState:
    """`name`: of the model that is meant; `loaded` and `asleep`: all of them, used most recently first. `percent` of a load.

    `marks`: of each loaded one, another when the model was loaded anew.
    """

    kind: Kind
    name: str = ""
    percent: int = 0
    loaded: tuple[str, ...] = ()
    asleep: tuple[str, ...] = ()
    error: str = ""
    marks: tuple[str, ...] = ()

    @property
    def is_loading(self) -> bool:
        return self.kind == "loading"

    @property
    def settled(self) -> "tuple[object, ...]":
        """What does not change while a load goes on."""
        return (self.kind, self.name, self.in_service, self.error)

    @property
    def in_service(self) -> "tuple[object, ...]":
        """What is loaded or asleep."""
        return (self.loaded, self.asleep, self.marks)


def read_state(models: ModelManager) -> ModelState:
    """In the event loop; touches no disk."""
    loaded = tuple(model.name for model in models.loaded)
    asleep = tuple(models.asleep)
    error = models.last_error or ""
    marks = tuple(f"{model.loaded_at}-{id(model):x}" for model in models.loaded)
    build = partial(ModelState, loaded=loaded, asleep=asleep, error=error, marks=marks)
    if models.loading is not None:
        load = models.loading
        return build("loading", load.name, round(100 * load.progress))
    if loaded:
        return build("ready", loaded[0])
    if asleep:
        return build("asleep", asleep[0])
    return build("failed" if error else "none")


def to_header(state: ModelState, version: int) -> str:
    """The chip beside the model's name, and the thin line of progress below the header. With each version it is another text."""
    text, title = _words(state)
    shown = f'<span data-version="{version}">{chip(text, f"state-{state.kind}", title)}</span>'
    if state.is_loading:
        return shown + progress_bar(state.percent / 100 if state.percent else None)
    return shown


def _words(state: ModelState) -> tuple[str, str]:
    if state.is_loading:
        return (f"{state.percent} %" if state.percent else "loading"), f"Loading {state.name}"
    if state.kind == "failed":
        return "failed", state.error
    if state.kind == "ready":
        others = len(state.loaded) - 1
        title = f"{state.name} is loaded" + (f", and {others} more" if others else "")
        if state.error:
            return "ready", f"{title}. The last load failed: {state.error}"
        return "ready", title
    if state.kind == "asleep":
        return "asleep", f"{state.name} is loaded again when it is asked for"
    return "no model", "No model is loaded"
