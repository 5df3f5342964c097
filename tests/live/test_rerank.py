"""/v1/rerank, /v1/score and the old /v1/search on a real server with the bundled models."""

from typing import Any

import httpx
import pytest

from tests.live.wire import error_of

QUERY = "Where does the pilot swim?"
DOCUMENTS = [
    "The cook reads in the forest at dawn.",
    "The pilot swims at the market.",
    "A big singer cries on the train in winter.",
]
"""What the bundled models know: somebody does something somewhere."""
PATHS = ("/v1/rerank", "/v2/rerank", "/rerank")
EMBEDDER = "tiny-embed"


def post(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    response = http.post(path, json=body, timeout=60)
    assert response.status_code == 200, response.text[:500]
    return response.json()


@pytest.mark.parametrize("path", PATHS)
def test_the_best_document_comes_first(http: httpx.Client, path: str) -> None:
    answer = post(http, path, query=QUERY, documents=DOCUMENTS)
    assert answer["model"] == "tiny-rerank"
    assert answer["id"].startswith("rerank-")
    assert answer["results"][0]["index"] == 1
    assert sorted(result["index"] for result in answer["results"]) == [0, 1, 2]
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= min(scores) < 0.5 < max(scores) <= 1
    assert all("document" not in result for result in answer["results"])
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] > 20
    assert answer["meta"] == {"billed_units": {"search_units": 1}}


def test_top_n_and_documents_can_be_asked_for(http: httpx.Client) -> None:
    documents = [DOCUMENTS[0], {"text": DOCUMENTS[1], "page": 7}]
    answer = post(
        http, "/v1/rerank", query=QUERY, documents=documents, top_n=1, return_documents=True
    )
    (result,) = answer["results"]
    assert result["index"] == 1
    assert result["document"] == {"text": DOCUMENTS[1], "page": 7}
    assert len(post(http, "/v1/rerank", query=QUERY, documents=documents, top_n=99)["results"]) == 2


def test_an_embedding_model_can_be_named_instead(http: httpx.Client) -> None:
    answer = post(http, "/v1/rerank", query=QUERY, documents=DOCUMENTS, model=EMBEDDER)
    assert answer["model"] == EMBEDDER
    assert answer["results"][0]["index"] == 1
    vectors = [
        each["embedding"]
        for each in post(http, "/v1/embeddings", input=[QUERY, *DOCUMENTS])["data"]
    ]
    for result in answer["results"]:
        cosine = sum(a * b for a, b in zip(vectors[0], vectors[1 + result["index"]], strict=True))
        assert result["relevance_score"] == pytest.approx((1 + cosine) / 2, abs=1e-5)


def test_an_empty_document_scores_low_and_does_no_harm(http: httpx.Client) -> None:
    for model in ("x", EMBEDDER):
        answer = post(http, "/v1/rerank", query=QUERY, documents=["", DOCUMENTS[1]], model=model)
        assert [result["index"] for result in answer["results"]] == [1, 0]


@pytest.mark.parametrize("model", ["x", EMBEDDER])
def test_long_documents_are_cut_with_a_word_about_it(http: httpx.Client, model: str) -> None:
    documents = [DOCUMENTS[1], DOCUMENTS[0] * 60, DOCUMENTS[1] * 60]
    answer = post(http, "/v1/rerank", query=QUERY, documents=documents, model=model)
    (warning,) = answer["meta"]["warnings"]
    assert warning.startswith("2 documents")
    assert warning.endswith("1, 2")
    body = {"query": QUERY, "documents": documents, "truncate": False, "model": model}
    error = error_of(http.post("/v1/rerank", json=body), 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "documents[1]"
    assert "128" in error["message"]
    asked = post(
        http, "/v1/rerank", query=QUERY, documents=documents, max_tokens_per_doc=9, model=model
    )
    assert "warnings" not in asked["meta"]
    assert asked["usage"]["total_tokens"] < 100


@pytest.mark.parametrize("model", ["x", EMBEDDER])
@pytest.mark.parametrize("times", [60, 2_000_000])
def test_a_query_that_is_too_long_is_refused(http: httpx.Client, model: str, times: int) -> None:
    body = {"query": "sky? " * times * 5, "documents": ["a"], "model": model}
    error = error_of(http.post("/v1/rerank", json=body, timeout=60), 400)
    assert (error["code"], error["param"]) == ("context_length_exceeded", "query")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "a"}, "documents"),
        ({"query": "", "documents": ["a"]}, "query"),
        ({"query": "a", "documents": []}, "documents"),
        ({"query": "a", "documents": ["a"] * 2049}, "documents"),
        ({"query": "a", "documents": "a"}, "documents"),
        ({"query": "a", "documents": [5]}, None),
        ({"query": "a", "documents": [{"title": "a"}]}, None),
        ({"query": "a", "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": "a", "documents": ["a"], "max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ({"query": "a", "documents": ["a"], "truncate": "yes"}, "truncate"),
    ],
)
def test_bad_requests_name_what_is_wrong(
    http: httpx.Client, body: dict[str, Any], param: str | None
) -> None:
    error = error_of(http.post("/v1/rerank", json=body), 400)
    assert param is None or error["param"] == param


