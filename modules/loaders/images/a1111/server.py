"""The operator's server, as the settings describe it."""

from dataclasses import dataclass, field

from modules.core.errors import ConfigError
from modules.loaders.images.a1111.address import WebuiAddress, parse_webui_url
from modules.loaders.images.a1111.checkpoints import Checkpoints
from modules.loaders.media_catalog import InstalledMedia

NAME = "sd-webui"
"""The model that stands for whatever checkpoint the server has loaded."""
LOADER = "a1111"
MULTIPLE = 8
"""Sides of pictures are multiples of it."""
MIN_BASE_SIZE = 64


@dataclass(frozen=True, slots=True)
class WebuiServer:
    """`base_size`: the side in pixels that its checkpoints draw best, 0 where nobody said."""

    address: WebuiAddress
    base_size: int = 0
    checkpoints: Checkpoints = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkpoints", Checkpoints(self.address))

    @property
    def current(self) -> InstalledMedia:
        return self.model(NAME)

    def model(self, name: str) -> InstalledMedia:
        return InstalledMedia(name, LOADER, source=self)

    def models(self) -> list[InstalledMedia]:
        """Its checkpoints, as far as they are known. Blocking, for a few seconds at most."""
        return [self.model(checkpoint.name) for checkpoint in self.checkpoints.known()]


def find_server(url: str | None, base_size: int) -> WebuiServer | None:
    """Nothing is connected to yet; ConfigError where the URL or the size is wrong."""
    if not url:
        return None
    if base_size % MULTIPLE or 0 < base_size < MIN_BASE_SIZE:
        raise ConfigError(
            f"sd_base_model_size must be a multiple of {MULTIPLE} from {MIN_BASE_SIZE} on, or 0; got {base_size}."
        )
    return WebuiServer(parse_webui_url(url), base_size)
