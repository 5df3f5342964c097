"""What is said about pictures, as HTML and captions. Pure functions."""

from collections.abc import Mapping
from typing import Any

from modules.core.images import ImageTraits
from modules.engine.media.drawing import DrawnFile
from modules.pictures.sizes import Size, native_size
from modules.ui.images.drawing import Drawing
from modules.ui.markup import notice, progress_note, to_markup

NAMES = {
    "prompt": "Prompt",
    "negative_prompt": "Not in it",
    "model": "Model",
    "size": "Size",
    "steps": "Steps",
    "cfg_scale": "Guidance",
    "seed": "Seed",
    "strength": "How much changed",
}


def model_line(name: str | None, traits: ImageTraits | None) -> str:
    if name is None:
        return '<div class="facts">No image model is installed.</div>'
    if traits is None:
        return (
            f'<div class="facts"><b>{to_markup(name)}</b> is loaded with the first picture.</div>'
        )
    only = f", larger ones are scaled up from {traits.max_side}" if traits.max_side else ""
    return (
        f'<div class="facts"><b>{to_markup(name)}</b> suits {native_size(traits)}{only}, {traits.steps} steps, '
        f"guidance {traits.guidance:g}</div>"
    )


def doing(drawing: Drawing) -> str:
    return progress_note(drawing.note, drawing.share)


def summary(drawing: Drawing, *, kept: bool) -> str:
    """Below the pictures, when they are done."""
    finish, done = drawing.finish, drawing.done
    if finish is None or not done:
        return f'<div class="facts">{to_markup(drawing.note)}</div>'
    seeds = ", ".join(str(file.seed) for file in done)
    request = finish.request
    way = ""
    if finish.original is not None:
        part = "the painted part" if finish.original.mask is not None else "the whole picture"
        way = f" · {part} drawn anew, strength {request.strength:g}"
    place = " · kept in the gallery" if kept else ""
    return (
        f'<div class="facts">{to_markup(drawing.note)} · {finish.size} · {request.steps} {"step" if request.steps == 1 else "steps"} · guidance {request.guidance:g} · '
        f"{'seed' if len(done) == 1 else 'seeds'} <b>{seeds}</b>{way}{place}</div>"
    )


def caption(file: DrawnFile) -> str:
    return "in the making" if file.seed is None else f"seed {file.seed}"


def settings_list(settings: Mapping[str, Any] | None, name: str) -> str:
    """Of a kept picture. `name`: of its file."""
    if settings is None:
        return f'<dl class="settings"><dt>File</dt><dd>{to_markup(name)}</dd></dl><div class="faint">There are no settings in this file.</div>'
    shown = {**settings}
    if isinstance(settings.get("width"), int) and isinstance(settings.get("height"), int):
        shown["size"] = str(Size(settings["width"], settings["height"]))
    rows = [(label, shown[key]) for key, label in NAMES.items() if shown.get(key) not in (None, "")]
    rows.append(("File", name))
    listed = "".join(
        f"<dt>{label}</dt><dd>{to_markup(_shown(value))}</dd>" for label, value in rows
    )
    return f'<dl class="settings">{listed}</dl>'


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def page_note(page: int, pages: int, count: int, damaged: int = 0) -> str:
    """`damaged`: files of this page that cannot be read."""
    if not count:
        return notice("Nothing kept yet. Pictures that are drawn here will appear in this place.")
    pictures = "1 picture" if count == 1 else f"{count} pictures"
    where = f" · page {page} of {pages}" if pages > 1 else ""
    lost = f" · {damaged} here cannot be read: the file is damaged" if damaged else ""
    return f'<div class="facts">{pictures}{where}{lost}</div>'
