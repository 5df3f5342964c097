"""Messages of the wire to messages of the host: order, text and meaning untouched."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from extensions.openai.message_types import ChatMessage
from extensions.openai.messages import pictures_in, to_messages
from modules.core.errors import RequestError, Unsupported
from modules.core.messages import Image

RED = Image(1, 1, b"\xff\x00\x00")
READ = TypeAdapter(list[ChatMessage])


def convert(*messages: dict[str, Any], images=None):
    return to_messages(READ.validate_python(list(messages)), images)


def image(url: str = "data:,x") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_order_and_text_are_untouched() -> None:
    given = [
        {"role": "system", "content": "  a \n"},
        {"role": "user", "content": "\tb"},
        {"role": "developer", "content": "c"},
        {"role": "assistant", "content": " d "},
        {"role": "system", "content": "e"},
    ]
    assert [(m.role, m.content) for m in convert(*given)] == [
        (m["role"], m["content"]) for m in given
    ]


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool", "developer"])
def test_text_parts_work_for_every_role(role: str) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": " b"}]
    assert convert({"role": role, "content": parts, "tool_call_id": "1"})[0].content == "a b"


def test_pictures_stand_at_their_places() -> None:
    message = {
        "role": "user",
        "content": [{"type": "text", "text": "a"}, image(), {"type": "text", "text": "b"}],
    }
    (converted,) = convert(message, images={(0, 1): RED})
    assert converted.content == ("a", RED, "b")
    assert converted.text == "ab"
    assert converted.images == (RED,)


def test_pictures_are_found_in_order_with_their_places() -> None:
    messages = READ.validate_python(
        [
            {"role": "user", "content": [image("u1"), {"type": "text", "text": "a"}, image("u2")]},
            {"role": "user", "content": [{"type": "input_image", "image_url": "u3"}]},
        ]
    )
    found = list(pictures_in(messages))
    assert [(p.place, p.url) for p in found] == [((0, 0), "u1"), ((0, 2), "u2"), ((1, 0), "u3")]
    assert found[1].param == "messages[0].content[2].image_url"


def test_a_picture_without_a_url_is_named() -> None:
    messages = READ.validate_python([{"role": "user", "content": [{"type": "image_url"}]}])
    with pytest.raises(RequestError) as caught:
        list(pictures_in(messages))
    assert caught.value.param == "messages[0].content[0].image_url"


def test_old_function_messages_become_calls_and_results() -> None:
    call = {"name": "f", "arguments": "{}"}
    converted = convert(
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "f", "content": "r"},
    )
    assert converted[1].tool_calls[0].name == "f"
    assert converted[2].role == "tool"
    assert converted[2].tool_call_id == converted[1].tool_calls[0].id


def test_reasoning_is_kept_under_either_name() -> None:
    for name in ("reasoning_content", "reasoning"):
        (converted,) = convert({"role": "assistant", "content": "a", name: "t"})
        assert converted.reasoning_content == "t"


def test_a_refusal_sent_back_is_text() -> None:
    assert convert({"role": "assistant", "content": None, "refusal": "no"})[0].content == "no"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"role": "user", "content": None}, RequestError),
        ({"role": "user", "content": [{"type": "input_audio"}]}, Unsupported),
        ({"role": "user", "content": [{"type": "poem", "text": "x"}]}, RequestError),
        ({"role": "user", "content": [{"type": "text"}]}, RequestError),
        ({"role": "assistant", "content": [image()]}, RequestError),
    ],
)
def test_what_cannot_be_taken_is_refused(message: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"."):
        convert(message, images={(0, 0): RED})
