"""/v1/internal/*, /health, /metrics and /docs on a real server."""

import json
import re
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.launch import MODEL, Server, eventually
from tests.live.wire import COUNT, SKY, chunks_of, error_of, events_of, reasons_of


def post(http: httpx.Client, path: str, body: Any = None) -> dict[str, Any]:
    response = http.post(f"/v1/internal/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    "text", ["The sky is blue.", "", "äöü €😀\n\t", "<|im_start|>user\n", "a\0b"]
)
def test_decode_undoes_encode(http: httpx.Client, text: str) -> None:
    encoded = post(http, "encode", {"text": text, "add_special": False})
    assert encoded["length"] == len(encoded["tokens"])
    assert (
        post(http, "token-count", {"text": text, "add_special": False})["length"]
        == (encoded["length"])
    )
    assert post(http, "decode", {"tokens": encoded["tokens"]})["text"] == text


def test_control_tokens_are_read_or_not(http: httpx.Client) -> None:
    read = post(http, "encode", {"text": "<|im_end|>"})
    assert read["length"] == 1
    plain = post(http, "encode", {"text": "<|im_end|>", "parse_special": False})
    assert plain["length"] > 1
    shown = {"tokens": read["tokens"], "skip_special_tokens": True}
    assert post(http, "decode", shown)["text"] == ""


def test_decode_refuses_ids_that_are_none(http: httpx.Client) -> None:
    for tokens in ([99999], [-1], [2**31], [2**70]):
        error = error_of(http.post("/v1/internal/decode", json={"tokens": tokens}), 400)
        assert error["param"].startswith("tokens")


def test_logits_are_a_distribution_best_first(http: httpx.Client) -> None:
    body = post(http, "logits", {"prompt": "The sky is"})
    shares = [token["probability"] for token in body["tokens"]]
    assert len(shares) == 50
    assert shares == sorted(shares, reverse=True)
    assert 0.9 < sum(shares) <= 1.0001
    assert list(body["logits"]) == list(dict.fromkeys(token["token"] for token in body["tokens"]))
    assert len(post(http, "logits", {"prompt": "a", "top_logits": 3})["tokens"]) == 3


def test_logits_after_the_samplers(http: httpx.Client) -> None:
    prompt = {"prompt": "The sky is", "use_samplers": True}
    for fields, count in (({"top_k": 3}, 3), ({"top_k": 1}, 1), ({"temperature": 0}, 1)):
        tokens = post(http, "logits", {**prompt, **fields})["tokens"]
        assert len(tokens) == count, fields
        assert sum(token["probability"] for token in tokens) == pytest.approx(1)


@pytest.mark.parametrize("use_samplers", [False, True])
def test_logits_where_the_text_is_likely_to_end(http: httpx.Client, use_samplers: bool) -> None:
    prompt = "<|im_start|>user\nWhat color is the sky?<|im_end|>\n<|im_start|>assistant\nThe sky is blue."
    body = post(http, "logits", {"prompt": prompt, "use_samplers": use_samplers})
    assert body["tokens"][0]["token"] == "<|im_end|>"
    assert body["tokens"][0]["probability"] > 0.5


def test_the_end_is_no_part_of_a_replys_scores(http: httpx.Client) -> None:
    """As OpenAI has it: log-probabilities are those of the text."""
    message = {"role": "user", "content": "What color is the sky?"}
    body = {"messages": [message], "temperature": 0, "logprobs": True}
    (choice,) = http.post("/v1/chat/completions", json=body).json()["choices"]
    assert choice["finish_reason"] == "stop"
    assert "".join(each["token"] for each in choice["logprobs"]["content"]) == "The sky is blue."


def test_logits_without_samplers_ignore_them(http: httpx.Client) -> None:
    plain = post(http, "logits", {"prompt": "The sky is"})
    assert post(http, "logits", {"prompt": "The sky is", "top_k": 3}) == plain


