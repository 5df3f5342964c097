"""What an extension can add to the program: the whole surface, and the one object that keeps what was added.

An extension is a `script.py` with functions of these names. `docs/extensions.md` has an example of each, which a test runs. A hook is
called in a worker thread, in the order of the settings, for requests of the API as well as of the web UI. Parameters at the end may be left
out. What a hook raises is noted by name (`Hooks.faults`), and the request goes on with what was there before.
"""

import logging
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from modules.core.asked import ChatRequest, TextRequest
from modules.core.event_loop import EventLoop
from modules.core.messages import Message
from modules.core.requests import LogitsProcessor

log = logging.getLogger("hearth.extensions")

T = TypeVar("T")
State = ChatRequest | TextRequest
"""What was asked for, as the hooks before have left it. It cannot be changed; `state_modifier` returns another."""

THREADS = 16

RouteHook = Callable[[Any], None]


class Setup(Protocol):
    """Called once, when the extension is enabled for the first time, with the `AppContext`. What it raises stops the start."""

    def __call__(self, context: Any, /) -> None: ...


class Ui(Protocol):
    """Called with the `AppContext` while the page is built, inside of `gradio.Blocks`: makes components in the extension's own place."""

    def __call__(self, context: Any, /) -> None: ...


class UiTab(Protocol):
    """The same, for a tab of its own with the extension's `display_name`. `params["is_tab"]` does that with `ui`; False hides the tab."""

    def __call__(self, context: Any, /) -> None: ...


class CustomText(Protocol):
    """`custom_css` and `custom_js`: text that is added to the page."""

    def __call__(self) -> str: ...


class StateModifier(Protocol):
    """The first of the text hooks: what is asked for, changed by `dataclasses.replace`. Sampling values are in `state.sampling`."""

    def __call__(self, state: State, /) -> State: ...


class HistoryModifier(Protocol):
    """The messages of a chat, the last one included, as the prompt is to be made of them."""

    def __call__(self, messages: list[Message], state: ChatRequest, /) -> Sequence[Message]: ...


class ChatInputModifier(Protocol):
    """What the user says, when it comes in: (text for the model, text to show). The API shows nothing, so there only the first counts."""

    def __call__(self, text: str, visible_text: str, state: ChatRequest, /) -> tuple[str, str]: ...


class TextModifier(Protocol):
    """`input_modifier`: the text of the user's last message, or the whole prompt of a text completion; nothing of it is shown.

    `output_modifier`: the whole text of a reply, without thinking and calls. Streams are held until the reply is complete.
    """

    def __call__(self, text: str, state: State, /) -> str: ...


class BotPrefixModifier(Protocol):
    """A text that the reply begins with: the model goes on from it, and it is not part of what it answers. "" before the first hook."""

    def __call__(self, prefix: str, state: ChatRequest, /) -> str: ...


class CustomGenerateChatPrompt(Protocol):
    """The whole prompt of a chat as text, with its control tokens; None leaves it to others. The first answer counts."""

    def __call__(self, messages: Sequence[Message], state: ChatRequest, /) -> str | None: ...


class CustomTokenizedLength(Protocol):
    """How many tokens a prompt takes, where an extension makes more of it later; None leaves it to others. The first answer counts."""

    def __call__(self, prompt: str, state: ChatRequest, /) -> int | None: ...


class TokenizerModifier(Protocol):
    """The prompt's token ids. Not called for prompts with pictures, nor for models of another server."""

    def __call__(self, prompt: str, token_ids: list[int], state: State, /) -> Sequence[int]: ...


class LogitsProcessorModifier(Protocol):
    """The functions that change the logits of each next token, `(token_ids, logits) -> logits`, before grammar and samplers.

    `token_ids`: the prompt's. Not called for models of another server.
    """

    def __call__(
        self, processors: list[LogitsProcessor], token_ids: Sequence[int], state: State, /
    ) -> Sequence[LogitsProcessor]: ...


class CustomGenerateReply(Protocol):
    """The reply itself, in pieces, instead of the model's; None leaves it to others. The first answer counts.

    `prompt`: as the model would get it; "" where another server makes it.
    """

    def __call__(self, prompt: str, state: State, /) -> Iterable[str] | None: ...


