"""What is connected to is what was checked."""

import socket
from collections.abc import Sequence

import pytest

from extensions.openai.media.network import Guard, PinnedNetwork, resolve_host
from extensions.openai.media.web_urls import parse_web_url
from modules.core.errors import RequestError
from tests.unit.openai_media.web import Web, head

pytestmark = pytest.mark.anyio
PUBLIC = "93.184.216.34"


class Names:
    """A resolver that answers with one list after the other, and counts how often it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if self._answers else []


async def refusal(guard: Guard, url: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await guard.addresses(parse_web_url(url))
    return caught.value


async def test_a_name_is_looked_up_once() -> None:
    names = Names([PUBLIC, "2606:4700::1111"], ["127.0.0.1"])
    guard = Guard(allows_local=False, resolve=names)
    url = parse_web_url("https://example.org/")
    assert await guard.addresses(url) == [PUBLIC, "2606:4700::1111"]
    assert names.asked == [("example.org", 443)]


async def test_an_address_is_not_looked_up() -> None:
    names = Names()
    guard = Guard(allows_local=False, resolve=names)
    assert await guard.addresses(parse_web_url(f"http://{PUBLIC}/")) == [PUBLIC]
    assert not names.asked


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["fe80::1%1"]]
)
async def test_one_private_address_is_enough_to_refuse_a_name(answer: list[str]) -> None:
    refused = await refusal(Guard(allows_local=False, resolve=Names(answer)), "http://example.org/")
    assert refused.code == "image_url_blocked"


async def test_a_second_lookup_is_checked_again() -> None:
    guard = Guard(allows_local=False, resolve=Names([PUBLIC], ["127.0.0.1"]))
    url = "http://example.org/"
    await guard.addresses(parse_web_url(url))
    assert (await refusal(guard, url)).code == "image_url_blocked"


BLOCKED = [
    *("http://127.0.0.1/", "http://0.0.0.0/", "http://[::1]/", "http://[::]/"),
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://169.254.169.254/latest/"),
    *("http://[fd00::1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"),
    *("http://localhost/", "http://localhost./", "http://LOCALHOST/", "http://a.localhost/"),
    *("http://printer/", "http://printer.local/", "http://metadata.google.internal/"),
    *("http://example.org:22/", "http://example.org:25/", "http://example.org:0/"),
    "http://example.org:6/",
]


@pytest.mark.parametrize("url", BLOCKED)
async def test_places_that_are_not_even_looked_up(url: str) -> None:
    names = Names([PUBLIC])
    refused = await refusal(Guard(allows_local=False, resolve=names), url)
    assert refused.code == "image_url_blocked"
    assert not names.asked


async def test_one_message_for_all_that_is_blocked() -> None:
    guard = Guard(allows_local=False, resolve=Names(["10.0.0.1"]))
    said = {(await refusal(guard, url)).message for url in (*BLOCKED, "http://example.org/")}
    assert len(said) == 1


@pytest.mark.parametrize("url", BLOCKED)
async def test_the_operator_can_allow_them(url: str) -> None:
    guard = Guard(allows_local=True, resolve=Names(["10.0.0.1"]))
    assert await guard.addresses(parse_web_url(url))


async def no_names(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_AGAIN, "no name server")


@pytest.mark.parametrize("resolve", [no_names, Names()])
async def test_an_unknown_name_is_a_fault_of_the_request(resolve) -> None:
    refused = await refusal(Guard(allows_local=False, resolve=resolve), "http://example.org/")
    assert refused.code == "image_fetch_failed"
    assert "name" in refused.message


async def test_the_system_looks_names_up() -> None:
    assert set(await resolve_host("localhost", 80)) <= {"127.0.0.1", "::1"}
    assert await resolve_host("127.0.0.1", 80) == ["127.0.0.1"]


async def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(OSError, match="name"):
        await resolve_host("a" * 64 + ".example.org", 80)


async def test_connections_go_to_the_checked_address_whatever_the_host(web: Web) -> None:
    web.answer("/", lambda write: write(head()))
    stream = await PinnedNetwork(["127.0.0.1"]).connect_tcp("example.org", web.port)
    assert stream.get_extra_info("server_addr")[:2] == ("127.0.0.1", web.port)
    await stream.aclose()


async def test_the_next_address_is_tried_when_one_does_not_answer(web: Web) -> None:
    # 127.0.0.2 is this machine too, and nothing listens there.
    stream = await PinnedNetwork(["127.0.0.2", "127.0.0.1"]).connect_tcp("example.org", web.port)
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    await stream.aclose()
