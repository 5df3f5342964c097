"""Instruction templates of 2023 (YAML with a turn template) to Jinja."""

from collections.abc import Mapping
from typing import Any

OLD_KEYS = frozenset({"user", "bot", "turn_template"})
_DEFAULT_TURN = "<|user|>\n<|user-message|>\n<|bot|>\n<|bot-message|>\n"


def from_old_keys(fields: Mapping[Any, Any]) -> str:
    """`user`, `bot`, `turn_template` with the places `<|user|> <|user-message|> <|bot|> <|bot-message|>`, `context`.

    A system message takes the place of the context.
    """
    user, bot = _text(fields, "user").strip(), _text(fields, "bot").strip()
    turn = (_text(fields, "turn_template") or _DEFAULT_TURN).replace("\\n", "\n")
    asked, _, answered = turn.partition("<|bot|>")
    before_user, _, after_user = asked.replace("<|user|>", user).partition("<|user-message|>")
    opening, _, closing = answered.partition("<|bot-message|>")
    opening = bot + opening
    context = _text(fields, "context")
    return (
        "{%- if messages[0].role == 'system' -%}{{- messages[0].content -}}"
        "{%- if messages[0].content -%}{{- '\\n\\n' -}}{%- endif -%}"
        f"{{%- else -%}}{{{{- {context!r} -}}}}{{%- endif -%}}"
        "{%- for message in messages -%}"
        f"{{%- if message.role == 'user' -%}}{{{{- {before_user!r} + message.content + {after_user!r} -}}}}"
        f"{{%- elif message.role == 'assistant' -%}}{{{{- {opening!r} + message.content + {closing!r} -}}}}"
        "{%- endif -%}{%- endfor -%}"
        f"{{%- if add_generation_prompt -%}}{{{{- {opening.rstrip(' ')!r} -}}}}{{%- endif -%}}"
    )


def _text(fields: Mapping[Any, Any], key: str) -> str:
    value = fields.get(key)
    return "" if value is None else str(value)
