"""Pictures of a request: what is fetched over real connections, and what is refused."""

import asyncio
import gzip
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpcore
import pytest
import trustme

from extensions.openai.images_in import CONCURRENCY, ImageSource, load_images
from extensions.openai.media.fetching import MAX_REDIRECTS, Fetcher
from extensions.openai.media.network import Guard, PinnedNetwork
from modules.core.errors import RequestError
from modules.core.messages import Image
from modules.settings import Settings
from tests.live.launch import eventually
from tests.unit.openai_media.pictures import BLUE, RED, data_url, square
from tests.unit.openai_media.web import Web, Write, head, serving

pytestmark = pytest.mark.anyio
PNG = square()
PUBLIC, OTHER = "93.184.216.34", "93.184.216.35"


def sources(*urls: str) -> list[ImageSource]:
    return [ImageSource(url, f"messages[0].content[{i}].image_url") for i, url in enumerate(urls)]


async def load(*urls: str, fetcher: Fetcher | None = None, **settings: Any) -> list[Image]:
    """With private addresses allowed, since that is where the tests' servers are."""
    given = Settings(**{"allow_local_images": True} | settings)
    return await load_images(sources(*urls), given, fetcher=fetcher)


async def refusal(*urls: str, **options: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await load(*urls, **options)
    return caught.value


async def names(host: str, port: int) -> Sequence[str]:
    """What the tests' names mean."""
    if host not in ("pictures.example.org", "other.example.org", "inside.example.org"):
        raise OSError
    return {"pictures": [PUBLIC], "other": [OTHER], "inside": ["10.0.0.1"]}[host.split(".")[0]]


class Detour:
    """Public addresses lead to this machine, after all checks; `connected` has those that were asked for."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    def __call__(self, addresses: Sequence[str]) -> httpcore.AsyncNetworkBackend:
        self.connected += addresses
        return PinnedNetwork(["127.0.0.1"])

    @property
    def fetcher(self) -> Fetcher:
        return Fetcher(Guard(allows_local=False, resolve=names), network=self)


async def test_pictures_come_in_the_order_of_their_sources(web: Web) -> None:
    red, blue = web.serve("/red", PNG), web.serve("/blue", square(color=BLUE))
    images = await load(data_url(PNG), blue, red)
    assert [image.rgb[:3] for image in images] == [bytes(RED), bytes(BLUE), bytes(RED)]


async def test_no_pictures_at_all() -> None:
    assert await load() == []


async def test_the_same_url_is_fetched_and_decoded_once(web: Web) -> None:
    url = web.serve("/", PNG)
    first, second = await load(url, url)
    assert web.paths == ["/"]
    assert first is second


async def test_nothing_of_this_machine_goes_along(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    answer = web.serve("/b", PNG, set_cookie="a=b")
    await load(web.redirect("/a", answer))
    for request in web.seen:
        assert request.headers.keys() == {
            *("host", "accept", "accept-encoding", "user-agent", "connection")
        }
        assert request.headers["host"] == f"127.0.0.1:{web.port}"


async def test_the_type_that_a_server_tells_counts_for_nothing(web: Web) -> None:
    assert await load(web.serve("/", PNG, content_type="text/html"))
    refused = await refusal(web.serve("/", b"<html>", content_type="image/png"))
    assert refused.code == "invalid_image"


async def test_path_and_query_arrive_as_they_were_sent(web: Web) -> None:
    await load(web.serve("/a%20b/c%2Fd?x=%26&y=1", PNG))
    assert web.paths == ["/a%20b/c%2Fd?x=%26&y=1"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 X", "308 X"])
async def test_redirects_are_followed(web: Web, status: str) -> None:
    web.serve("/there", PNG)
    assert await load(web.redirect("/here", "there", status))


async def test_three_redirects_and_no_more(web: Web) -> None:
    web.serve("/0", PNG)
    for hop in range(1, MAX_REDIRECTS + 2):
        web.redirect(f"/{hop}", f"/{hop - 1}")
    assert await load(web.url(f"/{MAX_REDIRECTS}"))
    refused = await refusal(web.url(f"/{MAX_REDIRECTS + 1}"))
    assert refused.code == "image_fetch_failed"
    assert "redirected" in refused.message


async def test_a_redirect_in_a_circle(web: Web) -> None:
    assert (await refusal(web.redirect("/", "/"))).code == "image_fetch_failed"
    assert len(web.seen) == MAX_REDIRECTS + 1


async def test_a_redirect_to_nowhere(web: Web) -> None:
    url = web.serve("/", b"", "302 Found")
    assert (await refusal(url)).code == "image_fetch_failed"


async def test_public_addresses_are_connected_to_as_they_were_checked(web: Web) -> None:
    detour = Detour()
    web.serve("/b", PNG)
    web.redirect("/a", web.url("/b", "other.example.org"))
    url = web.url("/a", "pictures.example.org")
    assert await load(url, fetcher=detour.fetcher, allow_local_images=False)
    assert detour.connected == [PUBLIC, OTHER]
    hosts = [request.headers["host"].split(":")[0] for request in web.seen]
    assert hosts == ["pictures.example.org", "other.example.org"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/b",
        "http://localhost:{port}/b",
        "http://[::ffff:127.0.0.1]:{port}/b",
        "http://169.254.169.254/latest/meta-data/",
        "http://inside.example.org:{port}/b",
        "//inside.example.org:{port}/b",
        "file:///etc/hostname",
        "ftp://pictures.example.org/b",
        "http://me:secret@pictures.example.org:{port}/b",
    ],
)
async def test_a_redirect_to_where_no_request_may_go(web: Web, target: str) -> None:
    web.serve("/b", PNG)
    web.redirect("/a", target.format(port=web.port))
    url = web.url("/a", "pictures.example.org")
    refused = await refusal(url, fetcher=Detour().fetcher, allow_local_images=False)
    assert refused.code == "image_url_blocked"
    assert web.paths == ["/a"]
    assert "secret" not in refused.message


async def test_private_addresses_are_blocked_by_default(web: Web) -> None:
    url = web.serve("/", PNG)
    refused = await refusal(url, allow_local_images=False)
    closed = await refusal("http://127.0.0.1:9/", allow_local_images=False)
    assert (refused.code, refused.message) == (closed.code, closed.message)
    assert refused.code == "image_url_blocked"
    assert web.seen == []


async def test_the_disk_is_closed_by_default(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    for url in (str(file), file.as_uri(), file.as_uri().replace("/a", "/none")):
        assert (await refusal(url, allow_local_images=False)).code == "image_url_blocked"
    assert len(await load(str(file), file.as_uri())) == 2


@pytest.mark.parametrize(
    "status", ["204 None", "206 Part", "304 Same", "403 No", "404 No", "500 Oh"]
)
async def test_other_answers_than_a_file(web: Web, status: str) -> None:
    refused = await refusal(web.serve("/", PNG, status))
    assert refused.code == "image_fetch_failed"
    assert status[:3] in refused.message


async def test_what_is_too_large_by_its_length_is_not_read(web: Web) -> None:
    url = web.answer("/", lambda write: write(head(**{"content-length": str(10**15)})))
    assert (await refusal(url)).code == "image_too_large"


def endless(write: Write) -> None:
    write(head(**{"transfer-encoding": "chunked"}))
    while True:
        write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


async def test_what_grows_too_large_is_given_up(web: Web) -> None:
    assert (await refusal(web.answer("/", endless), max_image_mb=1)).code == "image_too_large"


def until_closed(write: Write) -> None:
    write(head())
    write(PNG)


async def test_a_length_is_not_needed(web: Web) -> None:
    assert await load(web.answer("/", until_closed))


@pytest.mark.parametrize("told", [len(PNG) + 1, len(PNG) * 2, 10**6])
async def test_less_than_was_told(web: Web, told: int) -> None:
    def answer(write: Write) -> None:
        write(head(**{"content-length": str(told)}) + PNG)

    assert (await refusal(web.answer("/", answer))).code == "image_fetch_failed"


async def test_more_than_was_told(web: Web) -> None:
    def answer(write: Write) -> None:
        write(head(**{"content-length": str(len(PNG) - 30)}) + PNG)

    assert (await refusal(web.answer("/", answer))).code == "invalid_image"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
async def test_compressed_answers_are_refused(web: Web, encoding: str) -> None:
    bomb = gzip.compress(bytes(10**7))
    refused = await refusal(web.serve("/", bomb, content_encoding=encoding))
    assert refused.code == "image_fetch_failed"
    assert "compressed" in refused.message


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200\r\n\r",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 1_000_000,
        b"\x16\x03\x01\x00\x00",
    ],
    ids=lambda raw: repr(raw[:40]),
)
async def test_what_is_no_http(web: Web, raw: bytes) -> None:
    assert (await refusal(web.answer("/", lambda write: write(raw)))).code == "image_fetch_failed"


async def test_a_closed_port_and_an_unknown_name() -> None:
    for url in ("http://127.0.0.1:9/", "http://[::1]:9/"):
        assert (await refusal(url)).code == "image_fetch_failed"
    fetcher = Detour().fetcher
    unknown = await refusal("http://unknown.example.org/", fetcher=fetcher)
    assert unknown.code == "image_fetch_failed"
    assert "name" in unknown.message


def drip(*beginnings: bytes) -> tuple[Callable[[Write], None], threading.Event]:
    """Sends a byte now and then, for ever; the event is set when nobody reads any more."""
    left = threading.Event()

    def answer(write: Write) -> None:
        try:
            for beginning in beginnings:
                write(beginning)
            while not left.wait(0.01):
                write(b"a")
        except OSError:
            left.set()

    return answer, left


@pytest.mark.parametrize(
    "beginnings",
    [(), (b"HTTP/1.1 200 OK\r\na: ",), (head(**{"content-length": "1000000"}),)],
    ids=["before", "in the head", "in the body"],
)
async def test_a_server_that_drips_is_left(web: Web, beginnings: tuple[bytes, ...]) -> None:
    answer, left = drip(*beginnings)
    if not beginnings:
        answer, left = drip(b"")
    refused = await refusal(web.answer("/", answer), image_timeout_s=0.3)
    assert refused.code == "image_fetch_failed"
    assert await asyncio.to_thread(left.wait, 20)


async def test_a_server_that_says_nothing_is_left(web: Web) -> None:
    ends = threading.Event()
    url = web.answer("/", lambda write: ends.wait(20) and None)
    try:
        refused = await refusal(url, image_timeout_s=0.2)
    finally:
        ends.set()
    assert "0.2 seconds" in refused.message


async def test_the_time_is_for_all_pictures_together(web: Web) -> None:
    answer, _ = drip(head(**{"content-length": "1000000"}))
    urls = [web.answer(f"/{i}", answer) for i in range(3 * CONCURRENCY)]
    assert (await refusal(*urls, image_timeout_s=0.3)).param == "messages[0].content[0].image_url"
    assert len(web.seen) <= CONCURRENCY


async def test_a_name_server_that_does_not_answer() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    fetcher = Fetcher(Guard(allows_local=False, resolve=never))
    refused = await refusal("http://example.org/", fetcher=fetcher, image_timeout_s=0.1)
    assert refused.code == "image_fetch_failed"


async def test_who_gives_up_closes_the_connection(web: Web) -> None:
    answer, left = drip(head(**{"content-length": "1000000"}))
    task = asyncio.create_task(load(web.answer("/", answer)))
    await asyncio.to_thread(eventually, lambda: web.seen)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(left.wait, 20)


async def test_some_are_fetched_at_the_same_time_but_not_all(web: Web) -> None:
    together = threading.Barrier(CONCURRENCY)  # breaks when fewer come
    lock, running, most = threading.Lock(), 0, 0

    def answer(write: Write) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(20)
        with lock:
            running -= 1
        write(head(**{"content-length": str(len(PNG))}) + PNG)

    urls = [web.answer(f"/{i}", answer) for i in range(2 * CONCURRENCY)]
    assert len(await load(*urls)) == 2 * CONCURRENCY
    assert most == CONCURRENCY


async def test_the_first_fault_is_told_whatever_comes_first(web: Web) -> None:
    second_is_done = threading.Event()

    def late(write: Write) -> None:
        second_is_done.wait(20)
        write(head("404 Not Found", **{"content-length": "0"}))

    def early(write: Write) -> None:
        write(head("500 Oh", **{"content-length": "0"}))
        second_is_done.set()

    refused = await refusal(data_url(PNG), web.answer("/late", late), web.answer("/early", early))
    assert refused.param == "messages[0].content[1].image_url"
    assert "404" in refused.message


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "invalid_image_url"),
        ("a.png", "invalid_image_url"),
        ("http:/a", "invalid_image_url"),
        ("javascript:alert(1)", "invalid_image_url"),
        ("ftp://example.org/a.png", "invalid_image_url"),
        ("//example.org/a.png", "invalid_image_url"),
        ("data:image/png;base64,AAAA", "invalid_image"),
        ("data:image/png;base64,*", "invalid_image"),
        ("https://me:secret@example.org/", "image_url_blocked"),
        ("file:///etc/passwd", "image_url_blocked"),
        ("/etc/passwd", "image_url_blocked"),
    ],
)
async def test_what_is_refused_at_once(url: str, code: str) -> None:
    refused = await refusal(data_url(PNG), url, allow_local_images=False)
    assert (refused.param, refused.code) == ("messages[0].content[1].image_url", code)
    assert "secret" not in refused.message
    assert "passwd" not in refused.message


async def test_too_many_pictures() -> None:
    refused = await refusal(*[data_url(PNG)] * 3, max_images=2)
    assert (refused.param, refused.code) == ("messages[0].content[2].image_url", "too_many_images")
    assert len(await load(*[data_url(PNG)] * 2, max_images=2)) == 2


async def test_files_may_be_so_large_together(web: Web, tmp_path: Path) -> None:
    large, other = (square("BMP", color, (300, 200)) for color in (RED, BLUE))  # 180 kB
    file = tmp_path / "a.bmp"
    file.write_bytes(large)
    for url in (data_url(large), web.serve("/", large), str(file)):
        assert await load(url, max_image_mb=0.25)
        refused = await refusal(url, data_url(other), max_image_mb=0.25)
        assert refused.code == "image_too_large"
        assert "0.25 MiB" in refused.message
        assert (await refusal(url, max_image_mb=0.1)).code == "image_too_large"


async def test_pixels_are_counted_together() -> None:
    urls = [data_url(square(color=(i, 0, 0), size=(10, 10))) for i in range(3)]
    assert len(await load(*urls, max_image_pixels=300)) == 3
    refused = await refusal(*urls, max_image_pixels=299)
    assert (refused.param, refused.code) == ("messages[0].content[2].image_url", "image_too_large")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_web(authority: trustme.CA) -> Iterator[Web]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pictures.example.org").configure_cert(context)
    with serving(context) as started:
        yield started


def trusting(authority: trustme.CA) -> Fetcher:
    def tls() -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    return Fetcher(Guard(allows_local=False, resolve=names), tls, Detour())


async def test_tls_is_checked_against_the_name_of_the_url(secure_web: Web, authority: trustme.CA) -> None:  # fmt: skip
    secure_web.serve("/", PNG)
    url = secure_web.url("/", "pictures.example.org")
    assert await load(url, fetcher=trusting(authority))
    assert secure_web.names == ["pictures.example.org"]
    assert secure_web.seen[0].headers["host"] == f"pictures.example.org:{secure_web.port}"


async def test_a_certificate_of_another_name(secure_web: Web, authority: trustme.CA) -> None:
    secure_web.serve("/", PNG)
    url = secure_web.url("/", "other.example.org")
    refused = await refusal(url, fetcher=trusting(authority))
    assert refused.code == "image_fetch_failed"
    assert secure_web.seen == []


async def test_a_certificate_that_nobody_vouches_for(secure_web: Web) -> None:
    secure_web.serve("/", PNG)
    url = secure_web.url("/", "pictures.example.org")
    assert (await refusal(url, fetcher=Detour().fetcher)).code == "image_fetch_failed"
    assert secure_web.seen == []
