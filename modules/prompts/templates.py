"""Chat templates: compiled, with the texts of BOS and EOS, and what they can show."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from modules.core.errors import ModelError, RequestError
from modules.core.messages import Message
from modules.prompts.capabilities import Abilities, probe
from modules.prompts.isolation import IsolatedTemplate
from modules.prompts.sandbox import CompiledTemplate, TemplateFault

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models that bring no template; https://github.com/openai/openai-python/blob/v0.28.1/chatml.md"""


class ChatTemplate:
    """One compiled template; `source` says where it came from. ModelError when it does not compile.

    `is_trusted`: a file or a model of this machine. A template that came with a request is rendered in a process of its own, with
    bounds in time and memory.
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
            self._template = CompiledTemplate(text) if is_trusted else IsolatedTemplate(text)
        except TemplateFault as fault:
            raise ModelError(f"The chat template ({source}) is not valid: {fault}") from None

    @property
    def is_usable(self) -> bool:
        """False when it has taken too long once: then it only fails, and has to be made anew."""
        return self._template.is_usable

    @property
    def knows_developer(self) -> bool:
        return "developer" in self.text

    @cached_property
    def abilities(self) -> Abilities:
        """What it can show, found out by trying."""
        return probe(self.render_fields, self.text)

    @cached_property
    def after_reply(self) -> str:
        """What it writes between a reply and the next question."""
        from modules.prompts.turn_stops import find_after_reply

        return find_after_reply(self)

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
            return _whole(self._template.render(names))
        except TemplateFault as fault:
            how = "refuses" if fault.is_refusal else "cannot render"
            raise RequestError(
                f"The model's chat template {how} these messages: {fault}", param="messages"
            ) from None


def _whole(text: str) -> str:
    """JSON in a tool's schema or a call's arguments, and templates themselves, can spell half of a character, which no tokenizer can take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def to_fields(message: Message) -> dict[str, Any]:
    """The dict that chat templates are written for; pictures are left out."""
    fields: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.name is not None:
        fields["name"] = message.name
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.reasoning_content is not None:
        # `thinking` is how the template of gpt-oss names it, `reasoning` is a name of some newer ones.
        for name in ("reasoning_content", "thinking", "reasoning"):
            fields[name] = message.reasoning_content
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
