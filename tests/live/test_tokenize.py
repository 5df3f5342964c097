"""/tokenize and /detokenize in two dialects, and the ids beside the texts of /v1/internal/logits."""

from typing import Any

import httpx
import pytest

from tests.live.wire import SKY, error_of

TEXTS = ("Hello, world!", "", "äöü €😀\n", "a\0b")
BOTH = pytest.mark.parametrize("prefix", ["", "/v1"])


def post(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


@BOTH
@pytest.mark.parametrize("text", TEXTS)
def test_detokenize_undoes_tokenize(http: httpx.Client, prefix: str, text: str) -> None:
    ids = post(http, f"{prefix}/tokenize", content=text)["tokens"]
    assert post(http, f"{prefix}/detokenize", tokens=ids) == {"content": text, "prompt": text}
    plain = {"text": text, "add_special": False}
    assert post(http, "/v1/internal/encode", **plain)["tokens"] == ids


@BOTH
def test_pieces_are_texts_or_bytes(http: httpx.Client, prefix: str) -> None:
    found = post(http, f"{prefix}/tokenize", content="Hello€", with_pieces=True)["tokens"]
    assert found[0]["piece"] == "Hello"
    rest = [piece["piece"] for piece in found[1:]]
    assert bytes(byte for piece in rest for byte in piece).decode() == "€"
    ids = post(http, f"{prefix}/tokenize", content="Hello€")["tokens"]
    assert [piece["id"] for piece in found] == ids


def test_texts_and_ids_can_stand_in_a_row(http: httpx.Client) -> None:
    hello = post(http, "/tokenize", content="Hello")["tokens"]
    assert post(http, "/tokenize", content=["Hello", 3, "Hello"])["tokens"] == [*hello, 3, *hello]


def test_control_tokens_are_read_or_not_in_llama_servers_words(http: httpx.Client) -> None:
    assert len(post(http, "/tokenize", content="<|im_end|>")["tokens"]) == 1
    assert len(post(http, "/tokenize", content="<|im_end|>", parse_special=False)["tokens"]) > 1


@BOTH
def test_vllms_words_count_and_show(http: httpx.Client, prefix: str) -> None:
    found = post(http, f"{prefix}/tokenize", prompt="Hello, world!", return_token_strs=True)
    assert found["count"] == len(found["tokens"]) == len(found["token_strs"])
    assert "".join(found["token_strs"]) == "Hello, world!"
    assert found["max_model_len"] == 2048
    assert post(http, f"{prefix}/tokenize", prompt="Hello", model="x")["token_strs"] is None


def test_a_chat_has_as_many_tokens_as_its_reply_says(http: httpx.Client) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    for extra in ({}, {"tools": [tool]}):
        chat = post(http, "/v1/chat/completions", messages=SKY, max_tokens=1, **extra)
        found = post(http, "/tokenize", messages=SKY, model="x", **extra)
        assert found["count"] == chat["usage"]["prompt_tokens"]


def test_a_chat_can_end_in_an_open_message(http: httpx.Client) -> None:
    messages = [*SKY, {"role": "assistant", "content": "The sky"}]
    found = post(
        http,
        "/tokenize",
        messages=messages,
        continue_final_message=True,
        add_generation_prompt=False,
        return_token_strs=True,
    )
    assert "".join(found["token_strs"]).endswith("The sky")


def test_a_chat_by_another_template(http: httpx.Client) -> None:
    found = post(http, "/tokenize", messages=SKY, chat_template="Hello", return_token_strs=True)
    assert "".join(found["token_strs"]) == "Hello"


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {}, "content"),
        ("/tokenize", {"content": "a", "prompt": "b"}, "content"),
        ("/tokenize", {"content": 5}, "content"),
        ("/tokenize", {"content": ["a", 99_999]}, "tokens"),
        ("/tokenize", {"messages": []}, "messages"),
        ("/tokenize", {"messages": SKY, "add_generation_prompt": False}, "add_generation_prompt"),
        ("/tokenize", {"messages": [{"role": "user", "content": [PICTURE]}]}, "messages"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": [99_999]}, "tokens"),
        ("/detokenize", {"tokens": ["a"]}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens"),
    ],
)
def test_wrong_requests_say_where(
    http: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    error = error_of(http.post(path, json=body), 400)
    assert (error["param"] or "").startswith(param)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {"content": "a" * (4 * 2**20 + 1)}, "content"),
        ("/tokenize", {"content": ["a" * 2**21, "b" * 2**21, 1, "c"]}, "content"),
        ("/tokenize", {"prompt": "a" * (4 * 2**20 + 1)}, "prompt"),
        ("/detokenize", {"tokens": [1] * (2**20 + 1)}, "tokens"),
        ("/api/v1/token-count", {"prompt": "a" * (4 * 2**20 + 1)}, "prompt"),
    ],
)
def test_texts_have_a_limit(
    http: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    """To tokenize cannot be interrupted."""
    assert error_of(http.post(path, json=body), 400)["param"] == param


def test_unknown_fields_are_named(http: httpx.Client) -> None:
    response = http.post("/tokenize", json={"content": "a", "made_up": 1})
    assert response.headers["x-ignored-params"] == "made_up"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_logits": 1000},
        {"use_samplers": True},
        {"use_samplers": True, "top_k": 5, "temperature": 0.5},
        {"use_samplers": True, "temperature": 0},
        {"use_samplers": True, "mirostat_mode": 2},
        {"use_samplers": True, "custom_token_bans": [0, 1]},
    ],
)
def test_each_logit_has_the_id_of_its_text(http: httpx.Client, options: dict[str, Any]) -> None:
    tokens = post(http, "/v1/internal/logits", prompt="The sky is", **options)["tokens"]
    assert tokens
    assert len({token["id"] for token in tokens}) == len(tokens)
    for token in tokens[:50]:
        assert post(http, "/detokenize", tokens=[token["id"]])["content"] == token["token"]


def test_no_logits_can_be_asked_for(http: httpx.Client) -> None:
    assert post(http, "/v1/internal/logits", prompt="The sky is", top_logits=0)["tokens"] == []
