"""Stop strings of templates whose turns are plain text."""

import pytest

from modules.prompts.templates import CHATML, ChatTemplate
from modules.prompts.turn_stops import turn_stops

ALPACA = "{% for m in messages %}### {{ 'Instruction' if m.role == 'user' else 'Response' }}:\n{{ m.content }}\n\n{% endfor %}"
INLINE = "{% for m in messages %}{{ 'USER: ' if m.role == 'user' else ' ASSISTANT: ' }}{{ m.content }}{% endfor %}"
NO_REPLIES = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("text", "controls", "stops"),
    [
        (CHATML, frozenset({"<|im_end|>"}), ()),
        (CHATML, frozenset(), ("<|im_end|>",)),
        (ALPACA, frozenset({"</s>"}), ("\n### Instruction:",)),
        (INLINE, frozenset(), ("USER:",)),
        (NO_REPLIES, frozenset(), ()),
        ("{{ raise_exception('no') }}", frozenset(), ()),
        ("{% for m in messages %}{{ m.content }}\n{% endfor %}", frozenset(), ()),
    ],
)
def test_the_next_turn_ends_the_reply(
    text: str, controls: frozenset[str], stops: tuple[str, ...]
) -> None:
    assert turn_stops(ChatTemplate(text, source="test"), controls) == stops
