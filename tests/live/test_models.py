"""Load, unload and switch of models beside the traffic."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.launch import DEMO, MODEL, Server, eventually, running
from tests.live.wire import COUNT, GREEDY, SKY, chunks_of, error_of, events_of, text_of

OTHER = "folder/other.gguf"
LOAD = "/v1/internal/model/load"
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demo model under two names, and one broken file. Each test loads what it needs."""
    folder = tmp_path_factory.mktemp("two")
    broken = folder / "broken.gguf"
    broken.write_bytes(DEMO.read_bytes()[:200_000])
    empty = folder / "empty.gguf"
    empty.write_bytes(b"GGUF")
    models = {MODEL: DEMO, OTHER: DEMO, "broken.gguf": broken, "empty.gguf": empty}
    with running(
        folder,
        "--model",
        MODEL,
        models=models,
        settings="model_aliases:\n  pet: folder/other.gguf\n",
    ) as server:
        yield server


@pytest.fixture
def http(two: Server) -> Iterator[httpx.Client]:
    with two.client() as client:
        assert client.post(LOAD, json={"model_name": MODEL}).status_code == 200
        yield client


def ask(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post(CHAT, json={"messages": SKY, **GREEDY, **fields})


def test_a_named_model_is_loaded_and_answers(http: httpx.Client) -> None:
    for name in (OTHER, MODEL, "folder/other", MODEL.removesuffix(".gguf"), "pet"):
        body = ask(http, model=name).json()
        expected = OTHER if name in (OTHER, "folder/other", "pet") else MODEL
        assert body["model"] == expected
        assert body["choices"][0]["message"]["content"] == "The sky is blue."
        assert http.get("/v1/models").json()["data"][0]["id"] == expected


def test_a_stream_switches_too(http: httpx.Client) -> None:
    response = http.post(CHAT, json={"messages": SKY, **GREEDY, "model": OTHER, "stream": True})
    chunks = chunks_of(response)
    assert chunks[0]["model"] == OTHER
    assert text_of(chunks) == "The sky is blue."


def test_an_unknown_name_is_answered_by_the_loaded_model(http: httpx.Client) -> None:
    for name in ("x", "gpt-4", "", None, "../../etc/passwd"):
        assert ask(http, model=name).json()["model"] == MODEL


def test_the_list_has_the_loaded_model_first(http: httpx.Client) -> None:
    listed = [model["id"] for model in http.get("/v1/models").json()["data"]]
    assert listed[0] == MODEL
    assert set(listed[:4]) == {MODEL, OTHER, "broken.gguf", "empty.gguf"}, "then other kinds"
    http.post(LOAD, json={"model_name": OTHER})
    models = http.get("/v1/models").json()["data"]
    assert [model["id"] for model in models if model["meta"]["loaded"]] == [OTHER]
    assert models[0]["id"] == OTHER
    assert http.get(f"/v1/models/{OTHER}").json()["id"] == OTHER
    assert http.get("/v1/models/folder%2Fother.gguf").json()["id"] == OTHER
    assert http.get("/v1/models/pet").json()["id"] == OTHER


def test_load_args_take_effect_and_are_shown(http: httpx.Client) -> None:
    args = {"ctx_size": 512, "parallel": 2, "flash_attn": True, "cache_type": "q8_0"}
    info = http.post(LOAD, json={"model_name": OTHER, "args": args}).json()
    assert info["model_name"] == OTHER
    assert info["load_args"] == args
    assert info["context_length"] == 512
    assert info["slots"] == 2
    assert info["options"]["cache_type"] == "q8_0"
    assert info == http.get("/v1/internal/model/info").json()
    assert ask(http).json()["choices"][0]["message"]["content"]
    error = error_of(ask(http, messages=[{"role": "user", "content": "sky " * 600}]), 400)
    assert "512" in error["message"]


@pytest.mark.parametrize(
    ("args", "param"),
    [
        ({"ctx_sise": 512}, "ctx_sise"),
        ({"ctx_size": "many"}, "ctx_size"),
        ({"ctx_size": -1}, "ctx_size"),
        ({"ctx_size": 10**400}, "ctx_size"),
        ({"rope_freq_base": 10**400}, "rope_freq_base"),
        ({"rope_freq_base": float("nan")}, "rope_freq_base"),
        ({"parallel": 0}, "parallel"),
        ({"parallel": 1.5}, "parallel"),
        ({"cache_type": "q9"}, "cache_type"),
        ({"flash_attn": "maybe"}, "flash_attn"),
        ({"lora": ["/no/such/file"]}, "lora"),
        ({"lora": [{}]}, "lora"),
        ({"lora": ["\ud800"]}, "lora"),
        ({"numa": "\ud800"}, "numa"),
        ({"\ud800": 1}, ""),
    ],
)
def test_wrong_load_args_are_refused_and_change_nothing(
    http: httpx.Client, args: dict[str, Any], param: str
) -> None:
    content = json.dumps({"model_name": OTHER, "args": args})
    error = error_of(
        http.post(LOAD, content=content, headers={"Content-Type": "application/json"}), 400
    )
    assert error["param"] is None or error["param"].startswith("args") or not param
    assert param in error["message"] + (error["param"] or "")
    assert ask(http).json()["model"] == MODEL


def test_a_context_that_no_machine_has_is_no_success(http: httpx.Client) -> None:
    args = {"ctx_size": 16_777_216, "parallel": 256, "kv_unified": False}
    response = http.post(LOAD, json={"model_name": OTHER, "args": args})
    assert response.status_code in (400, 500), response.json().get("context_length")
    assert ask(http).json()["model"] == MODEL


def test_unknown_models_and_loaders(http: httpx.Client) -> None:
    error = error_of(http.post(LOAD, json={"model_name": "none"}), 404)
    assert error["code"] == "model_not_found"
    assert error["param"] == "model_name"
    assert MODEL in error["message"]
    for name in ("../models/" + MODEL, str(DEMO), "a\0b"):
        error_of(http.post(LOAD, json={"model_name": name}), 404)
    error = error_of(http.post(LOAD, json={"model_name": OTHER, "loader": "none"}), 400)
    assert error["param"] == "loader"
    for loader in ("llama.cpp", "llamacpp", None):
        assert http.post(LOAD, json={"model_name": OTHER, "loader": loader}).status_code == 200


@pytest.mark.parametrize("name", ["broken.gguf", "empty.gguf"])
def test_a_failing_load_says_why_and_the_old_model_serves_on(http: httpx.Client, name: str) -> None:
    error = error_of(http.post(LOAD, json={"model_name": name}), 500)
    assert error["code"] == "model_load_failed"
    assert "log has the details" not in error["message"]
    assert ask(http).json()["model"] == MODEL
    assert http.get("/v1/internal/model/info").json()["last_error"]
    again = ask(
        http, model=name
    )  # not tried anew at once, so that no client can keep the disk busy
    assert error_of(again, 503)["code"] == "model_load_failed"
    assert int(again.headers["retry-after"]) >= 1
    assert ask(http).json()["choices"][0]["message"]["content"] == "The sky is blue."


def test_unload_answers_503_until_a_model_is_named(http: httpx.Client) -> None:
    info = http.post("/v1/internal/model/unload").json()
    assert info["model_name"] is None
    for path, body in (
        (CHAT, {"messages": SKY}),
        (CHAT, {"messages": SKY, "stream": True}),
        ("/v1/completions", {"prompt": "a"}),
        ("/v1/internal/encode", {"text": "a"}),
        ("/v1/internal/logits", {"prompt": "a"}),
    ):
        response = http.post(path, json=body)
        assert error_of(response, 503)["code"] == "model_not_loaded"
        assert int(response.headers["retry-after"]) >= 1
    health = http.get("/health")
    assert health.status_code == 200
    assert health.json()["model_state"] == "none"
    assert http.get("/metrics").status_code == 200
    assert http.post("/v1/internal/stop-generation").json() == {"stopped": 0}
    assert http.post("/v1/internal/model/unload").status_code == 200
    assert not any(m["meta"]["loaded"] for m in http.get("/v1/models").json()["data"])
    assert ask(http, model=OTHER).json()["model"] == OTHER


def test_a_stream_goes_on_while_another_model_is_loaded(two: Server, http: httpx.Client) -> None:
    body = {"messages": COUNT, **GREEDY, "stream": True, "ban_eos_token": True, "max_tokens": 900}
    with two.client() as other, http.stream("POST", CHAT, json=body) as response:
        lines = response.iter_lines()
        next(lines)
        assert other.post(LOAD, json={"model_name": OTHER}).status_code == 200
        assert ask(other).json()["model"] == OTHER
        rest = "\n\n".join(line for line in lines if line) + "\n\n"
    *_, last, done = events_of(rest)
    assert done == "[DONE]"
    assert '"finish_reason":"length"' in last
    assert f'"model":"{MODEL}"' in last


def test_a_stream_of_a_replaced_model_can_be_stopped(two: Server, http: httpx.Client) -> None:
    body = {"messages": COUNT, **GREEDY, "stream": True, "ban_eos_token": True}
    with two.client() as other, http.stream("POST", CHAT, json=body) as response:
        lines = response.iter_lines()
        name = json.loads(next(lines).removeprefix("data: "))["id"]
        assert other.post(LOAD, json={"model_name": OTHER}).status_code == 200
        stopped = other.post("/v1/internal/stop-generation", json={"id": name})
        assert stopped.json() == {"stopped": 1}
        assert [line for line in lines if line][-1] == "data: [DONE]"


def test_unload_waits_for_running_replies(two: Server, http: httpx.Client) -> None:
    body = {"messages": COUNT, **GREEDY, "stream": True, "ban_eos_token": True, "max_tokens": 400}
    answers: list[int] = []

    def unload() -> None:
        with two.client() as other:
            answers.append(other.post("/v1/internal/model/unload").status_code)

    with http.stream("POST", CHAT, json=body) as response:
        lines = response.iter_lines()
        next(lines)
        thread = threading.Thread(target=unload)
        thread.start()
        rest = [line for line in lines if line]
    thread.join(60)
    assert rest[-1] == "data: [DONE]"
    assert '"finish_reason":"length"' in rest[-2]
    assert answers == [200]


def test_many_that_name_one_model_wait_for_one_load(two: Server, http: httpx.Client) -> None:
    before = two.logged.count(f"Loading {OTHER}")
    answers: list[str] = []

    def go() -> None:
        with two.client() as client:
            answers.append(ask(client, model=OTHER).json()["model"])

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [OTHER] * 6
    assert two.logged.count(f"Loading {OTHER}") == before + 1


def test_health_answers_during_a_load(two: Server, http: httpx.Client) -> None:
    """A load of a large context takes a moment; the event loop is free meanwhile."""
    done = threading.Event()
    seen: list[dict[str, Any]] = []

    def load() -> None:
        with two.client() as client:
            args = {"ctx_size": 65536, "parallel": 4, "check_tensors": True}
            assert client.post(LOAD, json={"model_name": OTHER, "args": args}).status_code == 200
        done.set()

    thread = threading.Thread(target=load)
    thread.start()
    while not done.is_set():
        health = http.get("/health")
        assert health.status_code == 200
        seen.append(health.json())
    thread.join(60)
    loading = [health["loading"] for health in seen if health["loading"]]
    assert loading
    assert all(each["model_name"] == OTHER for each in loading)
    assert all(0 <= each["progress"] <= 1 for each in loading)
    assert all(health["model_state"] == "ready" for health in seen)


def test_a_server_without_a_model_answers_503(launch: Callable[..., Server]) -> None:
    server = launch("--model", "none", is_ready=False)
    with server.client() as http:
        response = ask(http)
        assert error_of(response, 503)["code"] == "model_not_loaded"
        assert "retry-after" in response.headers
        assert ask(http, model=MODEL).status_code == 200


def test_no_model_switch(launch: Callable[..., Server], tmp_path: Path) -> None:
    server = launch(
        "--no-model-switch", "--strict-models", "--model", MODEL, models={MODEL: DEMO, OTHER: DEMO}
    )
    with server.client() as http:
        assert error_of(ask(http, model="x"), 404)["code"] == "model_not_found"
        assert ask(http, model=MODEL).json()["model"] == MODEL
        assert ask(http).json()["model"] == MODEL
        # Installed, but not to be loaded: with --strict-models nobody else answers for it.
        assert error_of(ask(http, model=OTHER), 404)["param"] == "model"
        assert http.get("/v1/internal/model/info").json()["model_name"] == MODEL


def test_a_model_that_is_copied_in_is_there_at_once(two: Server, http: httpx.Client) -> None:
    new = two.user_data / "models" / "new.gguf"
    new.write_bytes(DEMO.read_bytes())
    try:
        assert "new.gguf" in http.get("/v1/internal/model/list").json()["model_names"]
        assert ask(http, model="new").json()["model"] == "new.gguf"
    finally:
        http.post(LOAD, json={"model_name": MODEL})
        new.unlink()
    eventually(lambda: "new.gguf" not in http.get("/v1/models").text)
