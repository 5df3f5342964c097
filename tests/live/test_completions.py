"""POST /v1/completions on a real server."""

import json
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.live.launch import Server
from tests.live.wire import (
    GREEDY,
    checked_completion,
    chunks_of,
    error_of,
    reasons_of,
    text_of,
)

PATH = "/v1/completions"
PROMPT = "<|im_start|>user\nWhat color is the sky?<|im_end|>\n<|im_start|>assistant\n"
COUNT = "<|im_start|>user\nCount from 1 to 30.<|im_end|>\n<|im_start|>assistant\n"


def complete(http: httpx.Client, prompt: Any = PROMPT, **fields: Any) -> dict[str, Any]:
    response = http.post(PATH, json={"prompt": prompt, **GREEDY, **fields})
    assert response.status_code == 200, response.text
    checked_completion(response.json())
    return response.json()


def stream(http: httpx.Client, prompt: Any = PROMPT, **fields: Any) -> list[dict[str, Any]]:
    chunks = chunks_of(http.post(PATH, json={"prompt": prompt, **GREEDY, "stream": True, **fields}))
    for chunk in chunks:
        checked_completion(chunk)
    return chunks


def texts(body: dict[str, Any]) -> list[str]:
    return [choice["text"] for choice in body["choices"]]


def encode(http: httpx.Client, text: str) -> list[int]:
    return http.post("/v1/internal/encode", json={"text": text}).json()["tokens"]


def test_a_prompt_is_gone_on_with(http: httpx.Client) -> None:
    body = complete(http)
    assert texts(body) == ["The sky is blue."]
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["prompt_tokens"] == len(encode(http, PROMPT))


@pytest.mark.parametrize("fields", [{}, {"stop": "12"}, {"echo": True}, {"max_tokens": 7}])
def test_streamed_equals_whole(http: httpx.Client, fields: dict[str, Any]) -> None:
    fields = {"max_tokens": 60} | fields
    whole = complete(http, COUNT, **fields)
    chunks = stream(http, COUNT, **fields)
    assert text_of(chunks) == texts(whole)[0]
    assert reasons_of(chunks) == [whole["choices"][0]["finish_reason"]]


def test_default_is_512_tokens(http: httpx.Client) -> None:
    body = complete(http, COUNT, ban_eos_token=True)
    assert body["usage"]["completion_tokens"] == 512
    assert body["choices"][0]["finish_reason"] == "length"


def test_zero_tokens(http: httpx.Client) -> None:
    body = complete(http, max_tokens=0)
    assert texts(body) == [""]
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 0
    chunks = stream(http, max_tokens=0)
    assert text_of(chunks) == ""
    assert reasons_of(chunks) == ["length"]


def test_usage_chunk_is_last(http: httpx.Client) -> None:
    *before, last = stream(http, stream_options={"include_usage": True})
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == complete(http)["usage"]["completion_tokens"]
    assert all(chunk["usage"] is None for chunk in before)


def test_several_prompts_keep_their_order(http: httpx.Client) -> None:
    prompts = [PROMPT, COUNT, "The sky is"]
    alone = [complete(http, prompt, max_tokens=10) for prompt in prompts]
    body = complete(http, prompts, max_tokens=10)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert texts(body) == [texts(one)[0] for one in alone]
    for count in ("prompt_tokens", "completion_tokens"):
        assert body["usage"][count] == sum(one["usage"][count] for one in alone)


def test_token_ids_equal_text(http: httpx.Client) -> None:
    ids, others = encode(http, PROMPT), encode(http, COUNT)
    expected = texts(complete(http, [PROMPT, COUNT], max_tokens=12))
    assert texts(complete(http, ids, max_tokens=12)) == expected[:1]
    assert texts(complete(http, [ids, others], max_tokens=12)) == expected
    assert texts(complete(http, [ids], max_tokens=12)) == expected[:1]


