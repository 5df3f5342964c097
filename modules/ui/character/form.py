"""One character as a form: its texts and its picture, how it will be met, and what is done with it."""

# pyright: basic
import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.pictures.thumbnails import read_picture, to_data_url, to_portrait
from modules.prompts.character_files import (
    delete_character,
    free_name,
    import_character,
    picture_of,
    save_character,
    save_picture,
)
from modules.prompts.characters import Character, list_characters, load_character
from modules.ui.character.view import ON_CLICK, greeting_html, preview_head, to_list, to_preview
from modules.ui.chat.people import Face, People
from modules.ui.confirming import ConfirmButton
from modules.ui.faults import told
from modules.ui.keeping import keep
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import tell, warn

IMPORTED = [".png", ".json", ".yaml", ".yml"]
PORTRAIT_SIDE = 768
"""Pixels of the longer side of a picture that is kept."""


class CharacterForm:
    """`chosen`: name of the file of the character that is shown, empty for a new one."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._folder = shell.context.settings.characters_path
        self._people = People(self._folder, lambda data, _name: to_data_url(data))
        self.chosen = gr.State("")
        with gr.Row(elem_id="character", equal_height=False):
            with gr.Column(scale=3, min_width=260, elem_id="character-side"):
                with gr.Row(elem_classes="desk-buttons"):
                    self.new = gr.Button("New", size="md", min_width=60, elem_id="character-new")
                    self.upload = gr.UploadButton(
                        "Import a card …",
                        file_types=IMPORTED,
                        size="md",
                        min_width=60,
                        elem_id="character-import",
                    )
                self.list = gr.HTML(js_on_load=ON_CLICK, elem_id="character-list")
            with gr.Column(scale=5, min_width=320):
                self._build_fields()
            with gr.Column(scale=4, min_width=280, elem_id="character-preview"):
                self.head = gr.HTML(elem_id="character-head")
                self.greeted = gr.HTML(elem_id="character-greeted")
                self.chat = gr.Button(
                    "Chat", variant="primary", size="md", elem_id="character-chat"
                )

    def _build_fields(self) -> None:
        with gr.Row(elem_id="character-names"):
            self.picture = gr.Image(
                type="filepath",
                label="Picture",
                show_label=False,
                sources=["upload", "clipboard"],
                height=150,
                width=150,
                min_width=150,
                scale=0,
                buttons=[],
                placeholder="Picture",
                elem_id="character-picture",
            )
            with gr.Column(min_width=180):
                self.name = gr.Textbox(label="Name", max_lines=1, elem_id="character-name")
                self.user = gr.Textbox(
                    label="Your name with this character",
                    placeholder="As under You",
                    max_lines=1,
                    elem_id="character-user",
                )
        self.context = gr.Textbox(
            label="Context",
            info="Who the character is and where you meet; {{char}} and {{user}} stand for the names",
            lines=9,
            max_lines=18,
            elem_id="character-context",
        )
        self.greeting = gr.Textbox(
            label="Greeting",
            info="What it says first",
            lines=4,
            max_lines=12,
            elem_id="character-greeting",
        )
        with gr.Row(elem_classes="desk-buttons"):
            self.save = gr.Button(
                "Save", variant="primary", size="md", min_width=80, elem_id="character-save"
            )
            self.delete = ConfirmButton("Delete", "Delete it", elem_id="character-delete")
            self.file = gr.HTML(elem_id="character-file", elem_classes="desk-note")

    @property
    def _texts(self) -> list[Any]:
        return [self.name, self.user, self.greeting, self.context]

    @property
    def _preview(self) -> list[Any]:
        return [self.head, self.greeted]

    @property
    def outputs(self) -> list[Any]:
        return [self.chosen, self.list, self.picture, *self._texts, self.file, *self._preview]

    def listen(self) -> None:
        shell, session = self._shell, self._shell.session
        signal = shell.signal("characters")
        shell.on_open(self._begin, [session], self.outputs)
        written = [self.chosen, *self._texts, session]
        self.list.select(told(self._choose), written, self.outputs, **QUIET)
        self.new.click(told(self._new), written, self.outputs, **QUIET)
        self.upload.upload(
            told(self._import), [self.upload, session, signal], [*self.outputs, signal], **QUIET
        )
        self.picture.upload(
            told(self._check_picture),
            [self.picture, self.chosen],
            [self.picture],
            preprocess=False,  # which fails for what is no picture
            **QUIET,
        )
        self.save.click(
            told(self._save),
            [self.chosen, self.picture, *self._texts, session, signal],
            [*self.outputs, signal],
            **QUIET,
        )
        self.delete.click(self._delete, [self.chosen, session, signal], [*self.outputs, signal])
        self.delete.drop_question_on(self.list.select, self.new.click, self.upload.upload)
        self.chat.click(
            told(self._chat),
            [self.chosen, session, shell.signal("profile")],
            [shell.signal("profile"), shell.tabs],
            **QUIET,
        )
        for text in self._texts:
            text.blur(
                told(self._look),
                [self.chosen, *self._texts, session],
                self._preview,
                **AT_ONCE,
            )
        shell.signal("profile").change(
            told(self._look),
            [self.chosen, *self._texts, session],
            self._preview,
            **AT_ONCE,
        )

    async def _begin(self, session: Session) -> list[Any]:
        names = [face.id for face in await asyncio.to_thread(self._people.faces)]
        wanted = session.profile.character
        return await self._show(wanted if wanted in names else next(iter(names), ""), session)

    async def _choose(  # noqa: PLR0913 - the fields
        self,
        chosen: str,
        name: str,
        user: str,
        greeting: str,
        context: str,
        session: Session,
        event: gr.EventData,
    ) -> list[Any]:
        written = (chosen, name, user, greeting, context, session)
        return await self._move_to(str(event._data["name"]), written)

    async def _new(self, *written: Any) -> list[Any]:
        return await self._move_to("", written)

    async def _move_to(self, name: str, written: tuple[Any, ...]) -> list[Any]:
        """Not away from what was written and not saved, unless the same is chosen once more."""
        chosen, *texts, session = written
        if name != chosen and await asyncio.to_thread(self._is_changed, chosen, texts):
            own = await asyncio.to_thread(self._people.called, chosen) or "New"
            raise RequestError(
                f"What you have changed is not saved. Save it, or choose {own} again to drop it.",
                param="character",
            )
        if name and name not in await asyncio.to_thread(list_characters, self._folder):
            warn(f"{name} is not there any more.", "Deleted meanwhile")
            return await self._begin(session)
        return await self._show(name, session)

    def _is_changed(self, chosen: str, texts: list[Any]) -> bool:
        try:
            saved = load_character(self._folder, chosen) if chosen else Character("")
        except RequestError:  # gone or broken meanwhile: what was written is all that there is
            saved = Character("")
        written = [(text or "").strip() for text in texts]
        return written != [saved.name, saved.user_name, saved.greeting, saved.context]

    async def _show(self, name: str, session: Session) -> list[Any]:
        """RequestError for a broken file: what was shown stays."""
        return await asyncio.to_thread(self._shown, name, session)

    def _shown(self, name: str, session: Session) -> list[Any]:
        character = load_character(self._folder, name) if name else Character("")
        faces = self._people.faces()
        picture = picture_of(self._folder, name) if name else None
        file = f"{name} in the folder of the characters" if name else "Not saved yet"
        return [
            name,
            to_list(faces, name),
            str(picture) if picture else None,
            character.name,
            character.user_name,
            character.greeting,
            character.context,
            file,
            *self._previewed(name, character, session),
        ]

    def _previewed(self, name: str, character: Character, session: Session) -> list[Any]:
        preview = to_preview(character, session.profile)
        face = Face(character.name or "?", self._people.picture(name))
        return [preview_head(face, preview), greeting_html(preview.greeting)]

    async def _look(
        self, chosen: str, name: str, user: str, greeting: str, context: str, session: Session
    ) -> list[Any]:
        character = Character(name or "", user or "", greeting or "", context or "")
        return await asyncio.to_thread(self._previewed, chosen, character, session)

    async def _check_picture(self, picture: dict[str, Any] | None, chosen: str) -> Any:
        """The one that it has instead of a file that is none."""
        if picture is None:
            return gr.skip()
        try:
            await asyncio.to_thread(lambda: read_picture(Path(picture["path"]).read_bytes()))
        except RequestError as error:
            warn(error.message)
            own = picture_of(self._folder, chosen) if chosen else None
            return str(own) if own else None
        return gr.skip()

    async def _save(  # noqa: PLR0913 - the fields
        self,
        chosen: str,
        picture: str | None,
        name: str,
        user: str,
        greeting: str,
        context: str,
        session: Session,
        signal: int,
    ) -> list[Any]:
        character = Character(
            (name or "").strip(), (user or "").strip(), greeting or "", context or ""
        )
        saved = await asyncio.to_thread(self._keep, chosen, character, picture)
        tell(f"{character.name} is saved.")
        return [*await self._show(saved, session), signal + 1]

    def _keep(self, chosen: str, character: Character, picture: str | None) -> str:
        """A new one gets a file of its own; its picture is written only when it is another."""
        portrait = None
        own = picture_of(self._folder, chosen) if chosen else None
        if picture is not None and not (own and Path(picture).read_bytes() == own.read_bytes()):
            portrait = to_portrait(Path(picture).read_bytes(), PORTRAIT_SIDE)
        name = chosen or free_name(self._folder, character.name)
        save_character(self._folder, name, character)
        if portrait is not None:
            save_picture(self._folder, name, portrait)
        return name

    async def _import(self, file: Any, session: Session, signal: int) -> list[Any]:
        path = Path(str(file))
        name = await asyncio.to_thread(import_character, self._folder, path, path.name)
        tell(f"{await asyncio.to_thread(self._people.called, name)} is imported.")
        return [*await self._show(name, session), signal + 1]

    async def _delete(self, chosen: str, session: Session, signal: int) -> list[Any]:
        if not chosen:
            raise RequestError("This character is not saved.", param="character")
        called = await asyncio.to_thread(self._people.called, chosen)
        await asyncio.to_thread(delete_character, self._folder, chosen)
        if session.profile.character == chosen:
            await keep(session, character="")
        tell(f"{called} is deleted.")
        return [*await self._begin(session), signal + 1]

    async def _chat(self, chosen: str, session: Session, profile: int) -> tuple[int, Any]:
        if not chosen:
            raise RequestError("Save the character first.", param="character")
        mode = session.profile.mode
        await keep(session, character=chosen, mode="chat" if mode == "instruct" else mode)
        return profile + 1, Shell.show("chat")
