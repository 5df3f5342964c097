"""/api/v1/*: the blocking API of 2023 on a real server."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live.launch import MODEL, Server, running
from tests.live.legacy import ADMIN, KEYS, MODELS, ONCE, OTHER, USER, loaded, post
from tests.live.wire import COUNT, error_of, events_of


@pytest.fixture(scope="module")
def plain(http: httpx.Client) -> str:
    """What /v1/completions says to ONCE."""
    return post(http, "/v1/completions", **ONCE)["choices"][0]["text"]


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


def old(http: httpx.Client, name: str, **body: Any) -> Any:
    return post(http, f"/api/v1/{name}", **body)["results"]


def test_old_generate_is_a_completion(http: httpx.Client, plain: str) -> None:
    body = {"prompt": ONCE["prompt"], "max_new_tokens": 5, "temperature": 0}
    assert old(http, "generate", **body) == [{"text": plain}]
    stopped = old(http, "generate", **body, stopping_strings=[" was"])
    assert stopped == [{"text": plain[: plain.index(" was")]}]


def test_old_generate_names_what_it_ignores(http: httpx.Client) -> None:
    body = {"prompt": "x", "max_new_tokens": 1, "num_beams": 2, "tfs": 1, "top_a": 0.5}
    response = http.post("/api/v1/generate", json=body)
    assert response.headers["x-ignored-params"] == "num_beams, top_a"


def test_old_prompts_are_cut_on_their_left_where_asked(http: httpx.Client) -> None:
    long = "sky " * 3000 + "Once upon a time"
    body = {"prompt": long, "max_new_tokens": 5, "temperature": 0}
    error = error_of(http.post("/api/v1/generate", json=body), 400)
    assert error["code"] == "context_length_exceeded"
    assert len(old(http, "generate", **body, truncation_length=2048)) == 1
    tail = {"prompt": "sky " + "Once upon a time", "max_new_tokens": 5, "temperature": 0}
    (counted,) = old(http, "token-count", prompt=tail["prompt"])
    # With a place left for the token that begins a text.
    cut = old(http, "generate", **body, truncation_length=counted["tokens"] + 1 + 5)
    assert cut == old(http, "generate", **tail)
    assert old(http, "generate", **tail, truncation_length=2048) == cut


@pytest.mark.parametrize("length", [1, 2, 3, 2**40])
def test_any_truncation_length_is_taken(http: httpx.Client, length: int) -> None:
    assert old(http, "generate", prompt="ä€😀 " * 900, max_new_tokens=1, truncation_length=length)


def test_an_old_chat_grows_by_a_pair(http: httpx.Client) -> None:
    empty = {"internal": [], "visible": []}
    question = "What color is the sky?"
    (result,) = old(
        http, "chat", user_input=question, history=empty, mode="instruct", temperature=0
    )
    pair = [question, "The sky is blue."]
    assert result["history"] == {"internal": [pair], "visible": [pair]}
    (result,) = old(
        http, "chat", user_input="x", history=result["history"], regenerate=True, mode="instruct"
    )
    assert [pair[0] for pair in result["history"]["internal"]] == [question]


def test_an_old_chat_goes_on_with_its_last_reply(http: httpx.Client) -> None:
    pair = ["What color is the sky?", "The sky"]
    history = {"internal": [pair], "visible": [pair]}
    (result,) = old(
        http, "chat", user_input="", history=history, mode="instruct", _continue=True, temperature=0
    )
    assert result["history"]["internal"] == [[pair[0], "The sky is blue."]]


def test_an_old_chat_with_a_character_speaks_in_its_name(http: httpx.Client) -> None:
    (result,) = old(
        http, "chat", user_input="Hello!", character="Example", your_name="Ann", max_new_tokens=20
    )
    ((user, reply),) = result["history"]["internal"]
    assert user == "Hello!"
    assert "Ann:" not in reply


def test_without_a_history_nothing_is_made_anew(http: httpx.Client) -> None:
    (result,) = old(http, "chat", user_input="x", regenerate=True)
    assert result["history"] == {"internal": [], "visible": []}


@pytest.mark.parametrize(
    ("name", "body", "param"),
    [
        ("generate", {}, "prompt"),
        ("generate", {"prompt": 5}, "prompt"),
        ("generate", {"prompt": "x", "max_new_tokens": -1}, "max_new_tokens"),
        ("generate", {"prompt": "x", "custom_stopping_strings": "["}, "custom_stopping_strings"),
        ("chat", {"user_input": "x", "history": {"internal": [["a"]]}}, "history.internal[0]"),
        ("chat", {"user_input": "x", "mode": "loud"}, "mode"),
        ("chat", {"user_input": "x", "character": "../../etc/passwd"}, "character"),
        ("token-count", {}, "prompt"),
        ("model", {"action": "explode"}, "action"),
        ("model", {"action": "load"}, "model_name"),
    ],
)
def test_old_requests_that_are_wrong_say_where(
    http: httpx.Client, name: str, body: dict[str, Any], param: str
) -> None:
    assert error_of(http.post(f"/api/v1/{name}", json=body), 400)["param"] == param


def test_old_token_counts_are_those_of_the_tokenizer(http: httpx.Client) -> None:
    (result,) = old(http, "token-count", prompt="What color is the sky?")
    counted = post(http, "/v1/internal/token-count", text="What color is the sky?")
    assert result == {"tokens": counted["length"]}


def test_the_old_stop_ends_what_runs(server: Server, http: httpx.Client) -> None:
    body = {"messages": COUNT, "stream": True, "ban_eos_token": True, "temperature": 0}
    with (
        server.client() as client,
        client.stream("POST", "/v1/chat/completions", json=body) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        assert old(http, "stop-stream") == "success"
        *_, done = [line for line in lines if line]
    assert events_of(f"{done}\n\n") == ["[DONE]"]


def model(client: httpx.Client, **body: Any) -> Any:
    return post(client, "/api/v1/model", **body)["result"]


def test_the_old_model_route_tells(user: httpx.Client) -> None:
    assert model(user) == loaded(user) == MODEL
    assert model(user, action="list") == sorted([MODEL, OTHER])
    info = model(user, action="info")
    assert info["model_name"] == MODEL
    assert info["shared.settings"]["truncation_length"] == 2048
    assert info["shared.args"]["loader"] == "llamacpp"


def test_the_old_model_route_loads_for_administrators(
    user: httpx.Client, admin: httpx.Client
) -> None:
    load = {"action": "load", "model_name": OTHER, "args": {"ctx_size": 512}}
    for body in (load, {"action": "unload"}):
        error = error_of(user.post("/api/v1/model", json=body), 403)
        assert error["code"] == "insufficient_permissions"
    info = model(admin, **load)
    assert (info["model_name"], info["shared.settings"]["truncation_length"]) == (OTHER, 512)
    assert model(admin, action="unload")["model_name"] is None
    assert loaded(admin) == "None"
    error_of(user.post("/api/v1/generate", json={"prompt": "x"}), 503)
    missing = {"action": "load", "model_name": "no-such.gguf"}
    assert error_of(admin.post("/api/v1/model", json=missing), 404)["code"] == "model_not_found"