def test_logits_of_a_prompt_that_does_not_fit(http: httpx.Client) -> None:
    error = error_of(http.post("/v1/internal/logits", json={"prompt": "sky " * 3000}), 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "prompt"


def test_chat_prompt_shows_the_template_at_work(http: httpx.Client) -> None:
    prompt = post(http, "chat-prompt", {"messages": SKY})["prompt"]
    assert "What color is the sky?" in prompt
    assert prompt.endswith("<|im_start|>assistant\n")


CHAT = "/v1/chat/completions"
LONG = {"messages": COUNT, "stream": True, "ban_eos_token": True, "temperature": 0}


def test_stop_all_ends_every_stream_with_a_reason(server: Server, http: httpx.Client) -> None:
    with (
        server.client() as client,
        client.stream("POST", CHAT, json=LONG) as first,
        client.stream("POST", CHAT, json=LONG) as second,
    ):
        streams = [response.iter_lines() for response in (first, second)]
        for lines in streams:
            _read_some(lines)
        assert post(http, "stop-generation")["stopped"] == 2
        assert [_reason_of_the_rest(lines) for lines in streams] == ["stop", "stop"]


def test_stop_by_id_ends_one_stream(server: Server, http: httpx.Client) -> None:
    with (
        server.client() as client,
        client.stream("POST", CHAT, json=LONG) as first,
        client.stream("POST", CHAT, json={**LONG, "max_tokens": 500}) as second,
    ):
        lines, others = first.iter_lines(), second.iter_lines()
        name = _read_some(lines)
        _read_some(others)
        assert post(http, "stop-generation", {"id": name})["stopped"] == 1
        assert _reason_of_the_rest(lines) == "stop"
        assert _reason_of_the_rest(others) == "length"


def _reason_of_the_rest(lines: Any) -> str:
    *_, last, done = [line.removeprefix("data: ") for line in lines if line]
    assert done == "[DONE]"
    return json.loads(last)["choices"][0]["finish_reason"]


def _read_some(lines: Any) -> str:
    """The id of a stream, after some text of it."""
    received = [line for line, _ in zip((x for x in lines if x), range(5), strict=False)]
    return json.loads(received[0].removeprefix("data: "))["id"]


def test_stop_of_an_unknown_id(http: httpx.Client) -> None:
    error = error_of(http.post("/v1/internal/stop-generation", json={"id": "none"}), 404)
    assert error["param"] == "id"
    for body in ({}, {"id": None}):
        assert post(http, "stop-generation", body) == {"stopped": 0}


def test_model_info_tells_what_is_loaded(http: httpx.Client) -> None:
    info = http.get("/v1/internal/model/info").json()
    assert info["model_name"] == MODEL
    assert info["lora_names"] == []
    assert info["loader"] == "llamacpp"
    assert info["context_length"] == 2048
    assert info["slots"] == 8
    assert info["options"]["ctx_size"] == 2048
    assert info["loading"] is None
    assert info["last_error"] is None
    assert http.get("/v1/internal/model/list").json() == {"model_names": [MODEL]}


def test_models_list_and_object(http: httpx.Client) -> None:
    body = http.get("/v1/models").json()
    assert body["object"] == "list"
    model, *others = body["data"]
    assert others, "then other kinds"
    assert not [each["id"] for each in others if each["id"].startswith("tiny-chat")]
    assert {"id", "object", "created", "owned_by", "meta"} == set(model)
    assert model["id"] == MODEL
    assert model["object"] == "model"
    assert model["created"] > 1_700_000_000
    assert model["meta"]["loaded"] is True
    assert model["meta"]["context_length"] == 2048
    assert http.get(f"/v1/models/{MODEL}").json() == model
    assert http.get("/v1/models/tiny-chat-Q8_0").json() == model
    assert error_of(http.get("/v1/models/none"), 404)["code"] == "model_not_found"


def test_health_tells_the_state(http: httpx.Client) -> None:
    for path in ("/health", "/v1/internal/health"):
        health = http.get(path).json()
        assert health["status"] == "ok"
        assert health["model"] == MODEL
        assert health["model_state"] == "ready"


def test_an_idle_server_says_that_nothing_runs(http: httpx.Client) -> None:
    chunks_of(http.post("/v1/chat/completions", json={"messages": SKY, "stream": True}))
    eventually(lambda: http.get("/health").json()["running"] == 0, timeout_s=5)
    assert _metric(http, "hearth_requests_running") == 0


def _metric(http: httpx.Client, name: str) -> float:
    for family in text_string_to_metric_families(http.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name:
                return sample.value
    raise AssertionError(name)


def test_metrics_count(http: httpx.Client) -> None:
    before = _metric(http, "hearth_completion_tokens_total")
    body = http.post(
        "/v1/chat/completions", json={"messages": COUNT, "max_tokens": 9, "temperature": 0}
    ).json()
    assert body["usage"]["completion_tokens"] == 9
    assert _metric(http, "hearth_completion_tokens_total") == before + 9
    response = http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = {family.name for family in text_string_to_metric_families(response.text)}
    assert {
        "hearth_http_requests",
        "hearth_slots",
        "hearth_requests_waiting",
        "hearth_ttft_seconds",
        "hearth_step_seconds",
    } <= families
    assert "sky" not in response.text


def test_metrics_name_routes_not_paths(http: httpx.Client) -> None:
    http.get("/v1/models/some-secret-name")
    http.get("/no/such/secret-path")
    assert "secret" not in http.get("/metrics").text


def test_docs_come_from_this_server_alone(server: Server, http: httpx.Client) -> None:
    page = http.get("/docs")
    assert page.status_code == 200
    found = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", page.text)
    assert found
    assert not [
        url for url in re.findall(r"(?:https?:)?//[\w.-]+", page.text) if url not in server.url
    ]
    for url in found:
        asset = http.get(url)
        assert asset.status_code == 200, url
        assert len(asset.content) > 500, url
    assert http.get("/").headers["location"] == "/docs"


def test_the_schema_describes_every_route(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    assert {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/models",
        "/v1/internal/encode",
        "/v1/internal/decode",
        "/v1/internal/token-count",
        "/v1/internal/logits",
        "/v1/internal/chat-prompt",
        "/v1/internal/stop-generation",
        "/v1/internal/model/info",
        "/v1/internal/model/list",
        "/v1/internal/model/load",
        "/v1/internal/model/unload",
        "/health",
        "/metrics",
    } <= set(paths)
    assert not [
        path for path, ways in paths.items() for way in ways.values() if "422" in way["responses"]
    ]


def test_stopping_leaves_a_whole_stream(http: httpx.Client) -> None:
    response = http.post("/v1/chat/completions", json={**LONG, "max_tokens": 3})
    assert events_of(response.text)[-1] == "[DONE]"
    assert reasons_of(chunks_of(response)) == ["length"]
