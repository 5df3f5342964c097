"""Changes of a profile that are kept on the disk."""

import asyncio
from dataclasses import replace
from typing import Any

from modules.core.errors import ConfigError
from modules.ui.session import Session


async def keep(session: Session, **changes: Any) -> None:
    """Fields of the profile by their names. They count at once; ConfigError when they cannot be kept beyond this page."""
    session.profile = replace(session.profile, **changes)
    try:
        # The newest profile at the time of writing: of two changes at once the last written has both.
        await asyncio.to_thread(lambda: session.profiles.save(session.profile))
    except OSError as error:
        raise ConfigError(f"Your settings cannot be kept: {error.strerror}.") from None
