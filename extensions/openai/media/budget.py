"""How much the pictures of one request may be, all together."""

from extensions.openai.media.errors import too_large

MIB = 2**20


class ByteBudget:
    """Bytes of the files, counted while they come in. For one thread."""

    def __init__(self, limit_mb: float) -> None:
        self._limit_mb = limit_mb
        self.left = int(limit_mb * MIB)

    def take(self, count: int) -> None:
        """RequestError when that is more than is left."""
        self.check(count)
        self.left -= count

    def check(self, count: int) -> None:
        if count > self.left:
            raise too_large(self._limit_mb)
