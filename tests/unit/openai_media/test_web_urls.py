"""URLs are taken apart in one way only, and odd ones not at all."""

import pytest

from extensions.openai.media.web_urls import MAX_URL_CHARS, WebUrl, parse_web_url
from modules.core.errors import RequestError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.org", WebUrl("http", "example.org", 80, "/")),
        ("HTTPS://Example.ORG./A%20b?q=1&r=%2F#part", WebUrl("https", "example.org", 443, "/A%20b?q=1&r=%2F")),
        ("http://example.org:8080/ü?ö=ä", WebUrl("http", "example.org", 8080, "/%C3%BC?%C3%B6=%C3%A4")),
        ("http://bücher.example/", WebUrl("http", "xn--bcher-kva.example", 80, "/")),
        ("http://a_b.example.org/", WebUrl("http", "a_b.example.org", 80, "/")),
        ("http://1.2.3.4/", WebUrl("http", "1.2.3.4", 80, "/")),
        ("http://１.2.3.4/", WebUrl("http", "1.2.3.4", 80, "/")),
        ("http://[2606:4700::0:1111]:81/", WebUrl("http", "2606:4700::1111", 81, "/")),
        ("http://example.org?a=b", WebUrl("http", "example.org", 80, "/?a=b")),
    ],
)  # fmt: skip
def test_what_is_read_from_a_url(text: str, url: WebUrl) -> None:
    assert parse_web_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http:///a",
        "http://:80/",
        "http://.../",
        "http://a..b/",
        "http://-a.example/",
        "http://a b.example/",
        "http://example.org/a b",
        "http://example.org/\n",
        "http://example.org\\@127.0.0.1/",
        "http:\\\\127.0.0.1/",
        "http://example.org\t/",
        "http://exa%6dple.org/",
        "http://example.org%2f@127.0.0.1:80x/",
        "http://127.0.0.1\x00.example.org/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[1.2.3.4]/",
        "http://[fe80::1%25eth0]/",
        "http://example.org:port/",
        "http://example.org:99999/",
        "http://" + "a." * 200 + "org/",
        "http://" + "a" * 64 + ".org/",
        "http://" + "ü" * 5000 + ".org/",
        "http://example.org/" + "a" * MAX_URL_CHARS,
    ],
)
def test_malformed_urls(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_web_url(text)
    assert caught.value.code in ("invalid_image_url", "image_url_blocked")


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.01", "1.2.3.4.5", "256.1.1.1", "0x", "a.1"],
)  # fmt: skip
def test_hosts_that_some_would_read_as_addresses(host: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_web_url(f"http://{host}/")
    assert caught.value.code == "invalid_image_url"


@pytest.mark.parametrize(
    "text",
    ["http://name:word@example.org/", "http://name@example.org/", "http://@example.org/", "ftp://example.org/", "gopher://example.org/"],
)  # fmt: skip
def test_credentials_and_other_schemes_are_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_web_url(text)
    assert caught.value.code == "image_url_blocked"
    assert "word" not in caught.value.message


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", WebUrl("https", "example.org", 8443, "/b")),
        ("b?c", WebUrl("https", "example.org", 8443, "/x/b?c")),
        ("//other.example/b", WebUrl("https", "other.example", 443, "/b")),
        ("http://other.example:81/b", WebUrl("http", "other.example", 81, "/b")),
    ],
)
def test_where_a_redirect_leads(location: str, target: WebUrl) -> None:
    assert parse_web_url("https://example.org:8443/x/a").follow(location) == target


@pytest.mark.parametrize(
    "location", ["http://[::1", "file:///etc/hostname", "http://0x7f.1/", "data:,x"]
)
def test_redirects_to_nowhere_one_may_go(location: str) -> None:
    with pytest.raises(RequestError):
        parse_web_url("https://example.org/").follow(location)


def test_the_host_header_names_the_port_where_it_is_unusual() -> None:
    assert parse_web_url("http://example.org:80/").authority == "example.org"
    assert parse_web_url("https://example.org:80/").authority == "example.org:80"
    assert parse_web_url("http://[2606::1]:81/").authority == "[2606::1]:81"
