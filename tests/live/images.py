"""What tests of pictures share: a server that draws, files of pictures, events of streams."""

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.live.launch import Server, running

PATIENCE_S = 120.0
"""To load the libraries takes long on a machine that is busy."""
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
MODEL = "tiny-diffusion"


@contextmanager
def drawing(folder: Path, *flags: str, **options: Any) -> Iterator[Server]:
    """A server without a chat model, whose image model is loaded."""
    with running(
        folder, "--model", "none", *flags, is_ready=False, env=ONE_THREAD, **options
    ) as server:
        yield server


def warm_up(server: Server, **headers: str) -> None:
    with server.client(timeout=PATIENCE_S, headers=headers) as client:
        body = {"model_name": MODEL}
        response = client.post("/v1/internal/media/image/load", json=body)
    assert response.status_code == 200, response.text


def opened(data: str | bytes) -> Image.Image:
    """From base64 or bytes."""
    data = base64.b64decode(data, validate=True) if isinstance(data, str) else data
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def file_of(picture: Image.Image, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    picture.save(data, kind)
    return data.getvalue()


def data_url(picture: Image.Image) -> str:
    return f"data:image/png;base64,{base64.b64encode(file_of(picture)).decode()}"


def mask_of(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """Transparent in the box, which marks it."""
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), box)
    return mask


def settings_in(picture: Image.Image) -> dict[str, Any]:
    return json.loads(picture.info["image_gen_settings"])


def named_events(response: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream of pictures: a line with the name, a line with the data; `[DONE]` at the end."""
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = [each for each in response.text.split("\n\n") if each and not each.startswith(":")]
    assert blocks.pop() == "data: [DONE]"
    found: list[dict[str, Any]] = []
    for block in blocks:
        name, data = block.split("\n")
        body = json.loads(data.removeprefix("data: "))
        assert name == f"event: {body['type']}"
        found.append(body)
    return found
