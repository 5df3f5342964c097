"""Hooks of extensions on a real server: what they change, for every endpoint and form of answer, and what they cannot break."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.live.extensions import SWITCH, switch, write_extension
from tests.live.launch import DEMO, MODEL, Server, eventually, run_to_end, running
from tests.live.wire import GREEDY, SKY, checked_chat, checked_chat_chunk, chunks_of, text_of

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
BLUE = "The sky is blue."
FOLDER = DEMO.with_name("tiny-chat")
MODELS = {MODEL: DEMO, **{f"org/tiny/{file.name}": file for file in FOLDER.iterdir()}}
LOADING_S = 240
"""What the first import of torch and transformers may take on a busy machine."""

SCRIPTS = {
    "switch": SWITCH,
    "shout": "def output_modifier(text, state):\n    return text.upper()\n",
    "sky": "def input_modifier(text, state):\n    return 'What color is the sky?'\n",
    "digits": """
def setup(context):
    models[0] = context.models

models = [None]

def logits_processor_modifier(processors, token_ids, state):
    tokenizer = models[0].current.engine.tokenizer
    [seven] = tokenizer.encode("7", add_special=False, parse_special=False)

    def only_sevens(tokens, logits):
        logits[:] = -1e9
        logits[seven] = 0
        return logits

    return [*processors, only_sevens]
""",
    "slow": """
import time

ended = []

def custom_generate_reply(prompt, state):
    return words()

def words():
    try:
        for i in range(3):
            yield f"word{i} "
            time.sleep(0.2)
    finally:
        ended.append(1)

def routes(app):
    @app.get("/ended")
    async def count() -> int:
        return len(ended)
""",
    "broken": "\n".join(
        f"def {name}(*values):\n    raise KeyError('secret: ' + repr(values))\n"
        for name in (
            "state_modifier",
            "history_modifier",
            "chat_input_modifier",
            "input_modifier",
            "custom_generate_chat_prompt",
            "bot_prefix_modifier",
            "custom_tokenized_length",
            "tokenizer_modifier",
            "logits_processor_modifier",
            "custom_generate_reply",
            "output_stream",
        )
    ),
    "hostile": """
def logits_processor_modifier(processors, token_ids, state):
    return [lambda tokens, logits: logits * float("nan"), lambda tokens, logits: logits[:0]]
