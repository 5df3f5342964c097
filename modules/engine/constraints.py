# pyright: basic
"""JSON schema, regular expression, GBNF or Lark to masks over the vocabulary, by llguidance."""

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import llguidance
import numpy as np
from llguidance.gbnf_to_lark import any_to_lark
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from modules.core.errors import ModelError, RequestError
from modules.core.requests import Grammar

log = logging.getLogger("hearth.engine")

MAX_GRAMMAR_CHARS = 200_000
JSON_WHITESPACE = r"[ ]?|\n[ \t]{0,40}"
"""Between the parts of a JSON reply: a space, or a line break with its indent. With more a weak model goes on for ever."""
MAX_LINKS = 500
"""Rules or `$ref`s: a chain of about 1,200 overflows llguidance's stack and would end the process."""
KEPT_GRAMMARS = 256
"""Clients send the same schema again and again, and `n` replies share one."""
_REASON_CHARS = 300


class GrammarCompiler:
    """Compiles grammars for one vocabulary; made once per model. Threads may share it."""

    def __init__(self, build_tokenizer: Callable[[], Any]) -> None:
        self._build_tokenizer = build_tokenizer
        self._lock = threading.Lock()
        self._tokenizer: Any = None
        self._compiled: OrderedDict[Grammar, llguidance.LLMatcher] = OrderedDict()

    def compile(self, grammar: Grammar) -> "GrammarMatcher":
        """RequestError says what is wrong with the grammar."""
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._build_tokenizer()
            matcher = self._compiled.get(grammar)
            if matcher is not None:
                self._compiled.move_to_end(grammar)
        if matcher is None:
            matcher = self._compile(grammar)
            with self._lock:
                self._compiled[grammar] = matcher
                if len(self._compiled) > KEPT_GRAMMARS:
                    self._compiled.popitem(last=False)
        return GrammarMatcher(matcher.deep_copy(), self._tokenizer.vocab_size)

    def _compile(self, grammar: Grammar) -> llguidance.LLMatcher:
        if len(grammar.text) > MAX_GRAMMAR_CHARS:
            raise _refuse(grammar, f"it is longer than {MAX_GRAMMAR_CHARS} characters")
        if _count_links(grammar) > MAX_LINKS:
            raise _refuse(grammar, f"it has more than {MAX_LINKS} rules or references")
        try:
            text = _to_llguidance(grammar, self._tokenizer)
        except RequestError:
            raise
        except Exception as error:  # noqa: BLE001 - the GBNF reader raises bare Exceptions
            raise _refuse(grammar, str(error)) from None
        matcher = llguidance.LLMatcher(self._tokenizer, text, log_level=0)
        if matcher.is_error():
            raise _refuse(grammar, matcher.get_error())
        try:
            GrammarMatcher(matcher.deep_copy(), self._tokenizer.vocab_size).bitmask()
        except ModelError:
            raise _refuse(
                grammar, "no text can begin to satisfy it, or it is too complex"
            ) from None
        return matcher


class GrammarMatcher:
    """Implements `modules.loaders.base.TokenConstraint` for one reply."""

    def __init__(self, matcher: llguidance.LLMatcher, vocabulary_size: int) -> None:
        self._matcher = matcher
        self._mask = allocate_token_bitmask(1, vocabulary_size)

    def bitmask(self) -> np.ndarray:
        fill_next_token_bitmask(self._matcher, self._mask)
        if self._matcher.is_error():
            raise self._failure()
        return self._mask[0]

    def accept(self, token_id: int) -> None:
        if not self._matcher.consume_token(token_id):
            raise self._failure()

    def _failure(self) -> ModelError:
        """llguidance's own words are about its insides: they go to the log."""
        log.error("A grammar failed: %s", _in_one_line(self._matcher.get_error()))
        return ModelError("The grammar could not be followed any further.")

    @property
    def is_finished(self) -> bool:
        return self._matcher.is_stopped()


def _count_links(grammar: Grammar) -> int:
    """How long a chain of rules or references can be at most."""
    if grammar.kind == "json_schema":
        return grammar.text.count('Ref"') + grammar.text.count('ref"')
    if grammar.kind == "regex":
        return 0
    if grammar.marks:  # composed by ourselves, without chains
        return 0
    return sum(":" in line or "=" in line for line in grammar.text.splitlines())


def _with_control_tokens(grammar: Grammar, tokenizer: Any) -> str:
    """Marks that are control tokens of the vocabulary become references to them: a literal only matches plain text."""
    references: dict[str, str] = {}
    for mark in grammar.marks:
        ids = tokenizer.tokenize_str(mark, parse_special=True)
        if len(ids) == 1 and tokenizer.is_special_token(ids[0]):
            references[mark] = f"<[{ids[0]}]>"
    if not references:
        return grammar.text
    marks = re.compile("|".join(re.escape(m) for m in sorted(references, key=len, reverse=True)))
    lines = grammar.text.split("\n")
    return "\n".join(_refer(line, marks, references) for line in lines)


_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_UNTIL = re.compile(r'^(\w+)\[suffix=("(?:[^"\\]|\\.)*")\]: (.*)$')


def _refer(line: str, marks: re.Pattern[str], references: Mapping[str, str]) -> str:
    if "%json" in line:
        return line
    ending = _UNTIL.match(line)
    if ending is not None:
        mark = marks.search(json.loads(ending[2]))
        # No text can run into a control token, so a plain text before it will do.
        return f"{ending[1]}: {ending[3]} {references[mark[0]]}" if mark else line
    return _LITERAL.sub(lambda literal: _split(json.loads(literal[0]), marks, references), line)


def _split(text: str, marks: re.Pattern[str], references: Mapping[str, str]) -> str:
    """A literal as a sequence of plain texts and control tokens."""
    parts: list[str] = []
    at = 0
    for found in marks.finditer(text):
        parts += [json.dumps(text[at : found.start()]), references[found[0]]]
        at = found.end()
    parts.append(json.dumps(text[at:]))
    return " ".join(part for part in parts if part != '""') or '""'


def to_lark(grammar: Grammar) -> str:
    """GBNF or Lark as Lark. RequestError when it is neither."""
    if grammar.kind == "lark":
        return grammar.text
    try:
        return any_to_lark(grammar.text)
    except Exception as error:  # noqa: BLE001 - the reader raises bare Exceptions
        raise _refuse(grammar, str(error)) from None


def _to_llguidance(grammar: Grammar, tokenizer: Any) -> str:
    match grammar.kind:
        case "json_schema":
            # A schema may also be just true or false, which takes no options.
            options: Any = {"whitespace_pattern": JSON_WHITESPACE} if "{" in grammar.text else None
            return llguidance.LLMatcher.grammar_from_json_schema(grammar.text, defaults=options)
        case "regex":
            return llguidance.LLMatcher.grammar_from_regex(grammar.text)
        case "gbnf":
            return llguidance.LLMatcher.grammar_from_lark(to_lark(grammar))
        case "lark":
            text = _with_control_tokens(grammar, tokenizer)
            return llguidance.LLMatcher.grammar_from_lark(text)


def _refuse(grammar: Grammar, reason: str) -> RequestError:
    kind = {"json_schema": "JSON schema", "regex": "regular expression"}.get(
        grammar.kind, "grammar"
    )
    return RequestError(
        f"The {kind} cannot be used: {_in_one_line(reason)}",
        param=grammar.param,
        code="invalid_grammar",
    )


def _in_one_line(text: str) -> str:
    return " ".join(text.split())[:_REASON_CHARS] or "unknown reason"
