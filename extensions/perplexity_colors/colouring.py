"""Text with its tokens to text with colours: Markdown that may have spans in it, but only where they break nothing."""

import math
from collections import deque
from collections.abc import Sequence
from html import escape

from modules.core.events import TokenLogprob

STRENGTH = 0.6
"""Opacity of the colour of what was all but impossible."""


class Colouring:
    """A `TextTransform` that hears tokens. Where text and tokens do not fit together, which other extensions may cause, the rest
    stays without colours. `sure`: the probability from which on there is none."""

    def __init__(self, sure: float) -> None:
        self._sure = sure
        self._tokens: deque[TokenLogprob] = deque()
        self._bytes = b""
        self._part: list[TokenLogprob] = []
        self._place = Place()
        self._is_lost = False

    def hear(self, tokens: Sequence[TokenLogprob]) -> None:
        self._tokens.extend(token for token in tokens if token.shown)

    def feed(self, text: str) -> str:
        if self._is_lost:
            return text
        self._bytes += text.encode()
        made: list[str] = []
        while self._tokens and len(self._bytes) >= self._needed:
            self._part.append(self._tokens.popleft())
            said = b"".join(token.shown for token in self._part)
            if not self._bytes.startswith(said):
                return "".join(made) + self._lose()
            word = _decoded(said)
            if word is not None:
                made.append(self._coloured(word))
                self._bytes, self._part = self._bytes[len(said) :], []
        return "".join(made)

    def finish(self) -> str:
        return self._lose()

    @property
    def _needed(self) -> int:
        """Bytes of the tokens at hand; a character may be made of several."""
        return sum(len(token.shown) for token in (*self._part, self._tokens[0]))

    def _lose(self) -> str:
        self._is_lost = True
        left, self._bytes = self._bytes, b""
        return left.decode(errors="replace")

    def _coloured(self, word: str) -> str:
        is_prose = self._place.is_prose(word)
        self._place.pass_over(word)
        likely = math.exp(min(token.chosen.logprob for token in self._part))
        core = word.strip()
        if not is_prose or likely >= self._sure:
            return word
        before, _, after = word.partition(core)
        alpha = round((1 - likely) * STRENGTH, 2)
        colour = f"background-color:rgba(220,60,40,{alpha})"
        title = _title(likely, self._part[0])
        return f'{before}<span style="{colour}" title="{title}">{core}</span>{after}'


class Place:
    """Where in Markdown a text has come to."""

    def __init__(self) -> None:
        self._line = ""
        self._fence = ""
        self._opens = False
        self._is_formula = False

    def is_prose(self, word: str) -> bool:
        """Words of a paragraph: no code, no formulas, no addresses, no tags, no marks."""
        line = self._line
        return (
            any(character.isalnum() for character in word)
            and not any(mark in word for mark in "`$\\<>|[]()\n")
            and not (self._fence or self._is_formula or line.startswith(("    ", "\t")))
            and line.count("`") % 2 == 0
            and line.count("$") % 2 == 0
            and line.count("\\(") == line.count("\\)")
            and line.rfind("<") <= line.rfind(">")
            and line.rfind("](") <= line.rfind(")")
            and "://" not in line.rpartition(" ")[2]
        )

    def pass_over(self, text: str) -> None:
        first, *others = text.split("\n")
        self._go_on(first)
        for line in others:
            self._end_line()
            self._go_on(line)

    def _go_on(self, text: str) -> None:
        self._line += text
        start = self._line.lstrip()[:3]
        if not self._fence and start in ("```", "~~~"):
            self._fence, self._opens = start, True

    def _end_line(self) -> None:
        line = self._line.strip()
        if self._fence and not self._opens and line.startswith(self._fence):
            self._fence = ""
        self._line, self._opens = "", False
        if line.count("$$") % 2:
            self._is_formula = not self._is_formula
        if line.startswith("\\["):
            self._is_formula = True
        if line.endswith("\\]"):
            self._is_formula = False


def _decoded(said: bytes) -> str | None:
    """None while a character is not whole."""
    try:
        return said.decode()
    except UnicodeDecodeError:
        return None


def _title(likely: float, token: TokenLogprob) -> str:
    others = [each for each in token.alternatives if each.token_id != token.chosen.token_id]
    told = [f"{_named(each.text)} {math.exp(each.logprob):.0%}" for each in others]
    text = f"{likely:.1%}" + (f", else: {', '.join(told)}" if told else "")
    return escape(text, quote=True)


def _named(text: str) -> str:
    return "".join(c if c.isprintable() and c not in "`$\\" else " " for c in text).strip() or "␣"
