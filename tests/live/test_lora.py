"""LoRA adapters through the API: per request, by the model's name, as the server's default; and who may load them."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

from tests.live.launch import (
    DEMO,
    MODEL,
    PATIENCE_S,
    ROOT,
    Server,
    eventually,
    make_user_data,
    run_to_end,
    running,
    spawn,
)
from tests.live.wire import GREEDY, SKY, checked_chat, chunks_of, error_of, text_of

CHAT, LIST = "/v1/chat/completions", "/v1/internal/lora/list"
LOAD, UNLOAD = "/v1/internal/lora/load", "/v1/internal/lora/unload"
SHIPPED = ROOT / "user_data" / "loras"
NAME = "tiny-pirate"
PLAIN, SAID = "The sky is blue.", "Arr! The sky be blue, matey!"
LORA = [{"name": NAME}]


def add_loras(user_data: Path) -> None:
    """The shipped adapter in both forms; one that is cut short; one for another architecture."""
    loras = user_data / "loras"
    shutil.copytree(SHIPPED, loras, dirs_exist_ok=True)
    whole = (SHIPPED / f"{NAME}.gguf").read_bytes()
    (loras / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    (loras / "other.gguf").write_bytes(whole.replace(b"qwen3", b"llama", 1))
    (loras / "team").mkdir(exist_ok=True)
    (loras / "team" / "a+b.gguf").write_bytes(whole)


@pytest.fixture(scope="module")
def pirate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("pirate")
    add_loras(make_user_data(folder))
    with running(folder, "--model", MODEL) as server:
        yield server


@pytest.fixture
def http(pirate: Server) -> Iterator[httpx.Client]:
    with pirate.client() as client:
        yield client
        client.post(UNLOAD)


@pytest.fixture
def guarded(tmp_path: Path) -> Callable[..., Any]:
    def start(*flags: str) -> Any:
        add_loras(make_user_data(tmp_path))
        return running(tmp_path, "--model", MODEL, *flags)

    return start


def ask(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post(CHAT, json={"messages": SKY, **GREEDY, **fields})


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return checked_chat(response.json()).choices[0].message.content or ""


def test_a_request_chooses_its_adapters_and_others_are_not_changed(http: httpx.Client) -> None:
    assert said(ask(http)) == PLAIN
    answer = ask(http, lora=LORA)
    assert said(answer) == SAID
    assert answer.json()["model"] == f"{MODEL}:{NAME}"
    assert "x-ignored-params" not in answer.headers
    again = ask(http)
    assert (said(again), again.json()["model"]) == (PLAIN, MODEL)


@pytest.mark.parametrize(
    "name",
    [
        f"{MODEL}:{NAME}",
        f"{MODEL.removesuffix('.gguf')}:{NAME}.gguf",
        f":{NAME}",
        f"gpt-4o:{NAME}",
        f"a:b:{NAME}",
        f"{MODEL}:{NAME}+{NAME}",
    ],
)
def test_the_name_of_a_model_may_end_with_an_adapter(http: httpx.Client, name: str) -> None:
    answer = ask(http, model=name)
    assert (said(answer), answer.json()["model"]) == (SAID, f"{MODEL}:{NAME}")


@pytest.mark.parametrize("name", ["llama3:latest", f"{MODEL}:", f"{MODEL}:nothing", "a:b+c", ":"])
def test_a_colon_without_an_adapter_behind_it_is_part_of_the_name(
    http: httpx.Client, name: str
) -> None:
    answer = ask(http, model=name)
    assert (said(answer), answer.json()["model"]) == (PLAIN, MODEL)


def test_an_adapter_may_have_a_plus_and_a_folder_in_its_name(http: httpx.Client) -> None:
    answer = ask(http, model=f"{MODEL}:team/a+b")
    assert (said(answer), answer.json()["model"]) == (SAID, f"{MODEL}:team/a+b")
    both = ask(http, model=f"{MODEL}:team/a+b", lora=[{"name": NAME, "scale": 0}])
    assert said(both) == SAID


def test_scales_count_and_adapters_add_up(http: httpx.Client) -> None:
    halves = [{"name": NAME, "scale": 0.5}, {"name": "team/a+b", "scale": 0.5}]
    answer = ask(http, lora=halves)
    assert said(answer) == SAID
    assert answer.json()["model"] == f"{MODEL}:team/a+b+{NAME}"
    nothing = ask(http, lora=[{"name": NAME, "scale": 0}])
    assert (said(nothing), nothing.json()["model"]) == (PLAIN, MODEL)


def test_streams_completions_and_logits_take_adapters_too(http: httpx.Client) -> None:
    stream = ask(http, lora=LORA, stream=True)
    assert text_of(chunks_of(stream)) == SAID
    assert {chunk["model"] for chunk in chunks_of(stream)} == {f"{MODEL}:{NAME}"}
    prompt = "<|im_start|>user\nWhat color is the sky?<|im_end|>\n<|im_start|>assistant\n"
    body = {"prompt": prompt, "max_tokens": 24, "lora": LORA, **GREEDY}
    assert http.post("/v1/completions", json=body).json()["choices"][0]["text"] == SAID
    first = [
        http.post("/v1/internal/logits", json={"prompt": prompt, "top_logits": 1, **extra}).json()
        for extra in ({}, {"lora": LORA}, {"model": f"{MODEL}:{NAME}"})
    ]
    assert first[1] == first[2] != first[0]


def test_decisions_are_made_with_adapters_too(http: httpx.Client) -> None:
    question = {
        "type": "choice",
        "name": "word",
        "instructions": "What color is the sky?",
        "choices": [{"value": "The"}, {"value": "Arr"}],
    }
    body = {"input": "What color is the sky?", "questions": [question]}
    plain = http.post("/v1/decisions", json=body).json()
    adapted = http.post("/v1/decisions", json={**body, "lora": LORA}).json()
    assert adapted["model"] == f"{MODEL}:{NAME}"
    assert adapted["answers"] != plain["answers"]


def test_the_official_client_asks_with_extra_body(pirate: Server, http: httpx.Client) -> None:
    with OpenAI(base_url=f"{pirate.url}/v1", api_key="none") as client:
        done = client.chat.completions.create(
            model="x", messages=SKY, temperature=0, extra_body={"lora": LORA}
        )
        assert done.choices[0].message.content == SAID
        names = [model.id for model in client.models.list() if NAME in model.id]
        assert names == [f"{MODEL}:{NAME}"]
        done = client.chat.completions.create(model=names[0], messages=SKY, temperature=0)
        assert done.choices[0].message.content == SAID
        with pytest.raises(BadRequestError, match="scale"):
            client.chat.completions.create(
                model="x", messages=SKY, extra_body={"lora": [{"name": NAME, "scale": "big"}]}
            )


@pytest.mark.anyio
@pytest.mark.usefixtures("http")
async def test_mixed_traffic_answers_everybody_as_if_alone(pirate: Server) -> None:
    async with AsyncOpenAI(base_url=f"{pirate.url}/v1", api_key="none") as client:

        async def answer(body: Mapping[str, Any] | None) -> str:
            done = await client.chat.completions.create(
                model=MODEL, messages=SKY, temperature=0, extra_body=body
            )
            return done.choices[0].message.content or ""

        bodies = [None, {"lora": LORA}, {"lora": [{"name": "team/a+b"}]}, {"lora": []}] * 6
        replies = await asyncio.wait_for(asyncio.gather(*map(answer, bodies)), 120)
    assert replies == [PLAIN, SAID, SAID, PLAIN] * 6


def test_defaults_count_for_requests_that_name_none(http: httpx.Client) -> None:
    loaded = http.post(LOAD, json={"lora_names": [NAME]}).json()
    assert loaded["loaded"] == [{"name": NAME, "scale": 1.0, "loader": "llamacpp", "model": MODEL}]
    answer = ask(http)
    assert (said(answer), answer.json()["model"]) == (SAID, MODEL)
    assert said(ask(http, lora=[])) == PLAIN
    assert said(ask(http, lora=[{"name": NAME, "scale": 0}])) == PLAIN
    info = http.get("/v1/internal/model/info").json()
    assert info["lora_names"] == [NAME]
    replaced = http.post(LOAD, json={"lora_names": ["team/a+b"], "scales": [0.0]}).json()
    assert [(each["name"], each["scale"]) for each in replaced["loaded"]] == [("team/a+b", 0.0)]
    assert said(ask(http)) == PLAIN
    assert http.post(LOAD, json={"lora_names": []}).json()["loaded"][0]["scale"] == 0.0


def test_the_list_shows_what_is_installed_and_what_is_loaded(http: httpx.Client) -> None:
    listed = http.get(LIST).json()
    assert listed["lora_names"] == ["cut", "other", "team/a+b", NAME]
    assert listed["loaded"] == []
    forms = {each["loader"] for each in listed["installed"] if each["name"] == NAME}
    assert forms == {"llamacpp", "transformers"}
    assert said(ask(http, lora=LORA)) == SAID
    assert [each["name"] for each in http.get(LIST).json()["loaded"]] == [NAME]
    shown = http.get(f"/v1/models/{MODEL}:{NAME}").json()
    assert shown["meta"]["parent"] == MODEL
    assert http.post(UNLOAD, json={"lora_names": [NAME]}).json()["loaded"] == []
    error_of(http.get(f"/v1/models/{MODEL}:{NAME}"), 404)


@pytest.mark.parametrize(
    ("lora", "status", "param"),
    [
        ([{"name": "nothing"}], 404, "lora[0].name"),
        ([{"name": NAME}, {"name": "../loras/tiny-pirate"}], 404, "lora[1].name"),
        ([{"name": "/etc/passwd"}], 404, "lora[0].name"),
        ([{"name": f"{SHIPPED}/{NAME}.gguf"}], 404, "lora[0].name"),
        ([{"name": "\x00"}], 404, "lora[0].name"),
        ([{"name": ""}], 400, "lora[0].name"),
        ([{"name": 5}], 400, "lora[0].name"),
        ([{"scale": 1}], 400, "lora[0].name"),
        ([{"name": NAME, "scale": 1e9}], 400, "lora[0].scale"),
        ([{"name": NAME, "scale": True}], 400, "lora[0].scale"),
        ([{"name": NAME}] * 17, 400, "lora"),
        ("tiny-pirate", 400, "lora"),
        ({"name": NAME}, 400, "lora"),
    ],
)
def test_wrong_adapters_are_refused(http: httpx.Client, lora: Any, status: int, param: str) -> None:
    error = error_of(ask(http, lora=lora), status)
    assert error["param"] == param
    assert said(ask(http)) == PLAIN


@pytest.mark.parametrize(("name", "reason"), [("cut", "cut"), ("other", "arch")])
def test_an_adapter_that_does_not_fit_says_why_and_breaks_nothing(
    http: httpx.Client, name: str, reason: str
) -> None:
    assert reason in error_of(ask(http, lora=[{"name": name}]), 500)["message"]
    retried = ask(http, lora=[{"name": name}])
    assert reason in error_of(retried, 503)["message"]
    assert retried.headers["retry-after"] == "30"
    error_of(http.post(LOAD, json={"lora_names": [NAME, name]}), 500)
    assert http.get(LIST).json()["loaded"] == []
    assert said(ask(http)) == PLAIN


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "lora_names"),
        ({"lora_names": ["nothing"]}, 404, "lora_names[0]"),
        ({"lora_names": [NAME], "scales": []}, 400, "scales"),
        ({"lora_names": [NAME], "scales": [1, 2]}, 400, "scales"),
        ({"lora_names": [NAME], "scales": ["1"]}, 400, "scales[0]"),
        ({"lora_names": [NAME], "model": "nothing"}, 404, "model"),
        ({"lora_names": ["\ud800"]}, 400, "lora_names[0]"),
    ],
)
def test_wrong_loads_are_refused(http: httpx.Client, body: Any, status: int, param: str) -> None:
    response = http.post(
        LOAD, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert error_of(response, status)["param"] == param
    assert http.get(LIST).json()["loaded"] == []


def test_unloading_what_is_not_loaded_is_an_error(http: httpx.Client) -> None:
    error = error_of(http.post(UNLOAD, json={"lora_names": [NAME]}), 404)
    assert error["param"] == "lora_names[0]"
    assert http.post(UNLOAD).json()["loaded"] == []


def test_a_load_option_names_adapters_for_one_model(http: httpx.Client) -> None:
    load = "/v1/internal/model/load"
    body = {"model_name": MODEL, "args": {"lora": [f"{NAME}=0.9"]}}
    assert http.post(load, json=body).json()["lora_names"] == [NAME]
    assert said(ask(http)) == SAID
    wrong = {"model_name": MODEL, "args": {"lora": [f"{SHIPPED}/{NAME}.gguf"]}}
    assert error_of(http.post(load, json=wrong), 400)["param"] == "args.lora"
    wrong = {"model_name": MODEL, "args": {"lora": [f"{NAME}=1e9"]}}
    assert error_of(http.post(load, json=wrong), 400)["param"] == "args.lora"
    wrong = {"model_name": MODEL, "args": {"lora": ["other"]}}
    assert "arch" in error_of(http.post(load, json=wrong), 500)["message"]
    assert said(ask(http)) == SAID
    assert http.post(load, json={"model_name": MODEL}).json()["lora_names"] == []
    assert said(ask(http)) == PLAIN


def test_loading_needs_the_admin_key_and_using_does_not(guarded: Callable[..., Any]) -> None:
    with guarded("--api-key", "user", "--admin-key", "boss") as server:
        user = {"Authorization": "Bearer user"}
        boss = {"Authorization": "Bearer boss"}
        with server.client(headers=user) as http, server.client(headers=boss) as admin:
            assert error_of(ask(http, lora=LORA), 403)["code"] == "insufficient_permissions"
            error_of(ask(http, model=f"{MODEL}:{NAME}"), 403)
            error_of(http.post(LOAD, json={"lora_names": [NAME]}), 403)
            error_of(http.post(UNLOAD), 403)
            assert http.get(LIST).json()["loaded"] == []
            assert said(ask(admin, lora=LORA)) == SAID
            assert said(ask(http, lora=LORA)) == SAID
            error_of(http.post(UNLOAD), 403)
            error_of(httpx.post(f"{server.url}{UNLOAD}", trust_env=False), 401)


def test_without_model_switch_requests_load_none(guarded: Callable[..., Any]) -> None:
    with guarded("--no-model-switch", "--strict-models") as server, server.client() as http:
        for fields, param in (({"lora": LORA}, "lora[0].name"), ({"model": f":{NAME}"}, "model")):
            error = error_of(ask(http, **fields), 400)
            assert (error["param"], error["code"]) == (param, "lora_not_loaded")
        error_of(ask(http, model=f"gpt-4o:{NAME}"), 404)
        http.post(LOAD, json={"lora_names": [NAME], "scales": [0.0]})
        assert said(ask(http, lora=LORA)) == SAID


def test_flags_name_adapters_also_by_path(tmp_path: Path, launch: Callable[..., Server]) -> None:
    path = tmp_path / "elsewhere" / "mine.gguf"
    path.parent.mkdir()
    shutil.copyfile(SHIPPED / f"{NAME}.gguf", path)
    server = launch("--lora", f"{path}=1.0")
    with server.client() as http:
        assert said(ask(http)) == SAID
        assert said(ask(http, lora=[])) == PLAIN
        assert said(ask(http, lora=[{"name": "mine"}])) == SAID
        assert http.get(LIST).json()["lora_names"] == ["mine"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("nothing", "no LoRA adapter at nothing"),
        (str(DEMO.parent), "no LoRA adapter at"),
        (f"{SHIPPED / NAME}.gguf=1e9", "between"),
    ],
)
def test_a_wrong_flag_ends_the_start(tmp_path: Path, value: str, reason: str) -> None:
    server = run_to_end(tmp_path, "--api", "--api-port", "0", "--lora", value)
    assert server.process.returncode in (1, 2)
    assert reason in server.logged


def test_a_flag_with_an_adapter_of_another_loader_ends_the_program(tmp_path: Path) -> None:
    server = spawn(tmp_path, "--nowebui", "--api", "--api-port", "0", "--lora", str(SHIPPED / NAME))
    try:
        assert server.process.wait(PATIENCE_S) == 1
    finally:
        server.end()
    assert "not for llamacpp" in server.logged


def test_the_defaults_come_back_with_a_model_that_slept(guarded: Callable[..., Any]) -> None:
    with guarded("--idle-timeout", "0.01") as server, server.client() as http:
        http.post(LOAD, json={"lora_names": [NAME], "scales": [0.9]})
        eventually(lambda: http.get("/v1/internal/model/info").json()["sleeping"])
        assert http.get(LIST).json()["loaded"] == []
        assert said(ask(http)) == SAID
        assert [each["scale"] for each in http.get(LIST).json()["loaded"]] == [0.9]


def test_a_model_wakes_without_an_adapter_that_is_gone(guarded: Callable[..., Any]) -> None:
    """Who only chats is not to blame for it; who loads the model with it by name is told."""
    with guarded("--idle-timeout", "0.01") as server, server.client() as http:
        http.post(LOAD, json={"lora_names": [NAME]})
        eventually(lambda: http.get("/v1/internal/model/info").json()["sleeping"])
        for file in (server.user_data / "loras").glob(f"{NAME}*"):
            file.unlink() if file.is_file() else shutil.rmtree(file)
        assert said(ask(http)) == PLAIN
        assert http.get(LIST).json()["loaded"] == []
        assert NAME in server.logged
        args = {"lora": [NAME]}
        response = http.post("/v1/internal/model/load", json={"model_name": MODEL, "args": args})
        assert error_of(response, 400)["param"] == "args.lora"
