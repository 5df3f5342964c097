"""Tokens of one sequence to events."""

import pytest
from hypothesis import given, strategies as st

from modules.core.events import (
    Event,
    Finished,
    PromptScored,
    TextDelta,
    TokenChoice,
    TokenLogprob,
    Usage,
)
from modules.core.requests import GenerationRequest
from modules.engine.generation import Generation
from modules.loaders.base import Sampled, Sequence
from tests.unit.engine.fake_runner import END, SPECIAL, WORDS, FakeTokenizer, ask


class CountingConstraint:
    """Finished after so many tokens."""

    def __init__(self, count: int) -> None:
        self._left = count

    def bitmask(self) -> None:
        raise NotImplementedError

    def accept(self, token_id: int) -> None:
        self._left -= 1

    @property
    def is_finished(self) -> bool:
        return self._left <= 0


def generate(
    request: GenerationRequest,
    tokens: list[int],
    *,
    words: tuple[bytes, ...] = (),
    constraint: CountingConstraint | None = None,
    context_length: int = 1000,
) -> list[Event]:
    """All events of a reply of these tokens; it must end with the last of them and not before."""
    tokenizer = FakeTokenizer(words)
    sequence = Sequence(request, list(request.prompt_ids), constraint)
    generation = Generation(sequence, tokenizer)
    events: list[Event] = []
    for number, token_id in enumerate(tokens):
        assert not generation.is_over, f"over after {number} tokens"
        sequence.tokens.append(token_id)
        if constraint is not None:
            constraint.accept(token_id)
        logprob = None
        if request.logprobs is not None:
            piece = tokenizer.piece(token_id, special=True)
            logprob = TokenLogprob(TokenChoice(token_id, piece, -float(number)))
        events += generation.accept(Sampled(sequence, token_id, logprob), context_length)
    assert generation.is_over
    return events


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def logged(events: list[Event]) -> list[int]:
    return [
        logprob.chosen.token_id
        for event in events
        if isinstance(event, TextDelta)
        for logprob in event.logprobs
    ]


def end_of(events: list[Event]) -> Finished:
    assert sum(isinstance(event, Finished) for event in events) == 1
    last = events[-1]
    assert isinstance(last, Finished)
    return last


def test_a_reply_ends_with_the_end_token_which_is_not_text() -> None:
    events = generate(ask("Q?"), [*b"hey", END])
    assert [e.text for e in events[:-1]] == ["h", "e", "y"]
    assert end_of(events) == Finished("stop", Usage(2, 4), None)


def test_a_reply_ends_at_its_limit() -> None:
    events = generate(ask("Q", 3), [*b"hey"])
    assert text_of(events) == "hey"
    assert end_of(events) == Finished("length", Usage(1, 3), None)


def test_a_reply_ends_where_the_context_is_full() -> None:
    events = generate(ask("1234", 100), [*b"ab"], context_length=6)
    assert end_of(events).reason == "length"


def test_a_stop_string_ends_the_reply_and_is_not_shown() -> None:
    events = generate(ask("Q", stop=("END",)), [*b"go END"])
    assert text_of(events) == "go "
    assert end_of(events) == Finished("stop", Usage(1, 6), "END")


def test_a_stop_string_inside_one_token_cuts_it() -> None:
    events = generate(ask("Q", stop=(". ",)), [WORDS], words=(b"One. Two. ",))
    assert text_of(events) == "One"
    assert end_of(events).stop_string == ". "


def test_text_that_only_began_like_a_stop_string_is_shown_at_the_end() -> None:
    for tokens, limit, reason in ([*b"go EN", END], 100, "stop"), ([*b"go EN"], 5, "length"):
        events = generate(ask("Q", limit, stop=("END",)), list(tokens))
        assert text_of(events) == "go EN"
        assert end_of(events).reason == reason
        assert end_of(events).stop_string is None


def test_characters_come_whole() -> None:
    events = generate(ask("Q"), [*"é€👍".encode(), END])
    assert [e.text for e in events[:-1]] == ["é", "€", "👍"]


def test_half_a_character_at_the_end_becomes_a_replacement_mark() -> None:
    events = generate(ask("Q", 3), [*"a👍".encode()[:3]])
    assert text_of(events) == "a�"
    assert end_of(events).usage.completion_tokens == 3