""",
}


def write_all(folder: Any) -> None:
    for name, script in SCRIPTS.items():
        write_extension(folder, name, script)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("extensions")
    write_all(folder)
    with running(
        folder, "--model", MODEL, "--extensions", "switch", "slow", models=MODELS
    ) as started:
        with started.client() as http:
            switch(http, "slow", "off")
        yield started


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client(timeout=LOADING_S) as client:
        yield client


@pytest.fixture
def use(http: httpx.Client) -> Iterator[Callable[[str], list[str]]]:
    """use(name) switches an extension on until the test ends; the faults so far."""
    names: list[str] = []

    def on(name: str) -> list[str]:
        names.append(name)
        return switch(http, name, "on")

    yield on
    for name in names:
        switch(http, name, "off")


def chat(http: httpx.Client, messages: Any = SKY, **fields: Any) -> dict[str, Any]:
    response = http.post(CHAT, json={"messages": messages, **GREEDY, **fields})
    assert response.status_code == 200, response.text
    checked_chat(response.json())
    return response.json()


def content(done: dict[str, Any]) -> str:
    return done["choices"][0]["message"]["content"]


def stream(http: httpx.Client, messages: Any = SKY, **fields: Any) -> list[dict[str, Any]]:
    body = {"messages": messages, **GREEDY, "stream": True, **fields}
    chunks = chunks_of(http.post(CHAT, json=body))
    for chunk in chunks:
        checked_chat_chunk(chunk)
    return chunks


def test_an_output_hook_changes_texts_and_nothing_else(http: httpx.Client, use) -> None:
    wanted = {"logprobs": True, "stop": ["."]}
    plain = chat(http, **wanted)
    use("shout")
    loud = chat(http, **wanted)
    assert content(loud) == content(plain).upper()
    for key in ("finish_reason", "logprobs", "stop_reason"):
        assert loud["choices"][0].get(key) == plain["choices"][0].get(key)
    same = ("prompt_tokens", "completion_tokens")
    assert [loud["usage"][key] for key in same] == [plain["usage"][key] for key in same]
    chunks = stream(http, stream_options={"include_usage": True}, **wanted)
    assert text_of(chunks) == content(loud)
    assert chunks[-1]["usage"]["completion_tokens"] == plain["usage"]["completion_tokens"]
    tokens = [
        token["token"]
        for chunk in chunks[:-1]
        for token in (chunk["choices"][0].get("logprobs") or {}).get("content", [])
    ]
    assert tokens == [token["token"] for token in plain["choices"][0]["logprobs"]["content"]]


def test_several_replies_are_changed_each_by_itself(http: httpx.Client, use) -> None:
    use("shout")
    done = chat(http, n=3)
    assert [each["message"]["content"] for each in done["choices"]] == [BLUE.upper()] * 3
    texts = dict.fromkeys(range(3), "")
    for chunk in stream(http, n=3):
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    assert set(texts.values()) == {BLUE.upper()}


def test_completions_keep_their_echo(http: httpx.Client, use) -> None:
    body = {"prompt": ["abc", "def"], "max_tokens": 4, "echo": True, **GREEDY}
    plain = http.post(TEXT, json=body).json()["choices"]
    use("shout")
    loud = http.post(TEXT, json=body).json()["choices"]
    for prompt, one, other in zip(("abc", "def"), plain, loud, strict=True):
        assert other["text"] == prompt + one["text"].removeprefix(prompt).upper()


def test_an_input_hook_acts_on_old_endpoints_too(http: httpx.Client, use) -> None:
    use("sky")
    asked = [{"role": "user", "content": "Tell me a story."}]
    assert content(chat(http, asked)) == BLUE
    assert text_of(stream(http, asked)) == BLUE
    old = {"user_input": "Hello", "mode": "instruct", "history": {"internal": [], "visible": []}}
    done = http.post("/api/v1/chat", json={**old, **GREEDY, "max_new_tokens": 20}).json()
    assert done["results"][0]["history"]["internal"][-1][1].strip() == BLUE


@pytest.mark.parametrize("model", [MODEL, "org/tiny"])
def test_logits_are_changed_with_both_loaders(http: httpx.Client, use, model: str) -> None:
    chat(http, model=model, max_tokens=1)
    use("digits")
    for fields in (GREEDY, {"temperature": 1.5}):
        body = {"prompt": "Once", "max_tokens": 5, "model": model, **fields}
        assert http.post(TEXT, json=body).json()["choices"][0]["text"] == "77777"
    kept = chat(http, model=model, max_tokens=9, regex="[a-c]{3}", temperature=0)
    assert len(content(kept)) == 3


def test_a_reply_of_an_extension_streams_and_ends_with_its_reader(
    http: httpx.Client, server: Server, use
) -> None:
    use("slow")
    done = chat(http)
    assert content(done) == "word0 word1 word2 "
    assert done["usage"]["completion_tokens"] > 3
    times: list[float] = []
    with OpenAI(
        base_url=f"{server.url}/v1", api_key="none", http_client=httpx.Client(trust_env=False)
    ) as client:
        for chunk in client.chat.completions.create(model=MODEL, messages=SKY, stream=True):
            if chunk.choices[0].delta.content:
                times.append(time.monotonic())
    assert len(times) == 3
    assert content(chat(http, stop=["word1"])) == "word0 "
    before = http.get("/ended").json()
    with http.stream("POST", CHAT, json={"messages": SKY, "stream": True}) as response:
        assert next(line for line in response.iter_lines() if "word0" in line)
    assert eventually(lambda: http.get("/ended").json() == before + 1)


def test_hooks_that_raise_are_named_and_change_nothing(
    http: httpx.Client, server: Server, use
) -> None:
    plain = chat(http, SKY, truncation="auto")
    use("broken")
    done = chat(http, SKY, truncation="auto")
    assert content(done) == content(plain) == BLUE
    assert text_of(stream(http)) == BLUE
    faults = switch(http, "broken", "on")
    hooks = {fault.split("hook ")[1].split(" ")[0] for fault in faults if "broken" in fault}
    assert len(hooks) == 11
    assert all("KeyError (script.py:" in fault for fault in faults if "broken" in fault)
    assert "hook input_modifier failed: KeyError" in server.logged
    assert "What color" not in server.logged
    assert "secret" not in server.logged


@pytest.mark.parametrize("model", [MODEL, "org/tiny"])
def test_logits_that_are_none_are_refused_and_the_model_goes_on(
    http: httpx.Client, use, model: str
) -> None:
    use("hostile")
    for fields in (GREEDY, {"temperature": 1, "top_k": 1}):
        assert content(chat(http, model=model, **fields)) == BLUE
    faults = switch(http, "hostile", "on")
    assert any("leave nothing to choose from" in fault for fault in faults)


def test_the_example_changes_nothing_by_itself(http: httpx.Client, use) -> None:
    plain = chat(http, logprobs=True)
    use("example")
    done = chat(http, logprobs=True)
    assert done["choices"] == plain["choices"]
    assert len(stream(http)) > 5


@contextmanager
def example(folder: Any, settings: str, *flags: str, **options: Any) -> Iterator[httpx.Client]:
    with (
        running(folder, "--extensions", "example", *flags, settings=settings, **options) as server,
        server.client() as http,
    ):
        yield http


def test_the_example_does_what_its_params_say(tmp_path: Any) -> None:
    settings = """
example-signature: "  -- signed"
example-shortcuts: {"/sky": "What color is the sky?"}
example-temperature: 0
"""
    with example(tmp_path, settings) as http:
        asked = [{"role": "user", "content": "/sky"}]
        assert content(chat(http, asked, temperature=1.5)) == BLUE + "  -- signed"
        assert text_of(stream(http, asked)) == BLUE + "  -- signed"
        assert http.get("/v1/example").json()["signature"] == "  -- signed"


def test_models_of_another_server_meet_the_same_hooks(
    http: httpx.Client, server: Server, tmp_path: Any
) -> None:
    settings = 'example-signature: "!"\nexample-prefix: "The sky"\nexample-note: "(Be brief.)"\n'
    flags = ("--loader", "upstream", "--model", MODEL, "--upstream-url", f"{server.url}/v1/")
    with example(tmp_path, settings, *flags, models={}) as front:
        asked = [{"role": "user", "content": "What color is the sky?\n(Be brief.)"}]
        begun = [*asked, {"role": "assistant", "content": "The sky"}]
        expected = content(chat(http, begun, continue_=True)) + "!"
        assert content(chat(front)) == expected
        assert text_of(stream(front)) == expected


@pytest.mark.parametrize(
    ("settings", "word"),
    [("example-penalty: much\n", "example-penalty must be float"), ("", "")],
)
def test_a_wrong_param_stops_the_start(tmp_path: Any, settings: str, word: str) -> None:
    flags = ["--extensions", "example"] if word else ["--extensions", "nothing"]
    ended = run_to_end(tmp_path, "--nowebui", "--api", "--api-port", "0", *flags, settings=settings)
    assert ended.process.returncode == 2
    assert (word or "There is no extension 'nothing'") in ended.logged
