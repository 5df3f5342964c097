"""What one open page of the web UI remembers on the server, between its events."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from modules.ui.profile import ForgottenProfile, Parameters, Profile, ProfileStore


@dataclass
class Session:
    """Held by the page's `gr.State`: handlers that take the state get this very object, so what they change stays changed.

    `user`: the name that was logged in with, None without logins; `person`: the same where each has things of their own, as
    `Asked.person` has it. `is_private`: nothing of this page is kept, whatever the profile says.
    `parts`: what tabs keep here, by names of theirs.
    """

    user: str | None = None
    person: str = ""
    is_open: bool = False
    is_private: bool = False
    profile: Profile = field(default_factory=Profile)
    profiles: ProfileStore = field(default_factory=ForgottenProfile)
    known_profile: Profile = field(default_factory=Profile)
    """As it was read, or written last: where `profile` differs from it, this page has changed something that is not kept yet."""
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    chat_parameters: Parameters | None = None
    """Of the chat that is open, where it has its own; the profile's otherwise."""
    parts: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def parameters(self) -> Parameters:
        return self.chat_parameters or self.profile.parameters
