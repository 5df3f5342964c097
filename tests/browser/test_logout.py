"""What is being written for somebody who logs out in another tab of the browser."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.test_access import enter_as
from tests.browser.test_chat import furnish
from tests.browser.visits import Visitor
from tests.live.launch import Server, eventually, running_ui

LOGINS = ("--gradio-auth", "ada:pw1", "--multi-user")


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("logout-ui")
    furnish(folder)
    with running_ui(folder, *LOGINS, "--extensions", "slowly") as server:
        yield server


def test_a_logout_ends_the_reply_in_the_other_tab_and_keeps_it(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(ui)
    visitor.faults.allow("401")
    talk = enter_as(visitor, "ada", "pw1")
    talk.send("Count slowly")
    expect(talk.text).to_contain_text("word3")
    ended = ui.user_data / "extensions" / "slowly" / "ended.txt"
    assert not ended.exists()
    visitor.context.new_page().goto(f"{ui.ui_url}/logout")
    talk.wait()
    expect(talk.last.locator(".message-note")).to_have_text("Stopped.")
    eventually(ended.exists)
    [kept] = (ui.user_data / "logs" / "chats" / "users" / "ada").glob("*.json")
    reply = json.loads(kept.read_text(encoding="utf-8"))["turns"][-1]
    assert "word3" in reply["versions"][0]["steps"][0]["text"]
