"""The parts of the engine for AUTOMATIC1111's API that need no server."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from modules.core.errors import ConfigError, ModelError, NotInstalled, NotReady
from modules.core.images import MAX_SEED, ImageRequest
from modules.core.jobs import Job
from modules.loaders.images.a1111 import task
from modules.loaders.images.a1111.address import WebuiAddress, parse_webui_url
from modules.loaders.images.a1111.checkpoints import (
    FAILED_FOR_S,
    KNOWN_FOR_S,
    Checkpoint,
    Checkpoints,
)
from modules.loaders.images.a1111.client import Reply
from modules.loaders.images.a1111.payload import split, to_payload
from modules.loaders.images.a1111.pictures import pictures_of, seeds_of
from modules.loaders.images.a1111.refusals import check_reply, reason_of
from modules.loaders.images.a1111.server import find_server
from modules.media import build_media
from modules.settings import Settings

REQUEST = ImageRequest("x", 64, 64, steps=4, guidance=5.0, seed=7)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:7860", "http://127.0.0.1:7860"),
        ("http://127.0.0.1:7860/", "http://127.0.0.1:7860"),
        ("https://host.example/sd/", "https://host.example/sd"),
        ("http://[::1]:7860", "http://[::1]:7860"),
        ("http://ann:secret@host:80", "http://host"),
        ("http://bücher.example:7860/a b".replace(" ", "%20"), "http://xn--bcher-kva.example:7860/a%20b"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_name_and_password(url: str, shown: str) -> None:
    address = parse_webui_url(url)
    assert address.shown == shown
    assert "secret" not in repr(address)


def test_name_and_password_become_basic_credentials() -> None:
    assert parse_webui_url("http://ann:p%40ss@h").authorization == "Basic YW5uOnBAc3M="
    assert parse_webui_url("http://h").authorization is None


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:7860",
        "localhost",
        "ftp://host",
        "file:///etc/passwd",
        "http://",
        "http://:7860",
        "http://secret:secret@",
        "http://host:99999",
        "http://host:0",
        "http://host:port",
        "http://host/?secret=1",
        "http://host/#secret",
        "http://ho st",
        "http://host\r\nX-Secret: 1",
        "http://host\\secret",
        "http://a%3Ab:secret@host",
        "http://" + "a" * 300,
        "http://[::1",
        "http://\ud800",
    ],
)
def test_a_wrong_url_is_told_at_the_start_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="sd_webui_url") as caught:
        build_media(Settings(sd_webui_url=url))
    assert "secret" not in caught.value.message.lower()


@pytest.mark.parametrize("size", [8, 63, 500])
def test_a_base_size_that_no_model_has_is_told_at_the_start(size: int) -> None:
    with pytest.raises(ConfigError, match="sd_base_model_size"):
        find_server("http://h", size)


def test_without_a_url_there_is_no_server() -> None:
    assert find_server(None, 512) is None
    assert find_server("", 512) is None


@pytest.fixture
def served() -> list[Checkpoint]:
    return [Checkpoint("dream", "dream.ckpt [1]")]


def make_checkpoints(found: Any, now: list[float]) -> tuple[Checkpoints, list[int]]:
    """`found`: what the server answers; raised where it is an error. Also the count of looks."""
    looks = [0]

    def fetch(_: WebuiAddress) -> list[Checkpoint]:
        looks[0] += 1
        answer = found[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Checkpoints(parse_webui_url("http://h"), fetch, lambda: now[0]), looks


def test_checkpoints_are_asked_for_again_when_the_last_answer_is_old(served: list[Checkpoint]) -> None:  # fmt: skip
    now = [0.0]
    checkpoints, looks = make_checkpoints([served], now)
    assert checkpoints.known() == checkpoints.known() == served
    assert looks == [1]
    now[0] = KNOWN_FOR_S
    checkpoints.known()
    assert looks == [2]


def test_a_server_that_is_away_is_not_asked_all_the_time_and_its_checkpoints_stay_known(
    served: list[Checkpoint],
) -> None:
    now, answers = [0.0], list[Any]([served])
    checkpoints, looks = make_checkpoints(answers, now)
    checkpoints.known()
    answers[0], now[0] = NotReady("away"), KNOWN_FOR_S
    assert checkpoints.known() == checkpoints.known() == served
    assert looks == [2]
    now[0] += FAILED_FOR_S
    checkpoints.known()
    assert looks == [3]


def test_a_title_is_looked_for_anew_where_it_is_not_known(served: list[Checkpoint]) -> None:
    answers = list[Any]([[]])
    checkpoints, _ = make_checkpoints(answers, [0.0])
    with pytest.raises(NotInstalled):
        checkpoints.title("dream")
    answers[0] = served
    assert checkpoints.title("dream") == "dream.ckpt [1]"
    answers[0] = NotReady("away")
    assert checkpoints.title("dream") == "dream.ckpt [1]"
    with pytest.raises(NotReady):
        checkpoints.title("other")


def test_the_server_is_the_default_and_ours_stay_reachable_by_name() -> None:
    catalog = build_media(Settings(sd_webui_url="http://127.0.0.1:9")).image.catalog
    assert (catalog.default().name, catalog.default().loader) == ("sd-webui", "a1111")
    assert catalog.get("tiny-diffusion").loader == "diffusers"
    named = build_media(
        Settings(sd_webui_url="http://127.0.0.1:9", image_model="dream")
    ).image.catalog
    assert (named.default().name, named.default().loader) == ("dream", "a1111")


def refusal(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [[], "text", None, {}, {"detail": 5}, {"detail": [5, None]}, {"error": "not a class\n"}, {"error": 5}],
)  # fmt: skip
def test_bodies_without_a_reason_give_none(body: object) -> None:
    assert reason_of(refusal(500, body)) == ""


@pytest.mark.parametrize("prompt", ["cat", "a cat that sits on a very long wall"])
def test_a_reason_that_repeats_the_prompt_is_left_out(prompt: str) -> None:
    with pytest.raises(ModelError, match=r"status 500\.$"):
        check_reply(refusal(500, {"detail": f"cannot read {prompt}!"}), prompt, "")


def test_a_reason_that_only_looks_a_little_like_the_prompt_is_told() -> None:
    with pytest.raises(ModelError, match=r"status 500: Sampler not found\.$"):
        check_reply(refusal(500, {"detail": "Sampler not found"}), "cat", "a sampler of sweets")


def test_a_missing_route_is_explained() -> None:
    with pytest.raises(ModelError, match="--api"):
        check_reply(refusal(404, {"detail": "Not Found"}))


@pytest.mark.parametrize(
    "answer", [None, 5, [], {}, {"images": None}, {"images": 5}, {"images": [], "info": 5}]
)
def test_answers_of_the_wrong_shape_have_no_pictures(answer: Any) -> None:
    with pytest.raises(ModelError, match="sent 0 pictures"):
        pictures_of(answer, REQUEST)
    assert seeds_of(answer, REQUEST) == (7,)


@pytest.mark.parametrize("image", [5, None, "", "====", "data:", "\ud800", "ü", "iVBORw0KGgo="])
def test_what_is_no_picture_is_told(image: Any) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        pictures_of({"images": [image]}, REQUEST)


@pytest.mark.parametrize("seeds", [[-1], [2**32], ["7"], [7, 8], None, [1e400]])
def test_seeds_that_cannot_be_are_not_believed(seeds: Any) -> None:
    assert seeds_of({"info": json.dumps({"all_seeds": seeds})}, REQUEST) == (7,)


def test_seeds_of_the_server_are_believed() -> None:
    assert seeds_of({"info": json.dumps({"all_seeds": [42]})}, REQUEST) == (42,)


def test_batches_keep_the_order_of_the_seeds() -> None:
    request = replace(REQUEST, seed=MAX_SEED - 2, batch_size=2, batch_count=2)
    batches = [(each.seed, each.batch_size, each.batch_count) for each in split(request)]
    assert batches == [(MAX_SEED - 2, 2, 1), (MAX_SEED, 1, 1), (0, 1, 1)]


def test_pictures_with_previews_are_drawn_one_by_one() -> None:
    request = replace(REQUEST, batch_size=2, batch_count=2, previews=1)
    assert [(each.seed, each.count) for each in split(request)] == [(7, 1), (8, 1), (9, 1), (10, 1)]


@pytest.mark.parametrize(
    ("size", "first"),
    [((64, 64), None), ((76, 64), None), ((80, 80), (64, 64)), ((160, 80), (128, 64)), ((120, 80), (96, 64))],
)  # fmt: skip
def test_the_first_pass_of_the_hires_fix_has_the_base_size_as_its_shorter_side(
    size: tuple[int, int], first: tuple[int, int] | None
) -> None:
    request = replace(REQUEST, width=size[0], height=size[1])
    payload = to_payload(request, "t", base_size=64)
    assert (payload["width"], payload["height"]) == (first or size)
    assert payload.get("enable_hr", False) is (first is not None)


class Gone:
    """A server that takes a request and then is silent, as one is whose machine was switched off."""

    async def post(self, *_: Any) -> Reply:
        await asyncio.sleep(600)
        raise AssertionError

    async def begin(self) -> None:
        pass

    async def look(self, *_: Any, with_preview: bool) -> None:
        raise NotReady("The image server did not answer in time.")


@pytest.mark.anyio
async def test_a_server_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "SILENCE_S", 0.05)
    monkeypatch.setattr(task, "LOOK_S", 0.01)
    gone: Any = Gone()
    drawing = task.DrawingTask(gone, gone, REQUEST, Job(), lambda _: None)
    with pytest.raises(NotReady, match="did not answer"):
        await asyncio.wait_for(drawing.run({}, task.Place(0, 0, 4)), 20)
