"""Every template that ships shows all that is said in a conversation, however odd its order."""

from pathlib import Path

import pytest

from modules.core.messages import Message, ToolCall
from modules.core.tools import Tool
from modules.prompts.chat import render_chat
from modules.prompts.template_files import EXTENSIONS
from modules.prompts.template_sources import ModelFacts, TemplateSources
from modules.settings import ROOT

FOLDER = Path(ROOT) / "user_data" / "instruction-templates"
NAMES = sorted(path.stem for path in FOLDER.iterdir() if path.suffix in EXTENSIONS)
FACTS = ModelFacts("model", None, "<s>", "</s>")
SOURCES = TemplateSources(Path(ROOT) / "user_data")

SYSTEM, USER = Message("system", "SystemText"), Message("user", "UserText")
REPLY, MORE = Message("assistant", "ReplyText"), Message("user", "MoreText")
LATE, DEVELOPER = Message("system", "LateText"), Message("developer", "DeveloperText")
TOOLS = (Tool("look", "Look", '{"type": "object", "properties": {"at": {"type": "string"}}}'),)


def calling(*arguments: str, text: str | None = None) -> Message:
    calls = tuple(
        ToolCall(f"call_{i}_of_a_client", "look", each) for i, each in enumerate(arguments)
    )
    return Message("assistant", text, tool_calls=calls, reasoning_content="Thinking")


def result(index: int, text: str) -> Message:
    return Message("tool", text, name="look", tool_call_id=f"call_{index}_of_a_client")


CONVERSATIONS = {
    "usual": [SYSTEM, USER, REPLY, MORE],
    "system in the middle": [SYSTEM, USER, REPLY, LATE, MORE],
    "system at the end": [USER, LATE],
    "system only": [SYSTEM],
    "two systems": [SYSTEM, DEVELOPER, USER],
    "two users": [USER, MORE],
    "reply first": [REPLY, USER],
    "call": [SYSTEM, USER, calling('{"at": "sky"}', text="BesideText"), result(0, "ResultText")],
    "two calls": [
        USER,
        calling('{"at": "sky"}', '{"at": "sea"}'),
        result(0, "ResultText"),
        result(1, "OtherResult"),
        REPLY,
        MORE,
    ],
    "broken call": [USER, calling("{broken"), result(0, "ResultText"), MORE],
}


@pytest.mark.parametrize("tools", [(), TOOLS], ids=["plain", "tools"])
@pytest.mark.parametrize("kind", CONVERSATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_said_is_in_the_prompt(name: str, kind: str, tools: tuple[Tool, ...]) -> None:
    messages = CONVERSATIONS[kind]
    prompt = render_chat(SOURCES.named(name, FACTS), messages, tools=tools).text
    assert [each.text for each in messages if each.text not in prompt] == []
    calls = [call for each in messages for call in each.tool_calls]
    for told in ("sky", "sea", "broken"):
        assert (told in prompt) == any(told in call.arguments for call in calls)


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_goes_on_from_where_it_stopped(name: str) -> None:
    template = SOURCES.named(name, FACTS)
    messages = [SYSTEM, USER, Message("assistant", "Once upon ")]
    prompt = render_chat(template, messages, continues_last=True).text
    assert prompt.endswith("Once upon ")
    assert "UserText" in prompt
