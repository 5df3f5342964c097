"""/v1/images/* on a real server with the bundled model, by the official client; the pictures are looked at."""

import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from openai.types import ImagesResponse
from PIL import Image

from tests.live.images import (
    MODEL,
    PATIENCE_S,
    data_url,
    drawing,
    file_of,
    mask_of,
    named_events,
    opened,
    settings_in,
    warm_up,
)
from tests.live.launch import Server, eventually
from tests.live.wire import error_of
from tests.shapes import draw, see

GENERATIONS, EDITS, VARIATIONS = (
    f"/v1/images/{name}" for name in ("generations", "edits", "variations")
)
PROMPTS = [
    ("red", "circle", "white"),
    ("blue", "square", "black"),
    ("green", "triangle", "yellow"),
    ("purple", "cross", "white"),
    ("orange", "circle", "black"),
    ("yellow", "square", "black"),
    ("red", "triangle", "yellow"),
    ("blue", "cross", "yellow"),
    ("green", "circle", "white"),
    ("purple", "square", "yellow"),
    ("orange", "triangle", "white"),
    ("yellow", "cross", "white"),
    ("red", "square", "black"),
    ("blue", "circle", "white"),
]
LONG_JOB = {"prompt": "a red circle", "steps": 150, "batch_count": 30}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with drawing(tmp_path_factory.mktemp("images")) as started:
        warm_up(started)
        yield started


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client(timeout=PATIENCE_S) as made:
        yield made


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    url = f"{server.url}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=PATIENCE_S) as made:
        yield made


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def drawn(http: httpx.Client, **body: Any) -> dict[str, Any]:
    response = http.post(GENERATIONS, json={"prompt": "a red circle", **body})
    assert response.status_code == 200, response.text[:500]
    ImagesResponse.model_validate(response.json(), strict=True)
    return response.json()


def picture_of(answer: Any, index: int = 0) -> Image.Image:
    data = answer["data"] if isinstance(answer, dict) else answer.data
    each = data[index]
    return opened(each["b64_json"] if isinstance(each, dict) else each.b64_json)


