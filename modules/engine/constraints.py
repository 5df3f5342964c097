# pyright: basic
"""JSON schema, regular expression, GBNF or Lark to masks over the vocabulary, by llguidance."""

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import llguidance
import numpy as np
from llguidance.gbnf_to_lark import any_to_lark
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from modules.core.errors import RequestError
from modules.core.requests import Grammar
from modules.engine.deep_calls import call_with_deep_stack
from modules.engine.lark import (
    count_intersections,
    refer_to_control_tokens,
    replace_schemas,
    to_terminal,
)
from modules.engine.schemas.faults import wrong
from modules.engine.schemas.reader import read_schema
from modules.engine.schemas.search import find_fault

log = logging.getLogger("hearth.engine")

MAX_GRAMMAR_CHARS = 200_000
MAX_COMPOSED_CHARS = 4_000_000
"""Of grammars that are made here, of as many tools as a request may have."""
MAX_RULES = 1500
"""Of a grammar from outside: the time it takes grows with the square of their number, and 1500 take a second."""
MAX_INTERSECTIONS = 16
"""Of a grammar from outside: each doubles the time, and 18 take a third of a second."""
WITHOUT_FORCING = '%llguidance {"no_forcing": true}\n'
"""Where only one text can follow, llguidance has it tokenized, and llama.cpp reads the text of a control token as that token,
which the grammar then does not allow. So grammars with such a text in them go without."""
KEPT_GRAMMARS = 256
"""Clients send the same schema again and again, and `n` replies share one."""
KEPT_CHARS = 16_000_000
_REASON_CHARS = 300
_AROUND_SCHEMA = re.compile(r"\A.*failed to compile JSON schema: |\n *\d+ \| .*\Z", re.DOTALL)
"""What llguidance adds about the text around a faulty schema."""


class GrammarCompiler:
    """Compiles grammars for one vocabulary; made once per model. Threads may share it."""

    def __init__(self, build_tokenizer: Callable[[], Any]) -> None:
        self._build_tokenizer = build_tokenizer
        self._lock = threading.Lock()
        self._tokenizer: Any = None
        self._control_texts: list[str] = []
        self._compiled: OrderedDict[Grammar, llguidance.LLMatcher] = OrderedDict()

    def compile(self, grammar: Grammar) -> "GrammarMatcher":
        """RequestError says what is wrong with the grammar."""
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._build_tokenizer()
                self._control_texts = _find_control_texts(self._tokenizer)
            matcher = self._compiled.get(grammar)
            if matcher is not None:
                self._compiled.move_to_end(grammar)
        if matcher is None:
            matcher = self._compile(grammar)
            with self._lock:
                self._compiled[grammar] = matcher
                self._forget_oldest()
        return GrammarMatcher(matcher.deep_copy(), self._tokenizer.vocab_size)

    def _forget_oldest(self) -> None:
        chars = sum(len(grammar.text) for grammar in self._compiled)
        while len(self._compiled) > KEPT_GRAMMARS or chars > KEPT_CHARS:
            grammar, _ = self._compiled.popitem(last=False)
            chars -= len(grammar.text)

    def _compile(self, grammar: Grammar) -> llguidance.LLMatcher:
        _check_size(grammar)
        try:
            return call_with_deep_stack(lambda: self._build(grammar))
        except RecursionError:
            raise _refuse(grammar, "it is nested too deeply") from None
        except ValueError as error:
            raise _refuse(grammar, str(error)) from None

    def _build(self, grammar: Grammar) -> llguidance.LLMatcher:
        if grammar.kind == "json_schema":
            return self._build_schema(json.loads(grammar.text), grammar)
        matcher, fault = self._try(_to_lark(grammar, self._tokenizer))
        if fault:
            raise _refuse(grammar, fault)
        return matcher

    def _build_schema(self, schema: Any, grammar: Grammar) -> llguidance.LLMatcher:
        read = read_schema(schema, grammar.param)
        matcher, fault = self._try_schema(read.schema)
        if not fault:
            return matcher
        found = find_fault(read, lambda each: self._try_schema(each)[1])
        if found is None:
            raise _refuse(grammar, fault)
        place, fault = found
        if place.endswith(".oneOf"):
            fault = "more than one of its schemas may hold at once, which cannot be ruled out; use anyOf"
        raise wrong(place, _in_one_line(fault))

    def _try_schema(self, schema: Any) -> tuple[llguidance.LLMatcher, str]:
        matcher, fault = self._try(_schema_to_lark(schema))
        return matcher, _AROUND_SCHEMA.sub("", fault)

    def _try(self, text: str) -> tuple[llguidance.LLMatcher, str]:
        """The matcher, and what is wrong with it, empty when nothing is."""
        if any(control in text for control in self._control_texts):
            text = WITHOUT_FORCING + text
        matcher = llguidance.LLMatcher(self._tokenizer, text, log_level=0)
        if matcher.is_error():
            return matcher, matcher.get_error() or "unknown reason"
        first = matcher.deep_copy()
        first.compute_bitmask()
        if first.is_error():
            return matcher, "no text can begin to satisfy it, or it is too complex"
        return matcher, ""


