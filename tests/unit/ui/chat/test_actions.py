"""What a person does with chats, over real stores: nothing is lost, and nobody sees what is another's."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from modules.chats.importing import read_chats
from modules.chats.store import file_name
from modules.chats.turns import Step, Tally, Version
from modules.core.errors import NotFound, RequestError
from modules.core.messages import ToolCall
from modules.toolbox.approvals import Answer, Approvals
from modules.ui.chat.state import with_approvals
from tests.unit.ui.chat.desk import Visit, make_desk


def visit(folder: Path, **more: object) -> Visit:
    return Visit(make_desk(folder), folder, **more)  # type: ignore[arg-type]


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def begun() -> None:
        await main()

    asyncio.run(begun())


def test_a_chat_is_kept_and_opened_again(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.desk.start_new(page.session)
        await page.say("Hello there")
        kept = page.state.conversation
        await page.do("new")
        assert page.texts == []
        await page.do("open", id=kept.id)
        assert page.texts == ["Hello there"]
        other = visit(tmp_path)
        assert [
            each["title"] for each in (await other.views())["sidebar"]["groups"][0]["chats"]
        ] == ["Hello there"]

    run(main)


def test_an_empty_chat_is_not_kept(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.do("set", mode="chat")
        await page.do("set", character="Ember")
        await page.do("new")
        assert (await page.views())["sidebar"]["groups"] == []

    run(main)


def test_rename_search_delete(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.say("About cats")
        first = page.state.conversation.id
        await page.do("new")
        await page.say("About dogs")
        await page.do("rename", id=first, title="Felines")
        await page.do("rename", id=page.state.conversation.id, title="Canines")
        assert page.state.conversation.title == "Canines"
        await page.do("search", query="cats")
        [group] = (await page.views())["sidebar"]["groups"]
        assert [each["title"] for each in group["chats"]] == ["Felines"]
        await page.do("search", query="")
        await page.do("delete", id=first)
        [group] = (await page.views())["sidebar"]["groups"]
        assert [each["title"] for each in group["chats"]] == ["Canines"]
        await page.do("delete", id=page.state.conversation.id)
        assert page.texts == []

    run(main)


def test_private_chats_are_of_the_page_only(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.do("private", on=True)
        await page.say("A secret")
        assert not list(tmp_path.rglob("logs/**/*.json"))
        [group] = (await page.views())["sidebar"]["groups"]
        assert group["label"].startswith("Private")
        secret = page.state.conversation.id
        await page.do("private", on=False)
        assert page.texts == []
        await page.do("open", id=secret)
        assert page.state.is_private
        assert page.texts == ["A secret"]
        assert (await visit(tmp_path).views())["sidebar"]["groups"] == []

    run(main)


def test_without_history_chats_begin_private(tmp_path: Path) -> None:
    page = visit(tmp_path)
    page.session.profile = replace(page.session.profile, keeps_history=False)
    assert page.state.is_private
    assert page.state.can_keep


def test_of_private_chats_no_picture_stays_that_no_message_names(tmp_path: Path) -> None:
    """Nor of a message that could not be answered, and was given up."""

    async def main() -> None:
        page = visit(tmp_path)
        await page.do("private", on=True)
        store = page.state.private

        async def send(what: str) -> tuple[str, str]:
            """The chat, and the file that it has for the picture."""
            upload = page.desk.uploads / "a"
            Image.new("RGB", (8, 8)).save(upload, "PNG")
            picture = upload.read_bytes()
            await page.reply(what, text="Look", files=[{"path": str(upload), "name": "a.png"}])
            return page.state.conversation.id, file_name(picture, "image/png")

        said = await send("say")
        assert store.read_file(*said)
        await page.do("remove", at=0)
        with pytest.raises(NotFound):
            store.read_file(*said)
        await page.do("new")
        unanswered = await send("send")
        assert "No model is loaded" in page.state.note
        assert store.read_file(*unanswered)
        await page.do("new")
        with pytest.raises(NotFound):
            store.read_file(*unanswered)

    run(main)


def test_visitors_without_a_name_keep_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path, is_private=True)
        assert page.state.is_private
        await page.say("Hello")
        with pytest.raises(RequestError):
            await page.do("private", on=False)
        assert not list(tmp_path.rglob("logs/**/*.json"))

    run(main)


def test_people_do_not_see_each_others_chats(tmp_path: Path) -> None:
    async def main() -> None:
        desk = make_desk(tmp_path, multi_user=True)
        ann, bob = Visit(desk, tmp_path, "ann"), Visit(desk, tmp_path, "bob")
        await ann.say("Mine")
        assert (await bob.views())["sidebar"]["groups"] == []
        with pytest.raises(NotFound):
            await bob.do("open", id=ann.state.conversation.id)
        assert [
            group["label"]
            for group in (await Visit(desk, tmp_path, "ann").views())["sidebar"]["groups"]
        ] == ["Today"]

    run(main)


def test_edit_choose_branch_remove(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.say("One")
        chat = page.state.conversation.with_reply(Version.of("A")).with_reply(Version.of("B"))
        await asyncio.to_thread(page.state.keep, chat)
        await page.do("choose", at=1, number=0)
        assert page.texts == ["One", "A"]
        await page.do("edit", at=1, text="A!")
        assert page.texts == ["One", "A!"]
        original = page.state.conversation.id
        await page.do("branch", at=0)
        assert page.texts == ["One"]
        assert page.state.conversation.id != original
        await page.do("open", id=original)
        assert page.texts == ["One", "A!"]
        await page.do("remove-last")
        assert page.texts == []
        assert page.state.draft is not None
        assert page.state.draft.text == "One"

    run(main)


def test_export_and_import(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.say("Keep this: <b>")
        await page.do("export", id=page.state.conversation.id)
        file = (await page.views())["sidebar"]["file"]
        assert file["name"] == "Keep this b.json"
        assert json.loads(file["text"])["turns"]
        upload = page.desk.uploads / "x.json"
        upload.write_text(file["text"], encoding="utf-8")
        await page.do("new")
        await page.do("import", files=[{"path": str(upload), "name": "x.json"}])
        assert page.texts == ["Keep this: <b>"]
        assert not upload.exists()

    run(main)


def test_all_chats_are_exported_into_one_file(tmp_path: Path) -> None:
    """Without the private ones, where there are others."""

    async def main() -> None:
        page = visit(tmp_path)
        with pytest.raises(RequestError, match="nothing to export"):
            await page.do("export-all")
        await page.do("private", on=True)
        await page.say("A secret")
        assert [chat["title"] for chat in await exported(page)] == ["A secret"]
        await page.do("private", on=False)
        for text in ("One", "Two ”"):
            await page.say(text)
            await page.do("new")
        chats = await exported(page)
        assert sorted(chat["title"] for chat in chats) == ["One", "Two ”"]

    run(main)


async def exported(page: Visit) -> list[dict[str, object]]:
    """What the file of all chats has, which can be imported again."""
    await page.do("export-all")
    download = page.state.download
    assert download is not None
    assert re.fullmatch(r"hearth-chats-\d{4}-\d\d-\d\d\.json", download.name)
    chats = json.loads(download.text)["chats"]
    assert len(read_chats(download.text.encode())) == len(chats)
    return chats


def test_files_from_elsewhere_are_not_read(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        secret = tmp_path / "secret.json"
        secret.write_text("{}")
        for path in (str(secret), str(page.desk.uploads / ".." / "secret.json"), "/etc/passwd", ""):
            with pytest.raises(RequestError):
                await page.do("import", files=[{"path": path, "name": "x"}])
            await page.reply("send", text="x", files=[{"path": path, "name": "x.txt"}])
            assert "not there any more" in page.state.note

    run(main)


def test_a_character_greets_and_begins_a_chat_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.say("Hello")
        before = page.state.conversation.id
        await page.do("set", character="Ember")
        assert page.state.conversation.id != before
        assert page.texts == ["Come in, You."]
        assert page.session.profile.character == "Ember"
        views = await page.views()
        assert views["messages"]["turns"][0]["name"] == "Ember"
        assert views["composer"]["who"]["name"] == "Ember"
        with pytest.raises(RequestError):
            await page.do("set", character="../secret")

    run(main)


def test_a_character_that_is_gone_is_no_obstacle(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.do("set", character="Ember")
        (tmp_path / "characters" / "Ember.yaml").unlink()
        await page.views()
        await page.do("new")
        assert page.state.conversation.character == ""

    run(main)


def test_what_other_tabs_change_is_followed(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.desk.start_new(page.session)
        page.session.profile = replace(page.session.profile, keeps_history=False)
        await page.desk.follow(page.session)
        assert page.state.is_private
        page.session.profile = replace(page.session.profile, character="Ember")
        await page.desk.follow(page.session)
        assert page.texts == ["Come in, You."]

    run(main)


def test_without_a_model_the_text_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        lives = await page.reply("send", text="Hello", files=[])
        assert lives[-1]["state"] == "idle"
        assert "No model is loaded" in page.state.note
        assert page.texts == []
        assert page.state.draft is not None
        assert page.state.draft.text == "Hello"
        assert not page.state.is_busy
        await page.do("dismiss")
        assert (await page.views())["messages"]["note"] == ""

    run(main)


def test_nothing_to_send_or_to_answer(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        for what in ("send", "regenerate", "continue", "edit"):
            lives = await page.reply(what, text=" ", at=0)
            assert lives[-1]["state"] == "idle"
            assert page.state.note

    run(main)


def test_attachments_are_kept_with_the_chat(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        upload = page.desk.uploads / "a"
        upload.write_text("the text of the file")
        await page.reply("say", text="Look", files=[{"path": str(upload), "name": "notes.txt"}])
        [attachment] = page.state.conversation.turns[0].version.attachments
        assert (attachment.name, attachment.text) == ("notes.txt", "the text of the file")
        assert not upload.exists()

    run(main)


def test_a_picture_that_is_larger_than_the_setting_allows_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        page = Visit(make_desk(tmp_path, max_image_pixels=63), tmp_path)
        upload = page.desk.uploads / "a"
        Image.new("RGB", (8, 8)).save(upload, "PNG")
        await page.reply("say", text="Look", files=[{"path": str(upload), "name": "a.png"}])
        assert page.state.conversation.is_empty
        assert "a.png" in page.state.note
        assert page.state.draft is not None
        assert page.state.draft.text == "Look"

    run(main)


def test_lasting_answers_about_tools_are_kept_and_can_be_taken_back(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.say("Hello")
        answered = Approvals().answered(ToolCall("1", "clock", ""), Answer.ALWAYS)
        chat = with_approvals(page.state.conversation, answered)
        await asyncio.to_thread(page.state.keep, chat)
        await page.do("new")
        assert page.state.approvals.for_good == {}
        await page.do("open", id=chat.id)
        assert page.state.approvals.for_good == {"clock": True}
        assert (await page.views())["composer"]["tools"]["always"] == ["clock"]
        await page.do("ask-again", name="clock")
        assert page.state.approvals.for_good == {}

    run(main)


def test_a_branch_asks_about_tools_anew(tmp_path: Path) -> None:
    """It keeps the other settings of the chat. The chat itself keeps its answers."""

    async def main() -> None:
        page = visit(tmp_path)
        await page.say("Hello")
        await page.say("Again")
        own = page.state.conversation.with_settings({"parameters": {"max_tokens": 5}})
        answered = Approvals().answered(ToolCall("1", "clock", ""), Answer.ALWAYS)
        chat = with_approvals(own, answered)
        await asyncio.to_thread(page.state.keep, chat)
        await page.do("branch", at=0)
        assert page.state.approvals.for_good == {}
        assert page.state.conversation.settings == {"parameters": {"max_tokens": 5}}
        await page.do("open", id=chat.id)
        assert page.state.approvals.for_good == {"clock": True}

    run(main)


def test_tools_are_chosen_for_all_chats(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "tools").mkdir()
        (tmp_path / "tools" / "clock.py").write_text(
            'def now(zone: str) -> str:\n    """Tell the time."""\n    return "noon"\n'
        )
        page = visit(tmp_path)
        assert await page.desk.tools(page.session) == ()
        await page.do("set", tools=True)
        assert [tool.name for tool in await page.desk.tools(page.session)] == ["now"]
        await page.do("tool", key="now", on=False)
        assert await page.desk.tools(page.session) == ()
        [group] = (await page.views())["composer"]["tools"]["groups"]
        assert group["tools"][0]["is_on"] is False

    run(main)


def test_a_chat_that_was_changed_elsewhere_goes_on_as_a_copy(tmp_path: Path) -> None:
    async def main() -> None:
        desk = make_desk(tmp_path)
        here, there = Visit(desk, tmp_path), Visit(desk, tmp_path)
        await here.say("Hello")
        await there.do("open", id=here.state.conversation.id)
        await there.say("From there")
        await here.say("From here")
        assert here.texts == ["Hello", "From here"]
        assert "copy" in here.state.note
        assert len((await here.views())["sidebar"]["groups"][0]["chats"]) == 2

    run(main)


def test_things_that_are_not_there_are_told(tmp_path: Path) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        for what, fields in (
            ("open", {"id": "nothing"}),
            ("open", {"id": "../../x"}),
            ("delete", {"id": "nothing"}),
            ("choose", {"at": 5, "number": 0}),
            ("branch", {"at": 0}),
            ("set", {"mode": "other"}),
            ("set", {"effort": "huge"}),
            ("answer", {"call": "1", "verdict": "allow"}),
            ("made-up", {}),
        ):
            with pytest.raises(RequestError):
                await page.do(what, **fields)

    run(main)


@pytest.mark.parametrize(
    ("steps", "tally", "used"),
    [
        ((Step("Hi"),), Tally(10, 5, 1.0), 15),
        ((Step("Hi"),), Tally(10, 5, 1.0, 14), 14),
        ((Step("Let me see"), Step("Hi")), Tally(30, 9, 1.0, 21), 21),
        ((Step("Let me see"), Step("Hi")), Tally(30, 9, 1.0), 0),
    ],
)
def test_the_last_reply_tells_how_full_the_context_is(
    tmp_path: Path, steps: tuple[Step, ...], tally: Tally, used: int
) -> None:
    async def main() -> None:
        page = visit(tmp_path)
        await page.say("Hello")
        chat = page.state.conversation.with_reply(Version(steps, tally=tally))
        await asyncio.to_thread(page.state.keep, chat)
        await page.do("new")
        await page.do("open", id=chat.id)
        assert page.state.context.used == used

    run(main)