def far(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of the channels, from 0 to 255."""
    first, second = (np.asarray(each.convert("RGB"), float) for each in (one, other))
    return float(np.abs(first - second).mean())


def edited(http: httpx.Client, picture: Image.Image, **fields: Any) -> httpx.Response:
    files = {"image": ("it.png", file_of(picture), "image/png")}
    mask = fields.pop("mask", None)
    if mask is not None:
        files["mask"] = ("mask.png", file_of(mask), "image/png")
    return http.post(EDITS, data={"prompt": "a blue circle", **fields}, files=files)


def jobs(http: httpx.Client) -> list[dict[str, Any]]:
    return http.get("/v1/internal/media/image").json()["jobs"]


# --- Generations


def test_pictures_show_what_was_asked_for(client: openai.OpenAI) -> None:
    right = 0
    for i, (colour, shape, background) in enumerate(PROMPTS):
        answer = client.images.generate(
            model="gpt-image-2",
            prompt=f"a {colour} {shape} on a {background} background",
            extra_body={"image_seed": i},
        )
        right += see(picture_of(answer)) == (colour, shape, background)
    assert right >= len(PROMPTS) - 2


def test_the_request_of_the_documents_works(http: httpx.Client) -> None:
    body = {
        "prompt": "an orange tree",
        "steps": 9,
        "cfg_scale": 0,
        "batch_size": 1,
        "batch_count": 1,
    }
    answer = drawn(http, **body)
    (each,) = answer["data"]
    picture = opened(each["b64_json"])
    assert picture.format == "PNG"
    assert see(picture).colour == "orange"
    assert settings_in(picture) == {
        "prompt": "an orange tree",
        "negative_prompt": "",
        "width": 64,
        "height": 64,
        "steps": 9,
        "cfg_scale": 0,
        "seed": each["seed"],
        "model": MODEL,
    }


def test_an_answer_has_what_the_official_one_has(client: openai.OpenAI) -> None:
    answer = client.images.generate(prompt="a red circle", n=2)
    assert abs(answer.created - time.time()) < PATIENCE_S
    assert (answer.output_format, answer.background) == ("png", "opaque")
    assert (answer.size, answer.quality) == ("64x64", "medium")
    assert answer.data is not None
    assert len(answer.data) == 2
    assert all(each.url is None and each.revised_prompt == "a red circle" for each in answer.data)
    usage = answer.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (3, 32, 35)
    assert usage.input_tokens_details.text_tokens == 3


def test_a_seed_draws_the_same_picture_again(http: httpx.Client) -> None:
    batch = drawn(http, image_seed=11, batch_size=2, batch_count=2)
    assert [each["seed"] for each in batch["data"]] == [11, 12, 13, 14]
    again = drawn(http, seed=13)
    assert far(picture_of(again), picture_of(batch, 2)) < 0.5
    assert far(picture_of(batch, 0), picture_of(batch, 2)) > 0.5
    other, another = (drawn(http)["data"][0]["seed"] for _ in range(2))
    assert other != another


def test_any_size_is_answered_and_what_the_model_cannot_draw_is_scaled(http: httpx.Client) -> None:
    for size in ("256x256", "1024x1024", "1792x1024", "100x60"):
        answer = drawn(http, prompt="a green square", size=size, image_seed=1)
        picture = picture_of(answer)
        assert answer["size"] == size == f"{picture.width}x{picture.height}"
        assert see(picture).colour == "green"
    settings = settings_in(picture_of(drawn(http, size="1024x512")))
    assert (settings["drawn_width"], settings["drawn_height"]) == (64, 32)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_files_come_in_the_format_that_was_asked_for(http: httpx.Client, kind: str) -> None:
    answer = drawn(http, output_format=kind, output_compression=60, image_seed=1)
    assert answer["output_format"] == kind
    picture = picture_of(answer)
    assert picture.format == kind.upper()
    assert see(picture) == ("red", "circle", "white")


def test_settings_stay_out_of_the_file_when_asked(http: httpx.Client) -> None:
    for kind in ("png", "jpeg", "webp"):
        answer = drawn(http, prompt="a secret red circle", embed_settings=False, output_format=kind)
        assert b"secret" not in base64.b64decode(answer["data"][0]["b64_json"])


def test_quality_is_a_number_of_steps(http: httpx.Client) -> None:
    steps = {
        quality: settings_in(picture_of(drawn(http, quality=quality)))["steps"]
        for quality in ("auto", "standard", "low", "medium", "high", "hd", "xhigh", "max")
    }
    assert steps == {
        "auto": 12,
        "standard": 12,
        "low": 6,
        "medium": 12,
        "high": 18,
        "hd": 18,
        "xhigh": 24,
        "max": 36,
    }
    assert settings_in(picture_of(drawn(http, quality="max", steps=3)))["steps"] == 3


def test_null_means_the_default(http: httpx.Client) -> None:
    names = (
        *("negative_prompt", "size", "steps", "cfg_scale", "image_seed", "seed", "batch_size"),
        *("batch_count", "n", "quality", "response_format", "output_format", "background"),
        *("output_compression", "moderation", "style", "model", "stream", "partial_images"),
        *("embed_settings", "user"),
    )
    answer = drawn(http, **dict.fromkeys(names))
    assert len(answer["data"]) == 1


def test_fields_without_effect_are_named(http: httpx.Client) -> None:
    body = {
        "prompt": "a red circle",
        "style": "vivid",
        "negative_prompt": "x",
        "cfg_scale": 1,
        "output_compression": 5,
        "partial_images": 2,
        "seed": 1,
        "image_seed": 2,
        "svg": {},
        "user": "me",
        "quality": "hd",
        "steps": 2,
        "moderation": "low",
    }
    response = http.post(GENERATIONS, json=body)
    assert response.status_code == 200
    names = response.headers["x-ignored-params"].split(", ")
    assert names == sorted(
        (
            "style",
            "negative_prompt",
            "output_compression",
            "partial_images",
            "svg",
            "quality",
            "seed",
        )
    )


def test_a_prompt_that_is_too_long_says_how_much_was_not_read(http: httpx.Client) -> None:
    response = http.post(GENERATIONS, json={"prompt": "red circle " * 50, "steps": 2})
    assert response.status_code == 200
    assert response.headers["x-unread-prompt-tokens"] == "78"
    usage = response.json()["usage"]
    assert (usage["unread_prompt_tokens"], usage["input_tokens"]) == (78, 22)
    assert "unread_prompt_tokens" not in drawn(http, steps=2)["usage"]


@pytest.mark.parametrize(
    "prompt", [" ", "画一只猫 🎨", "\u0000\u202e", "x" * 32_000, "{}<|endoftext|>"]
)
def test_any_text_is_drawn(http: httpx.Client, prompt: str) -> None:
    picture = picture_of(drawn(http, prompt=prompt, steps=2))
    assert settings_in(picture)["prompt"] == prompt


BAD_FIELDS: list[tuple[dict[str, Any], str | None]] = [
    ({"prompt": None}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": 5}, "prompt"),
    ({"prompt": ["a"]}, "prompt"),
    ({"prompt": "x" * 32_001}, "prompt"),
    ({"negative_prompt": "x" * 32_001}, "negative_prompt"),
    ({"size": "huge"}, "size"),
    ({"size": "64"}, "size"),
    ({"size": "8x8"}, "size"),
    ({"size": "99999x99999"}, "size"),
    ({"size": "4096x4096"}, "size"),
    ({"size": 512}, "size"),
    ({"size": "50x50"}, "size"),
    ({"steps": 0}, "steps"),
    ({"steps": 151}, "steps"),
    ({"steps": 2.5}, "steps"),
    ({"steps": "9"}, "steps"),
    ({"steps": True}, "steps"),
    ({"cfg_scale": -0.1}, "cfg_scale"),
    ({"cfg_scale": 31}, "cfg_scale"),
    ({"cfg_scale": 1e999}, "cfg_scale"),
    ({"image_seed": -2}, "image_seed"),
    ({"image_seed": 2**32}, "image_seed"),
    ({"n": 0}, "n"),
    ({"n": 33}, "n"),
    ({"n": 3, "batch_size": 2}, "n"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": 17}, "batch_size"),
    ({"batch_size": 16, "batch_count": 3}, "batch_count"),
    ({"response_format": "jpg"}, "response_format"),
    ({"output_format": "gif"}, "output_format"),
    ({"output_compression": 101}, "output_compression"),
    ({"background": "transparent"}, "background"),
    ({"background": "blue"}, "background"),
    ({"quality": "best"}, "quality"),
    ({"partial_images": 4}, "partial_images"),
    ({"stream": "yes"}, "stream"),
]


@pytest.mark.parametrize(("fields", "param"), BAD_FIELDS)
def test_what_is_wrong_is_told_with_its_field(
    http: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    body = json.dumps({"prompt": "a red circle", **fields})
    headers = {"Content-Type": "application/json"}
    error = error_of(http.post(GENERATIONS, content=body, headers=headers), 400)
    if fields.get("cfg_scale") != 1e999:  # no JSON at all
        assert error["param"] == param


def test_a_stream_of_a_wrong_request_is_a_plain_error(http: httpx.Client) -> None:
    error_of(http.post(GENERATIONS, json={"prompt": "x", "size": "1x1", "stream": True}), 400)


# --- Streams


def test_previews_come_closer_to_the_picture(client: openai.OpenAI) -> None:
    stream = client.images.generate(
        prompt="a red circle", stream=True, partial_images=3, extra_body={"image_seed": 7}
    )
    events = list(stream)
    assert [each.type for each in events] == [
        *["image_generation.partial_image"] * 3,
        "image_generation.completed",
    ]
    *previews, done = events
    assert done.type == "image_generation.completed"
    assert [p.partial_image_index for p in previews if p.type.endswith("partial_image")] == [
        0,
        1,
        2,
    ]
    final = opened(done.b64_json)
    distances = [far(opened(each.b64_json), final) for each in previews]
    assert distances[0] > distances[1] > distances[2] > 0
    assert see(final) == ("red", "circle", "white")
    assert (done.size, done.quality, done.background, done.output_format) == (
        *("64x64", "medium", "opaque", "png"),
    )
    assert done.usage.output_tokens == 16
    again = client.images.generate(prompt="a red circle", extra_body={"image_seed": 7})
    assert far(picture_of(again), final) < 0.5


@pytest.mark.anyio
async def test_the_asynchronous_client_reads_streams_too(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.images.generate(prompt="a red circle", stream=True, n=2)
    events = [event async for event in stream]
    assert [each.type for each in events] == ["image_generation.completed"] * 2
    answer = await async_client.images.generate(prompt="a blue square")
    assert see(picture_of(answer)).colour == "blue"


def test_events_have_names_and_say_which_picture_they_are_of(http: httpx.Client) -> None:
    body = {"prompt": "a red circle", "stream": True, "partial_images": 1, "batch_size": 2}
    events = named_events(http.post(GENERATIONS, json={**body, "image_seed": 3}))
    kinds = [(each["type"].partition(".")[2], each["image_index"]) for each in events]
    assert kinds == [("partial_image", 0), ("partial_image", 1), ("completed", 0), ("completed", 1)]
    assert [each["seed"] for each in events[2:]] == [3, 4]
    assert not {"image_gen_settings"} & opened(events[0]["b64_json"]).info.keys()


# --- URLs


def test_pictures_can_be_fetched_by_their_urls(client: openai.OpenAI, server: Server) -> None:
    answer = client.images.generate(
        prompt="a red circle", response_format="url", output_format="webp", n=2
    )
    assert answer.data is not None
    urls = [each.url or "" for each in answer.data]
    assert len(set(urls)) == 2
    for url in urls:
        assert url.startswith(f"{server.url}/v1/images/files/")
        got = httpx.get(url, trust_env=False)
        assert got.status_code == 200
        assert got.headers["content-type"] == "image/webp"
        assert see(opened(got.content)) == ("red", "circle", "white")
        assert 0 < int(got.headers["cache-control"].partition("max-age=")[2]) <= 3600
        head = httpx.head(url, trust_env=False)
        assert (head.status_code, head.content) == (200, b"")
        same = {"If-None-Match": got.headers["etag"]}
        assert httpx.get(url, headers=same, trust_env=False).status_code == 304


@pytest.mark.parametrize("name", ["nothing.png", "..%2f..%2fserver.py", "%00", "a" * 5000])
def test_other_names_are_not_found(http: httpx.Client, name: str) -> None:
    error_of(http.get(f"/v1/images/files/{name}"), 404)


def test_urls_are_made_as_the_client_reached_the_server(http: httpx.Client) -> None:
    port = http.base_url.port
    headers = {"Host": f"localhost:{port}", "X-Forwarded-Proto": "https"}
    body = {"prompt": "x", "steps": 1, "response_format": "url"}
    answer = http.post(GENERATIONS, json=body, headers=headers).json()
    assert answer["data"][0]["url"].startswith(f"https://localhost:{port}/v1/images/files/")


# --- Edits


def test_an_edit_changes_the_colour(client: openai.OpenAI) -> None:
    right = 0
    for i, shape in enumerate(("circle", "square", "triangle", "cross")):
        answer = client.images.edit(
            image=file_of(draw("red", shape)),
            prompt=f"a blue {shape}",
            extra_body={"image_seed": str(i)},
        )
        right += see(picture_of(answer))[:2] == ("blue", shape)
    assert right >= 3


def test_a_mask_keeps_every_other_pixel(client: openai.OpenAI) -> None:
    picture = draw("red", "square", "black")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    picture.paste(Image.fromarray(noise).crop((0, 0, 64, 8)), (0, 0))
    box = (8, 12, 56, 60)
    answer = client.images.edit(
        image=("it.png", file_of(picture)),
        mask=("mask.png", file_of(mask_of((64, 64), box))),
        prompt="a green circle",
        extra_body={"image_seed": "1"},
    )
    before, after = np.asarray(picture), np.asarray(picture_of(answer).convert("RGB"))
    inside = np.zeros((64, 64), bool)
    inside[box[1] : box[3], box[0] : box[2]] = True
    assert (before[~inside] == after[~inside]).all()
    assert np.abs(before[inside].astype(int) - after[inside]).mean() > 20
    assert see(Image.fromarray(after).crop((8, 12, 56, 60))).colour == "green"


def test_a_large_picture_keeps_its_size_and_its_unmasked_pixels(http: httpx.Client) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (301, 417, 3), np.uint8)
    mask = mask_of((417, 301), (100, 50, 300, 250))
    response = edited(http, Image.fromarray(noise), mask=mask, prompt="a red circle")
    assert response.status_code == 200, response.text[:300]
    answer = response.json()
    after = np.asarray(picture_of(answer).convert("RGB"))
    assert answer["size"] == "417x301"
    inside = np.zeros((301, 417), bool)
    inside[50:250, 100:300] = True
    assert (noise[~inside] == after[~inside]).all()
    assert (noise[inside] != after[inside]).mean() > 0.9


def test_white_marks_in_a_mask_without_transparency(http: httpx.Client) -> None:
    picture = draw("red", "circle")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    after = np.asarray(picture_of(edited(http, picture, mask=mask).json()).convert("RGB"))
    before = np.asarray(picture)
    assert (before[:, :32] == after[:, :32]).all()
    assert (before[:, 32:] != after[:, 32:]).any()


def test_less_strength_stays_closer_to_the_picture(http: httpx.Client) -> None:
    picture = draw("red", "circle")
    answers = [
        edited(http, picture, image_seed="5", **fields).json()
        for fields in ({"strength": "0.2"}, {"input_fidelity": "high"}, {"strength": "1"})
    ]
    strengths = [settings_in(picture_of(each))["strength"] for each in answers]
    assert strengths == [0.2, 0.6, 1.0]
    small = picture_of(
        edited(http, picture, prompt="a red circle", strength="0.2", image_seed="5").json()
    )
    assert see(small) == ("red", "circle", "white")


def test_edits_come_as_json_too(http: httpx.Client) -> None:
    body = {
        "prompt": "a blue circle",
        "images": [{"image_url": data_url(draw("red", "circle"))}],
        "mask": {"image_url": data_url(mask_of((64, 64), (4, 4, 60, 60)))},
        "image_seed": 2,
    }
    response = http.post(EDITS, json=body)
    assert response.status_code == 200, response.text[:300]
    assert see(picture_of(response.json())).colour == "blue"


def test_edits_are_streamed(client: openai.OpenAI) -> None:
    events = list(
        client.images.edit(
            image=file_of(draw("red", "circle")),
            prompt="a blue circle",
            stream=True,
            partial_images=2,
        )
    )
    assert [each.type for each in events] == [
        *["image_edit.partial_image"] * 2,
        "image_edit.completed",
    ]
    assert see(opened(events[-1].b64_json)).colour == "blue"


def test_previews_of_a_masked_edit_keep_the_other_pixels(http: httpx.Client) -> None:
    picture = draw("red", "circle")
    mask = mask_of((64, 64), (32, 0, 64, 64))
    response = edited(http, picture, mask=mask, stream="true", partial_images="1")
    preview, _ = named_events(response)
    after = np.asarray(opened(preview["b64_json"]).convert("RGB"))
    assert (after[:, :32] == np.asarray(picture)[:, :32]).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_pictures_of_all_usual_formats_are_read(http: httpx.Client, kind: str) -> None:
    data = file_of(draw("red", "circle"), kind)
    files = {"image": ("it", data, "application/octet-stream")}
    response = http.post(EDITS, data={"prompt": "a blue circle", "steps": "6"}, files=files)
    assert response.status_code == 200, response.text


def picture_bomb() -> bytes:
    """A PNG whose header promises 900 million pixels."""
    data = bytearray(file_of(Image.new("L", (8, 8))))
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    return bytes(data)


SMALL_MASK = file_of(mask_of((32, 32), (0, 0, 9, 9)))
FULL_MASK = file_of(Image.new("RGBA", (64, 64), (0, 0, 0, 255)))
GOOD = file_of(draw("red", "circle"))
BAD_UPLOADS: list[tuple[list[tuple[str, bytes]], dict[str, str], str]] = [
    ([], {"prompt": "x"}, "image"),
    ([("image", GOOD)], {}, "prompt"),
    ([("image", b"")], {"prompt": "x"}, "image"),
    ([("image", b"not a picture")], {"prompt": "x"}, "image"),
    ([("image", GOOD[:200])], {"prompt": "x"}, "image"),
    ([("image", picture_bomb())], {"prompt": "x"}, "image"),
    ([("image", GOOD), ("image", GOOD)], {"prompt": "x"}, "image"),
    ([("image[]", GOOD), ("image[]", GOOD)], {"prompt": "x"}, "image"),
    ([("image", GOOD), ("mask", SMALL_MASK)], {"prompt": "x"}, "mask"),
    ([("image", GOOD), ("mask", FULL_MASK)], {"prompt": "x"}, "mask"),
    ([("image", GOOD), ("mask", b"x")], {"prompt": "x"}, "mask"),
    ([("image", GOOD), ("mask", SMALL_MASK), ("mask", SMALL_MASK)], {"prompt": "x"}, "mask"),
    ([("image", GOOD)], {"prompt": "x", "strength": "0"}, "strength"),
    ([("image", GOOD)], {"prompt": "x", "strength": "nan"}, "strength"),
    ([("image", GOOD)], {"prompt": "x", "strength": "0.01"}, "strength"),
    ([("image", GOOD)], {"prompt": "x", "steps": "many"}, "steps"),
    ([("image", GOOD)], {"prompt": "x", "n": "0"}, "n"),
    ([("image", GOOD)], {"prompt": "x", "background": "transparent"}, "background"),
]


@pytest.mark.parametrize(("files", "fields", "param"), BAD_UPLOADS)
def test_what_is_wrong_with_an_upload_is_told(
    http: httpx.Client, files: list[tuple[str, bytes]], fields: dict[str, str], param: str
) -> None:
    parts = [(name, ("it.png", data)) for name, data in files] or [("other", ("x", b"y"))]
    error = error_of(http.post(EDITS, data=fields, files=parts), 400)
    assert error["param"] == param


def test_a_file_that_nobody_asked_for_is_named(http: httpx.Client) -> None:
    files = [("image", ("it.png", GOOD)), ("foo", ("x", b"y")), ("foo[]", ("x", b"y"))]
    response = http.post(EDITS, data={"prompt": "a red circle", "steps": "2"}, files=files)
    assert response.status_code == 200
    assert response.headers["x-ignored-params"] == "foo"


def test_a_file_in_place_of_a_text_is_told(http: httpx.Client) -> None:
    files = [("image", ("it.png", GOOD)), ("prompt", ("x", b"a red circle"))]
    error = error_of(http.post(EDITS, files=files), 400)
    assert error["param"] == "prompt"
    assert "came as a file" in error["message"]


def test_a_length_is_told_in_characters(http: httpx.Client) -> None:
    for fields, words in (
        ({"prompt": "x" * 32_001}, "at most 32000 characters"),
        ({"prompt": ""}, "at least 1 character"),
    ):
        assert words in error_of(http.post(GENERATIONS, json=fields), 400)["message"]


BAD_REFERENCES: list[tuple[Any, str]] = [
    ({"images": []}, "images"),
    ({"images": [{}]}, "images[0]"),
    ({"images": [{"file_id": "file-1"}]}, "images[0].file_id"),
    ({"images": [{"image_url": "data:,x"}]}, "images[0].image_url"),
    ({"images": [{"image_url": "ftp://x"}]}, "images[0].image_url"),
    ({"images": [{"image_url": "http://127.0.0.1:1/x.png"}]}, "images[0].image_url"),
    ({"images": [{"image_url": "file:///etc/passwd"}]}, "images[0].image_url"),
    ({"images": [{"image_url": data_url(draw("red", "circle"))}] * 2}, "images[1]"),
    ({"images": "x"}, "images"),
    ({}, "images"),
]


@pytest.mark.parametrize(("fields", "param"), BAD_REFERENCES)
def test_what_is_wrong_with_a_reference_is_told(
    http: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    error = error_of(http.post(EDITS, json={"prompt": "x", **fields}), 400)
    assert error["param"] == param


# --- Variations


OLD_METHOD = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
"""The official client still has it, with a warning."""


@OLD_METHOD
def test_variations_differ_and_are_alike(client: openai.OpenAI) -> None:
    alike = different = 0
    for colour, shape in (("red", "circle"), ("blue", "square"), ("green", "cross")):
        picture = draw(colour, shape)
        answer = client.images.create_variation(image=file_of(picture), n=3)
        pictures = [picture_of(answer, i) for i in range(3)]
        alike += sum(see(each).shape == shape for each in pictures)
        different += sum(far(each, picture) > 1 for each in pictures)
        assert len({each.tobytes() for each in pictures}) == 3
        assert answer.size == "64x64"
    assert alike >= 7
    assert different == 9


@OLD_METHOD
def test_a_variation_can_be_larger_and_a_url(client: openai.OpenAI) -> None:
    answer = client.images.create_variation(
        image=file_of(draw("red", "circle")), size="256x256", response_format="url"
    )
    assert answer.data is not None
    got = httpx.get(answer.data[0].url or "", trust_env=False)
    assert opened(got.content).size == (256, 256)


def test_a_variation_needs_a_picture(http: httpx.Client) -> None:
    assert error_of(http.post(VARIATIONS, files={"x": b"y"}), 400)["param"] == "image"
    error_of(http.post(VARIATIONS, json={}), 400)


# --- Jobs


def test_a_drawing_shows_its_steps_and_can_be_stopped(http: httpx.Client, server: Server) -> None:
    answers: list[httpx.Response] = []

    def ask() -> None:
        with server.client(timeout=PATIENCE_S) as own:
            answers.append(own.post(GENERATIONS, json=LONG_JOB))

    thread = threading.Thread(target=ask)
    thread.start()
    job = eventually(lambda: next((each for each in jobs(http) if each["done"] > 3), None))
    assert job["running"]
    assert job["total"] == 150 * 30
    assert job["id"].startswith("img-")
    stopped = http.post("/v1/internal/stop-generation", json={"id": job["id"]})
    assert stopped.status_code == 200
    thread.join(PATIENCE_S)
    error = error_of(answers[0], 409)
    assert error["code"] == "cancelled"
    eventually(lambda: not jobs(http))
    assert see(picture_of(drawn(http, image_seed=1))) == ("red", "circle", "white")


def test_a_client_that_leaves_ends_its_drawing(http: httpx.Client, server: Server) -> None:
    with server.client(timeout=PATIENCE_S) as own, pytest.raises(httpx.ReadTimeout):
        own.post(GENERATIONS, json=LONG_JOB, timeout=1.0)
    eventually(lambda: not jobs(http))
    with server.client(timeout=PATIENCE_S) as own:
        body = {**LONG_JOB, "stream": True, "partial_images": 1}
        with own.stream("POST", GENERATIONS, json=body) as response:
            lines = response.iter_lines()  # kept: the stream is closed with its iterator
            next(lines)
            assert response.headers["x-request-id"] in {each["id"] for each in jobs(http)}
    eventually(lambda: not jobs(http))
    assert see(picture_of(drawn(http, image_seed=1))) == ("red", "circle", "white")


def test_a_stopped_stream_ends_with_an_error(http: httpx.Client, server: Server) -> None:
    with server.client(timeout=PATIENCE_S) as own:
        body = {**LONG_JOB, "stream": True, "partial_images": 1}
        with own.stream("POST", GENERATIONS, json=body) as response:
            lines = response.iter_lines()
            next(lines)
            http.post("/v1/internal/stop-generation", json={"id": response.headers["x-request-id"]})
            rest = list(lines)
    error = json.loads([line for line in rest if line.startswith("data: ")][-1][6:])
    assert error["error"]["code"] == "cancelled"


def test_pictures_are_counted(http: httpx.Client) -> None:
    def count() -> float:
        lines = http.get("/metrics").text.splitlines()
        name = 'hearth_media_units_total{kind="image"} '
        return float(next(line for line in lines if line.startswith(name)).removeprefix(name))

    before = count()
    drawn(http, n=3, steps=2)
    assert count() == before + 3


def test_no_text_of_users_is_logged(server: Server) -> None:
    for word in ("circle", "orange tree", "secret"):
        assert word not in server.logged
        assert word not in server.printed
