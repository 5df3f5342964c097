"""Texts of the notebook that people keep: one file each, in a folder for each user. All of it may block."""

from pathlib import Path

from modules.chats.disk_store import user_folder
from modules.core.errors import RequestError
from modules.prompts.user_files import (
    delete_file,
    find_file,
    list_names,
    place_for,
    write_user_file,
)
from modules.ui.session import Session

EXTENSIONS = (".txt",)
MAX_BYTES = 20 * 2**20


class NotebookFiles:
    """`folder`: of all users."""

    def __init__(self, folder: Path, *, has_users: bool) -> None:
        self._folder = folder
        self._has_users = has_users

    def names(self, session: Session) -> list[str]:
        return [] if session.is_private else list_names(self._of(session), EXTENSIONS)

    def load(self, session: Session, name: str) -> str:
        path = find_file(self._of(session), name, EXTENSIONS, param="text")
        if path.stat().st_size > MAX_BYTES:
            raise RequestError(
                f"{path.name} is larger than {MAX_BYTES // 2**20} MiB.", param="text"
            )
        return path.read_text(encoding="utf-8", errors="replace")

    def save(self, session: Session, name: str, text: str) -> None:
        folder = self._of(session)
        write_user_file(
            place_for(folder, name, EXTENSIONS, param="text"),
            text.encode("utf-8", "replace"),
            param="text",
        )

    def delete(self, session: Session, name: str) -> None:
        delete_file(find_file(self._of(session), name, EXTENSIONS, param="text"), param="text")

    def _of(self, session: Session) -> Path:
        if session.is_private:
            raise RequestError("Nothing is kept of this page, so texts cannot be saved here.")
        return user_folder(self._folder, session.user if self._has_users else None)
