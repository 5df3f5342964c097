"""/v1/embeddings on a real server with the bundled model, by the official client."""

import asyncio
import base64
import json
import socket
from array import array
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from tests.live.launch import Server, eventually
from tests.live.wire import error_of

NAME = "tiny-embed"
GGUF = "tiny-embed-F16.gguf"
TEXTS = ["What color is the sky?", "Which color has the sky?", "The dog sleeps in the garden."]
DIMENSIONS = 96
LIMIT = 128
TOO_LONG = "sky " * 300


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def post(http: httpx.Client, **body: Any) -> dict[str, Any]:
    response = http.post("/v1/embeddings", json=body, timeout=60)
    assert response.status_code == 200, response.text[:500]
    return response.json()


def vectors(http: httpx.Client, given: Any, **more: Any) -> list[list[float]]:
    return [each["embedding"] for each in post(http, input=given, **more)["data"]]


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def length(vector: list[float]) -> float:
    return dot(vector, vector) ** 0.5


def test_the_client_reads_vectors_of_length_1_in_order(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model="x", input=TEXTS)
    assert found.object == "list"
    assert found.model == NAME, "the real model's name"
    assert [each.index for each in found.data] == [0, 1, 2]
    assert all(each.object == "embedding" for each in found.data)
    assert all(len(each.embedding) == DIMENSIONS for each in found.data)
    assert all(abs(length(each.embedding) - 1) < 1e-5 for each in found.data)
    sky, colour, dog = (each.embedding for each in found.data)
    assert dot(sky, colour) > dot(sky, dog) + 0.2


@pytest.mark.anyio
async def test_the_async_client_works_as_well(async_client: openai.AsyncOpenAI) -> None:
    found = await async_client.embeddings.create(model="x", input=TEXTS[0])
    assert len(found.data[0].embedding) == DIMENSIONS


@pytest.mark.parametrize("model", [NAME, GGUF])
def test_floats_and_base64_are_the_same_numbers(client: openai.OpenAI, model: str) -> None:
    floats = client.embeddings.create(model=model, input=TEXTS, encoding_format="float")
    packed = client.embeddings.create(model=model, input=TEXTS, encoding_format="base64")
    assert floats.model == packed.model == model
    for one, other in zip(floats.data, packed.data, strict=True):
        assert isinstance(other.embedding, str)
        numbers = array("f", base64.b64decode(other.embedding))
        assert len(numbers) == DIMENSIONS
        assert list(numbers) == pytest.approx(one.embedding, abs=1e-7)


def test_both_bundled_models_agree(http: httpx.Client) -> None:
    by_torch, by_llama = (vectors(http, TEXTS, model=name) for name in (NAME, GGUF))
    assert all(dot(a, b) > 0.999 for a, b in zip(by_torch, by_llama, strict=True))


@pytest.mark.parametrize("model", [NAME, GGUF])
def test_tokens_are_counted_as_the_model_sees_them(http: httpx.Client, model: str) -> None:
    usage = post(http, input="hello", model=model)["usage"]
    assert usage == {"prompt_tokens": 3, "total_tokens": 3}, "with both special tokens"
    assert post(http, input=["hello", "hello"], model=model)["usage"]["prompt_tokens"] == 6


@pytest.mark.parametrize("model", [NAME, GGUF])
def test_token_ids_stand_for_their_text(http: httpx.Client, model: str) -> None:
    (text,) = vectors(http, "hello", model=model)
    for given in ([680], [[680]], [2, 680, 3]):
        (ids,) = vectors(http, given, model=model)
        assert ids == pytest.approx(text, abs=1e-6)
    assert len(vectors(http, [[680], [2, 680, 3], [241, 72]], model=model)) == 3


def test_dimensions_are_the_first_of_the_vector_at_length_1(http: httpx.Client) -> None:
    (whole,) = vectors(http, "hello")
    (short,) = vectors(http, "hello", dimensions=10)
    assert short == pytest.approx([x / length(whole[:10]) for x in whole[:10]], abs=1e-6)
    (same,) = vectors(http, "hello", dimensions=DIMENSIONS)
    assert same == pytest.approx(whole, abs=1e-6)
    (raw,) = vectors(http, "hello", dimensions=10, normalize=False)
    assert raw == pytest.approx(whole[:10], abs=1e-5)


