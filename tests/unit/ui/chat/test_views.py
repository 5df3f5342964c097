"""What the page is told of turns, chats and controls."""

from datetime import datetime

from modules.chats.conversation import Conversation
from modules.chats.store import Summary
from modules.chats.turns import Attachment, Step, Tally, ToolUse, Turn, Version
from modules.core.tools import Tool
from modules.toolbox.offered import OfferedTool, SourceStatus
from modules.toolbox.rounds import DECLINED
from modules.ui.chat.composer_view import (
    ModelFacts,
    ToolChoice,
    to_characters,
    to_placeholder,
    to_thinking_view,
)
from modules.ui.chat.people import Face
from modules.ui.chat.sidebar_view import LIMIT, to_sidebar
from modules.ui.chat.turn_view import GrowingView, TurnViews, meta
from modules.ui.profile import Profile

NOON = datetime(2026, 5, 20, 12).timestamp()
DAY = 86_400.0


def no_address(_: Attachment) -> str:
    return ""


def reply(*steps: Step, **more: object) -> Turn:
    return Turn("assistant", (Version(steps, **more),))  # type: ignore[arg-type]


def test_a_question_is_shown_as_typed_and_a_reply_as_markdown() -> None:
    chat = (
        Conversation()
        .appended("user", Version.of("*hi*"))
        .appended("assistant", Version.of("*ho*"))
    )
    question, answer = TurnViews().show(chat.turns, no_address)
    assert question["steps"][0]["html"] == ['<div class="plain">*hi*</div>']
    assert answer["steps"][0]["html"] == ["<p><em>ho</em></p>\n"]
    assert (question["role"], question["text"], question["chosen"], question["total"]) == (
        "user",
        "*hi*",
        0,
        1,
    )


def test_turns_that_did_not_change_are_not_made_again() -> None:
    views = TurnViews()
    turn = reply(Step("one"))
    [first] = views.show((turn,), no_address)
    again = views.show((turn, reply(Step("two"))), no_address)
    assert again[0] is first


def test_thinking_and_calls_are_parts_of_a_step() -> None:
    calls = (
        ToolUse("1", "clock", '{"zone":"UTC"}', "noon"),
        ToolUse("2", "clock", "{}", "no", is_error=True),
        ToolUse("3", "clock", "{}", DECLINED.text, is_error=True),
        ToolUse("4", "clock", '{"half'),
    )
    [view] = TurnViews().show((reply(Step("", "hm", calls), Step("Noon.")),), no_address)
    first, second = view["steps"]
    assert first["think"]["text"] == "hm"
    assert [each["state"] for each in first["calls"]] == ["done", "failed", "declined", "open"]
    assert first["calls"][0]["arguments"] == '{\n  "zone": "UTC"\n}'
    assert first["calls"][3]["arguments"] == '{"half'
    assert second["html"] == ["<p>Noon.</p>\n"]


def test_arguments_that_are_nested_too_deeply_are_shown_as_they_are() -> None:
    """An imported chat may hold anything."""
    nested = "[" * 100_000
    turn = reply(Step(calls=(ToolUse("1", "clock", nested),)))
    [view] = TurnViews().show((turn,), no_address)
    assert view["steps"][0]["calls"][0]["arguments"] == nested


def test_what_is_shown_instead_of_the_text() -> None:
    version = Version.of("for the model", shown="for *people*")
    turns = (Turn("user", (version,)), Turn("assistant", (version,)))
    question, answer = TurnViews().show(turns, no_address)
    assert question["steps"][0]["html"] == ['<div class="plain">for *people*</div>']
    assert answer["steps"][0]["html"] == ["<p>for <em>people</em></p>\n"]
    assert answer["text"] == "for the model"


def test_files_have_addresses_where_they_are_pictures() -> None:
    files = (
        Attachment("a.png", "image", file="x.png"),
        Attachment("b.txt", "text", "b", notice="cut"),
    )
    turn = Turn("user", (Version.of("", attachments=files),))
    [view] = TurnViews().show((turn,), lambda file: f"served/{file.file}")
    assert view["files"] == [
        {"name": "a.png", "kind": "image", "url": "served/x.png", "notice": ""},
        {"name": "b.txt", "kind": "text", "url": "", "notice": "cut"},
    ]


