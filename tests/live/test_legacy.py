"""Endpoints of 2020 to 2023: engines, edits, generate."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live.launch import MODEL, Server, running
from tests.live.legacy import (
    ADMIN,
    KEYS,
    MODELS,
    ONCE,
    OTHER,
    USAGE_PATHS,
    USER,
    loaded,
    post,
)
from tests.live.wire import SKY, checked_chat, checked_completion, chunks_of, error_of


@pytest.fixture(scope="module")
def plain(http: httpx.Client) -> str:
    """What /v1/completions says to ONCE."""
    return post(http, "/v1/completions", **ONCE)["choices"][0]["text"]


def test_engines_are_the_models(http: httpx.Client) -> None:
    listed = http.get("/v1/engines").json()
    assert listed["object"] == "list"
    (engine,) = [each for each in listed["data"] if each["id"] == MODEL]
    assert engine["object"] == "engine"
    assert engine["ready"] is True
    assert {"created", "owner", "permissions"} <= engine.keys()
    for name in (MODEL, MODEL.removesuffix(".gguf")):
        assert http.get(f"/v1/engines/{name}").json() == engine


def test_an_unknown_engine_is_404(http: httpx.Client) -> None:
    assert error_of(http.get("/v1/engines/no/such"), 404)["code"] == "model_not_found"


def test_text_beside_input_is_named(http: httpx.Client) -> None:
    def embed(**body: object) -> httpx.Response:
        response = http.post("/v1/engines/x/embeddings", json=body)
        assert response.status_code == 200
        return response

    both = embed(input="a cat", text="a dog", odd=1, encoding_format="float")
    assert both.headers["x-ignored-params"] == "odd, text"
    assert both.json()["data"] == embed(input="a cat").json()["data"]
    assert "x-ignored-params" not in embed(text="a cat").headers


def test_engines_answer_as_the_newer_endpoints_do(http: httpx.Client, plain: str) -> None:
    done = post(http, f"/v1/engines/{MODEL}/completions", **ONCE)
    assert checked_completion(done).choices[0].text == plain
    chat = post(http, f"/v1/engines/{MODEL}/chat/completions", messages=SKY, temperature=0)
    assert checked_chat(chat).choices[0].message.content == "The sky is blue."
    for path in ("/v1/text_completion", "/v1/engines/any/name/completions"):
        assert post(http, path, **ONCE)["choices"][0]["text"] == plain


@pytest.mark.parametrize("path", ["answers", "classifications", "generate/more", ""])
def test_other_paths_of_engines_are_404(http: httpx.Client, path: str) -> None:
    error_of(http.post(f"/v1/engines/{MODEL}/{path}", json={"input": "x"}), 404)


@pytest.mark.parametrize("path", ["/v1/generate", f"/v1/engines/{MODEL}/generate"])
def test_generate_speaks_the_words_of_2020(http: httpx.Client, path: str, plain: str) -> None:
    body = {"context": ONCE["prompt"], "length": 5, "completions": 2, "temperature": 0}
    done = post(http, path, **body)
    assert [choice["text"] for choice in done["data"]] == [plain, plain]
    assert "choices" not in done
    assert done["usage"]["completion_tokens"] == 10
    assert [each["text"] for each in post(http, path, **ONCE)["data"]] == [plain]


def test_a_stream_of_generate_has_data_too(http: httpx.Client, plain: str) -> None:
    body = {"context": ONCE["prompt"], "length": 5, "temperature": 0, "stream": True}
    chunks = chunks_of(http.post("/v1/generate", json=body))
    assert not any("choices" in chunk for chunk in chunks)
    assert "".join(chunk["data"][0]["text"] for chunk in chunks) == plain


def test_generate_names_fields_as_the_caller_does(http: httpx.Client) -> None:
    assert error_of(http.post("/v1/generate", json={"length": 5}), 400)["param"] == "context"
    long = {"context": "sky " * 3000, "length": 5}
    error = error_of(http.post("/v1/generate", json=long), 400)
    assert (error["param"], error["code"]) == ("context", "context_length_exceeded")
    long = {"prompt": "sky " * 3000}
    assert error_of(http.post("/v1/generate", json=long), 400)["param"] == "prompt"


def test_a_client_that_leaves_a_stream_of_generate_frees_its_place(http: httpx.Client) -> None:
    body = {"context": "Count:", "length": 1500, "stream": True, "ban_eos_token": True}
    with http.stream("POST", "/v1/generate", json=body) as response:
        next(response.iter_lines())
    assert post(http, "/v1/completions", **ONCE)["usage"]["completion_tokens"] == 5


def test_edits_are_made_by_the_chat_model(http: httpx.Client) -> None:
    body = {"instruction": "Repeat the word", "input": "winter", "n": 2, "temperature": 0}
    for path in ("/v1/edits", f"/v1/engines/{MODEL}/edits"):
        done = post(http, path, **body)
        assert done["object"] == "edit"
        assert done["choices"] == [{"text": "winter", "index": i} for i in range(2)]
        usage = done["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_an_edit_without_input_is_the_instruction_alone(http: httpx.Client) -> None:
    done = post(http, "/v1/edits", instruction="Say: hello", temperature=0)
    assert done["choices"][0]["text"] == "hello"


def test_edits_say_what_is_wrong(http: httpx.Client) -> None:
    error = error_of(http.post("/v1/edits", json={"input": "x"}), 400)
    assert error["param"] == "instruction"
    error = error_of(http.post("/v1/edits", json={"instruction": "x", "temperature": 9}), 400)
    assert error["param"] == "temperature"
    long = {"instruction": "Repeat", "input": "sky " * 3000}
    error = error_of(http.post("/v1/edits", json=long), 400)
    assert (error["param"], error["code"]) == ("input", "context_length_exceeded")


def test_edits_name_what_they_ignore(http: httpx.Client) -> None:
    body = {"instruction": "Say: hello", "stream": True, "mirostat": 5}
    response = http.post("/v1/edits", json=body)
    assert response.headers["x-ignored-params"] == "mirostat, stream"
    assert response.json()["object"] == "edit"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo model under two names; a user's key and an administrator's."""
    folder = tmp_path_factory.mktemp("legacy")
    with running(folder, *KEYS, "--model", MODEL, models=MODELS) as started:
        yield started


