"""Chat templates: sandboxed Jinja with the names and filters that published templates use.

The environment follows transformers' `apply_chat_template`: trimmed blocks, loop controls, `tojson` without
HTML escapes, `raise_exception`, `strftime_now` and the `{% generation %}` block.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from modules.core.errors import ModelError, RequestError
from modules.core.messages import Message

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models that bring no template; https://github.com/openai/openai-python/blob/v0.28.1/chatml.md"""


class ChatTemplate:
    """One compiled template; `source` says where it came from. ModelError when it does not compile."""

    def __init__(self, text: str, *, bos_text: str = "", eos_text: str = "", source: str) -> None:
        self.text = text
        self.source = source
        self.bos_text = bos_text
        self._names = {"bos_token": bos_text, "eos_token": eos_text}
        try:
            self._template = _environment().from_string(text)
        except Exception as error:  # noqa: BLE001 - a template is code from outside
            raise ModelError(f"The chat template ({source}) is not valid: {error}") from None

    @property
    def knows_developer(self) -> bool:
        return "developer" in self.text

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """RequestError with the template's own words when it refuses the messages."""
        try:
            return self._template.render(
                **self._names,
                **(variables or {}),
                messages=[self._to_template(message) for message in messages],
                add_generation_prompt=add_generation_prompt,
            )
        except _Refusal as error:
            raise RequestError(
                f"The model's chat template refuses these messages: {error}", param="messages"
            ) from None
        except Exception as error:  # noqa: BLE001 - a template is code from outside
            raise RequestError(
                f"The model's chat template cannot render these messages: {error or type(error).__name__}",
                param="messages",
            ) from None

    def _to_template(self, message: Message) -> dict[str, Any]:
        fields = message.to_template()
        if message.role == "developer" and not self.knows_developer:
            fields["role"] = "system"
        return fields


class _Refusal(jinja2.TemplateRuntimeError):
    """What a template raises by `raise_exception`."""


class _GenerationBlock(Extension):
    """`{% generation %}…{% endgeneration %}` marks replies for training; here it only renders its body."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", _GenerationBlock],
    )
    environment.filters["tojson"] = _to_json
    names: dict[str, Callable[..., Any]] = {
        "raise_exception": _raise_exception,
        "strftime_now": _strftime_now,
    }
    environment.globals.update(names)
    return environment


def _to_json(value: Any, indent: int | None = None, **options: Any) -> str:
    """Jinja's own filter escapes `<` and `&`, which a model would read as text."""
    known = {name: options[name] for name in ("separators", "sort_keys") if name in options}
    return json.dumps(value, ensure_ascii=False, indent=indent, **known)


def _raise_exception(message: str) -> None:
    raise _Refusal(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)
