"""Chat templates: sandboxed Jinja with the names and filters that published templates use.

The environment follows transformers' `apply_chat_template`: trimmed blocks, loop controls, `tojson` without
HTML escapes, `raise_exception`, `strftime_now` and the `{% generation %}` block.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from modules.core.errors import ModelError, RequestError
from modules.core.messages import Message
from modules.prompts.sandbox import BoundedEnvironment, bounded

if TYPE_CHECKING:
    from modules.prompts.capabilities import Abilities

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models that bring no template; https://github.com/openai/openai-python/blob/v0.28.1/chatml.md"""


class ChatTemplate:
    """One compiled template; `source` says where it came from. ModelError when it does not compile.

    `is_trusted`: a file or a model of this machine. A template that came with a request is bounded in time and memory.
    """

    def __init__(
        self,
        text: str,
        *,
        bos_text: str = "",
        eos_text: str = "",
        source: str,
        is_trusted: bool = True,
    ) -> None:
        self.text = text
        self.source = source
        self.bos_text = bos_text
        self.is_trusted = is_trusted
        self._names = {"bos_token": bos_text, "eos_token": eos_text}
        try:
            with self._bound():
                self._template = _environment().from_string(text)
        except Exception as error:  # noqa: BLE001 - a template is code from outside
            raise ModelError(f"The chat template ({source}) is not valid: {error}") from None

    @property
    def knows_developer(self) -> bool:
        return "developer" in self.text

    @cached_property
    def abilities(self) -> "Abilities":
        """What it can show, found out by trying."""
        from modules.prompts.capabilities import probe

        return probe(self.render_fields, self.text)

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The text as it comes, without any adaptation. RequestError with the template's own words when it refuses the messages."""
        fields = [to_fields(message) for message in messages]
        for each in fields:
            if each["role"] == "developer" and not self.knows_developer:
                each["role"] = "system"
        return self.render_fields(
            fields, add_generation_prompt=add_generation_prompt, variables=variables
        )

    def render_fields(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The same for the dicts that templates read. `variables` never replace what is named here."""
        names = {
            **(variables or {}),
            **self._names,
            "messages": messages,
            "tools": tools,
            "add_generation_prompt": add_generation_prompt,
        }
        try:
            with self._bound():
                return self._template.render(names)
        except _Refusal as error:
            raise RequestError(
                f"The model's chat template refuses these messages: {error}", param="messages"
            ) from None
        except Exception as error:  # noqa: BLE001 - a template is code from outside
            raise RequestError(
                f"The model's chat template cannot render these messages: {error or type(error).__name__}",
                param="messages",
            ) from None

    def _bound(self) -> AbstractContextManager[None]:
        return nullcontext() if self.is_trusted else bounded()


def to_fields(message: Message) -> dict[str, Any]:
    """The dict that chat templates are written for; pictures are left out."""
    fields: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.name is not None:
        fields["name"] = message.name
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.reasoning_content is not None:
        # `thinking` is how the templates of gpt-oss name it.
        fields |= {
            "reasoning_content": message.reasoning_content,
            "thinking": message.reasoning_content,
        }
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return fields


class _Refusal(jinja2.TemplateRuntimeError):
    """What a template raises by `raise_exception`."""


class _GenerationBlock(Extension):
    """`{% generation %}…{% endgeneration %}` marks replies for training; here it only renders its body."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> BoundedEnvironment:
    environment = BoundedEnvironment(
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