@pytest.fixture
def user(two: Server) -> Iterator[httpx.Client]:
    with two.client(headers={"Authorization": f"Bearer {USER}"}) as client:
        yield client


@pytest.fixture
def admin(two: Server) -> Iterator[httpx.Client]:
    with two.client(headers={"Authorization": f"Bearer {ADMIN}"}) as client:
        yield client
        client.get(f"/v1/engines/{MODEL}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/engines"),
        ("GET", f"/v1/engines/{OTHER}"),
        ("POST", "/v1/engines/x/completions"),
        ("POST", "/v1/engines/x/generate"),
        ("POST", "/v1/generate"),
        ("POST", "/v1/text_completion"),
        ("POST", "/v1/edits"),
        *(("GET", path) for path in USAGE_PATHS),
        ("GET", "/dashboard/billing/subscription"),
        *(("POST", f"/api/v1/{name}") for name in ("generate", "chat", "token-count")),
        ("POST", "/api/v1/stop-stream"),
        ("GET", "/api/v1/model"),
        ("POST", "/api/v1/model"),
    ],
)
def test_every_old_path_needs_the_key(two: Server, method: str, path: str) -> None:
    with two.client() as client:
        assert error_of(client.request(method, path, json={}), 401)["code"] == "missing_api_key"


def test_getting_an_engine_loads_it_for_administrators(
    user: httpx.Client, admin: httpx.Client
) -> None:
    path = f"/v1/engines/{OTHER}"
    assert error_of(user.get(path), 403)["code"] == "insufficient_permissions"
    assert loaded(user) == MODEL
    assert admin.get(path).json()["ready"] is True
    assert loaded(user) == OTHER
    assert user.get(path).json()["id"] == OTHER
    ready = {each["id"]: each["ready"] for each in user.get("/v1/engines").json()["data"]}
    assert (ready[OTHER], ready[MODEL]) == (True, False)


def test_getting_an_engine_for_embeddings_loads_that_one(two: Server) -> None:
    name = "tiny-embed-F16.gguf"
    with two.client(headers={"Authorization": f"Bearer {ADMIN}"}) as admin:
        was = loaded(admin)
        assert admin.get(f"/v1/engines/{name}").json()["ready"] is True
        kind = admin.get("/v1/internal/media/embedding").json()
        assert [each["model_name"] for each in kind["loaded"]] == [name]
        assert loaded(admin) == was


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://example.org"}]
)
def test_a_web_page_from_elsewhere_loads_nothing(
    admin: httpx.Client, headers: dict[str, str]
) -> None:
    response = admin.get(f"/v1/engines/{OTHER}", headers=headers)
    assert error_of(response, 403)["code"] == "origin_not_allowed"
    assert loaded(admin) == MODEL
    local = {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3000"}
    assert admin.get(f"/v1/engines/{OTHER}", headers=local).json()["ready"] is True


def test_without_switching_an_engine_is_only_looked_at(launch: Any) -> None:
    server = launch("--no-model-switch", "--model", MODEL, models=MODELS)
    with server.client() as client:
        assert client.get(f"/v1/engines/{OTHER}").json()["ready"] is False
        assert loaded(client) == MODEL