@pytest.mark.parametrize("dimensions", [0, -1, 97, 10**30])
def test_dimensions_that_the_model_lacks_are_refused(http: httpx.Client, dimensions: int) -> None:
    error = error_of(
        http.post("/v1/embeddings", json={"input": "a", "dimensions": dimensions}), 400
    )
    assert error["param"] == "dimensions"
    assert "96" in error["message"] or "valid integer" in error["message"]


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "input", "Missing"),
        ({"input": ""}, "input", "empty string"),
        ({"input": [""]}, "input", "empty string"),
        ({"input": ["a", ""]}, "input[1]", "empty string"),
        ({"input": []}, "input", "empty list"),
        ({"input": [[]]}, "input", "empty list"),
        ({"input": [[5], []]}, "input[1]", "empty list"),
        ({"input": None}, "input", "input"),
        ({"input": 5}, "input", "input"),
        ({"input": {"text": "a"}}, "input", "input"),
        ({"input": ["a", 5]}, "input[1]", "string"),
        ({"input": [5, "a"]}, "input[1]", "integer"),
        ({"input": [[5], "a"]}, "input[1]", "list"),
        ({"input": [1600]}, "input", "1600"),
        ({"input": [[5], [5, 99999]]}, "input[1]", "99999"),
        ({"input": [-1]}, "input[0]", "greater"),
        ({"input": ["a"] * 2049}, "input", "2048"),
        ({"input": "\ud800"}, "input", "surrogate"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", "float"),
        ({"input": "a", "dimensions": "5"}, "dimensions", "integer"),
        ({"input": "a", "dimensions": float("nan")}, "dimensions", ""),
        ({"input": "a", "prompt_name": "poem"}, "prompt_name", "'query'"),
        ({"input": "a", "truncate": "MIDDLE"}, None, ""),
        ({"input": "a", "truncate_prompt_tokens": 0}, "truncate_prompt_tokens", "-1"),
        ({"input": "a", "truncate_prompt_tokens": -2}, "truncate_prompt_tokens", "-1"),
    ],
)
def test_bad_requests_name_what_is_wrong(
    http: httpx.Client, body: dict[str, Any], param: str | None, words: str
) -> None:
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    error = error_of(http.post("/v1/embeddings", content=content, headers=headers), 400)
    assert param is None or error["param"] == param
    assert words in error["message"]


@pytest.mark.parametrize("model", [NAME, GGUF])
def test_a_text_that_is_too_long_is_refused_with_both_numbers(
    http: httpx.Client, model: str
) -> None:
    fits = " ".join(["hello"] * (LIMIT - 2))
    assert post(http, input=fits, model=model)["usage"]["prompt_tokens"] == LIMIT
    body = {"input": ["a", fits + " hello"], "model": model}
    error = error_of(http.post("/v1/embeddings", json=body), 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "input[1]"
    assert "128" in error["message"]
    assert "129" in error["message"]
    ids = error_of(http.post("/v1/embeddings", json={"input": [5] * 500, "model": model}), 400)
    assert "502" in ids["message"]


def test_a_gigantic_text_is_refused_without_being_read(http: httpx.Client) -> None:
    error = error_of(
        http.post("/v1/embeddings", json={"input": "ab " * 5_000_000}, timeout=60), 400
    )
    assert error["code"] == "context_length_exceeded"
    assert "15000000" in error["message"]


@pytest.mark.parametrize("model", [NAME, GGUF])
@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ({"truncate": True}, slice(0, 126)),
        ({"truncate": "END"}, slice(0, 126)),
        ({"truncate": "START"}, slice(-126, None)),
        ({"truncate_prompt_tokens": -1}, slice(0, 126)),
        ({"truncate_prompt_tokens": 12}, slice(0, 10)),
    ],
)
def test_texts_are_cut_where_that_is_asked_for(
    http: httpx.Client, model: str, how: dict[str, Any], kept: slice
) -> None:
    words = ["hello", "sky", "how", "are", "you"] * 60
    answer = post(http, input=" ".join(words), model=model, **how)
    (expected,) = vectors(http, " ".join(words[kept]), model=model)
    assert answer["data"][0]["embedding"] == pytest.approx(expected, abs=1e-3)
    assert answer["usage"]["prompt_tokens"] == len(words[kept]) + 2