class TextTransform(Protocol):
    """Changes a text that comes in pieces. `finish` returns what was held back.

    It may also have `hear(tokens)`: called before `feed` with the `TokenLogprob`s that begin in the text, where log-probabilities
    were asked for.
    """

    def feed(self, text: str) -> str: ...

    def finish(self) -> str: ...


class OutputStream(Protocol):
    """The form of `output_modifier` that streams: called once for each reply. Where an extension has it, its `output_modifier` is not called."""

    def __call__(self, state: State, /) -> TextTransform: ...


class Routes(Protocol):
    """Called with the API's `fastapi.FastAPI` before it serves: include a router, add a route."""

    def __call__(self, app: Any, /) -> None: ...


SURFACE: Mapping[str, type] = {
    "setup": Setup,
    "ui": Ui,
    "ui_tab": UiTab,
    "custom_css": CustomText,
    "custom_js": CustomText,
    "state_modifier": StateModifier,
    "history_modifier": HistoryModifier,
    "chat_input_modifier": ChatInputModifier,
    "input_modifier": TextModifier,
    "custom_generate_chat_prompt": CustomGenerateChatPrompt,
    "bot_prefix_modifier": BotPrefixModifier,
    "custom_tokenized_length": CustomTokenizedLength,
    "tokenizer_modifier": TokenizerModifier,
    "logits_processor_modifier": LogitsProcessorModifier,
    "custom_generate_reply": CustomGenerateReply,
    "output_modifier": TextModifier,
    "output_stream": OutputStream,
    "routes": Routes,
}
"""All hooks by their names, in the order in which a request meets them."""


