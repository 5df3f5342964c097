"""What a reply tells of its tokens beyond OpenAI's fields: ids, probabilities after the samplers, the stop string."""

import math

import httpx
import pytest

from tests.live.wire import COUNT, GREEDY, SKY, chunks_of

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


def test_tokens_are_named_by_their_ids(http: httpx.Client) -> None:
    body = {"prompt": "The sky is", "max_tokens": 5, "logprobs": 2, "echo": True, **GREEDY}
    plain = http.post(TEXT, json=body).json()["choices"][0]["logprobs"]
    named_body = {**body, "return_tokens_as_token_ids": True}
    named = http.post(TEXT, json=named_body).json()["choices"][0]["logprobs"]
    ids = [int(token.removeprefix("token_id:")) for token in named["tokens"]]
    shown = http.post("/tokenize", json={"content": ids, "with_pieces": True}).json()["tokens"]
    assert [each["piece"] for each in shown] == plain["tokens"]
    assert named["text_offset"] == plain["text_offset"]
    assert all(name.startswith("token_id:") for top in named["top_logprobs"][1:] for name in top)
    streamed = [c["choices"][0]["logprobs"] for c in chunks_of(http.post(TEXT, json={**named_body, "stream": True}))]  # fmt: skip
    assert [token for each in streamed if each for token in each["tokens"]] == named["tokens"]


@pytest.mark.parametrize("after", [False, True])
def test_probabilities_after_the_samplers_are_of_what_they_left(
    http: httpx.Client, after: bool
) -> None:
    body = {"messages": SKY, "logprobs": True, "top_logprobs": 10, "top_k": 2, "temperature": 1, "seed": 1}  # fmt: skip
    reply = http.post(CHAT, json={**body, "post_sampling_probs": after}).json()
    for token in reply["choices"][0]["logprobs"]["content"]:
        assert (len(token["top_logprobs"]) <= 2) == after
        if after:
            total = math.fsum(math.exp(each["logprob"]) for each in token["top_logprobs"])
            assert total == pytest.approx(1)


def test_the_stop_string_that_ended_a_reply_is_told(http: httpx.Client) -> None:
    for path, body in ((CHAT, {"messages": COUNT}), (TEXT, {"prompt": "The sky is blue and"})):
        whole = http.post(path, json={**body, "max_tokens": 20, **GREEDY}).json()["choices"][0]
        assert "stop_reason" not in whole
        text = whole["message"]["content"] if "message" in whole else whole["text"]
        stopping = {**body, "max_tokens": 20, **GREEDY, "stop": ["@@", text[3:5]]}
        stopped = http.post(path, json=stopping).json()["choices"][0]
        assert (stopped["finish_reason"], stopped["stop_reason"]) == ("stop", text[3:5])
        last = chunks_of(http.post(path, json={**stopping, "stream": True}))[-1]["choices"][0]
        assert last["stop_reason"] == text[3:5]


def test_control_tokens_and_ends_are_marked_among_pieces(http: httpx.Client) -> None:
    body = {"content": "<|im_start|>cat<|im_end|>", "with_pieces": True}
    start, cat, end = http.post("/tokenize", json=body).json()["tokens"]
    assert start["special"]
    assert set(cat) == {"id", "piece"}
    assert end["special"]
    assert end["end"]
