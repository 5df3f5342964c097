"""The extensions that ship, on a real server with the demo models, over the API."""

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.drawings import draw_shape
from tests.live.extensions import SWITCH, switch, write_extension
from tests.live.launch import DEMO, MODEL, Server, eventually, running
from tests.live.wire import GREEDY, SKY, chunks_of, text_of

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
LOADING_S = 240
"""What the first import of torch may take on a busy machine."""
BLUE = "The sky is blue."
NOTES = """The harbour of Port Ellery was closed in 1911 after the great storm.

The lighthouse keeper was called Ambrose Tindall, and he kept bees.

Ferries go to the island twice a day, at nine and at five."""
ECHO = """
def custom_generate_reply(prompt, state):
    return state.messages[-1].text
"""
SETTINGS = """
character_bias-text: "The sky"
long_replies-min_tokens: 12
rag-least: -1.0
rag-passages: 2
rag-passage_size: 90
rag-passage_overlap: 0
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("shipped")
    write_extension(folder, "switch", SWITCH)
    documents = folder / "user_data" / "rag"
    documents.mkdir()
    (documents / "notes.md").write_text(NOTES)
    names = ("switch", "character_bias", "long_replies", "rag")
    with running(folder, "--model", MODEL, "--extensions", *names, settings=SETTINGS) as started:
        with started.client(timeout=LOADING_S) as http:
            for name in names[1:]:
                switch(http, name, "off")
            http.post("/v1/embeddings", json={"input": "load the model"}).raise_for_status()
        yield started


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client(timeout=120) as client:
        yield client


@pytest.fixture
def use(http: httpx.Client) -> Iterator[Callable[[str], None]]:
    """use(name) switches an extension on until the test ends, which fails if one of its hooks has."""
    names: list[str] = []

    def use_one(name: str) -> None:
        names.append(name)
        switch(http, name, "on")

    yield use_one
    for name in names:
        assert switch(http, name, "off") == []


def ask(http: httpx.Client, messages: Any = SKY, **fields: Any) -> dict[str, Any]:
    response = http.post(CHAT, json={"messages": messages, **GREEDY, **fields})
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def test_character_bias_has_replies_begin_in_a_mood(http: httpx.Client, use) -> None:
    begun = [*SKY, {"role": "assistant", "content": "The sky "}]
    expected = ask(http, begun, continue_=True)["message"]["content"]
    use("character_bias")
    assert ask(http)["message"]["content"] == expected


def test_long_replies_neither_end_nor_break_early(http: httpx.Client, use) -> None:
    plain = ask(http, max_tokens=60)
    assert plain["finish_reason"] == "stop"
    use("long_replies")
    prolonged = ask(http, max_tokens=60, logprobs=True)
    tokens = [token["token"] for token in prolonged["logprobs"]["content"]]
    assert prolonged["message"]["content"].startswith(BLUE[:-1])
    assert len(tokens) >= 12
    assert not any("\n" in token for token in tokens[:12])
    cut = http.post(TEXT, json={"prompt": "Once", "max_tokens": 12, **GREEDY}).json()["choices"][0]
    assert cut["finish_reason"] == "length"
    assert "\n" not in cut["text"]


def test_long_replies_leave_what_is_structured_alone(http: httpx.Client, use) -> None:
    use("long_replies")
    assert len(ask(http, regex="[a-c]{3}", max_tokens=20)["message"]["content"]) == 3


def prompt_of(http: httpx.Client, question: str) -> str:
    body = {"messages": [{"role": "user", "content": question}]}
    response = http.post("/v1/internal/chat-prompt", json=body)
    assert response.status_code == 200, response.text
    return response.json()["prompt"]


def test_rag_puts_what_is_near_into_the_prompt(http: httpx.Client, server: Server, use) -> None:
    use("rag")
    question = "The lighthouse keeper was called Ambrose Tindall, and he kept bees."
    prompt = prompt_of(http, question)
    assert prompt.index("[1] notes.md (passage 2 of 3)\nThe lighthouse keeper") > 0
    assert prompt.rindex(question) > prompt.index("[2] notes.md")
    assert "[3]" not in prompt


def test_rag_names_its_sources_in_every_form_of_answer(http: httpx.Client, use) -> None:
    use("rag")
    whole = ask(http, max_tokens=10)["message"]["content"]
    said, _, sources = whole.partition("\n\n---\nSources: ")
    assert said
    assert sources.startswith("[1] notes.md (passage ")
    assert sources.count("notes.md") == 2
    stream = {"messages": SKY, "stream": True, "max_tokens": 10, **GREEDY}
    assert text_of(chunks_of(http.post(CHAT, json=stream))) == whole
    kept = ask(http, regex="[a-c]{3}", max_tokens=20)["message"]["content"]
    assert len(kept) == 3


def test_rag_hides_sources_of_earlier_replies_from_the_model(http: httpx.Client, use) -> None:
    use("rag")
    earlier = [
        *SKY,
        {"role": "assistant", "content": f"{BLUE}\n\n---\nSources: [1] notes.md (passage 1 of 3)"},
        *SKY,
    ]
    prompt = http.post("/v1/internal/chat-prompt", json={"messages": earlier}).json()["prompt"]
    assert BLUE in prompt
    assert "Sources:" not in prompt


def test_rag_reads_new_documents_and_forgets_old_ones(
    http: httpx.Client, server: Server, use
) -> None:
    use("rag")
    path: Path = server.user_data / "rag" / "new.txt"
    path.write_text("Quartz clocks were invented in 1927.")
    try:
        assert eventually(lambda: "[1] new.txt" in prompt_of(http, path.read_text()))
    finally:
        path.unlink()
    assert "new.txt" not in prompt_of(http, "Quartz clocks were invented in 1927.")


def test_rag_leaves_completions_of_texts_alone(http: httpx.Client, use) -> None:
    body = {"prompt": "Once upon a time", "max_tokens": 8, **GREEDY}
    plain = http.post(TEXT, json=body).json()["choices"]
    use("rag")
    assert http.post(TEXT, json=body).json()["choices"] == plain


def test_many_chats_with_rag_at_once(http: httpx.Client, server: Server, use) -> None:
    """More than there are threads: each waits for the embedding model, which must not wait for them."""
    import asyncio

    use("rag")

    async def run() -> list[int]:
        async with httpx.AsyncClient(base_url=server.url, timeout=120, trust_env=False) as client:
            bodies = [
                {"messages": [{"role": "user", "content": f"Question {n}?"}], "max_tokens": 2}
                for n in range(24)
            ]
            answers = await asyncio.gather(*(client.post(CHAT, json=body) for body in bodies))
            return [answer.status_code for answer in answers]

    assert asyncio.run(run()) == [200] * 24


EYES = "tiny-vision-Q8_0.gguf"
WITH_EYES = {
    name: DEMO.with_name(name) for name in (DEMO.name, EYES, "tiny-vision-mmproj-F16.gguf")
}
PICTURES = 'send_pictures-question: "What is in this picture?"\n'


def drawing(colour: str, shape: str, background: str) -> dict[str, Any]:
    file = io.BytesIO()
    draw_shape(colour, shape, background, size=96).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def show(http: httpx.Client, *content: dict[str, Any]) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": list(content)}], "max_tokens": 90, **GREEDY}
    return http.post(CHAT, json=body, timeout=LOADING_S)


@pytest.mark.parametrize("limit", [("--max-models", "2"), ()], ids=["two models", "one at a time"])
def test_pictures_are_described_for_a_model_without_eyes(
    tmp_path: Path, limit: tuple[str, ...]
) -> None:
    flags = ("--model", MODEL, *limit, "--extensions", "send_pictures", "echo")
    write_extension(tmp_path, "echo", ECHO)
    with (
        running(tmp_path, *flags, settings=PICTURES, models=WITH_EYES) as server,
        server.client() as http,
    ):
        words = {"type": "text", "text": "Look."}
        answer = show(http, words, drawing("red", "circle", "white"))
        assert answer.status_code == 200, answer.text
        said = answer.json()["choices"][0]["message"]["content"]
        assert said.startswith("Look.\n[A picture. It shows: ")
        assert "red circle" in said
        blue = show(http, drawing("blue", "square", "white"), words)
        assert "blue square" in blue.json()["choices"][0]["message"]["content"]
        again = show(http, words, drawing("red", "circle", "white"))
        assert again.json()["choices"][0]["message"]["content"] == said
        loaded = http.get("/v1/internal/model/info").json()
        assert loaded["model_name"] == MODEL


def test_without_a_model_that_sees_the_reply_is_told_so(tmp_path: Path) -> None:
    write_extension(tmp_path, "echo", ECHO)
    with (
        running(tmp_path, "--model", MODEL, "--extensions", "send_pictures", "echo") as server,
        server.client() as http,
    ):
        answer = show(http, drawing("red", "circle", "white"))
        assert answer.json()["choices"][0]["message"]["content"] == (
            "[A picture, which cannot be seen here: no model that sees pictures is installed.]"
        )


def test_a_model_with_eyes_sees_for_itself(tmp_path: Path) -> None:
    flags = ("--model", EYES, "--extensions", "send_pictures")
    with (
        running(tmp_path, *flags, models=WITH_EYES) as server,
        server.client() as http,
    ):
        question = {"type": "text", "text": "What is in this picture?"}
        answer = show(http, drawing("red", "circle", "white"), question)
        assert "red circle" in answer.json()["choices"][0]["message"]["content"]
        assert "[A picture" not in answer.text