def test_special_tokens_are_shown_only_when_asked_for() -> None:
    assert text_of(generate(ask("Q"), [*b"a", SPECIAL, END])) == "a"
    shown = generate(ask("Q", skip_special_tokens=False), [*b"a", SPECIAL, END])
    assert text_of(shown) == "a<|x|>"


def test_a_grammar_that_is_finished_ends_the_reply() -> None:
    events = generate(ask("Q"), [*b"yes"], constraint=CountingConstraint(3))
    assert text_of(events) == "yes"
    assert end_of(events).reason == "stop"


def test_each_token_is_reported_once_beside_the_text_that_it_begins() -> None:
    events = generate(ask("Q", logprobs=0), [*b"hi", END])
    assert [(e.text, [lp.chosen.piece for lp in e.logprobs]) for e in events[:-1]] == [
        ("h", [b"h"]),
        ("i", [b"i"]),
    ]


def test_tokens_of_one_character_are_reported_with_it() -> None:
    events = generate(ask("Q", logprobs=0), [*"é!".encode(), END])
    assert [(e.text, len(e.logprobs)) for e in events[:-1]] == [("é", 2), ("!", 1)]


def test_tokens_without_text_are_reported_at_the_end_at_the_latest() -> None:
    events = generate(ask("Q", logprobs=0), [*b"a", SPECIAL, END])
    assert logged(events) == [ord("a"), SPECIAL]


def test_tokens_of_a_stop_string_are_not_reported() -> None:
    events = generate(ask("Q", logprobs=0, stop=("END",)), [*b"go END"])
    assert bytes(logged(events)) == b"go "


def test_held_back_tokens_are_reported_when_their_text_is() -> None:
    events = generate(ask("Q", logprobs=0, stop=("END",)), [*b"ENt", END])
    assert [(e.text, len(e.logprobs)) for e in events[:-1]] == [("ENt", 3)]


def test_a_token_that_is_held_back_is_not_reported_with_the_text_before_it() -> None:
    events = generate(ask("Q", logprobs=0, stop=("END",)), [*b"ENEt", END])
    assert [(e.text, len(e.logprobs)) for e in events[:-1]] == [("EN", 2), ("Et", 2)]


@given(st.text("abé👍", max_size=12), st.text("ab", min_size=1, max_size=3))
def test_reported_tokens_spell_the_shown_text(text: str, stop: str) -> None:
    """Byte tokens: those reported are exactly the bytes of what was shown."""
    tokens = list(text.encode())
    if stop in text:
        end = text.index(stop) + len(stop)
        tokens = list(text[:end].encode())
    else:
        tokens.append(END)
    events = generate(ask("Q", logprobs=0, stop=(stop,)), tokens)
    assert text_of(events) == text.split(stop)[0]
    assert bytes(logged(events)).decode() == text_of(events)


def test_a_scored_prompt_ends_without_a_token() -> None:
    request = ask("Q", 0, prompt_logprobs=0)
    sequence = Sequence(request, list(request.prompt_ids))
    score = TokenLogprob(TokenChoice(ord("Q"), b"Q", -1.0))
    sequence.prompt_logprobs.append(score)
    generation = Generation(sequence, FakeTokenizer())
    assert generation.score() == [PromptScored((score,)), Finished("length", Usage(1, 0))]
    assert generation.is_over


@pytest.mark.parametrize(("prompt_logprobs", "expected"), [(None, 0), (0, 1)])
def test_a_prompt_is_scored_only_when_asked_for(prompt_logprobs: int | None, expected: int) -> None:
    request = ask("Q", prompt_logprobs=prompt_logprobs)
    generation = Generation(Sequence(request, list(request.prompt_ids)), FakeTokenizer())
    assert len(generation.prompt_scores()) == expected


def test_cancelling_shows_what_was_held_back() -> None:
    request = ask("Q", stop=("END",))
    sequence = Sequence(request, list(request.prompt_ids))
    generation = Generation(sequence, FakeTokenizer())
    for token_id in b"EN":
        assert generation.accept(Sampled(sequence, token_id), 100) == []
    assert generation.finish("cancelled") == [
        TextDelta("EN"),
        Finished("cancelled", Usage(1, 2)),
    ]
