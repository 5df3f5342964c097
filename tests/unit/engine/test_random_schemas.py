"""Random schemas: every reply that they let through satisfies them, and no value that satisfies them is kept out."""

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from llguidance import LLTokenizer

from modules.core.requests import Grammar
from modules.engine.constraints import GrammarCompiler, GrammarMatcher
from modules.settings import ROOT
from tests.unit.engine.random_schemas import rooted, validate

VOCABULARY = ROOT / "user_data" / "models" / "tiny-chat" / "tokenizer.json"
LONGEST = 150


class Writer:
    """Writes random replies over the demo model's vocabulary."""

    def __init__(self) -> None:
        self.tokenizer = LLTokenizer(str(VOCABULARY))
        self.compiler = GrammarCompiler(lambda: self.tokenizer)
        tokens = [self.tokenizer.decode_bytes([i]) for i in range(self.tokenizer.vocab_size)]
        self._closing = np.array([bool(each) and not each.strip(b'"}],') for each in tokens])

    def compile(self, schema: Any) -> GrammarMatcher:
        return self.compiler.compile(Grammar("json_schema", json.dumps(schema)))

    def allowed(self, matcher: GrammarMatcher) -> np.ndarray:
        bits = matcher.bitmask().view(np.uint8)
        return np.unpackbits(bits, bitorder="little", count=self.tokenizer.vocab_size) == 1

    def write(self, matcher: GrammarMatcher, seed: int) -> str | None:
        """None when it has come to no end."""
        chance = random.Random(seed)
        written: list[int] = []
        while len(written) < LONGEST:
            allowed = self.allowed(matcher)
            if matcher.is_finished or (allowed[self.tokenizer.eos_token] and chance.random() < 0.7):
                return self.tokenizer.decode_bytes(written).decode()
            allowed[self.tokenizer.eos_token] = False
            closing = allowed & self._closing
            is_closing = closing.any() and chance.random() < len(written) / 50
            ids = np.flatnonzero(closing if is_closing else allowed).tolist()
            if not ids:
                return self.tokenizer.decode_bytes(written).decode()
            written.append(chance.choice(ids))
            matcher.accept(written[-1])
        return None


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer()


def check_replies(writer: Writer, examples: int) -> None:
    done: list[str] = []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(sample=rooted(), seed=st.integers(0, 2**16))
    def every_reply_is_valid(sample: Any, seed: int) -> None:
        schema, _ = sample
        for offset in range(3):
            reply = writer.write(writer.compile(schema), seed + offset)
            if reply is not None:
                validate(schema, reply)
                done.append(reply)

    every_reply_is_valid()
    assert len(done) > examples


def check_values(writer: Writer, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(sample=rooted(), indent=st.sampled_from([None, 1, 4]))
    def every_value_may_come(sample: Any, indent: int | None) -> None:
        schema, values = sample
        for value in values:
            text = json.dumps(value, ensure_ascii=False, indent=indent)
            validate(schema, text)
            matcher = writer.compile(schema)
            for token in writer.tokenizer.tokenize_str(text):
                assert writer.allowed(matcher)[token], text
                matcher.accept(token)
            assert matcher.is_finished or writer.allowed(matcher)[writer.tokenizer.eos_token], text

    every_value_may_come()


def test_every_reply_satisfies_its_schema(writer: Writer) -> None:
    check_replies(writer, 150)


def test_every_value_of_a_schema_may_come(writer: Writer) -> None:
    check_values(writer, 200)


@pytest.mark.slow
def test_very_many_replies_and_values(writer: Writer) -> None:
    check_replies(writer, 5000)
    check_values(writer, 5000)