def test_streams_of_several_prompts_and_replies(http: httpx.Client) -> None:
    fields = {"n": 2, "temperature": 1.5, "seed": 5, "max_tokens": 10, "echo": True}
    whole = complete(http, [PROMPT, COUNT], **fields)
    chunks = stream(http, [PROMPT, COUNT], **fields, stream_options={"include_usage": True})
    assert len(whole["choices"]) == 4
    for choice in whole["choices"]:
        assert text_of(chunks, choice["index"]) == choice["text"]
        assert choice["text"].startswith(PROMPT if choice["index"] < 2 else COUNT)
        assert reasons_of(chunks, choice["index"]) == [choice["finish_reason"]]
    for count in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert chunks[-1]["usage"][count] == whole["usage"][count]


def test_as_many_prompts_as_are_allowed_are_answered_by_an_idle_server(http: httpx.Client) -> None:
    body = complete(http, ["a"] * 1024, max_tokens=1)
    assert len(body["choices"]) == 1024


@pytest.mark.parametrize("prompt", [[], [[]], ["a"] * 1025])
def test_odd_numbers_of_prompts(http: httpx.Client, prompt: Any) -> None:
    response = http.post(PATH, json={"prompt": prompt, "max_tokens": 1})
    if prompt == [[]]:
        checked_completion(response.json())
    else:
        assert error_of(response, 400)["param"] == "prompt"


def test_an_empty_prompt_is_a_beginning(http: httpx.Client) -> None:
    assert len(complete(http, "", max_tokens=3)["choices"]) == 1


def test_a_token_id_out_of_range_is_refused(http: httpx.Client) -> None:
    for prompt in ([99999], [[1, 99999]], [-1]):
        for streams in (False, True):
            body = {"prompt": prompt, "stream": streams}
            error = error_of(http.post(PATH, json=body), 400)
            assert error["param"].startswith("prompt")


def test_best_of_returns_the_most_likely(http: httpx.Client) -> None:
    fields = {"temperature": 1.5, "seed": 3, "max_tokens": 6, "logprobs": 0, "ban_eos_token": True}
    pool = complete(http, "The sky", n=5, **fields)["choices"]

    def likelihood(choice: dict[str, Any]) -> float:
        values = choice["logprobs"]["token_logprobs"]
        return sum(values) / len(values)

    best = complete(http, "The sky", n=2, best_of=5, **fields)
    expected = sorted(pool, key=likelihood, reverse=True)[:2]
    assert texts(best) == [choice["text"] for choice in expected]
    assert [choice["index"] for choice in best["choices"]] == [0, 1]
    assert best["usage"]["completion_tokens"] == 5 * 6


def test_best_of_must_be_possible(http: httpx.Client) -> None:
    for fields in ({"n": 3, "best_of": 2}, {"n": 1, "best_of": 2, "stream": True}):
        error = error_of(http.post(PATH, json={"prompt": "a", **fields}), 400)
        assert error["param"] == "best_of"


def test_best_of_one_can_be_streamed(http: httpx.Client) -> None:
    assert text_of(stream(http, best_of=1)) == "The sky is blue."


def test_logprobs_have_four_equal_lists(http: httpx.Client) -> None:
    body = complete(http, logprobs=2)
    logprobs = body["choices"][0]["logprobs"]
    assert set(logprobs) == {"tokens", "token_logprobs", "top_logprobs", "text_offset"}
    assert len({len(column) for column in logprobs.values()}) == 1
    assert "".join(logprobs["tokens"]) == "The sky is blue."
    assert logprobs["text_offset"][0] == 0
    for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
        assert body["choices"][0]["text"][offset : offset + len(token)] == token
    for token, logprob, top in zip(
        logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True
    ):
        assert logprob <= 0
        assert top[token] == logprob
        assert 2 <= len(top) <= 3


def test_echo_scores_the_prompt(http: httpx.Client) -> None:
    body = complete(http, "The sky is", echo=True, logprobs=1, max_tokens=4)
    choice = body["choices"][0]
    logprobs = choice["logprobs"]
    assert choice["text"].startswith("The sky is")
    assert logprobs["token_logprobs"][0] is None
    assert logprobs["top_logprobs"][0] is None
    assert all(value <= 0 for value in logprobs["token_logprobs"][1:])
    assert "".join(logprobs["tokens"]) == choice["text"]
    for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
        assert choice["text"][offset : offset + len(token)] == token
    assert body["usage"]["completion_tokens"] == 4


