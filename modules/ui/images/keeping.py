"""Whether and where pictures of a page are kept."""

from pathlib import Path

from modules.chats.disk_store import user_folder
from modules.settings import Settings
from modules.ui.images.store import ImageOutputs
from modules.ui.keeping import keep
from modules.ui.session import Session

FOLDER = "image_outputs"
PART = "images"
KEEPS = "keeps"


def outputs_of(session: Session, settings: Settings) -> ImageOutputs | None:
    """Where this person's pictures are; None for visitors of whom nothing is kept."""
    if session.is_private:
        return None
    user = session.user if settings.multi_user else None
    return ImageOutputs(user_folder(Path(settings.user_data_dir) / FOLDER, user))


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


async def switch(session: Session, *, is_on: bool) -> None:
    """ConfigError when it cannot be kept beyond this page."""
    await keep(session, extra={**session.profile.extra, PART: {KEEPS: is_on}})
