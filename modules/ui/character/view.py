"""The list of characters and a preview of one, as HTML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modules.core.errors import RequestError
from modules.prompts.characters import Character
from modules.prompts.modes import to_persona
from modules.ui.chat.people import Face
from modules.ui.markup import to_markup
from modules.ui.profile import Profile

_EMPHASIS = re.compile(r"\*([^*\n]+)\*")

ON_CLICK = """
element.addEventListener('click', event => {
  const button = event.target.closest('[data-name]');
  if (button) trigger('select', { name: button.dataset.name });
});
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of a character as the user will meet it. `problem`: why that cannot be."""

    name: str
    greeting: str
    context: str
    problem: str = ""


def to_list(faces: Sequence[Face], chosen: str) -> str:
    """Buttons with face and name; a click tells `select` with the name of the file, as `chosen` has it."""
    if not faces:
        return '<div class="notice">No characters yet. Make one, or import a card.</div>'
    return f'<div class="faces">{"".join(_button(face, face.id == chosen) for face in faces)}</div>'


def to_face(face: Face) -> str:
    if face.picture:
        return f'<img class="portrait" src="{to_markup(face.picture)}" alt="">'
    return f'<span class="portrait letter" aria-hidden="true">{to_markup(face.name[:1].upper() or "?")}</span>'


def to_preview(character: Character, profile: Profile) -> Preview:
    """With the names in place of their placeholders."""
    try:
        persona = to_persona(character, user_name=profile.user_name or None)
    except RequestError as error:
        return Preview(character.name, "", "", error.message)
    return Preview(persona.bot_name, persona.greeting, persona.context)


def preview_head(face: Face, preview: Preview) -> str:
    note = preview.problem or (
        "Says first:" if preview.greeting else "Says nothing first; you begin the chat."
    )
    return (
        f'<div class="preview-head">{to_face(face)}<div><b>{to_markup(preview.name)}</b>'
        f'<div class="note">{to_markup(note)}</div></div></div>'
    )


def greeting_html(text: str) -> str:
    """Text with its *emphasis*; nothing else of it is markup, so that a card from elsewhere cannot make the page load anything."""
    if not text:
        return ""
    shown = _EMPHASIS.sub(r"<em>\1</em>", to_markup(text))
    return f'<div class="greeting">{shown}</div>'


def _button(face: Face, is_chosen: bool) -> str:
    pressed = str(is_chosen).lower()
    return (
        f'<button type="button" data-name="{to_markup(face.id)}" aria-pressed="{pressed}">{to_face(face)}'
        f"<span>{to_markup(face.name)}</span></button>"
    )
