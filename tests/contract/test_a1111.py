"""The engine for AUTOMATIC1111's API over a server that speaks it, checks each request strictly, and draws."""

import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from modules.core.errors import AppError, Cancelled, ModelError, NotInstalled, NotReady
from modules.core.images import (
    MAX_SEED,
    ImageEvent,
    ImagePreview,
    ImageRequest,
    MadeImage,
    Mask,
)
from modules.core.jobs import Job
from modules.core.messages import Image
from modules.loaders.images.a1111.server import WebuiServer, find_server
from modules.loaders.registry import load_media
from tests.live.a1111.launch import DrawingServer, drawing_server
from tests.live.launch import eventually

RED, BLUE, WHITE, GREEN = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 128, 0)
CIRCLE = ImageRequest("a red circle on blue", 64, 64, steps=4, guidance=5.0, seed=7)
SECRET = "a walrus with the number 4711 on its hat"


@pytest.fixture(scope="module")
def with_ui() -> Iterator[DrawingServer]:
    with drawing_server() as started:
        yield started


@pytest.fixture(scope="module")
def without_ui() -> Iterator[DrawingServer]:
    with drawing_server("--nowebui", "--api-auth", "ann:p@ss/word") as started:
        yield started


@pytest.fixture
def drawer(with_ui: DrawingServer) -> Iterator[DrawingServer]:
    with_ui.behave()
    yield with_ui
    with_ui.behave()


@pytest.fixture(params=["with_ui", "without_ui"])
def any_drawer(request: pytest.FixtureRequest) -> Iterator[DrawingServer]:
    """Both ways to learn how far a task is."""
    server: DrawingServer = request.getfixturevalue(request.param)
    server.behave()
    yield server
    server.behave()


def webui(server: DrawingServer, base_size: int = 0) -> WebuiServer:
    found = find_server(server.url.replace("//", "//ann:p%40ss%2Fword@"), base_size)
    assert found is not None
    return found


def imager(server: DrawingServer, name: str = "sd-webui", base_size: int = 0) -> Any:
    return load_media("image", webui(server, base_size).model(name), {})


def draw(
    server: DrawingServer, request: ImageRequest, job: Job | None = None, **options: Any
) -> list[ImageEvent]:
    events: list[ImageEvent] = []
    imager(server, **options).draw(request, job or Job(), events.append)
    return events


def pictures(events: list[ImageEvent]) -> list[MadeImage]:
    return [event for event in events if isinstance(event, MadeImage)]


def pixel(image: Image, x: int, y: int) -> tuple[int, ...]:
    start = 3 * (y * image.width + x)
    return tuple(image.rgb[start : start + 3])


def plain(colour: tuple[int, int, int], side: int = 64) -> Image:
    return Image(side, side, bytes(colour) * side * side)


def test_a_prompt_becomes_the_picture_that_the_server_draws(any_drawer: DrawingServer) -> None:
    (made,) = pictures(draw(any_drawer, CIRCLE))
    assert (made.index, made.seed) == (0, 7)
    assert (made.image.width, made.image.height) == (64, 64)
    assert pixel(made.image, 32, 32) == RED
    assert pixel(made.image, 2, 62) == BLUE


def test_the_server_is_asked_for_exactly_what_the_request_says(drawer: DrawingServer) -> None:
    draw(drawer, replace(CIRCLE, negative_prompt="green", guidance=0.0))
    (asked,) = drawer.asked
    task_id = asked.pop("force_task_id")
    assert task_id.startswith("hearth-")
    assert asked == {
        "prompt": "a red circle on blue",
        "negative_prompt": "green",
        "width": 64,
        "height": 64,
        "steps": 4,
        "cfg_scale": 1.0,
        "seed": 7,
        "batch_size": 1,
        "n_iter": 1,
        "send_images": True,
        "save_images": False,
    }