def test_echo_without_a_reply_only_scores(http: httpx.Client) -> None:
    body = complete(http, "The sky is blue", echo=True, logprobs=0, max_tokens=0)
    assert texts(body) == ["The sky is blue"]
    logprobs = body["choices"][0]["logprobs"]
    assert "".join(logprobs["tokens"]) == "The sky is blue"
    assert body["usage"]["completion_tokens"] == 0
    tokens = [
        chunk["choices"][0]
        for chunk in stream(http, "The sky is blue", echo=True, logprobs=0, max_tokens=0)
    ]
    assert "".join(choice["text"] for choice in tokens) == "The sky is blue"
    streamed = [t for choice in tokens if choice["logprobs"] for t in choice["logprobs"]["tokens"]]
    assert streamed == logprobs["tokens"]


def test_scores_agree_with_generation(http: httpx.Client) -> None:
    made = complete(http, "The sky is", max_tokens=5, logprobs=0, ban_eos_token=True)
    text = texts(made)[0]
    generated = made["choices"][0]["logprobs"]["token_logprobs"]
    prompt = encode(http, "The sky is")
    whole = (
        prompt
        + http.post("/v1/internal/encode", json={"text": text, "add_special": False}).json()[
            "tokens"
        ]
    )
    scored = complete(http, whole, echo=True, logprobs=0, max_tokens=0)
    tail = scored["choices"][0]["logprobs"]["token_logprobs"][len(prompt) :]
    assert tail == pytest.approx(generated, abs=5e-2)


@pytest.mark.parametrize("text", ["aä€b sky", "😀 sky", "ä" * 5 + "sky"])
def test_text_offsets_hold_behind_characters_of_several_tokens(
    http: httpx.Client, text: str
) -> None:
    body = complete(http, text, echo=True, logprobs=0, max_tokens=0)
    choice = body["choices"][0]
    logprobs = choice["logprobs"]
    assert choice["text"] == text
    for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
        if "�" not in token:
            assert text[offset : offset + len(token)] == token


@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.parametrize(
    "prompt", ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "a<|im_end|>", "", "sky"]
)
def test_offsets_are_those_of_the_echo_with_its_control_tokens(
    http: httpx.Client, prompt: str, shows: bool
) -> None:
    fields = {"echo": True, "logprobs": 0, "max_tokens": 4, "skip_special_tokens": shows}
    choice = complete(http, prompt, **fields)["choices"][0]
    text, logprobs = choice["text"], choice["logprobs"]
    assert text.startswith(prompt)
    offsets = logprobs["text_offset"]
    at = sum(offset < len(prompt) for offset in offsets)
    assert "".join(logprobs["tokens"][:at]) == prompt
    for token, offset in zip(logprobs["tokens"][:at], offsets, strict=False):
        assert text[offset : offset + len(token)] == token
    assert offsets[at:][:1] in ([], [len(prompt)])
    pieces = [
        chunk["choices"][0]["logprobs"]
        for chunk in stream(http, prompt, **fields)
        if chunk["choices"][0]["logprobs"]
    ]
    assert [offset for piece in pieces for offset in piece["text_offset"]] == offsets


@pytest.mark.parametrize("streams", [False, True])
def test_more_scores_than_an_answer_can_hold_are_refused(http: httpx.Client, streams: bool) -> None:
    fields = {"echo": True, "logprobs": 100, "max_tokens": 0, "stream": streams}
    body = {"prompt": ["sky " * 1000] * 64, **fields}
    error = error_of(http.post(PATH, json=body), 400)
    assert error["param"] == "logprobs"
    assert http.post(PATH, json={**body, "prompt": ["sky"] * 64}).status_code == 200