class Service(Protocol):
    """Something that runs as long as the program does, such as an HTTP server."""

    name: str

    async def start(self) -> list[str]:
        """Begin to serve; returns lines for people, such as URLs. ConfigError when it cannot."""
        ...

    async def run(self) -> None:
        """Returns when it was asked to stop."""
        ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """A hook that failed, `count` times, at last `at` (seconds since 1970). `error`: the kind of error, never a text of a request."""

    extension: str
    hook: str
    error: str
    where: str = ""
    count: int = 1
    at: float = field(default_factory=time.time)

    @property
    def text(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"extension {self.extension}: hook {self.hook} failed: {self.error}{place}"


class WrongAnswer(TypeError):
    """A hook returned something else than it should; the message names types only."""


@dataclass(eq=False)
class Extension:
    """A loaded `script.py`. `functions`: its hooks, each taking as many values as the surface says."""

    name: str
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    functions: Mapping[str, Callable[..., Any]] = field(
        default_factory=dict[str, Callable[..., Any]]
    )
    file: str = ""
    is_enabled: bool = False
    is_set_up: bool = False

    @property
    def display_name(self) -> str:
        return str(self.params.get("display_name") or self.name)

    @property
    def is_tab(self) -> bool:
        return bool(self.params.get("is_tab"))

    @property
    def tab_hook(self) -> Callable[..., Any] | None:
        """What makes its tab: `ui_tab`, else `ui`; None where it has none."""
        return (self.hook("ui_tab") or self.hook("ui")) if self.is_tab else None

    @property
    def ui_hook(self) -> Callable[..., Any] | None:
        """What makes its components below the chat: `ui`, unless that makes its tab."""
        return None if self.is_tab and "ui_tab" not in self.functions else self.hook("ui")

    def hook(self, name: str) -> Callable[..., Any] | None:
        """None where it has none of that name, or is switched off."""
        return self.functions.get(name) if self.is_enabled else None


@dataclass
class Hooks:
    """Everything that extensions registered, in the order of the settings.

    Extensions can be switched while the program runs: hooks of a disabled one are not called any more, for replies that begin from then on.
    Routes and services that it has added stay until a restart, and new ones come only with one.
    """

    routes: list[RouteHook] = field(default_factory=list[RouteHook])
    services: list[Service] = field(default_factory=list[Service])
    on_stop: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list[Callable[[], Awaitable[None]]]
    )
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, "extension")
    )
    """For what extensions do while a reply runs: one that is slow must not take the threads in which others' prompts are made."""
    loop: EventLoop = field(default_factory=EventLoop)
    switching: threading.RLock = field(default_factory=threading.RLock)
    """Held while an extension is switched, so that its `setup` runs once, whoever wants it at the same time."""
    _extensions: tuple[Extension, ...] = ()
    _faults: dict[tuple[str, str, str], Fault] = field(
        default_factory=dict[tuple[str, str, str], Fault]
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def extensions(self) -> tuple[Extension, ...]:
        """Those that were loaded, switched off ones included."""
        return self._extensions

    @property
    def faults(self) -> list[Fault]:
        """The last one first."""
        with self._lock:
            return sorted(self._faults.values(), key=lambda fault: fault.at, reverse=True)

    def find(self, name: str) -> Extension | None:
        return next((each for each in self._extensions if each.name == name), None)

    def add(self, extension: Extension) -> None:
        """At the end. It is enabled by itself."""
        with self._lock:
            self._extensions = (*self._extensions, extension)

    def remove(self, name: str) -> None:
        """As if it had never been loaded."""
        with self._lock:
            self._extensions = tuple(each for each in self._extensions if each.name != name)

    def enable(self, name: str, context: Any) -> None:
        """A loaded extension; its `setup` runs the first time. KeyError for one that is not loaded, else what `setup` raises."""
        extension = self._loaded(name)
        if not extension.is_set_up:
            if (setup := extension.functions.get("setup")) is not None:
                setup(context)
            if "routes" in extension.functions:
                self.routes.append(partial(self._add_routes, extension))
            extension.is_set_up = True
        extension.is_enabled = True

    def disable(self, name: str) -> None:
        self._loaded(name).is_enabled = False

    def _add_routes(self, extension: Extension, app: Any) -> None:
        try:
            extension.functions["routes"](app)
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            self.note(extension, "routes", error)

    def _loaded(self, name: str) -> Extension:
        extension = self.find(name)
        if extension is None:
            raise KeyError(name)
        return extension

    def has(self, *names: str) -> bool:
        """Whether any enabled extension has one of these hooks."""
        return any(each.hook(name) for each in self._extensions for name in names)

    def each(self, name: str) -> list[tuple[Extension, Callable[..., Any]]]:
        found = [(each, each.hook(name)) for each in self._extensions]
        return [(extension, hook) for extension, hook in found if hook is not None]

    def modify(
        self,
        name: str,
        value: T,
        *others: object,
        check: Callable[[object, T], T],
        before: tuple[object, ...] = (),
        copy: Callable[[T], T] = lambda value: value,
    ) -> T:
        """`value` as all hooks of this name leave it, each called with what is `before`, the value, and the others.

        `check` (answer, value before) raises WrongAnswer. `copy`: for what a hook may change before it fails.
        """
        for extension, hook in self.each(name):
            try:
                value = check(hook(*before, copy(value), *others), value)
            except Exception as error:  # noqa: BLE001 - whatever an extension does
                self.note(extension, name, error)
        return value

    def first(self, name: str, *values: object, check: Callable[[object], T]) -> T | None:
        """The first answer that is not None."""
        for extension, hook in self.each(name):
            try:
                answer = hook(*values)
                if answer is not None:
                    return check(answer)
            except Exception as error:  # noqa: BLE001 - whatever an extension does
                self.note(extension, name, error)
        return None

    def note(self, extension: Extension, hook: str, error: BaseException) -> None:
        """From any thread. The message of an error may repeat what somebody said, so that only its kind is kept."""
        kind = f"TypeError: {error}" if isinstance(error, WrongAnswer) else type(error).__name__
        fault = Fault(extension.name, hook, kind, _place(error, extension.file))
        key = (fault.extension, fault.hook, fault.error)
        with self._lock:
            known = self._faults.get(key)
            self._faults[key] = replace(fault, count=known.count + 1) if known else fault
        log.warning("%s; it goes on without that", fault.text)


def _place(error: BaseException, file: str) -> str:
    """The line of the extension's own file that was at work last."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if file and frame.filename == file:
            return f"{Path(file).name}:{frame.lineno}"
    return ""