def test_batches_are_asked_for_one_by_one_and_each_picture_can_be_drawn_again_by_its_seed(
    drawer: DrawingServer,
) -> None:
    made = pictures(draw(drawer, replace(CIRCLE, batch_size=2, batch_count=2)))
    assert [(each.index, each.seed) for each in made] == [(0, 7), (1, 8), (2, 9), (3, 10)]
    assert [(a["seed"], a["batch_size"], a["n_iter"]) for a in drawer.asked] == [(7, 2, 1), (9, 2, 1)]  # fmt: skip
    assert len({each.image.digest for each in made}) == 4
    (again,) = pictures(draw(drawer, replace(CIRCLE, seed=9)))
    assert again.image == made[2].image


def test_seeds_begin_again_at_0_after_the_largest(drawer: DrawingServer) -> None:
    made = pictures(draw(drawer, replace(CIRCLE, seed=MAX_SEED, batch_size=3)))
    assert [each.seed for each in made] == [MAX_SEED, 0, 1]
    assert [(a["seed"], a["batch_size"]) for a in drawer.asked] == [(MAX_SEED, 1), (0, 2)]


def test_an_initial_picture_is_changed_as_far_as_the_strength_says(drawer: DrawingServer) -> None:
    request = replace(CIRCLE, prompt="a red square", initial=plain(BLUE), strength=0.5)
    (made,) = pictures(draw(drawer, request))
    assert pixel(made.image, 32, 32) == pytest.approx((127, 0, 127), abs=1)


def test_what_is_255_in_the_mask_is_drawn_anew_and_the_rest_stays(drawer: DrawingServer) -> None:
    left_half = Mask(64, 64, (bytes([255]) * 32 + bytes(32)) * 64)
    request = replace(CIRCLE, prompt="a red square", initial=plain(GREEN), mask=left_half)
    (made,) = pictures(draw(drawer, request))
    assert pixel(made.image, 20, 32) == RED
    assert pixel(made.image, 4, 60) == WHITE
    assert pixel(made.image, 40, 32) == GREEN
    assert pixel(made.image, 60, 60) == GREEN


def test_large_pictures_get_the_hires_fix_where_the_operator_named_a_base_size(
    drawer: DrawingServer,
) -> None:
    large = replace(CIRCLE, width=256, height=160)
    (made,) = pictures(draw(drawer, large, base_size=64))
    (asked,) = drawer.asked
    assert (made.image.width, made.image.height) == (256, 160)
    assert (asked["width"], asked["height"]) == (96, 64)
    assert (asked["hr_resize_x"], asked["hr_resize_y"], asked["enable_hr"]) == (256, 160, True)
    drawer.behave()
    draw(drawer, CIRCLE, base_size=64)
    draw(drawer, large)
    assert not any("enable_hr" in asked for asked in drawer.asked)


def test_a_named_checkpoint_draws_and_the_server_keeps_its_own(drawer: DrawingServer) -> None:
    before = drawer.told["checkpoint"]
    draw(drawer, CIRCLE, name="folder_dream")
    draw(drawer, CIRCLE)
    assert drawer.told["drawn_with"] == ["folder/dream.ckpt [4199bcdd14]", before]
    assert drawer.told["checkpoint"] == before
    assert "override_settings" not in drawer.asked[1]


def test_a_checkpoint_that_is_not_there_is_said_to_be_missing(drawer: DrawingServer) -> None:
    with pytest.raises(NotInstalled, match="no checkpoint 'dreams'"):
        draw(drawer, CIRCLE, name="dreams")
    assert drawer.asked == []


def test_the_checkpoints_are_found_by_name(any_drawer: DrawingServer) -> None:
    names = [model.name for model in webui(any_drawer).models()]
    assert names == ["v1-5-pruned-emaonly", "folder_dream"]


class RecordingJob(Job):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def note(self, done: int, total: int) -> None:
        self.seen.append((done, total))
        super().note(done, total)


