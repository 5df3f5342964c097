"""Whether and where pictures of a page are kept."""

from dataclasses import replace
from pathlib import Path

from modules.settings import Settings
from modules.ui.images.store import ImageOutputs
from modules.ui.profile import to_file_name
from modules.ui.session import Session

FOLDER = "image_outputs"
PART = "images"
KEEPS = "keeps"


def outputs_of(session: Session, settings: Settings) -> ImageOutputs | None:
    """Where this person's pictures are; None for visitors of whom nothing is kept."""
    if session.is_private:
        return None
    folder = Path(settings.user_data_dir) / FOLDER
    if settings.multi_user and session.user is not None:
        folder = folder / "users" / to_file_name(session.user)
    return ImageOutputs(folder)


def wants_kept(session: Session) -> bool:
    """The person's own switch."""
    return bool(session.profile.extra.get(PART, {}).get(KEEPS, True))


def keeps(session: Session) -> bool:
    return not session.is_private and session.profile.keeps_history and wants_kept(session)


def why_not(session: Session) -> str:
    """For people; empty where pictures are kept."""
    if session.is_private:
        return "This page keeps nothing, so pictures are gone when it is closed."
    if not session.profile.keeps_history:
        return "History is off, so new pictures are not kept."
    return "" if wants_kept(session) else "New pictures are not kept."


def switch(session: Session, *, is_on: bool) -> None:
    """Writes a small file: for a worker thread."""
    extra = {**session.profile.extra, PART: {KEEPS: is_on}}
    session.change_profile(replace(session.profile, extra=extra))
