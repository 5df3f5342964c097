"""/v1/images/* where the pictures are made on a server with AUTOMATIC1111's API, by the official client."""

import base64
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from tests.live.a1111.launch import DrawingServer, drawing_server
from tests.live.launch import Server, eventually, run_to_end, running
from tests.live.wire import error_of, events_of

GENERATIONS = "/v1/images/generations"
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 128, 0)
PASSWORD = "hunter2hunter2"


@pytest.fixture(scope="module")
def drawer() -> Iterator[DrawingServer]:
    with drawing_server("--api-auth", f"ann:{PASSWORD}") as started:
        yield started


@pytest.fixture(scope="module")
def drawing(drawer: DrawingServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server, which sends image requests to the other."""
    url = drawer.url.replace("//", f"//ann:{PASSWORD}@")
    folder = tmp_path_factory.mktemp("drawing")
    with running(folder, env={"SD_WEBUI_URL": url}) as started:
        yield started


@pytest.fixture(scope="module")
def client(drawing: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{drawing.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
def http(drawing: Server) -> Iterator[httpx.Client]:
    with drawing.client() as made:
        yield made


@pytest.fixture(autouse=True)
def _well_behaved(drawer: DrawingServer) -> Iterator[None]:
    drawer.behave()
    yield
    drawer.behave()


def opened(text: str | None) -> Image.Image:
    assert text is not None
    return Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def drawn(response: Any) -> list[Image.Image]:
    return [opened(each.b64_json) for each in response.data]


def test_a_prompt_is_drawn_there(client: openai.OpenAI, drawer: DrawingServer) -> None:
    response = client.images.generate(
        model="dall-e-3",
        prompt="a red circle on blue",
        size="128x64",  # pyright: ignore[reportArgumentType]
        n=2,
        extra_body={"image_seed": 5, "steps": 3, "negative_prompt": "fog", "cfg_scale": 4},
    )
    first, second = drawn(response)
    assert first.size == second.size == (128, 64)
    assert first.getpixel((64, 32)) == RED
    assert first.getpixel((2, 60)) == BLUE
    asked = drawer.asked[0]
    assert {name: asked[name] for name in ("prompt", "negative_prompt", "seed", "steps", "cfg_scale")} == {
        "prompt": "a red circle on blue", "negative_prompt": "fog", "seed": 5, "steps": 3, "cfg_scale": 4.0
    }  # fmt: skip


def test_without_further_wishes_the_web_uis_own_defaults_count(
    client: openai.OpenAI, drawer: DrawingServer
) -> None:
    (picture,) = drawn(client.images.generate(prompt="a red square"))
    assert picture.size == (512, 512)
    asked = drawer.asked[0]
    assert (asked["steps"], asked["cfg_scale"]) == (20, 7.0)
    assert "sampler_name" not in asked


@pytest.mark.anyio
async def test_the_async_client_gets_pictures_in_the_making(
    drawing: Server, drawer: DrawingServer
) -> None:
    drawer.behave(step_s=0.4)
    async with openai.AsyncOpenAI(
        base_url=f"{drawing.url}/v1", api_key="none", max_retries=0
    ) as made:
        stream = await made.images.generate(
            prompt="a red circle on blue",
            size="64x64",  # pyright: ignore[reportArgumentType, reportCallIssue]
            stream=True,
            partial_images=1,
            extra_body={"steps": 6},
        )
        events = [event async for event in stream]
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"]
    partial, complete = (opened(event.b64_json) for event in events)
    assert complete.getpixel((32, 32)) == RED
    assert partial.size == complete.size
    assert partial.getpixel((32, 32)) != complete.getpixel((32, 32))


def test_an_edit_changes_what_is_transparent_in_the_mask_and_keeps_every_other_pixel(
    client: openai.OpenAI,
) -> None:
    original = Image.new("RGB", (64, 64), "green")
    mask = Image.new("RGBA", (64, 64), "black")
    mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
    response = client.images.edit(
        image=("green.png", png(original)),
        mask=("mask.png", png(mask)),
        prompt="a red square on blue",
    )
    (picture,) = drawn(response)
    assert picture.size == (64, 64)
    assert picture.getpixel((20, 32)) == RED
    assert picture.getpixel((4, 60)) == BLUE
    right = picture.crop((32, 0, 64, 64))
    assert right.getcolors() == [(32 * 64, GREEN)]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # variations, in the client
def test_an_edit_without_a_mask_and_a_variation_change_all_of_the_picture(
    client: openai.OpenAI, drawer: DrawingServer
) -> None:
    original = ("blue.png", png(Image.new("RGB", (64, 64), "blue")))
    edited = client.images.edit(
        image=original, prompt="a red square", extra_body={"strength": 0.5, "steps": 4}
    )
    (picture,) = drawn(edited)
    assert picture.getpixel((32, 32)) == pytest.approx((127, 0, 127), abs=2)
    client.images.create_variation(image=original)
    assert [("mask" in asked) for asked in drawer.asked] == [False, False]


def test_its_checkpoints_are_listed_and_can_be_named(
    client: openai.OpenAI, drawer: DrawingServer
) -> None:
    listed = {model.id for model in client.models.list()}
    assert {"sd-webui", "v1-5-pruned-emaonly", "folder_dream"} <= listed
    client.images.generate(model="folder_dream", prompt="a red square", size="64x64")  # pyright: ignore[reportArgumentType, reportCallIssue]
    client.images.generate(model="sd-webui", prompt="a red square", size="64x64")  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert drawer.told["drawn_with"][0] == "folder/dream.ckpt [4199bcdd14]"
    assert drawer.told["drawn_with"][1] == drawer.told["checkpoint"]


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [("fault", 500, "OutOfMemoryError"), ("hang up", 503, "broke the connection off")],
)
def test_its_failures_are_told_in_openais_shape_and_the_next_request_works(
    http: httpx.Client, drawer: DrawingServer, mode: str, status: int, words: str
) -> None:
    body = {"prompt": "a walrus with the number 4711", "size": "64x64"}
    drawer.behave(mode)
    error = error_of(http.post(GENERATIONS, json=body), status)
    assert words in error["message"]
    assert "walrus" not in error["message"]
    drawer.behave()
    assert http.post(GENERATIONS, json=body).status_code == 200


def test_a_failure_after_the_stream_began_is_an_event(
    http: httpx.Client, drawer: DrawingServer
) -> None:
    drawer.behave("fault")
    body = {"prompt": "a red square", "size": "64x64", "stream": True}
    response = http.post(GENERATIONS, json=body)
    assert any("OutOfMemoryError" in event for event in events_of(response.text))


def in_thread(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_stopping_a_generation_by_its_id_interrupts_the_server(
    http: httpx.Client, drawing: Server, drawer: DrawingServer
) -> None:
    drawer.behave(step_s=0.2)
    answers: list[httpx.Response] = []

    def ask() -> None:
        with drawing.client() as own:
            body = {"prompt": "a red square", "size": "64x64", "steps": 150}
            answers.append(own.post(GENERATIONS, json=body))

    thread = in_thread(ask)
    task_id = eventually(lambda: drawer.told["current"])
    jobs = eventually(lambda: http.get("/v1/internal/media/image").json()["jobs"])
    stopped = http.post("/v1/internal/stop-generation", json={"id": jobs[0]["id"]})
    assert stopped.status_code == 200
    thread.join(20)
    error_of(answers[0], 409)
    assert drawer.told["interrupts"] == [task_id]


def test_a_client_that_leaves_interrupts_the_server(drawing: Server, drawer: DrawingServer) -> None:
    drawer.behave(step_s=0.2)
    body = {"prompt": "a red square", "size": "64x64", "steps": 150}
    with drawing.client(timeout=1.0) as own, pytest.raises(httpx.ReadTimeout):
        own.post(GENERATIONS, json=body)
    eventually(lambda: drawer.told["interrupts"])
    eventually(lambda: drawer.told["current"] is None)


def test_the_password_is_nowhere_to_be_seen(
    http: httpx.Client, drawing: Server, drawer: DrawingServer
) -> None:
    drawer.behave("hang up")
    http.post(GENERATIONS, json={"prompt": "x"})
    shown = [http.get(path).text for path in ("/v1/models", "/v1/internal/media", "/metrics")]
    everything = "".join([*shown, drawing.logged, drawing.printed])
    assert PASSWORD not in everything
    assert "sd-webui" in everything


def test_a_server_that_is_away_is_503_and_takes_nothing_else_along(
    launch: Callable[..., Server],
) -> None:
    server = launch(settings="openai-sd_webui_url: http://127.0.0.1:9\n")
    with server.client() as http:
        response = http.post(GENERATIONS, json={"prompt": "a red square"})
        error = error_of(response, 503)
        assert error["message"] == "The image server cannot be reached."
        assert int(response.headers["retry-after"]) > 0
        assert "sd-webui" in http.get("/v1/models").text
        chat = {"messages": [{"role": "user", "content": "What color is the sky?"}]}
        assert http.post("/v1/chat/completions", json=chat).status_code == 200


def test_a_wrong_url_is_told_at_the_start(tmp_path: Any) -> None:
    server = run_to_end(tmp_path, "--api", "--api-port", "0", "--sd-webui-url", "host:7860")
    assert server.process.returncode == 2
    assert "Error: sd_webui_url (SD_WEBUI_URL) must begin with http://" in server.logged