def test_progress_is_told_in_steps_of_all_batches(any_drawer: DrawingServer) -> None:
    any_drawer.behave(step_s=0.15)
    job = RecordingJob()
    draw(any_drawer, replace(CIRCLE, steps=10, batch_count=2), job)
    seen = job.seen
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {20}
    assert (seen[0][0], seen[-1][0]) == (0, 20)
    assert any(0 < done < 10 for done, _ in seen)
    assert any(10 < done < 20 for done, _ in seen)


def test_pictures_in_the_making_come_before_their_picture(any_drawer: DrawingServer) -> None:
    any_drawer.behave(step_s=0.4)
    request = replace(CIRCLE, steps=10, previews=2)
    events = draw(any_drawer, request)
    kinds = [(event.index, getattr(event, "number", "done")) for event in events]
    assert kinds == [(0, 0), (0, 1), (0, "done")]
    first, second, done = (pixel(event.image, 32, 32)[0] for event in events)
    assert 128 < first < second < done == 255
    assert all((event.image.width, event.image.height) == (64, 64) for event in events)


def test_a_cancelled_job_stops_what_the_server_draws(any_drawer: DrawingServer) -> None:
    any_drawer.behave(step_s=0.2)
    job, failed = Job(), list[BaseException]()
    thread = drawing_thread(any_drawer, replace(CIRCLE, steps=500), job, failed)
    task_id = eventually(lambda: any_drawer.told["current"])
    job.cancel()
    thread.join(20)
    assert not thread.is_alive()
    assert isinstance(failed[0], Cancelled)
    assert any_drawer.told["interrupts"] == [task_id]
    eventually(lambda: any_drawer.told["current"] is None)
    any_drawer.behave()
    assert pictures(draw(any_drawer, CIRCLE))  # the next request works


def test_what_others_draw_there_is_neither_interrupted_nor_taken_for_ours(
    any_drawer: DrawingServer,
) -> None:
    any_drawer.behave(step_s=0.05)
    others = {"prompt": "a white square", "steps": 900, "width": 64, "height": 64}
    other = threading.Thread(
        target=lambda: any_drawer.client.post(
            "/sdapi/v1/txt2img", json=others, auth=("ann", "p@ss/word"), timeout=60
        )
    )
    other.start()
    current = eventually(lambda: any_drawer.told["current"])
    job, failed = Job(), list[BaseException]()
    thread = drawing_thread(any_drawer, CIRCLE, job, failed)
    eventually(lambda: any_drawer.told["pending"])
    job.cancel()
    thread.join(20)
    assert isinstance(failed[0], Cancelled)
    assert job.done == 0
    assert any_drawer.told["interrupts"] == []
    assert any_drawer.told["current"] == current
    others_interrupt = any_drawer.client.post("/sdapi/v1/interrupt", auth=("ann", "p@ss/word"))
    assert others_interrupt.status_code == 200
    other.join(60)
    eventually(lambda: not any_drawer.told["pending"] and any_drawer.told["current"] is None)


def drawing_thread(
    server: DrawingServer, request: ImageRequest, job: Job, failed: list[BaseException]
) -> threading.Thread:
    def run() -> None:
        try:
            draw(server, request, job)
        except AppError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


FAULTS = {
    "fault": r"failed with status 500: OutOfMemoryError\.$",
    "quoting": r"failed with status 500\.$",
    "invalid": r"failed with status 422: steps: Too many steps\.$",
    "unknown": r"failed with status 404: Sampler not found\.$",
    "html": "not JSON",
    "list": "sent 0 pictures where 2 were asked for",
    "endless": "sent more than",
    "bomb": "sent 1 pictures where 2",
    "damaged": "cannot be read",
    "text": "cannot be read",
    "few": "sent 1 pictures where 2 were asked for",
    "many": "sent 3 pictures where 2 were asked for",
    "redirect": "redirects, which is not followed",
}


@pytest.mark.parametrize("mode", FAULTS)
def test_a_server_that_fails_is_a_clear_error_without_the_prompt_and_the_next_request_works(
    drawer: DrawingServer, mode: str
) -> None:
    drawer.behave(mode)
    request = replace(CIRCLE, prompt=SECRET, batch_size=2)
    with pytest.raises(ModelError, match=FAULTS[mode]) as caught:
        draw(drawer, request)
    assert "walrus" not in caught.value.message
    drawer.behave()
    assert len(pictures(draw(drawer, request))) == 2


