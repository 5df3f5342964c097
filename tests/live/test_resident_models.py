"""Several models in memory, idle time, events, memory and saved settings, with the real server."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openai import OpenAI

from tests.live.launch import DEMO, MODEL, PATIENCE_S, Server, eventually, running, spawn
from tests.live.wire import COUNT, GREEDY, SKY, chunks_of, error_of, text_of

SECOND, THIRD = "folder/second.gguf", "third.gguf"
MODELS = {MODEL: DEMO, SECOND: DEMO, THIRD: DEMO}
BASE = "/v1/internal/model"
CHAT = "/v1/chat/completions"
MIB = 2**20


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Room for two models of three. Each test loads what it needs."""
    with running(
        tmp_path_factory.mktemp("residents"),
        *("--model", MODEL, "--max-models", "2", "--api-keep-alive-s", "0.2"),
        models=MODELS,
        settings="model_aliases:\n  pet: folder/second.gguf\n",
    ) as server:
        yield server


@pytest.fixture
def http(two: Server) -> Iterator[httpx.Client]:
    with two.client() as client:
        assert client.post(f"{BASE}/unload", json={"all": True}).status_code == 200
        assert client.post(f"{BASE}/load", json={"model_name": MODEL}).status_code == 200
        yield client


def ask(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post(CHAT, json={"messages": SKY, **GREEDY, **fields})


def loaded(http: httpx.Client) -> list[str]:
    return [model["model_name"] for model in http.get(f"{BASE}/info").json()["models"]]


class Watch:
    """Reads the events in a thread of its own; `until` waits for one."""

    def __init__(self, server: Server) -> None:
        self.events: list[dict[str, Any]] = []
        self.comments = 0
        self.is_over = threading.Event()
        self._is_left = False
        self._thread = threading.Thread(target=self._read, args=(server,), daemon=True)
        self._thread.start()
        eventually(lambda: self.events)

    def _read(self, server: Server) -> None:
        with server.client() as client, client.stream("GET", f"{BASE}/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response.iter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line == "data: [DONE]":
                    self.is_over.set()
                elif line:
                    self.events.append(json.loads(line.removeprefix("data: ")))
                if self._is_left:
                    return

    def types(self) -> list[tuple[str, str | None]]:
        """Without repetitions: how often progress is told depends on the machine."""
        told = [(event["type"], event["model"]) for event in self.events]
        return [each for i, each in enumerate(told) if i == 0 or told[i - 1] != each]

    def until(self, *types: tuple[str, str | None]) -> None:
        eventually(lambda: all(each in self.types() for each in types))

    def close(self) -> None:
        """At the next event or keep-alive."""
        self._is_left = True
        self._thread.join(PATIENCE_S)


def test_a_named_model_stays_beside_the_one_before(two: Server, http: httpx.Client) -> None:
    before = two.logged.count(f"Loading {SECOND}")
    for _ in range(3):
        assert ask(http, model="pet").json()["model"] == SECOND
        assert ask(http).json()["model"] == SECOND, "who names none is answered by the last one"
        assert ask(http, model="x").json()["model"] == SECOND
        assert ask(http, model=MODEL).json()["model"] == MODEL
    assert two.logged.count(f"Loading {SECOND}") == before + 1
    listed = http.get("/v1/models").json()["data"]
    assert [m["id"] for m in listed[:3]] == [MODEL, SECOND, THIRD]
    assert [m["meta"]["loaded"] for m in listed[:3]] == [True, True, False]
    assert listed[0]["meta"]["memory_bytes"] > listed[0]["meta"]["size_bytes"]
    assert http.get("/v1/models/pet").json()["meta"]["loaded"] is True


def test_the_one_that_was_used_longest_ago_leaves(http: httpx.Client) -> None:
    ask(http, model=SECOND)
    ask(http, model=MODEL)
    ask(http, model=THIRD)
    assert loaded(http) == [THIRD, MODEL]


def test_a_busy_model_stays_and_streams_to_its_end(two: Server, http: httpx.Client) -> None:
    body = {"messages": COUNT, **GREEDY, "stream": True, "ban_eos_token": True, "max_tokens": 700}
    with two.client() as other, http.stream("POST", CHAT, json=body) as response:
        lines = response.iter_lines()
        next(lines)
        for name in (SECOND, THIRD, SECOND):
            assert ask(other, model=name).json()["model"] == name
            assert MODEL in loaded(other)
        *_, last, done = [line for line in lines if line]
    assert done == "data: [DONE]"
    assert '"finish_reason":"length"' in last


def test_many_threads_that_want_three_models_all_get_theirs(
    two: Server, http: httpx.Client
) -> None:
    """More models than there is room for, asked for by all at once: each answer is by its own model, and nobody waits for ever."""
    wrong: list[Any] = []

    def go(number: int) -> None:
        with two.client(timeout=60.0) as client:
            for turn in range(6):
                name = (MODEL, SECOND, THIRD)[(number + turn) % 3]
                if turn % 2:
                    chunks = chunks_of(
                        client.post(
                            CHAT, json={"messages": SKY, **GREEDY, "model": name, "stream": True}
                        )
                    )
                    answer = (chunks[0]["model"], text_of(chunks))
                else:
                    reply = ask(client, model=name).json()
                    answer = (reply["model"], reply["choices"][0]["message"]["content"])
                if answer != (name, "The sky is blue."):
                    wrong.append((name, answer))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()
    assert wrong == []
    assert len(loaded(http)) == 2
    eventually(lambda: all(m["in_use"] == 0 for m in http.get(f"{BASE}/info").json()["models"]))


def test_info_shows_all_and_each(http: httpx.Client) -> None:
    args = {"ctx_size": 512, "parallel": 2}
    http.post(f"{BASE}/load", json={"model_name": SECOND, "args": args})
    ask(http, model=MODEL)
    info = http.get(f"{BASE}/info").json()
    assert info["model_name"] == MODEL
    assert [m["model_name"] for m in info["models"]] == [MODEL, SECOND]
    second = info["models"][1]
    assert (second["load_args"], second["context_length"], second["slots"]) == (args, 512, 2)
    assert second["in_use"] == 0
    other = http.get(f"{BASE}/info", params={"model": "pet"}).json()
    assert (other["model_name"], other["load_args"]) == (SECOND, args)
    assert other["memory"] == second["memory"]
    error = error_of(http.get(f"{BASE}/info", params={"model": THIRD}), 404)
    assert error["code"] == "model_not_loaded"
    error_of(http.get(f"{BASE}/info", params={"model": "none"}), 404)


def test_one_or_all_are_unloaded(http: httpx.Client) -> None:
    ask(http, model=SECOND)
    info = http.post(f"{BASE}/unload", json={"model_name": MODEL.removesuffix(".gguf")}).json()
    assert [m["model_name"] for m in info["models"]] == [SECOND]
    assert http.post(f"{BASE}/unload", json={"model_name": MODEL}).status_code == 200
    assert error_of(http.post(f"{BASE}/unload", json={"model_name": "none"}), 404)["param"]
    ask(http, model=MODEL)
    assert http.post(f"{BASE}/unload").json()["model_name"] == SECOND
    ask(http, model=MODEL)
    info = http.post(f"{BASE}/unload", json={"all": True}).json()
    assert (info["model_name"], info["models"]) == (None, [])
    assert error_of(ask(http), 503)["code"] == "model_not_loaded"


def test_metrics_are_of_each_model(http: httpx.Client) -> None:
    ask(http, model=SECOND)
    metrics = http.get("/metrics").text
    assert "hearth_model_loaded 2.0" in metrics
    assert metrics.count("# TYPE hearth_slots gauge") == 1
    assert f'hearth_generations_total{{model="{MODEL}"}} 0.0' in metrics
    assert f'hearth_generations_total{{model="{SECOND}"}} 1.0' in metrics


def test_stop_ends_the_replies_of_all(two: Server, http: httpx.Client) -> None:
    body = {"messages": COUNT, **GREEDY, "stream": True, "ban_eos_token": True}
    with (
        two.client() as other,
        http.stream("POST", CHAT, json={**body, "model": MODEL}) as first,
        other.stream("POST", CHAT, json={**body, "model": SECOND}) as second,
    ):
        readers = [response.iter_lines() for response in (first, second)]
        for lines in readers:
            next(lines)
        with two.client() as third:
            assert third.post("/v1/internal/stop-generation").json() == {"stopped": 2}
        for lines in readers:
            assert [line for line in lines if line][-1] == "data: [DONE]"


# -- events ------------------------------------------------------------------------------------


def test_events_tell_a_load_from_its_beginning(two: Server, http: httpx.Client) -> None:
    ask(http, model=SECOND)
    watch = Watch(two)
    assert watch.types()[:2] == [("loaded", MODEL), ("loaded", SECOND)]
    ask(http, model=THIRD)
    watch.until(("loaded", THIRD), ("unloaded", MODEL))
    assert watch.types()[2:4] == [("loading", THIRD), ("unloading", MODEL)]
    told = [event for event in watch.events if event["model"] == THIRD]
    shares = [event["progress"] for event in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(event["seconds"] >= 0 and event["error"] is None for event in told)
    eventually(lambda: watch.comments)
    watch.close()


def test_events_tell_a_failure_with_its_reason(two: Server, http: httpx.Client) -> None:
    broken = two.user_data / "models" / "broken.gguf"
    broken.write_bytes(DEMO.read_bytes()[:200_000])
    watch = Watch(two)
    assert http.post(f"{BASE}/load", json={"model_name": "broken.gguf"}).status_code == 500
    watch.until(("failed", "broken.gguf"))
    assert next(event for event in watch.events if event["type"] == "failed")["error"]
    broken.unlink()
    watch.close()


def test_readers_of_events_that_leave_or_do_not_read_harm_nobody(
    two: Server, http: httpx.Client
) -> None:
    for _ in range(20):
        with http.stream("GET", f"{BASE}/events") as response:
            assert response.status_code == 200
    with two.client(timeout=None) as idle, idle.stream("GET", f"{BASE}/events"):
        for name in (SECOND, THIRD, MODEL) * 3:
            assert ask(http, model=name).json()["model"] == name


def test_events_end_with_the_server(launch: Callable[..., Server]) -> None:
    server = launch("--model", "none", is_ready=False)
    watch = Watch(server)
    assert watch.types() == [("unloaded", None)]
    assert server.interrupt() == 0
    assert watch.is_over.wait(PATIENCE_S), "the stream was cut"


# -- memory ------------------------------------------------------------------------------------


def test_the_estimate_says_what_options_cost(http: httpx.Client) -> None:
    def estimate(**args: Any) -> dict[str, Any]:
        body = {"model_name": SECOND, "args": args}
        return http.post(f"{BASE}/estimate", json=body).json()

    small, large = estimate(ctx_size=512, parallel=1), estimate(ctx_size=2048, parallel=8)
    assert large["memory"]["kv"] == 32 * small["memory"]["kv"]
    assert small["memory"]["weights"] == large["memory"]["weights"] == DEMO.stat().st_size
    assert (small["ctx_size"], small["parallel"], small["kv_unified"]) == (512, 1, False)
    assert (small["budget"], small["fits"]) == (None, True)
    assert small["reserved"] > 0
    assert loaded(http) == [MODEL], "nothing is loaded for it"
    for body, param in (
        ({"model_name": "none"}, "model_name"),
        ({"model_name": SECOND, "args": {"ctx_size": -1}}, "args.ctx_size"),
    ):
        response = http.post(f"{BASE}/estimate", json=body)
        assert error_of(response, 404 if param == "model_name" else 400)["param"] == param


def test_a_budget_makes_room_and_refuses_what_never_fits(launch: Callable[..., Server]) -> None:
    """The demo model takes about 40 MB with its defaults, of which the budget has one and a half."""
    flags = ("--model", MODEL, "--max-models", "3", "--memory-budget", str(60 * MIB / 2**30))
    server = launch(*flags, models=MODELS)
    with server.client() as http:
        for name in (SECOND, THIRD, MODEL):
            assert ask(http, model=name).json()["model"] == name
            assert loaded(http) == [name]
        small = {"ctx_size": 256, "parallel": 1}
        http.post(f"{BASE}/load", json={"model_name": SECOND, "args": small})
        assert loaded(http) == [SECOND, MODEL]
        large = {"model_name": THIRD, "args": {"ctx_size": 2048, "parallel": 32}}
        error = error_of(http.post(f"{BASE}/load", json=large), 400)
        assert error["code"] == "model_too_large"
        assert "0.06 GiB" in error["message"]
        assert "0.13 GiB" in error["message"]
        assert loaded(http) == [SECOND, MODEL]
        assert http.post(f"{BASE}/estimate", json=large).json()["fits"] is False
        forced = http.post(f"{BASE}/load", json={**large, "force": True})
        assert forced.json()["slots"] == 32
        assert loaded(http) == [THIRD]


# -- idle time ---------------------------------------------------------------------------------


def test_an_idle_model_sleeps_and_wakes_as_it_was(launch: Callable[..., Server]) -> None:
    """Without the admin key too, and with no switching: it is in service all the time."""
    flags = ("--idle-timeout", "0.01", "--no-model-switch", "--api-key", "u", "--admin-key", "a")
    server = launch("--model", "none", *flags, models=MODELS, is_ready=False)
    key, admin = ({"Authorization": f"Bearer {name}"} for name in "ua")
    with server.client(headers=key) as http:
        body = {"model_name": MODEL, "args": {"ctx_size": 512}}
        assert http.post(f"{BASE}/load", json=body, headers=admin).status_code == 200
        for name in (None, MODEL, "x"):
            sleeping = eventually(
                lambda: (
                    (health := http.get("/health").json())["model_state"] == "sleeping" and health
                )
            )
            assert sleeping["model"] == MODEL
            info = http.get(f"{BASE}/info").json()
            assert (info["model_name"], info["sleeping"]) == (None, [MODEL])
            assert ask(http, model=name).json()["model"] == MODEL
            assert http.get(f"{BASE}/info").json()["context_length"] in (512, None)
        assert server.logged.count(f"Loading {MODEL}") == 4
        client = OpenAI(base_url=f"{server.url}/v1", api_key="u")
        eventually(lambda: http.get("/health").json()["model_state"] == "sleeping")
        stream = client.chat.completions.create(
            model=MODEL, messages=SKY, temperature=0, stream=True
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert text == "The sky is blue."
        http.post(f"{BASE}/unload", headers=admin)
        assert error_of(ask(http), 503)["code"] == "model_not_loaded"


# -- the end -----------------------------------------------------------------------------------


def test_the_server_ends_in_the_middle_of_a_load(launch: Callable[..., Server]) -> None:
    server = launch("--model", MODEL, models=MODELS)
    with server.client() as http, server.client() as other:
        args = {"ctx_size": 65_536, "parallel": 4, "kv_unified": False}

        def load() -> None:
            with contextlib.suppress(httpx.TransportError):
                http.post(f"{BASE}/load", json={"model_name": SECOND, "args": args})

        thread = threading.Thread(target=load)
        thread.start()
        eventually(lambda: other.get("/health").json()["loading"])
        assert server.interrupt() == 0
        thread.join(PATIENCE_S)
    assert "Traceback" not in server.logged


# -- saved settings ----------------------------------------------------------------------------


@pytest.fixture
def saved_file(two: Server) -> Iterator[Path]:
    path = two.user_data / "models" / "config-user.yaml"
    yield path
    path.unlink(missing_ok=True)


def test_saved_settings_count_from_the_next_load_on(
    two: Server, http: httpx.Client, saved_file: Path
) -> None:
    saved_file.write_text(
        "folder/second.gguf$: {instruction_template: ChatML}\n.*third: {n_ctx: 256}\n"
    )
    args = {"n_ctx": 512, "parallel": 2}
    body = {"model_name": "pet", "args": args, "save": True, "loader": "llama.cpp"}
    assert http.post(f"{BASE}/load", json=body).json()["load_args"] == args
    expected = {
        "instruction_template": "ChatML",
        "loader": "llamacpp",
        "ctx_size": 512,
        "parallel": 2,
    }
    assert yaml.safe_load(saved_file.read_text())["folder/second.gguf$"] == expected
    shown = http.get(f"{BASE}/settings", params={"model": "pet"}).json()
    assert (shown["model"], shown["saved"]) == (SECOND, expected)
    assert shown["effective"] == expected
    http.post(f"{BASE}/unload", json={"all": True})
    ask(http, model=SECOND)
    info = http.get(f"{BASE}/info").json()
    assert (info["context_length"], info["slots"], info["load_args"]) == (512, 2, {})
    assert "ChatML" in info["chat_template_source"]
    assert http.get(f"{BASE}/settings", params={"model": THIRD}).json()["saved"] is None
    ask(http, model=THIRD)
    assert http.get(f"{BASE}/info").json()["context_length"] == 256
    deleted = http.delete(f"{BASE}/settings", params={"model": SECOND}).json()
    assert deleted == {"model": SECOND, "deleted": True}
    assert list(yaml.safe_load(saved_file.read_text())) == [".*third"]
    again = http.delete(f"{BASE}/settings", params={"model": SECOND}).json()
    assert again["deleted"] is False
    for response in (http.get(f"{BASE}/settings"), http.delete(f"{BASE}/settings")):
        assert error_of(response, 400)["param"] == "model"
    error_of(http.get(f"{BASE}/settings", params={"model": "none"}), 404)


def test_wrong_saved_settings_are_told_and_mended_at_once(
    http: httpx.Client, saved_file: Path
) -> None:
    for text, reason in (
        ("third.gguf$: {ctx_sise: 5}\n", "ctx_sise"),
        ("third.gguf$: {trust_remote_code: true}\n", "trust_remote_code"),
        ("third.gguf$: [\n", "YAML"),
    ):
        saved_file.write_text(text)
        for response in (
            ask(http, model=THIRD),
            http.post(f"{BASE}/load", json={"model_name": THIRD, "save": True, "args": {}}),
        ):
            error = error_of(response, 500)
            assert error["code"] == "invalid_model_settings"
            assert "config-user.yaml" in error["message"]
            assert reason in error["message"]
        assert saved_file.read_text() == text
    saved_file.write_text("third.gguf$: {ctx_size: 256}\n")
    assert ask(http, model=THIRD).json()["model"] == THIRD


def test_settings_are_the_administrators_to_change(launch: Callable[..., Server]) -> None:
    server = launch("--model", MODEL, "--api-key", "u", "--admin-key", "a", is_ready=False)
    with server.client(headers={"Authorization": "Bearer u"}) as http:
        eventually(lambda: http.get("/health").json()["model"])
        params = {"model": MODEL}
        assert http.get(f"{BASE}/settings", params=params).status_code == 200
        error_of(http.delete(f"{BASE}/settings", params=params), 403)
        error_of(http.post(f"{BASE}/load", json={"model_name": MODEL, "save": True}), 403)
        body = {"model_name": MODEL}
        assert http.post(f"{BASE}/estimate", json=body).status_code == 200
    with server.client() as stranger:
        error_of(stranger.get(f"{BASE}/events"), 401)


def test_a_start_with_wrong_saved_settings_ends_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "user_data" / "models"
    folder.mkdir(parents=True)
    (folder / "config-user.yaml").write_text(f"{MODEL}$: {{ctx_size: many}}\n")
    server = spawn(tmp_path, "--nowebui", "--api", "--api-port", "0", "--model", MODEL)
    assert server.process.wait(PATIENCE_S) == 2
    assert "config-user.yaml" in server.logged
    assert "ctx_size" in server.logged
