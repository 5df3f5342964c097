"""Names of speakers, and the placeholders that stand for them."""

import re
import unicodedata

from modules.core.errors import RequestError

NAME_LIMIT = 100
TEXT_LIMIT = 2**20
MACRO_LIMIT = 10_000

_MACRO = re.compile(r"\{\{(user|char)\}\}|<(user|bot)>", re.IGNORECASE)
_REFUSED = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of characters, and breaks of lines and paragraphs."""


def name_problem(name: str) -> str:
    """Why this cannot be a name, as half a sentence; empty when it can. A line break would end the line that a name begins."""
    if len(name) > NAME_LIMIT:
        return f"a name can have {NAME_LIMIT} characters at most, not {len(name)}"
    if any(unicodedata.category(character) in _REFUSED for character in name):
        return "a name cannot have line breaks or other control characters"
    return ""


def can_encode(text: str) -> bool:
    """Whether there is UTF-8 for it: JSON and YAML can spell halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def replace_macros(text: str, user_name: str, bot_name: str, *, param: str) -> str:
    """`{{user}}`, `{{char}}`, `<USER>` and `<BOT>` in any case; what the names bring in is not looked at again."""
    if len(text) > TEXT_LIMIT:
        raise RequestError(f"{param} can have {TEXT_LIMIT} characters at most.", param=param)
    if sum(1 for _ in _MACRO.finditer(text)) > MACRO_LIMIT:
        raise RequestError(f"{param} has more than {MACRO_LIMIT} placeholders.", param=param)

    def to_name(match: re.Match[str]) -> str:
        return user_name if (match[1] or match[2]).lower() == "user" else bot_name

    return _MACRO.sub(to_name, text)