def test_a_picture_of_far_too_many_pixels_is_not_decoded(drawer: DrawingServer) -> None:
    drawer.behave("bomb")
    with pytest.raises(ModelError, match="12000 x 12000 pixels where 64 x 64"):
        draw(drawer, CIRCLE)


def test_a_connection_that_breaks_off_can_be_tried_again(drawer: DrawingServer) -> None:
    drawer.behave("hang up")
    with pytest.raises(NotReady, match="broke the connection off"):
        draw(drawer, CIRCLE)


def test_a_grid_before_the_pictures_is_left_out(drawer: DrawingServer) -> None:
    drawer.behave("grid")
    (made,) = pictures(draw(drawer, CIRCLE))
    assert pixel(made.image, 32, 32) == RED


def test_a_server_without_infos_is_believed_about_the_seeds(drawer: DrawingServer) -> None:
    drawer.behave("no info")
    made = pictures(draw(drawer, replace(CIRCLE, batch_size=2)))
    assert [each.seed for each in made] == [7, 8]


def test_a_server_that_rounds_the_size_is_scaled_to_what_was_asked_for(
    drawer: DrawingServer,
) -> None:
    drawer.behave("smaller")
    (made,) = pictures(draw(drawer, CIRCLE))
    assert (made.image.width, made.image.height) == (64, 64)
    assert pixel(made.image, 32, 32) == pytest.approx(RED, abs=12)


def test_a_wrong_password_is_said_to_be_wrong_and_is_not_shown(without_ui: DrawingServer) -> None:
    server = find_server(without_ui.url.replace("//", "//ann:hunter2@"), 0)
    assert server is not None
    assert "hunter2" not in repr(server) + repr(server.current) + server.address.shown
    with pytest.raises(ModelError, match="refuses the name and password") as caught:
        load_media("image", server.current, {}).draw(CIRCLE, Job(), lambda _: None)
    assert "hunter2" not in caught.value.message
    assert server.models() == []


def test_a_server_that_is_away_can_be_tried_again_and_is_found_when_it_is_back() -> None:
    with drawing_server() as first:
        away = imager(first)
        port = int(first.url.rpartition(":")[2])
        first.stop()
        with pytest.raises(NotReady, match="cannot be reached") as caught:
            away.draw(CIRCLE, Job(), lambda _: None)
        assert caught.value.retry_after_s > 0
    with drawing_server(port=port):
        events: list[ImageEvent] = []
        away.draw(CIRCLE, Job(), events.append)
        assert len(events) == 1


def test_a_server_that_goes_while_it_draws_is_noticed() -> None:
    with drawing_server() as server:
        server.behave(step_s=0.2)
        failed: list[BaseException] = []
        thread = drawing_thread(server, replace(CIRCLE, steps=500), Job(), failed)
        eventually(lambda: server.told["current"])
        server.process.kill()
        thread.join(20)
        assert isinstance(failed[0], NotReady)
        assert "broke the connection off" in failed[0].message


def test_proxies_of_the_environment_are_not_asked(
    drawer: DrawingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert pictures(draw(drawer, CIRCLE))


def test_previews_that_were_not_asked_for_are_not_sent(drawer: DrawingServer) -> None:
    drawer.behave(step_s=0.2)
    events = draw(drawer, replace(CIRCLE, steps=8))
    assert not any(isinstance(event, ImagePreview) for event in events)


def test_a_certificate_counts_where_this_machine_trusts_its_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, pem = trustme.CA(), tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.create_default_context(cafile=str(trusted))
    with drawing_server("--tls-certfile", str(pem), verify=context) as server:
        with pytest.raises(NotReady, match="cannot be reached"):
            draw(server, CIRCLE)
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert pictures(draw(server, CIRCLE))