@pytest.mark.parametrize("path", ["/v1/score", "/score"])
def test_one_text_is_scored_with_all_others(http: httpx.Client, path: str) -> None:
    answer = post(http, path, text_1=QUERY, text_2=DOCUMENTS)
    assert answer["object"] == "list"
    assert answer["id"].startswith("score-")
    assert [each["index"] for each in answer["data"]] == [0, 1, 2]
    assert all(each["object"] == "score" for each in answer["data"])
    scores = [each["score"] for each in answer["data"]]
    assert max(scores) == scores[1] > 0.5
    ranked = post(http, "/v1/rerank", query=QUERY, documents=DOCUMENTS)["results"]
    for result in ranked:
        assert result["relevance_score"] == pytest.approx(scores[result["index"]], abs=1e-5)


@pytest.mark.parametrize("model", ["x", EMBEDDER])
def test_texts_are_scored_in_pairs(http: httpx.Client, model: str) -> None:
    queries = [QUERY, "Who cries on the train?", QUERY]
    texts = [DOCUMENTS[1], DOCUMENTS[2], DOCUMENTS[2]]
    paired = post(http, "/v1/score", text_1=queries, text_2=texts, model=model)["data"]
    for number, (query, text) in enumerate(zip(queries, texts, strict=True)):
        (alone,) = post(http, "/v1/score", text_1=query, text_2=text, model=model)["data"]
        assert paired[number]["score"] == pytest.approx(alone["score"], abs=1e-5)
    assert min(paired[0]["score"], paired[1]["score"]) > paired[2]["score"]


def test_many_pairs_are_one_request(http: httpx.Client) -> None:
    found = post(http, "/v1/score", text_1=[QUERY, "a"] * 500, text_2=[DOCUMENTS[1]] * 1000)
    assert len(found["data"]) == 1000


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"text_1": "a"}, "text_2"),
        ({"text_1": ["a", "b"], "text_2": ["a", "b", "c"]}, "text_1"),
        ({"text_1": ["a", "b"], "text_2": "a"}, "text_1"),
        ({"text_1": [], "text_2": "a"}, "text_1"),
        ({"text_1": "a", "text_2": []}, "text_2"),
        ({"text_1": ["a", ""], "text_2": ["a", "a"]}, "text_1[1]"),
        ({"text_1": "a", "text_2": "sky " * 300}, "text_2"),
        ({"text_1": "a", "text_2": ["sky " * 300]}, "text_2[0]"),
        ({"text_1": "a", "text_2": [*["a"] * 100, "sky " * 300]}, "text_2[100]"),
        ({"text_1": ["a", "b"], "text_2": ["a", "sky " * 300]}, "text_2[1]"),
        ({"text_1": ["a", "sky " * 300], "text_2": ["a", "a"]}, "text_1[1]"),
        ({"text_1": ["a", "s" * 99_999], "text_2": ["a", "a"]}, "text_1[1]"),
        ({"text_1": "sky " * 300, "text_2": ["a", "a"]}, "text_1"),
        ({"text_1": "a", "text_2": "b", "truncate_prompt_tokens": 0}, "truncate_prompt_tokens"),
    ],
)
@pytest.mark.parametrize("model", ["x", EMBEDDER])
def test_bad_scores_name_what_is_wrong(
    http: httpx.Client, body: dict[str, Any], param: str, model: str
) -> None:
    error = error_of(http.post("/v1/score", json={**body, "model": model}), 400)
    assert error["param"] == param
    assert "'query'" not in error["message"]


def test_scored_texts_can_be_cut(http: httpx.Client) -> None:
    for limit in (-1, 20):
        body = {"text_1": QUERY, "text_2": "sky " * 300, "truncate_prompt_tokens": limit}
        assert len(post(http, "/v1/score", **body)["data"]) == 1


@pytest.mark.parametrize("path", ["/v1/search", "/v1/engines/davinci/search"])
def test_the_old_search_scores_documents_in_their_order(http: httpx.Client, path: str) -> None:
    answer = post(http, path, query=QUERY, documents=DOCUMENTS)
    assert answer["object"] == "list"
    assert answer["model"] == "tiny-rerank"
    assert [each["document"] for each in answer["data"]] == [0, 1, 2]
    assert all(set(each) == {"object", "document", "score"} for each in answer["data"])
    scores = [each["score"] for each in answer["data"]]
    assert max(scores) == scores[1]
    (best,) = post(
        http, path, query=QUERY, documents=DOCUMENTS, max_rerank=1, return_metadata=True
    )["data"]
    assert (best["document"], best["text"]) == (1, DOCUMENTS[1])


def test_the_old_search_takes_no_files(http: httpx.Client) -> None:
    error = error_of(http.post("/v1/search", json={"query": "a", "file": "file-1"}), 400)
    assert error["param"] == "file"
    assert error_of(http.post("/v1/search", json={"query": "a"}), 400)["param"] == "documents"