def test_prompts_that_the_model_has_are_taken_and_others_are_named(http: httpx.Client) -> None:
    plain = vectors(http, "hello")
    assert vectors(http, "hello", input_type="query") == plain, "its prompt is empty"
    assert vectors(http, "hello", prompt_name="document") == plain
    response = http.post("/v1/embeddings", json={"input": "hello", "input_type": "poem"})
    assert response.headers["X-Ignored-Params"] == "input_type"
    response = http.post("/v1/embeddings", json={"input": "hello", "colour": 1, "user": "me"})
    assert response.headers["X-Ignored-Params"] == "colour"


def test_the_most_inputs_come_back_in_their_order(http: httpx.Client) -> None:
    words = ["hello", "sky", "how are you", "dog"]
    many = [words[i % 4] for i in range(2048)]
    found = post(http, input=many, encoding_format="base64")["data"]
    assert [each["index"] for each in found] == list(range(2048))
    unpacked = [list(array("f", base64.b64decode(found[i]["embedding"]))) for i in range(4)]
    for one, other in zip(unpacked, vectors(http, words), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.anyio
async def test_many_at_once_get_their_own_vectors(
    async_client: openai.AsyncOpenAI, http: httpx.Client
) -> None:
    texts = [f"hello {word} " * (1 + i % 9) for i, word in enumerate(["sky", "dog", "you"] * 16)]
    expected = vectors(http, texts)
    found = await asyncio.gather(
        *(async_client.embeddings.create(model=NAME, input=text) for text in texts)
    )
    for answer, vector in zip(found, expected, strict=True):
        assert answer.data[0].embedding == pytest.approx(vector, abs=1e-5)


@pytest.mark.parametrize("model", [NAME, GGUF])
def test_clients_that_leave_take_their_work_along(server: Server, model: str) -> None:
    """Minutes of work are given up, nobody else waits for it, and the model can be freed at once."""
    body = {"input": ["the pilot swims at the market. " * 300] * 1000, "truncate": True}
    data = json.dumps({**body, "model": model}).encode()

    def leave() -> None:
        head = f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + data)
            eventually(lambda: jobs(server))

    with server.client(timeout=15) as http:
        post(http, input="hello", model=model)
        with ThreadPoolExecutor() as pool:
            for leaving in [pool.submit(leave) for _ in range(6)]:
                leaving.result()
        small = http.post("/v1/embeddings", json={"input": "hello", "model": model})
        assert small.status_code == 200, small.text
        unloaded = http.post("/v1/internal/media/embedding/unload", json={"model_name": model})
        assert unloaded.status_code == 200, unloaded.text
        assert http.get("/health").json()["status"] == "ok"
        post(http, input="hello", model=model)
    eventually(lambda: not jobs(server))
    assert server.process.poll() is None


def jobs(server: Server) -> list[dict[str, Any]]:
    with server.client() as http:
        return http.get("/v1/internal/media/embedding").json()["jobs"]