def test_streamed_offsets_equal_whole(http: httpx.Client) -> None:
    fields = {"logprobs": 0, "max_tokens": 20, "echo": True}
    whole = complete(http, COUNT, **fields)["choices"][0]["logprobs"]["text_offset"]
    chunks = stream(http, COUNT, **fields)
    streamed = [
        offset
        for chunk in chunks
        for offset in (chunk["choices"][0]["logprobs"] or {"text_offset": []})["text_offset"]
    ]
    assert streamed == whole


def test_suffix_is_refused_by_a_model_that_cannot_infill(http: httpx.Client) -> None:
    error = error_of(http.post(PATH, json={"prompt": "a", "suffix": "b"}), 400)
    assert error["param"] == "suffix"
    assert error["code"] == "unsupported_parameter"


@pytest.mark.parametrize("streams", [False, True])
def test_a_prompt_that_does_not_fit_is_refused(http: httpx.Client, streams: bool) -> None:
    body = {"prompt": ["short", "sky " * 3000], "stream": streams}
    error = error_of(http.post(PATH, json=body), 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "prompt"
    assert "2048" in error["message"]
    assert str(len(encode(http, "sky " * 3000))) in error["message"]


@pytest.mark.parametrize("grammar", ["root ::= (", "root ::= missing", "no grammar at all", "{"])
@pytest.mark.parametrize("streams", [False, True])
def test_a_wrong_grammar_is_refused_with_the_reason(
    http: httpx.Client, grammar: str, streams: bool
) -> None:
    body = {"prompt": "a", "grammar_string": grammar, "stream": streams}
    error = error_of(http.post(PATH, json=body), 400)
    assert error["param"] == "grammar_string"
    assert error["code"] == "invalid_grammar"


def test_an_error_in_mid_stream_is_one_event_and_then_the_end(http: httpx.Client) -> None:
    """A grammar whose next token is banned: nobody can know before the model is there."""
    body = _grammar_that_breaks(http)
    with http.stream("POST", PATH, json={**body, "stream": True}) as response:
        assert response.status_code == 200
        lines = [line for line in response.iter_lines() if line]
    assert lines[0].startswith('data: {"id"')
    assert sum(line.startswith('data: {"error"') for line in lines) == 1
    last = httpx.Response(500, json=json.loads(lines[-1].removeprefix("data: ")))
    error = error_of(last, 500)
    assert "grammar" in error["message"].lower()
    assert "data: [DONE]" not in lines
    assert texts(complete(http)) == ["The sky is blue."]


def test_the_same_error_is_a_status_without_a_stream(http: httpx.Client) -> None:
    error = error_of(http.post(PATH, json=_grammar_that_breaks(http)), 400)
    assert "grammar" in error["message"]


def _grammar_that_breaks(http: httpx.Client) -> dict[str, Any]:
    size = http.get("/v1/internal/model/info").json()["vocabulary_size"]
    nines = [token_id for token_id, text in enumerate(_pieces(http, size)) if "9" in text]
    return {"prompt": "a", "grammar_string": 'root ::= "xyz9"', "custom_token_bans": nines}


def _pieces(http: httpx.Client, size: int) -> list[str]:
    # One request for all: a mark that no token holds stands between them.
    (mark, *_) = encode(http, "\n")
    tokens = [part for token_id in range(size) for part in (token_id, mark)]
    text = http.post("/v1/internal/decode", json={"tokens": tokens}).json()["text"]
    pieces = text.split("\n")
    if len(pieces) == size + 1:
        return pieces[:-1]
    return [
        http.post("/v1/internal/decode", json={"tokens": [token_id]}).json()["text"]
        for token_id in range(size)
    ]


def test_the_official_client_reads_completions(server: Server) -> None:
    with OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0) as client:
        answer = client.completions.create(model="x", prompt=PROMPT, temperature=0, logprobs=1)
        assert answer.choices[0].text == "The sky is blue."
        with client.completions.create(
            model="x", prompt=PROMPT, temperature=0, stream=True
        ) as chunks:
            assert "".join(chunk.choices[0].text for chunk in chunks) == "The sky is blue."
