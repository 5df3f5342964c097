"""docs/extensions.md: every example, as it stands there, is an extension of a real server, and does what is said."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.hooks import SURFACE
from modules.settings import ROOT
from tests.live.extensions import SWITCH, switch, write_extension
from tests.live.launch import Server, running
from tests.live.wire import GREEDY, SKY, chunks_of, text_of

TEXT = (ROOT / "docs" / "extensions.md").read_text(encoding="utf-8")
AT_START = ("setup", "routes")
OF_THE_PAGE = ("ui", "ui_tab", "custom_css", "custom_js")
STORY = [{"role": "user", "content": "Tell me a story."}]


def examples() -> dict[str, str]:
    """Name of the section -> its script."""
    sections = re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return {name: re.findall(r"```python\n(.*?)```", body, re.DOTALL)[0] for name, body in sections}


EXAMPLES = examples()


def test_every_hook_has_an_example_and_a_row() -> None:
    assert EXAMPLES.keys() == SURFACE.keys()
    for name in SURFACE:
        assert f"[`{name}`](#{name})" in TEXT
        assert re.search(rf"^(def {name}\(|{name} = )", EXAMPLES[name], re.MULTILINE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("extensions")
    for name, script in {**EXAMPLES, "switch": SWITCH}.items():
        write_extension(folder, name, script)
    with running(folder, "--extensions", "switch", *AT_START) as started:
        yield started


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def enabled(request: pytest.FixtureRequest, http: httpx.Client) -> Iterator[None]:
    """The example of the test's parameter; without a fault."""
    name = request.getfixturevalue("name")
    switch(http, name, "on")
    yield
    assert switch(http, name, "off") == []


def chat(http: httpx.Client, messages: Any = SKY, **fields: Any) -> dict[str, Any]:
    body = {"messages": messages, **GREEDY, **fields}
    response = http.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def reply(http: httpx.Client, messages: Any = SKY, **fields: Any) -> str:
    return chat(http, messages, **fields)["choices"][0]["message"]["content"]


def pieces(http: httpx.Client, messages: Any = SKY, **fields: Any) -> list[str]:
    """The texts of a stream that are not empty."""
    body = {"messages": messages, **GREEDY, "stream": True, **fields}
    chunks = chunks_of(http.post("/v1/chat/completions", json=body))
    texts = [text_of([chunk]) for chunk in chunks]
    return [text for text in texts if text]


def prompt(http: httpx.Client, messages: Any = SKY, **fields: Any) -> str:
    body = {"messages": messages, **fields}
    return http.post("/v1/internal/chat-prompt", json=body).json()["prompt"]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def the_state_is_replaced(http: httpx.Client) -> None:
    done = chat(http, STORY, temperature=2, max_tokens=50)
    assert done["usage"]["completion_tokens"] == 5
    assert done["choices"][0]["finish_reason"] == "length"
    assert len({reply(http, STORY, temperature=2) for _ in range(3)}) == 1


def only_the_last_messages_are_told(http: httpx.Client) -> None:
    history = [{"role": "system", "content": "SYSTEM"}]
    for i in range(5):
        history += [
            {"role": "user", "content": f"Q{i}"},
            {"role": "assistant", "content": f"A{i}"},
        ]
    shown = prompt(http, [*history, *said("last")])
    assert all(text in shown for text in ("SYSTEM", "Q4", "A4", "last"))
    assert "A3" not in shown


def what_comes_in_is_changed(http: httpx.Client) -> None:
    assert reply(http, said("/sky")) == "The sky is blue."
    assert "What color" not in prompt(http, said("/sky is short"))


def the_date_is_told(http: httpx.Client) -> None:
    assert "What color is the sky?\n(Today is " in prompt(http)
    done = http.post("/v1/completions", json={"prompt": "Hello", "echo": True, "max_tokens": 1})
    assert done.json()["choices"][0]["text"].startswith("Hello\n(Today is ")


def the_prompt_is_the_extensions(http: httpx.Client) -> None:
    assert prompt(http) == "<user> What color is the sky?\n<assistant>"
    assert "<user>" not in prompt(http, mode="chat")
    assert chat(http, max_tokens=3)["usage"]["completion_tokens"] > 0


def the_reply_is_begun(http: httpx.Client) -> None:
    assert prompt(http).endswith("*smiles*")
    assert not reply(http).startswith(("*smiles*", " "))
    assert prompt(http, mode="chat").endswith(": *smiles*")


