"""A public address through Cloudflare, by flask-cloudflared."""

import logging
import os
import platform
import random
import shutil
import socket
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from modules.core.errors import ConfigError

log = logging.getLogger("hearth.tunnel")


class Tunnel:
    """`open` blocks for seconds (the library downloads its program when none is on PATH): call it in a thread."""

    def __init__(self, port: int, tunnel_id: str | None) -> None:
        self._port = port
        self._tunnel_id = tunnel_id
        self._folder: str | None = None

    def open(self) -> str:
        """The public URL. ConfigError says why there is none."""
        import flask_cloudflared

        self._folder = tempfile.mkdtemp(prefix="hearth-tunnel-")
        metrics_port = _free_port()
        printed = StringIO()
        # The library looks for its program in the temporary folder, where anyone could have put one:
        # it gets a private folder, with the program from PATH where there is one.
        before, tempfile.tempdir = tempfile.tempdir, self._folder
        try:
            _offer_installed(Path(self._folder))
            with redirect_stdout(printed):
                flask_cloudflared.start_cloudflared(  # pyright: ignore[reportUnknownMemberType]
                    self._port, metrics_port, self._tunnel_id
                )
        except Exception as error:
            self.close()
            raise ConfigError(f"The Cloudflare tunnel could not be opened: {error}") from error
        finally:
            tempfile.tempdir = before
        return flask_cloudflared.get_cloudflared_url() or "address unknown"

    def close(self) -> None:
        import flask_cloudflared

        flask_cloudflared.cleanup_cloudflared()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _offer_installed(folder: Path) -> None:
    """Put the `cloudflared` of PATH where the library looks for its own."""
    import flask_cloudflared

    installed = shutil.which("cloudflared")
    known = flask_cloudflared.CLOUDFLARED_CONFIG.get((platform.system(), platform.machine()))
    if installed is not None and known is not None:
        os.symlink(installed, folder / known["command"])  # noqa: PTH211
    elif installed is None:
        log.info("cloudflared is not on PATH: it is downloaded now")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1] or random.randint(8100, 9000)
