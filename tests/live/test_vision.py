"""Pictures over HTTP with the bundled vision model: it names what is drawn."""

import base64
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.contract.drawings import draw_shape
from tests.live.launch import DEMO, Server, running
from tests.live.wire import GREEDY, checked_chat, chunks_of, error_of, text_of

CHAT = "/v1/chat/completions"
EYES = "tiny-vision-Q8_0.gguf"
MODELS = {name: DEMO.with_name(name) for name in (DEMO.name, EYES, "tiny-vision-mmproj-F16.gguf")}
# Combinations that the model has seen.
SEEN = [("red", "circle", "white"), ("blue", "square", "white"), ("green", "triangle", "black")]


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("eyes"), "--model", EYES, models=MODELS) as server:
        yield server


@pytest.fixture(scope="module")
def eyes(seeing: Server) -> Iterator[httpx.Client]:
    with seeing.client() as client:
        yield client


def part(colour: str, shape: str, background: str) -> dict[str, Any]:
    file = io.BytesIO()
    draw_shape(colour, shape, background, size=96).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{data}", "detail": "low"},
    }


def ask(client: httpx.Client, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": list(content)}], **GREEDY, "max_tokens": 40}
    response = client.post(CHAT, json=body | fields)
    assert response.status_code == 200, response.text
    checked_chat(response.json())
    return response.json()


def said(body: dict[str, Any]) -> str:
    return body["choices"][0]["message"]["content"]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(("colour", "shape", "background"), SEEN)
def test_shape_and_color_are_named(
    eyes: httpx.Client, colour: str, shape: str, background: str
) -> None:
    answer = said(ask(eyes, part(colour, shape, background), text("What is in the picture?")))
    assert colour in answer
    assert shape in answer


def test_questions_about_it_are_answered(eyes: httpx.Client) -> None:
    assert "red" in said(ask(eyes, part(*SEEN[0]), text("What color is the shape?")))
    assert "circle" in said(ask(eyes, part(*SEEN[0]), text("What shape is it?")))


def test_the_picture_counts_as_tokens_and_is_cached(eyes: httpx.Client) -> None:
    plain = ask(eyes, text("What is in the picture?"))["usage"]["prompt_tokens"]
    content = (part("black", "square", "yellow"), text("What is in the picture?"))
    first = ask(eyes, *content)
    assert first["usage"]["prompt_tokens"] > plain + 10
    again = ask(eyes, *content)
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] > plain
    assert said(again) == said(first)


def test_another_picture_is_not_taken_from_the_cache(eyes: httpx.Client) -> None:
    answers = [said(ask(eyes, part(*seen), text("What is in the picture?"))) for seen in SEEN]
    assert len(set(answers)) == len(SEEN)


def test_streamed_equals_whole(eyes: httpx.Client) -> None:
    content = [part(*SEEN[1]), text("What is in the picture?")]
    body = {"messages": [{"role": "user", "content": content}], **GREEDY, "stream": True}
    assert text_of(chunks_of(eyes.post(CHAT, json=body))) == said(ask(eyes, *content))


def test_several_pictures_are_taken(eyes: httpx.Client) -> None:
    one = ask(eyes, part(*SEEN[0]), text("Look."))["usage"]["prompt_tokens"]
    two = ask(eyes, part(*SEEN[0]), part(*SEEN[1]), text("Look."))["usage"]["prompt_tokens"]
    none = ask(eyes, text("Look."))["usage"]["prompt_tokens"]
    assert two - none == 2 * (one - none)


def test_pictures_and_texts_of_others_share_the_batch(eyes: httpx.Client) -> None:
    """Everyone gets what they get alone."""
    contents = [[part(*seen), text("What is in the picture?")] for seen in SEEN]
    contents += [[text("Hello!")], [text("What color is the sky?")]] * 3
    alone = [said(ask(eyes, *content)) for content in contents]
    with ThreadPoolExecutor(len(contents)) as pool:
        together = list(pool.map(lambda content: said(ask(eyes, *content)), contents))
    assert together == alone


def test_plain_prompts_mark_the_places_of_pictures(eyes: httpx.Client) -> None:
    prompt = "<|im_start|>user\n<__media__>What shape is it?<|im_end|>\n<|im_start|>assistant\n"
    content = [text(prompt), part(*SEEN[0])]
    body = {"messages": [{"role": "user", "content": content}], **GREEDY, "max_tokens": 20}
    response = eyes.post("/v1/completions", json=body)
    assert "circle" in response.json()["choices"][0]["text"]
    body["messages"][0]["content"] = [text("<__media__> and <__media__>"), part(*SEEN[0])]
    error_of(eyes.post("/v1/completions", json=body), 400)
    error_of(eyes.post("/v1/completions", json={**body, "prompt": "x"}), 400)


def test_the_model_says_that_it_sees(seeing: Server, eyes: httpx.Client) -> None:
    listed = {each["id"]: each["meta"] for each in eyes.get("/v1/models").json()["data"]}
    assert "vision" in listed[EYES]["capabilities"]
    assert not any("mmproj" in name for name in listed)
    client = OpenAI(base_url=f"{seeing.url}/v1", api_key="x")
    content = [text("What shape is it?"), part(*SEEN[0])]
    reply = client.chat.completions.create(
        model=EYES, messages=[{"role": "user", "content": content}], temperature=0
    )
    assert "circle" in (reply.choices[0].message.content or "")


def test_a_text_model_says_what_is_missing(http: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": [part(*SEEN[0])]}]}
    error = error_of(http.post(CHAT, json=body), 400)
    assert error["code"] == "unsupported_parameter"
    assert "mmproj" in error["message"]
