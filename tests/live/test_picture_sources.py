"""Where the pictures of a request may come from, with the real program and the tiny vision model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.launch import ROOT, Server, running
from tests.live.wire import error_of
from tests.unit.openai_media.pictures import BLUE, data_url, square
from tests.unit.openai_media.web import Web, serving

CHAT = "/v1/chat/completions"
MODELS = {
    name: ROOT / "user_data" / "models" / name
    for name in ("tiny-vision-Q8_0.gguf", "tiny-vision-mmproj-F16.gguf")
}
PICTURE = square(color=BLUE, size=(64, 64))


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server with its defaults."""
    folder = tmp_path_factory.mktemp("closed")
    with running(folder, models=MODELS) as server, server.client() as client:
        yield client


def ask(http: httpx.Client, *urls: str) -> httpx.Response:
    pictures: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": url}} for url in urls
    ]
    content = [{"type": "text", "text": "What is this?"}, *pictures]
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 8, "temperature": 0}
    return http.post(CHAT, json=body)


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def test_a_picture_is_the_same_wherever_it_comes_from(
    launch: Callable[..., Server], web: Web, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(PICTURE)
    with launch("--allow-local-images", models=MODELS).client() as http:
        inline = said(ask(http, data_url(PICTURE)))
        assert inline
        assert said(ask(http, web.serve("/a", PICTURE))) == inline
        assert said(ask(http, web.redirect("/b", "/a"))) == inline
        assert said(ask(http, str(file))) == inline
        error_of(ask(http, web.url("/none")), 400)


def test_this_machine_is_closed_by_default(closed: httpx.Client, web: Web, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(PICTURE)
    before = len(web.seen)
    for url in (web.serve("/a", PICTURE), str(file), file.as_uri(), "http://169.254.169.254/"):
        error = error_of(ask(closed, data_url(PICTURE), url), 400)
        assert error["code"] == "image_url_blocked"
        assert error["param"] == "messages[0].content[2].image_url"
    assert len(web.seen) == before


def test_a_faulty_picture_is_told_before_a_stream_begins(closed: httpx.Client) -> None:
    part = {"type": "image_url", "image_url": {"url": data_url(PICTURE[:40])}}
    body = {"messages": [{"role": "user", "content": [part]}], "stream": True}
    assert error_of(closed.post(CHAT, json=body), 400)["code"] == "invalid_image"


def test_a_body_may_be_large_for_a_picture_but_not_of_many_parts(closed: httpx.Client) -> None:
    bmp = square("BMP", BLUE, (2600, 2600))  # 20 MB, a third more in base64
    assert said(ask(closed, data_url(bmp)))
    parts = b'{"messages": [' + b"[]," * 1_500_000 + b"[]]}"
    response = closed.post(CHAT, content=parts, headers={"content-type": "application/json"})
    assert error_of(response, 413)["code"] == "request_too_large"
