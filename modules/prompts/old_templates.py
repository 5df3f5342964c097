"""Instruction templates of 2023 (YAML with a turn template) to Jinja."""

from collections.abc import Mapping
from typing import Any


def from_old_keys(fields: Mapping[Any, Any]) -> str:
    """`user`, `bot`, `turn_template` with the places `<|user|> <|user-message|> <|bot|> <|bot-message|>`, `context`.

    A system message takes the place of the context.
    """
    user, bot = str(fields.get("user", "")), str(fields.get("bot", ""))
    turn = str(fields["turn_template"]).replace("<|user|>", user)
    asked, _, answered = turn.partition("<|user-message|>")
    before_bot, found, after = answered.partition("<|bot|>")
    if not found:
        before_bot, _, after = answered.partition("<|bot-message|>")
        after = "<|bot-message|>" + after
    opening, _, closing = after.partition("<|bot-message|>")
    context = str(fields.get("context", ""))
    return (
        "{%- if messages[0].role == 'system' -%}{{- messages[0].content -}}"
        "{%- if messages[0].content -%}{{- '\\n\\n' -}}{%- endif -%}"
        f"{{%- else -%}}{{{{- {context!r} -}}}}{{%- endif -%}}"
        "{%- for message in messages -%}"
        f"{{%- if message.role == 'user' -%}}{{{{- {asked!r} + message.content + {before_bot!r} -}}}}"
        f"{{%- elif message.role == 'assistant' -%}}{{{{- {bot + opening!r} + message.content + {closing!r} -}}}}"
        "{%- endif -%}{%- endfor -%}"
        f"{{%- if add_generation_prompt -%}}{{{{- {(bot + opening).rstrip()!r} -}}}}{{%- endif -%}}"
    )
