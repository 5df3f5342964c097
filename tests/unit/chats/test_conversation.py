"""What changes a conversation, and what it leaves alone."""

import pytest
from hypothesis import given, settings as limits, strategies as st

from modules.chats.conversation import Conversation, check_id, new_id
from modules.chats.titles import TITLE_LIMIT, UNTITLED, clean_title, title_from, with_note
from modules.chats.turns import Step, Tally, ToolUse, Version
from modules.core.errors import RequestError
from tests.unit.chats.makers import chat, reply


def texts(conversation: Conversation) -> list[str]:
    return [turn.version.text for turn in conversation.turns]


def test_the_first_message_of_the_user_gives_the_title() -> None:
    greeted = Conversation().appended("assistant", Version.of("Hello."))
    assert greeted.title == UNTITLED
    assert greeted.is_empty
    asked = greeted.appended("user", Version.of("How do I bake bread?"))
    assert asked.title == "How do I bake bread?"
    assert asked.appended("user", Version.of("Or cake?")).title == asked.title


def test_an_edit_keeps_the_old_wording() -> None:
    before = chat("one", "two", "three")
    after = before.edited(0, "another")
    assert texts(after) == ["another", "two", "three"]
    assert [version.text for version in after.turns[0].versions] == ["one", "another"]
    assert before.turns[0].version.text == "one"
    assert after.edited(0, "another") is after


def test_an_edit_of_a_reply_with_calls_changes_what_was_written_last() -> None:
    steps = (Step("Let me see.", calls=(ToolUse("1", "add", "{}", "2"),)), Step("It is 3."))
    before = chat("sum?").appended("assistant", Version(steps, tally=Tally(1, 2, 3)))
    version = before.edited(1, "It is 2.").turns[1].version
    assert version.steps == (steps[0], Step("It is 2."))
    assert version.tally is None


def test_a_second_reply_is_a_version_of_the_first() -> None:
    again = chat("hi", "first").with_reply(reply("second"))
    assert texts(again) == ["hi", "second"]
    assert texts(again.choosing(1, 0)) == ["hi", "first"]
    assert texts(again.before_reply) == ["hi"]


def test_only_the_last_message_changes_its_version() -> None:
    conversation = chat("hi", "first").with_reply(reply("second"))
    longer = conversation.appended("user", Version.of("go on"))
    with pytest.raises(RequestError, match="branch"):
        longer.choosing(1, 0)
    assert texts(longer.branched(1, 0)) == ["hi", "first"]
    assert longer.choosing(1, 1) == longer


def test_a_branch_is_a_conversation_of_its_own() -> None:
    before = chat("one", "two", "three", "four")
    branch = before.branched(1)
    assert texts(branch) == ["one", "two"]
    assert branch.id != before.id
    assert branch.title == "one (branch)"
    assert branch.branched(0).title == "one (branch)"
    assert branch.revision == 0


def test_deleting() -> None:
    conversation = chat("one", "two", "three", "four")
    assert texts(conversation.without(1)) == ["one", "three", "four"]
    assert texts(conversation.without_last_exchange()) == ["one", "two"]
    greeting = Conversation().appended("assistant", Version.of("Hello."))
    assert greeting.without_last_exchange() == greeting


@pytest.mark.parametrize("index", [-1, 4, 100])
def test_messages_that_are_not_there(index: int) -> None:
    conversation = chat("one", "two", "three", "four")
    for change in (
        conversation.without,
        conversation.branched,
    ):
        with pytest.raises(RequestError):
            change(index)
    with pytest.raises(RequestError):
        conversation.edited(index, "x")
    with pytest.raises(RequestError):
        conversation.choosing(3, 5)


def test_a_result_goes_to_the_first_call_of_that_id_that_waits() -> None:
    calls = tuple(ToolUse("same", name, "{}") for name in ("a", "b"))
    version = Version((Step(calls=calls),))
    first = version.with_result("same", "1")
    assert [call.result for call in first.calls] == ["1", None]
    second = first.with_result("same", "no", is_error=True)
    assert [call.result for call in second.calls] == ["1", "no"]
    assert second.calls[1].is_error
    assert second.open_calls == ()
    assert second.with_result("other", "x") == second


def test_speed() -> None:
    assert Tally(5, 21, 4.0).tokens_per_second == 5.0  # the first one came at the beginning
    assert Tally(5, 20, 0.01).tokens_per_second is None  # all at once
    assert Tally(5, 1, 1.0).tokens_per_second is None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  Hello\nworld ", "Hello world"),
        ("", UNTITLED),
        ("# A **bold** `plan`", "A bold plan"),
        ("word " * 30, "word word word word word word word word word…"),
        ("x" * 100, "x" * 48 + "…"),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert title_from(text) == title


def test_long_titles_keep_their_note() -> None:
    title = with_note("t" * 500, "branch")
    assert len(title) == TITLE_LIMIT
    assert title.endswith(" (branch)")
    assert clean_title("a\x00b\n") == "a b"


def test_ids_are_names_of_files_and_never_paths() -> None:
    assert check_id(new_id())
    for bad in ("", "../x", "a/b", "a.json", "-x", "x" * 65, "con\n", "ä"):
        with pytest.raises(RequestError):
            check_id(bad)


changes = st.lists(
    st.tuples(
        st.sampled_from(["append", "reply", "edit", "choose", "without", "exchange"]),
        st.integers(0, 6),
        st.text(max_size=5),
    ),
    max_size=25,
)


@limits(max_examples=200, deadline=None)
@given(changes)
def test_whatever_is_done_there_is_always_a_chosen_version(
    steps: list[tuple[str, int, str]],
) -> None:
    conversation = chat("hello", "hi")
    for what, index, text in steps:
        before, kept = conversation, conversation.turns
        try:
            conversation = changed(conversation, what, index, text)
        except RequestError:
            conversation = before
        assert before.turns == kept
        for turn in conversation.turns:
            assert 0 <= turn.chosen < len(turn.versions)
        for i in range(len(conversation.turns)):
            branch = conversation.branched(i)
            assert branch.turns == conversation.turns[: i + 1]


def changed(conversation: Conversation, what: str, index: int, text: str) -> Conversation:
    match what:
        case "append":
            return conversation.appended("user", Version.of(text))
        case "reply":
            return conversation.with_reply(reply(text))
        case "edit":
            return conversation.edited(index, text)
        case "choose":
            return conversation.choosing(index, len(text))
        case "without":
            return conversation.without(index)
        case _:
            return conversation.without_last_exchange()
