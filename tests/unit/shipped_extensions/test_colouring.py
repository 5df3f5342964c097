"""Words coloured by their probabilities, in texts that come in any pieces."""

import math
import re
from collections.abc import Callable

import pytest
from hypothesis import given, strategies

from extensions.perplexity_colors.colouring import Colouring
from extensions.perplexity_colors.script import history_modifier
from modules.core.asked import ChatRequest
from modules.core.events import TokenChoice, TokenLogprob
from modules.core.messages import Message

SPAN = re.compile(r"<span [^>]*>(.*?)</span>")


def token(text: str | bytes, likely: float, **others: float) -> TokenLogprob:
    data = text if isinstance(text, bytes) else text.encode()
    alternatives = tuple(
        TokenChoice(number, other.encode(), math.log(value))
        for number, (other, value) in enumerate(others.items(), 1)
    )
    return TokenLogprob(TokenChoice(0, data, math.log(likely)), alternatives, data)


def coloured(*tokens: TokenLogprob) -> str:
    """All tokens at once."""
    colouring = Colouring(0.9)
    colouring.hear(tokens)
    text = b"".join(each.shown for each in tokens).decode()
    return colouring.feed(text) + colouring.finish()


def test_what_was_unlikely_is_coloured_and_says_why() -> None:
    made = coloured(token("The", 0.95), token(" sky", 0.25, sea=0.5, air=0.1), token(".", 0.1))
    assert made == (
        'The <span style="background-color:rgba(220,60,40,0.45)" title="25.0%, else: sea 50%, air 10%">'
        "sky</span>."
    )


def test_tooltips_cannot_break_out() -> None:
    made = coloured(token(" a", 0.5, **{'"><img src=x onerror=1>`$\n': 0.3}))
    assert "<img" not in made
    assert made.count('"') == 4
    assert "\n" not in made


@given(
    strategies.lists(
        strategies.tuples(strategies.text(max_size=6), strategies.sampled_from([0.2, 0.95]))
    ),
    strategies.data(),
)
def test_nothing_is_lost_however_text_and_tokens_are_cut(pieces, data) -> None:
    """Tokens may cut characters, texts come in other pieces, tokens may come late."""
    text = "".join(piece for piece, _ in pieces)
    raw = text.encode("utf-8", "replace")
    text = raw.decode()
    tokens: list[TokenLogprob] = []
    place = 0
    while place < len(raw):
        size = data.draw(strategies.integers(1, 5))
        tokens.append(
            token(raw[place : place + size], data.draw(strategies.sampled_from([0.3, 1])))
        )
        place += size
    colouring = Colouring(0.9)
    made = ""
    heard = fed = 0
    while heard < len(tokens) or fed < len(text):
        some = data.draw(strategies.integers(0, 3))
        colouring.hear(tokens[heard : heard + some])
        heard += some
        more = data.draw(strategies.integers(1, 4))
        made += colouring.feed(text[fed : fed + more])
        fed += more
    made += colouring.finish()
    spans = re.compile(r'<span style="background-color:rgba\([^"]*\)" title="[^"]*">(.*?)</span>')
    assert spans.sub(r"\1", made) == text


@pytest.mark.parametrize(
    ("before", "inside", "after"),
    [
        ("```py\n", "code", "\n```\n"),
        ("Say `", "code", "` "),
        ("$$\n", "x", "\n$$\n"),
        ("so $", "x", "$ "),
        ("\\[\n", "x", "\n\\]\n"),
        ("\\(", "x", "\\) "),
        ("<b title=", "x", "> "),
        ("[link](", "address", ") "),
        ("https://", "example", " "),
        ("    ", "code", "\n"),
    ],
)
def test_only_prose_is_coloured(before: str, inside: str, after: str) -> None:
    sure = [token(character, 1) for character in before], [token(c, 1) for c in after]
    made = coloured(*sure[0], token(inside, 0.2), *sure[1], token("word", 0.2))
    assert made.startswith(f"{before}{inside}{after}")
    assert SPAN.findall(made) == ["word"]


def test_a_text_that_is_not_that_of_the_tokens_stays_as_it_is() -> None:
    colouring = Colouring(0.9)
    colouring.hear([token("The", 0.2), token(" sky", 0.2)])
    assert colouring.feed("DIE SKY") + colouring.finish() == "DIE SKY"
    assert colouring.feed(" and more") == " and more"


def test_the_model_does_not_see_the_colours(request_of: Callable[..., ChatRequest]) -> None:
    said = coloured(token("The", 0.2), token(" sky", 0.3, sea=0.5))
    messages = [Message("user", said), Message("assistant", said)]
    asked, answered = history_modifier(messages, request_of(messages))
    assert asked.content == said
    assert answered.content == "The sky"


@pytest.fixture
def request_of() -> Callable[..., ChatRequest]:
    return lambda messages: ChatRequest(messages=tuple(messages))