def test_what_is_still_being_read_can_be_stopped(server: Server) -> None:
    def ask() -> httpx.Response:
        with server.client(timeout=60) as http:
            body = {"input": ["the pilot swims. " * 3000] * 1000, "truncate": True, "model": GGUF}
            return http.post("/v1/embeddings", json=body)

    with ThreadPoolExecutor() as pool, server.client() as http:
        asked = pool.submit(ask)
        (job,) = eventually(lambda: jobs(server))
        assert not job["running"]
        http.post("/v1/internal/stop-generation", json={"id": job["id"]}).raise_for_status()
        assert error_of(asked.result(), 409)["code"] == "cancelled"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"input": "hello"}),
        ("/v1/embeddings", {"input": TOO_LONG}),
        ("/v1/moderations", {"input": "hello"}),
        ("/v1/rerank", {"query": "hello", "documents": ["sky"]}),
        ("/v1/rerank", {"query": "hello", "documents": ["sky"], "model": NAME}),
        ("/v1/score", {"text_1": "hello", "text_2": "sky"}),
        ("/v1/search", {"query": "hello", "documents": ["sky"]}),
    ],
)
def test_nothing_runs_or_waits_after_the_answer(
    server: Server, http: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    eventually(lambda: not jobs(server))
    response = http.post(path, json=body, timeout=60)
    assert response.status_code == (400 if body.get("input") == TOO_LONG else 200), response.text
    assert response.is_error or response.headers["X-Request-Id"].count("-") == 1
    lines = http.get("/metrics").text.splitlines()
    gauges = [x for x in lines if x.startswith(("hearth_media_running{", "hearth_media_waiting{"))]
    assert len(gauges) == 10
    assert {float(line.split()[-1]) for line in gauges} == {0.0}, gauges


def test_a_request_can_be_watched_and_stopped(server: Server) -> None:
    def ask() -> httpx.Response:
        with server.client(timeout=60) as http:
            body = {"input": ["hello sky how are you " * 24] * 2048, "model": NAME}
            return http.post("/v1/embeddings", json=body)

    def running() -> Any:
        with server.client() as http:
            jobs = http.get("/v1/internal/media/embedding").json()["jobs"]
            return [job for job in jobs if job["total"] == 2048]

    with ThreadPoolExecutor() as pool, server.client() as http:
        asked = pool.submit(ask)
        (job,) = eventually(running)
        assert job["id"].startswith("embd-")
        http.post("/v1/internal/stop-generation", json={"id": job["id"]}).raise_for_status()
        assert error_of(asked.result(), 409)["code"] == "cancelled"


def test_the_old_paths_and_names_work(http: httpx.Client) -> None:
    (expected,) = vectors(http, "hello", model=GGUF)
    for body in ({"input": "hello"}, {"text": "hello"}):
        response = http.post(f"/v1/engines/{GGUF}/embeddings", json=body)
        assert response.status_code == 200, response.text
        assert response.json()["model"] == GGUF
        assert response.json()["data"][0]["embedding"] == pytest.approx(expected, abs=1e-6)
    assert error_of(http.post("/v1/engines/x/embeddings", json={}), 400)["param"] == "input"


def test_models_for_embeddings_are_listed_and_found(http: httpx.Client) -> None:
    post(http, input="hello", model=NAME)
    listed = {model["id"]: model for model in http.get("/v1/models").json()["data"]}
    assert listed[NAME]["meta"]["capabilities"] == ["embedding"]
    assert listed[NAME]["meta"]["loader"] == "sentence_transformers"
    assert listed[NAME]["meta"]["loaded"] is True
    assert listed[GGUF]["meta"]["loader"] == "llamacpp"
    assert "tiny-chat" not in listed, "a chat model's folder is no embedder"
    assert http.get(f"/v1/models/{GGUF}").json()["id"] == GGUF


def test_tokens_are_counted_in_metrics_and_usage(http: httpx.Client) -> None:
    def units() -> float:
        lines = http.get("/metrics").text.splitlines()
        (line,) = (x for x in lines if x.startswith('hearth_media_units_total{kind="embedding"'))
        return float(line.split()[-1])

    def noted() -> int:
        days = http.get("/v1/billing/usage").json()["daily_costs"]
        return sum(i["prompt_tokens"] for d in days for i in d["line_items"] if i["name"] == NAME)

    before = units(), noted()
    post(http, input="hello", model=NAME)
    assert (units(), noted()) == (before[0] + 3, before[1] + 3)


def test_no_text_is_logged(server: Server, http: httpx.Client) -> None:
    post(http, input="zebrafish-secret")
    error_of(http.post("/v1/embeddings", json={"input": ["zebrafish-secret " * 500]}), 400)
    assert "zebrafish" not in server.logged + server.printed
