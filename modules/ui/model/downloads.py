"""Downloads on the page: which files a repository offers, how far each download is, and how one goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from modules.core.errors import NotFound, RequestError
from modules.downloads.choice import choose_files
from modules.downloads.download import Download
from modules.downloads.ggufs import GgufModel, gguf_models
from modules.downloads.manager import Downloads
from modules.downloads.remote import RemoteRepository
from modules.downloads.sizes import shown_size
from modules.downloads.staging import Leftover
from modules.downloads.wanted import PURPOSES, Purpose, Wanted, parse_wanted
from modules.ui.markup import chip, progress_bar, to_markup

EVERYTHING = ""
"""The choice of files that leaves it to what the purpose needs."""
USUAL_QUANTISATION = "q4_k_m"
PURPOSE_TITLES: dict[Purpose, str] = {
    "models": "Text model",
    "lora": "LoRA adapter",
    "embedding": "Embedding model",
    "rerank": "Reranker",
    "whisper": "Whisper model",
    "speech": "Voice model",
    "image": "Image model",
    "mmproj": "Projector for pictures",
}
_ENDED = ("done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, slots=True)
class Row:
    """One download as it is shown. `seconds_left`: None where nobody knows."""

    key: str
    model: str
    state: str
    done: int
    total: int
    speed: float = 0.0
    seconds_left: float | None = None
    error: str = ""

    @property
    def is_running(self) -> bool:
        return self.state not in _ENDED


def to_wanted(name: str, branch: str, file: str, purpose: str, *, overwrite: bool) -> Wanted:
    """RequestError says what a name looks like."""
    name, branch = name.strip(), branch.strip()
    if branch and "://" not in name and ":" not in name:
        name = f"{name}:{branch}"
    return parse_wanted(
        name,
        [file] if file else [],
        purpose=purpose if purpose in PURPOSES else "models",
        overwrite=overwrite,
    )


def to_file_choices(repository: RemoteRepository, wanted: Wanted) -> list[tuple[str, str]]:
    """Labels and paths: what is taken when no file is named, where that is clear, and each GGUF model with its size."""
    models = gguf_models(file for file in repository.files if not file.is_hidden)
    is_clear = not models or (len(models) > 1 and _needs_no_name(repository, wanted))
    general = [("What the model needs", EVERYTHING)] if is_clear else []
    return [*general, *((_label(model), model.parts[0].path) for model in models)]


def _needs_no_name(repository: RemoteRepository, wanted: Wanted) -> bool:
    try:
        choose_files(repository, wanted)
    except RequestError:
        return False
    return True


def to_first_choice(choices: Sequence[tuple[str, str]]) -> str:
    """Of models that differ in their quantisation the one that most people take."""
    paths = [path for _, path in choices]
    usual = (path for path in paths if USUAL_QUANTISATION in path.lower())
    return paths[0] if EVERYTHING in paths else next(usual, paths[0])


def _label(model: GgufModel) -> str:
    count = len(model.parts)
    parts = f", {count} parts" if count > 1 else ""
    return f"{model.parts[0].path} ({shown_size(model.size)}{parts})"


async def read_rows(downloads: Downloads) -> list[Row]:
    """Running and ended ones, the newest first; then what earlier runs of the program left."""
    known = [_known_row(each) for each in reversed(downloads.known)]
    return [*known, *(_left_row(each) for each in await downloads.leftovers())]


def _known_row(download: Download) -> Row:
    speed = download.speed.bytes_per_second() if download.is_running else 0.0
    return Row(
        download.key,
        download.wanted.model,
        download.state,
        download.bytes_done,
        download.bytes_total,
        speed,
        download.bytes_left / speed if speed else None,
        "" if download.error is None else download.error.message,
    )


def _left_row(left: Leftover) -> Row:
    return Row(left.key, left.model, "interrupted", left.bytes_done, left.bytes_total)


async def find_wanted(downloads: Downloads, key: str) -> Wanted:
    """Of a download that did not end, so that it goes on. NotFound."""
    known = next((each for each in downloads.known if each.key == key), None)
    if known is not None:
        return known.wanted
    for left in await downloads.leftovers():
        if left.key == key and left.files:
            purpose = cast("Purpose", key.partition("--")[0])
            return parse_wanted(left.model, left.files[:100], purpose=purpose)
    raise NotFound("This download is not known any more; start it again by its name.", param="id")


def to_list(rows: Sequence[Row]) -> str:
    if not rows:
        return '<p class="note">Nothing has been downloaded since the start.</p>'
    return f'<div class="items">{"".join(map(_row, rows))}</div>'


def _row(row: Row) -> str:
    kind = {"done": "good", "failed": "bad"}.get(row.state, "")
    share = row.done / row.total if row.total else None
    shows_bar = row.state != "done" and (row.is_running or share is not None)
    error = f'<p class="problem">{to_markup(row.error)}</p>' if row.error else ""
    return (
        f'<div class="item download"><span class="item-name">{to_markup(row.model)}</span>{chip(row.state, kind)}'
        f'<span class="item-note">{to_markup(_amounts(row))}</span>{_buttons(row)}'
        f"{progress_bar(share) if shows_bar else ''}{error}</div>"
    )


def _amounts(row: Row) -> str:
    if row.state == "done":
        return shown_size(row.total)
    text = f"{shown_size(row.done)} of {shown_size(row.total)}"
    if row.speed:
        text += f", {shown_size(row.speed)}/s"
    if row.seconds_left is not None:
        text += f", {shown_time(row.seconds_left)} left"
    return text


def _buttons(row: Row) -> str:
    if row.is_running:
        names = [("stop", "Cancel")]
    elif row.state == "done":
        names = [("delete", "Forget")]
    else:
        names = [("retry", "Resume"), ("delete", "Remove")]
    return "".join(
        f'<button type="button" class="small-button" data-do="{event}" data-name="{to_markup(row.key)}">{title}</button>'
        for event, title in names
    )


def shown_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