def the_length_is_what_is_told(http: httpx.Client) -> None:
    long = [{"role": r, "content": "word " * 60} for r in ("user", "assistant") * 8] + SKY
    told = chat(http, long, truncation="auto", max_tokens=8)["usage"]["truncated_messages"]
    switch(http, "custom_tokenized_length", "off")
    counted = chat(http, long, truncation="auto", max_tokens=8)["usage"]["truncated_messages"]
    assert told > counted


def a_doubled_beginning_is_one(http: httpx.Client) -> None:
    def tokens(text: str) -> int:
        body = {"prompt": text, "max_tokens": 1}
        return http.post("/v1/completions", json=body).json()["usage"]["prompt_tokens"]

    assert tokens("<|im_start|><|im_start|><|im_start|>user") == tokens("<|im_start|>user")


def nothing_is_said_twice(http: httpx.Client) -> None:
    body = {"prompt": "1 2 3 1 2 3 1", "max_tokens": 30, "logprobs": 0, **GREEDY}
    body |= {"return_tokens_as_token_ids": True, "ban_eos_token": True}
    tokens = http.post("/v1/completions", json=body).json()["choices"][0]["logprobs"]["tokens"]
    assert len(tokens) == len(set(tokens)) == 30


def the_dice_are_rolled(http: httpx.Client) -> None:
    done = chat(http, said("/roll please"))
    assert re.fullmatch(r"You rolled a [1-6]\.", done["choices"][0]["message"]["content"])
    assert done["usage"]["completion_tokens"] > 3
    found = pieces(http, said("/roll"))
    assert found[0] == "You rolled "
    assert reply(http) == "The sky is blue."


def whole_replies_are_changed(http: httpx.Client) -> None:
    assert reply(http) == "The sky is BLUE."
    assert pieces(http) == ["The sky is BLUE."]


def streams_are_changed_as_they_come(http: httpx.Client) -> None:
    assert reply(http) == "The sky is green."
    found = pieces(http)
    assert "".join(found) == "The sky is green."
    assert len(found) > 2


CHECKS: dict[str, Callable[[httpx.Client], None]] = {
    "state_modifier": the_state_is_replaced,
    "history_modifier": only_the_last_messages_are_told,
    "chat_input_modifier": what_comes_in_is_changed,
    "input_modifier": the_date_is_told,
    "custom_generate_chat_prompt": the_prompt_is_the_extensions,
    "bot_prefix_modifier": the_reply_is_begun,
    "custom_tokenized_length": the_length_is_what_is_told,
    "tokenizer_modifier": a_doubled_beginning_is_one,
    "logits_processor_modifier": nothing_is_said_twice,
    "custom_generate_reply": the_dice_are_rolled,
    "output_modifier": whole_replies_are_changed,
    "output_stream": streams_are_changed_as_they_come,
}


def test_every_example_is_checked() -> None:
    assert {*CHECKS, *AT_START, *OF_THE_PAGE} == set(SURFACE)


@pytest.mark.usefixtures("enabled")
@pytest.mark.parametrize("name", CHECKS)
def test_the_example_does_what_is_said(name: str, http: httpx.Client) -> None:
    CHECKS[name](http)


def test_switched_off_they_are_gone(http: httpx.Client) -> None:
    assert reply(http) == "The sky is blue."
    assert len(pieces(http)) > 2


def test_setup_and_routes_of_the_start(http: httpx.Client, server: Server) -> None:
    assert 0 < http.get("/v1/uptime").json()["seconds"] < 1e6
    assert http.get("/v1/loaded").json() == {"model": "tiny-chat-Q8_0.gguf"}
    assert "/v1/loaded" in http.get("/openapi.json").json()["paths"]


@pytest.mark.anyio
@pytest.mark.parametrize("name", OF_THE_PAGE)
async def test_parts_of_the_page_are_made(name: str, tmp_path: Path) -> None:
    import gradio as gr

    from modules.context import AppContext
    from modules.engine.manager import ModelManager
    from modules.extensions import start_extensions
    from modules.loaders.catalog import Catalog
    from modules.media import build_media
    from modules.settings import Settings

    write_extension(tmp_path, name, EXAMPLES[name])
    settings = Settings(user_data_dir=str(tmp_path / "user_data"), extensions=(name,))
    context = AppContext(settings, ModelManager(Catalog(tmp_path)), build_media(settings))
    start_extensions(context)
    [extension] = context.hooks.extensions
    hook = extension.hook(name)
    assert hook is not None
    if name.startswith("custom"):
        assert json.dumps(hook())
        return
    with gr.Blocks() as page:
        hook(context)
    assert len(page.blocks) > 0
    assert len(page.fns) == {"ui": 2, "ui_tab": 1}[name]
    assert (extension.tab_hook is not None) == (name == "ui_tab")
    assert (extension.ui_hook is not None) == (name == "ui")
