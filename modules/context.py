"""What the faces of the program share: one object, built in `server.py` and passed in, never a global."""

from dataclasses import dataclass, field

from modules.core.life import Life
from modules.downloads.manager import Downloads
from modules.engine.manager import ModelManager
from modules.engine.media.engines import MediaEngines
from modules.engine.traffic import Traffic
from modules.hooks import Hooks
from modules.settings import Settings


@dataclass(frozen=True, slots=True)
class AppContext:
    settings: Settings
    models: ModelManager
    media: MediaEngines
    hooks: Hooks = field(default_factory=Hooks)
    downloads: Downloads = field(default_factory=Downloads)
    life: Life = field(default_factory=Life)
    traffic: Traffic = field(default_factory=Traffic)
