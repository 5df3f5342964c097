"""Who may change the program itself from a page."""

from modules.core.errors import AuthError
from modules.settings import Settings
from modules.ui.session import Session


def check_manager(settings: Settings, session: Session) -> None:
    """With --multi-user only people with a login; else everybody who can open the page. AuthError."""
    if settings.multi_user and session.user is None:
        raise AuthError("Only people who are logged in can change this.", is_forbidden=True)