def test_the_line_below_a_reply() -> None:
    assert meta(Version.of("x")) == ""
    assert (
        meta(Version((), model="tiny", tally=Tally(5, 21, 2.0)))
        == "10.0 tokens/s · 21 tokens · tiny"
    )
    assert meta(Version((), tally=Tally(5, 1, 0.0))) == "1 token"
    assert meta(Version((), model="tiny", tally=Tally(0, 0, 3.0))) == "tiny"


def test_why_a_reply_ended_where_it_is_no_matter_of_course() -> None:
    views = TurnViews()
    turns = tuple(
        reply(Step("x"), finish_reason=reason) for reason in ("stop", "length", "cancelled")
    )
    assert [bool(view["note"]) for view in views.show(turns, no_address)] == [False, True, True]


def test_a_reply_in_the_making() -> None:
    view = GrowingView(lambda version: Turn("assistant", (version,)), no_address)
    shown = view.show(Version((Step("", "thinking"),)))
    assert shown["steps"][0]["think"] == {"text": "thinking", "label": "Thinking", "pending": True}
    shown = view.show(Version((Step("So", "thinking"),)), thinking_s=4.2)
    assert shown["steps"][0]["think"]["label"] == "Thought for 4 s"
    asked = Version((Step(calls=(ToolUse("1", "clock", "{}"),)),))
    assert view.show(asked, waiting={"1"})["steps"][0]["calls"][0]["state"] == "waiting"
    assert view.show(asked, is_running=True)["steps"][0]["calls"][0]["state"] == "running"


def test_chats_are_grouped_by_day() -> None:
    ages = {"a": 0, "b": 0.9, "c": 3, "d": 20, "e": 50}
    kept = [Summary(name, name, NOON - age * DAY) for name, age in ages.items()]
    groups = to_sidebar(kept, [Summary("p", "p", NOON)], lambda _: "", now=NOON)
    assert [group["label"] for group in groups] == [
        "Private, until this page is closed",
        "Today",
        "Yesterday",
        "Last 7 days",
        "Last 30 days",
        "March 2026",
    ]


def test_a_long_list_is_cut_and_snippets_are_for_searches() -> None:
    kept = [Summary(str(i), "t", NOON, snippet="s", character="Ember") for i in range(LIMIT + 5)]
    [group] = to_sidebar(kept, [], lambda name: f"{name}.webp", now=NOON)
    assert len(group["chats"]) == LIMIT
    assert (group["chats"][0]["snippet"], group["chats"][0]["picture"]) == ("", "Ember.webp")
    [found] = to_sidebar(kept, [], lambda _: "", now=NOON, is_search=True)
    assert found["chats"][0]["snippet"] == "s"


def test_thinking_controls_follow_the_model_and_the_person() -> None:
    switch = ModelFacts("m", 10, can_switch_thinking=True, thinks_by_default=True)
    assert to_thinking_view(switch, Profile())["is_on"] is True
    assert to_thinking_view(switch, Profile(thinks=False))["is_on"] is False
    assert to_thinking_view(ModelFacts("m"), Profile())["can"] is False


def test_tools_by_their_sources() -> None:
    tool = OfferedTool(Tool("clock_now", "Tell the time.\nMore.", {}), "python", "clock.py", "now")
    sources = (
        SourceStatus("python", "clock.py", "ready", 1),
        SourceStatus("mcp", "files", "failed", detail="no such program"),
    )
    view = ToolChoice(True, frozenset(["mcp:files"]), (tool,), sources, ("clock_now",)).to_view()
    clock, files = view["groups"]
    assert clock["tools"] == [{"name": "clock_now", "description": "Tell the time.", "is_on": True}]
    assert files["is_on"] is False
    assert "no such program" in files["status"]
    assert view["always"] == ["clock_now"]


def test_words_in_the_field() -> None:
    assert to_placeholder("", ModelFacts()) == "Load a model first"
    assert to_placeholder("Ember", ModelFacts("m")) == "Write to Ember"
    shown = to_characters([Face("Ember", "x", "Example")])
    assert [(each["id"], each["name"]) for each in shown[1:]] == [("Example", "Ember")]
