"""Changes of a profile that are kept on the disk."""

import asyncio
from dataclasses import replace
from typing import Any

from modules.core.errors import ConfigError
from modules.ui.profile import Profile
from modules.ui.profile_changes import with_changes
from modules.ui.session import Session


async def keep(session: Session, **changes: Any) -> None:
    """Fields of the profile by their names. They count at once; ConfigError when they cannot be kept beyond this page.

    What other pages of the person have changed meanwhile stays on the disk; this page sees it when it is opened again.
    """
    session.profile = replace(session.profile, **changes)
    async with session.keeping:  # of two changes of one field, the later is written last
        known, mine = session.known_profile, session.profile

        def merged(kept: Profile | None) -> Profile:
            return mine if kept is None else with_changes(kept, known, mine)

        try:
            await asyncio.to_thread(session.profiles.update, merged)
        except OSError as error:
            raise ConfigError(f"Your settings cannot be kept: {error.strerror}.") from None
        session.known_profile = mine
