"""Where a reply ends in templates whose turns are plain text: models run on into the user's next turn, so its beginning is a stop string."""

from modules.core.errors import RequestError
from modules.prompts.templates import ChatTemplate

_ASKED, _SAID, _NEXT = "ask1needle", "say2needle", "ask3needle"
_SHORTEST = 3


def turn_stops(template: ChatTemplate, control_texts: frozenset[str]) -> tuple[str, ...]:
    """Nothing when a control token ends the turn, since that ends the reply by itself."""
    between = template.after_reply
    if any(control in between for control in control_texts):
        return ()
    line = next((line for line in between.split("\n") if line.strip()), "").rstrip()
    if len(line.strip()) < _SHORTEST:
        return ()
    return (f"\n{line}" if between.startswith("\n") else line,)


def find_after_reply(template: ChatTemplate) -> str:
    """What the template writes between a reply and the next question; "" when it does not show them in order."""
    messages = [
        {"role": "user", "content": _ASKED},
        {"role": "assistant", "content": _SAID},
        {"role": "user", "content": _NEXT},
    ]
    try:
        text = template.render_fields(messages)
    except RequestError:
        return ""
    _, found, rest = text.partition(_SAID)
    between, follows, _ = rest.partition(_NEXT)
    return between if found and follows else ""
