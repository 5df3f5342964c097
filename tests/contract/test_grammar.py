"""Constrained replies are always of their grammar, whatever the samplers."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.core.requests import GenerationRequest, Grammar
from modules.engine.engine import Engine
from tests.contract.conftest import complete, complete_one
from tests.contract.marks import all_engines

# llguidance still asks llama.cpp by an old name.
pytestmark = [
    pytest.mark.anyio,
    all_engines,
    pytest.mark.filterwarnings("ignore:llama_token_get_attr is deprecated"),
]
Ask = Callable[..., GenerationRequest]

SCHEMAS: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
    ({"type": "boolean"}, lambda v: isinstance(v, bool)),
    ({"type": "integer", "minimum": 3, "maximum": 40}, lambda v: 3 <= v <= 40),
    ({"enum": ["red", "green", None]}, lambda v: v in ("red", "green", None)),
    ({"type": "string", "pattern": "^[a-f]{3,5}$"}, lambda v: re.fullmatch("[a-f]{3,5}", v)),
    (
        {"type": "array", "items": {"type": "integer", "maximum": 99, "minimum": 0}, "minItems": 2, "maxItems": 3},
        lambda v: 2 <= len(v) <= 3 and all(0 <= each <= 99 for each in v),
    ),
    (
        {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 8}, "ok": {"type": "boolean"}},
            "required": ["name", "ok"],
            "additionalProperties": False,
        },
        lambda v: set(v) == {"name", "ok"} and isinstance(v["ok"], bool) and len(v["name"]) <= 8,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "holds"), SCHEMAS)
async def test_a_schema_holds_for_greedy_and_for_wild_replies(
    engine: Engine, ask: Ask, schema: dict[str, Any], holds: Callable[[Any], bool]
) -> None:
    grammar = Grammar(
        "json_schema", json.dumps(schema | {"x-guidance": {"whitespace_flexible": False}})
    )
    samplings = [{"temperature": 0}, *({"temperature": 1.5, "seed": seed} for seed in range(3))]
    requests = [ask(max_tokens=200, grammar=grammar, **sampling) for sampling in samplings]
    for done in await complete(engine, *requests):
        assert done.reason == "stop", done
        assert holds(json.loads(done.text)), done.text


@pytest.mark.parametrize(
    ("kind", "text", "pattern"),
    [
        ("regex", "[0-9]{3}-[a-z]{2}", "[0-9]{3}-[a-z]{2}"),
        ("regex", "(é|👍){2}", "(é|👍){2}"),
        ("gbnf", 'root ::= "yes" | "no" " "? "!"', "yes|no ?!"),
        ("gbnf", 'root ::= item item\nitem ::= [a-c] "\\n"', "[a-c]\n[a-c]\n"),
        ("lark", 'start: "<" /[xyz]+/ ">"', "<[xyz]+>"),
    ],
)
async def test_other_grammars_hold_too(
    engine: Engine, ask: Ask, kind: Any, text: str, pattern: str
) -> None:
    requests = [
        ask(max_tokens=100, grammar=Grammar(kind, text), temperature=temperature, seed=1)
        for temperature in (0, 1)
    ]
    for done in await complete(engine, *requests):
        if done.reason == "stop":
            assert re.fullmatch(pattern, done.text), done.text
        else:
            assert kind == "lark"  # only this one may go on as long as it likes


async def test_a_grammar_of_one_request_does_not_touch_its_neighbours(
    engine: Engine, ask: Ask
) -> None:
    free = ask(temperature=0)
    bound = ask(temperature=0, grammar=Grammar("regex", "[0-9]{20}"))
    alone = await complete_one(engine, free)
    together = await complete(engine, free, bound, free, bound)
    assert [done.text for done in together[::2]] == [alone.text] * 2
    assert all(re.fullmatch("[0-9]{20}", done.text) for done in together[1::2])


async def test_a_grammar_holds_with_logprobs_and_penalties(engine: Engine, ask: Ask) -> None:
    request = ask(
        grammar=Grammar("regex", "(a|b){8}"), logprobs=3, repetition_penalty=1.5, temperature=1,
        top_k=5, seed=2, sampled_logprobs=True,
    )  # fmt: skip
    done = await complete_one(engine, request)
    assert re.fullmatch("(a|b){8}", done.text)
    assert "".join(token.chosen.text for token in done.logprobs) == done.text


async def test_a_grammar_that_is_wrong_is_refused_at_once(engine: Engine, ask: Ask) -> None:
    with pytest.raises(RequestError):
        await complete_one(engine, ask(grammar=Grammar("gbnf", "root ::= (")))
