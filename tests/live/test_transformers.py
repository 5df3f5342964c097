"""A folder of safetensors behind the same API: the official client does not notice which loader answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.live.launch import DEMO, MODEL, Server, running
from tests.live.wire import SKY, chunks_of, error_of, text_of

FOLDER = DEMO.with_name("tiny-chat")
NAME = "org/tiny"
LOADING_S = 240
"""What the first import of torch and transformers may take on a busy machine."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo model in both forms; each test says which it asks."""
    folder = tmp_path_factory.mktemp("transformers")
    models = {MODEL: DEMO, **{f"{NAME}/{file.name}": file for file in FOLDER.iterdir()}}
    with running(folder, "--model", MODEL, models=models) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    http = httpx.Client(trust_env=False, timeout=LOADING_S)
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key="none", max_retries=0, http_client=http
    ) as client:
        yield client


def test_it_is_listed_loaded_by_its_name_and_answers(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list().data}
    assert NAME in listed
    assert listed[NAME].meta["loader"] == "transformers"  # pyright: ignore[reportAttributeAccessIssue]
    for model in (NAME, MODEL, NAME):
        done = client.chat.completions.create(model=model, messages=SKY, temperature=0)
        assert done.choices[0].message.content == "The sky is blue."
        assert done.model == model
        assert done.choices[0].finish_reason == "stop"
        assert done.usage is not None
        assert done.usage.completion_tokens == 9


def test_streams_tools_schemas_and_logprobs_are_the_same(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=NAME, messages=SKY, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk.model_dump() for chunk in stream]
    assert text_of(chunks) == "The sky is blue."
    assert chunks[-1]["usage"]["completion_tokens"] == 9
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }  # fmt: skip
    called = client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[tool],  # pyright: ignore[reportArgumentType]
        tool_choice="required",
        temperature=0,
    )
    (call,) = called.choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments) == {"city": "Paris"}  # pyright: ignore[reportAttributeAccessIssue]
    shaped = client.chat.completions.create(
        model=NAME,
        messages=SKY,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 2, "maxItems": 2}},
        },
        temperature=1,
        seed=3,
    )  # fmt: skip
    assert len(json.loads(shaped.choices[0].message.content or "")) == 2
    scored = client.chat.completions.create(
        model=NAME, messages=SKY, temperature=0, logprobs=True, top_logprobs=3
    )
    content = scored.choices[0].logprobs
    assert content is not None
    assert len((content.content or [])[0].top_logprobs) == 3


def test_many_at_once_and_a_reused_beginning(client: openai.OpenAI, server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    long = [{"role": "user", "content": "Tell me about cats. " * 20}]

    def ask(_: int) -> tuple[str | None, int]:
        done = client.chat.completions.create(
            model=NAME,
            messages=long,  # pyright: ignore[reportArgumentType]
            temperature=0,
            max_tokens=20,
        )
        assert done.usage is not None
        details = done.usage.prompt_tokens_details
        return done.choices[0].message.content, (details.cached_tokens or 0) if details else 0

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(16)))
    assert len({text for text, _ in answers}) == 1
    assert sum(cached > 50 for _, cached in answers) >= 8


def test_options_are_checked_and_shown_and_code_stays_off(server: Server) -> None:
    with server.client(timeout=LOADING_S) as http:
        load = "/v1/internal/model/load"
        for args, param in (
            ({"n_gpu_layers": 1}, "args.n_gpu_layers"),
            ({"dtype": "float1"}, "args.dtype"),
            ({"trust_remote_code": True}, "args.trust_remote_code"),
        ):
            error = error_of(http.post(load, json={"model_name": NAME, "args": args}), 400)
            assert error["param"] == param
        args = {"ctx_size": 512, "parallel": 2, "dtype": "float32"}
        info = http.post(load, json={"model_name": NAME, "args": args}).json()
        assert info["loader"] == "transformers"
        assert info["context_length"] == 512
        assert info["slots"] == 2
        assert info["options"]["batched"] is True
        response = http.post(
            "/v1/chat/completions", json={"messages": SKY, "temperature": 0, "stream": True}
        )
        assert text_of(chunks_of(response)) == "The sky is blue."


def test_a_folder_elsewhere_is_named_by_its_path(tmp_path: Path) -> None:
    with running(tmp_path, "--model", str(FOLDER), is_ready=False) as server:
        with server.client(timeout=LOADING_S) as http:
            from tests.live.launch import eventually

            eventually(lambda: http.get("/health").json()["model"] == "tiny-chat", LOADING_S)
            done = http.post(
                "/v1/chat/completions", json={"messages": SKY, "temperature": 0}
            ).json()
        assert done["choices"][0]["message"]["content"] == "The sky is blue."