def _check_size(grammar: Grammar) -> None:
    limit = MAX_COMPOSED_CHARS if grammar.marks else MAX_GRAMMAR_CHARS
    if len(grammar.text) > limit:
        raise _refuse(grammar, f"it is longer than {limit} characters")
    if grammar.kind in ("json_schema", "regex") or grammar.marks:
        return
    if sum(":" in line for line in grammar.text.splitlines()) > MAX_RULES:
        raise _refuse(grammar, f"it has more than {MAX_RULES} rules")
    if grammar.kind == "lark" and count_intersections(grammar.text) > MAX_INTERSECTIONS:
        raise _refuse(grammar, f"it has more than {MAX_INTERSECTIONS} `&` or `~`")


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

    def _failure(self) -> RequestError:
        """llguidance's own words have the reply in them, so only its name for the reason goes to the log."""
        log.error("A grammar failed: %s", self._matcher.stop_reason())
        return RequestError(
            "The grammar could not be followed any further: it is too complex, or never comes to an end.",
            code="invalid_grammar",
        )

    @property
    def is_finished(self) -> bool:
        return self._matcher.is_stopped()


def _control_tokens(marks: Iterable[str], tokenizer: Any) -> dict[str, str]:
    """Of the marks those that are one control token of the vocabulary, and how Lark refers to it."""
    references: dict[str, str] = {}
    for mark in marks:
        ids = tokenizer.tokenize_str(mark, parse_special=True)
        if len(ids) == 1 and tokenizer.is_special_token(ids[0]):
            references[mark] = f"<[{ids[0]}]>"
    return references


def to_lark(grammar: Grammar) -> str:
    """GBNF or Lark as Lark. RequestError when it is neither, or too large: the reader of GBNF takes long for many rules."""
    _check_size(grammar)
    if grammar.kind == "lark":
        return grammar.text
    try:
        return any_to_lark(grammar.text)
    except Exception as error:  # noqa: BLE001 - the reader raises bare Exceptions
        raise _refuse(grammar, str(error)) from None


def _find_control_texts(tokenizer: Any) -> list[str]:
    ids = filter(tokenizer.is_special_token, range(tokenizer.vocab_size))
    return list(filter(None, (tokenizer.decode_str([each]) for each in ids)))


def _to_lark(grammar: Grammar, tokenizer: Any) -> str:
    """For all kinds but schemas."""
    if grammar.kind == "regex":
        return f"start: {to_terminal(grammar.text)}"
    text = to_lark(grammar)
    text = refer_to_control_tokens(text, _control_tokens(grammar.marks, tokenizer))
    return replace_schemas(text, lambda schema: read_schema(schema, grammar.param).schema)


def _schema_to_lark(schema: Any) -> str:
    return f"start: %json {json.dumps(schema, ensure_ascii=False, allow_nan=False)}"


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
