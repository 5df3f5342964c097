"""Templates, presets and grammars that ship, taken by name over HTTP."""

import re
from typing import Any

import httpx
import pytest

from tests.live.wire import error_of

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


def post(client: httpx.Client, **fields: Any) -> httpx.Response:
    body = {"messages": MESSAGES, "max_tokens": 30, **fields}
    return client.post("/v1/chat/completions", json=body)


def text_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def test_a_preset_samples_as_its_values_do(http: httpx.Client) -> None:
    texts = {text_of(post(http, preset="Deterministic", seed=seed)) for seed in range(3)}
    assert texts == {text_of(post(http, temperature=0))}


def test_explicit_values_win_over_the_preset(http: httpx.Client) -> None:
    wild = {"do_sample": True, "temperature": 5}
    texts = {text_of(post(http, preset="Deterministic", seed=seed, **wild)) for seed in range(4)}
    assert len(texts) > 1


@pytest.mark.parametrize(("name", "pattern"), [("yes_no", "yes|no"), ("date", r"\d{4}-\d\d-\d\d")])
def test_a_named_grammar_holds(http: httpx.Client, name: str, pattern: str) -> None:
    for seed in range(3):
        reply = text_of(post(http, grammar=name, temperature=2, seed=seed))
        assert re.fullmatch(pattern, reply)


def test_a_named_template_makes_the_prompt(http: httpx.Client) -> None:
    """The same messages are a different number of tokens by another family's layout."""
    counts = {
        post(http, **fields).json()["usage"]["prompt_tokens"]
        for fields in (
            {},
            {"instruction_template": "Alpaca"},
            {"instruction_template": "Metharme.jinja"},
        )
    }
    assert len(counts) == 3


@pytest.mark.parametrize(
    ("field", "known"),
    [("preset", "Balanced"), ("grammar", "arithmetic"), ("instruction_template", "Alpaca")],
)
@pytest.mark.parametrize("name", ["no-such-file", "../models/config", "/etc/passwd"])
def test_other_names_are_refused(http: httpx.Client, field: str, known: str, name: str) -> None:
    error = error_of(post(http, **{field: name}), 400)
    assert error["param"] == field
    assert (known in error["message"]) == (name == "no-such-file")
