"""Images on a server with keys, limits and other settings, and at the program's start and end."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.images import MODEL, PATIENCE_S, drawing, file_of, opened, warm_up
from tests.live.launch import ROOT, Server, eventually, run_to_end
from tests.live.wire import error_of
from tests.shapes import draw

GENERATIONS = "/v1/images/generations"
KEY = {"Authorization": "Bearer secret"}
ASKED = {"prompt": "a red circle", "steps": 2}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flags = (
        *("--api-key", "secret", "--strict-params", "--no-image-metadata"),
        *("--max-drawn-pixels", "16384", "--max-drawn-images", "2", "--image-url-ttl-s", "2"),
        *("--max-image-mb", "0.01", "--max-image-pixels", "10000"),
    )
    with drawing(tmp_path_factory.mktemp("images"), *flags) as started:
        warm_up(started, **KEY)
        yield started


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client(timeout=PATIENCE_S, headers=KEY) as made:
        yield made


def test_drawing_needs_the_key_and_fetching_does_not(http: httpx.Client, server: Server) -> None:
    with server.client() as stranger:
        for path in ("generations", "edits", "variations"):
            error_of(stranger.post(f"/v1/images/{path}", json=ASKED), 401)
        answer = http.post(GENERATIONS, json={**ASKED, "response_format": "url"})
        assert answer.status_code == 200, answer.text
        url = answer.json()["data"][0]["url"]
        assert opened(stranger.get(url).content).size == (64, 64)
        error_of(stranger.get("/v1/images/files/other.png"), 404)
        error_of(stranger.get("/v1/images/files/../../models"), 401)
        error_of(stranger.get("/v1/images/files"), 401)


def test_a_url_ends_with_its_time(http: httpx.Client) -> None:
    answer = http.post(GENERATIONS, json={**ASKED, "response_format": "url"}).json()
    url = answer["data"][0]["url"]
    assert http.get(url).status_code == 200
    eventually(lambda: http.get(url).status_code == 404)


def test_the_operator_can_keep_settings_out_of_files(http: httpx.Client) -> None:
    for fields in ({}, {"embed_settings": True}):
        answer = http.post(GENERATIONS, json={**ASKED, **fields}).json()
        assert "image_gen_settings" not in opened(answer["data"][0]["b64_json"]).info


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"size": "256x128"}, "size"),
        ({"n": 3}, "n"),
        ({"style": "vivid"}, "style"),
        ({"unknown": 1}, "unknown"),
        ({"prompt": "red " * 30}, "prompt"),
    ],
)
def test_limits_and_strictness_hold(
    http: httpx.Client, fields: dict[str, object], param: str
) -> None:
    assert error_of(http.post(GENERATIONS, json={**ASKED, **fields}), 400)["param"] == param


def test_pictures_that_come_in_are_limited(http: httpx.Client) -> None:
    for size, code in ((200, "image_too_large"), (64, None)):
        files = {"image": ("it.png", file_of(draw("red", "circle", size=size)))}
        response = http.post("/v1/images/edits", data={"prompt": "x", "steps": "2"}, files=files)
        if code is None:
            assert response.status_code == 200, response.text
        else:
            assert error_of(response, 400)["code"] == code
    noise = {"image": ("it.bin", bytes(20_000))}
    error = error_of(http.post("/v1/images/edits", data={"prompt": "x"}, files=noise), 400)
    assert (error["param"], error["code"]) == ("image", "image_too_large")


def test_a_wrong_image_model_is_told_at_the_start(tmp_path: Path) -> None:
    ended = run_to_end(tmp_path, "--api", "--api-port", "0", "--image-model", "nothing")
    assert ended.process.returncode == 2
    assert "'nothing'" in ended.logged
    assert MODEL in ended.logged


def test_a_model_of_the_users_own_folder_is_found_by_its_name(tmp_path: Path) -> None:
    own = tmp_path / "pictures"
    shutil.copytree(ROOT / "user_data" / "image_models" / MODEL, own / "org" / "mine")
    (own / "org" / "mine" / "hearth.yaml").write_text("steps: 3\nsize: 32x32\ncfg_scale: 2\n")
    flags = ("--image-model-dir", str(own), "--image-model", "org/mine")
    with drawing(tmp_path, *flags) as started, started.client(timeout=PATIENCE_S) as http:
        answer = http.post(GENERATIONS, json={"prompt": "a red circle"})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["model"], answer.json()["size"]) == ("org/mine", "32x32")
        kind = http.get("/v1/internal/media/image").json()
        assert "org/mine" in kind["model_names"]
        damaged = own / "org" / "mine" / "model_index.json"
        http.post("/v1/internal/media/image/unload")
        damaged.write_text("{")
        error = error_of(http.post(GENERATIONS, json=ASKED), 500)
        assert error["code"] == "model_load_failed"
        assert "model_index.json" in error["message"]


def test_the_end_of_the_program_ends_a_drawing(tmp_path: Path) -> None:
    with drawing(tmp_path) as started:
        warm_up(started)
        statuses: list[int] = []

        def ask() -> None:
            body = {"prompt": "x", "steps": 150, "batch_count": 30}
            with started.client(timeout=PATIENCE_S) as own:
                statuses.append(own.post(GENERATIONS, json=body).status_code)

        thread = threading.Thread(target=ask)
        thread.start()
        with started.client() as http:
            eventually(
                lambda: any(j["done"] for j in http.get("/v1/internal/media/image").json()["jobs"])
            )
        assert started.interrupt() == 0
        thread.join(PATIENCE_S)
        assert statuses == [409]
