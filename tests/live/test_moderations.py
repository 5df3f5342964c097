"""/v1/moderations on a real server, by the official client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.live.launch import Server, eventually, run_to_end
from tests.live.wire import error_of

THREAT = "I will find you and hurt you, you idiot."
HARMLESS = "The train to the coast was late again this morning."
CATEGORIES = 13
RULES = """
harmless:
  examples: ["The sky is blue.", "A dog sleeps.", "We eat bread.", "It rains.", "Where is the river?", "Two cats play.", "The house is old.", "I am tired."]
categories:
  violence: {examples: ["The purple zeppelin explodes.", "Zeppelins will explode.", "A zeppelin."]}
"""


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def post(http: httpx.Client, given: Any, **more: Any) -> dict[str, Any]:
    response = http.post("/v1/moderations", json={"input": given, **more}, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_client_reads_a_threat_and_a_harmless_text(client: openai.OpenAI) -> None:
    answer = client.moderations.create(input=[THREAT, HARMLESS], model="omni-moderation-latest")
    assert answer.id.startswith("modr-")
    assert answer.model == "tiny-embed"
    threat, harmless = answer.results
    assert threat.flagged
    assert threat.categories.harassment_threatening
    assert threat.category_scores.harassment_threatening > 0.5
    assert not harmless.flagged
    assert not any(harmless.categories.model_dump().values())


def test_every_category_is_in_every_answer(http: httpx.Client) -> None:
    (result,) = post(http, HARMLESS)["results"]
    assert set(result) == {
        "flagged",
        "categories",
        "category_scores",
        "category_applied_input_types",
    }
    names = set(result["categories"])
    assert len(names) == CATEGORIES
    assert names == set(result["category_scores"]) == set(result["category_applied_input_types"])
    assert all(0 <= score <= 1 for score in result["category_scores"].values())
    assert all(types == ["text"] for types in result["category_applied_input_types"].values())


def test_one_bad_sentence_among_many_is_found(http: httpx.Client) -> None:
    (result,) = post(http, f"{HARMLESS} " * 20 + THREAT + f" {HARMLESS}" * 20)["results"]
    assert result["flagged"]


def test_texts_of_parts_are_judged_and_pictures_are_named(http: httpx.Client) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}
    parts = [{"type": "text", "text": THREAT}, picture]
    response = http.post("/v1/moderations", json={"input": parts})
    (result,) = response.json()["results"]
    assert result["flagged"]
    assert result["category_applied_input_types"]["violence"] == ["text"]
    assert response.headers["X-Ignored-Params"] == "image_url"
    error = error_of(http.post("/v1/moderations", json={"input": [picture]}), 400)
    assert "Pictures" in error["message"]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("", "input"),
        ([], "input"),
        ([""], "input"),
        (["a", ""], "input[1]"),
        ([{"type": "text", "text": ""}], "input"),
        (5, "input"),
        ([5], "input[0]"),
        (["a", {"type": "text", "text": "b"}], "input[1]"),
        ([{"type": "video", "text": "b"}], "input[0]"),
        ([{"type": "text"}], None),
        (["a"] * 2049, "input"),
        ("a" * 500_001, "input"),
        (" ".join(map(str, range(40_000))), "input"),
        (None, "input"),
    ],
)
def test_bad_requests_name_what_is_wrong(http: httpx.Client, given: Any, param: str | None) -> None:
    error = error_of(http.post("/v1/moderations", json={"input": given}), 400)
    assert param is None or error["param"] == param


@pytest.mark.parametrize("text", ["...", "🙂", "   ", "\x00", "中文没有空格的一句话", "a" * 20_000])
def test_odd_texts_are_judged_without_harm(http: httpx.Client, text: str) -> None:
    (result,) = post(http, text)["results"]
    assert not result["flagged"]


def test_a_long_text_is_judged_whole(http: httpx.Client) -> None:
    (result,) = post(http, (HARMLESS + " ") * 2000)["results"]
    assert not result["flagged"]


def test_what_is_said_ten_thousand_times_is_judged_once(http: httpx.Client) -> None:
    once = post(http, "I will kill you.")["results"]
    again = http.post("/v1/moderations", json={"input": "I will kill you. " * 20_000}, timeout=15)
    assert again.json()["results"] == once
    assert once[0]["flagged"]


def test_judging_can_be_watched_and_stopped(server: Server) -> None:
    text = " ".join(f"{number:x}x" for number in range(30_000))

    def ask() -> httpx.Response:
        with server.client(timeout=60) as http:
            return http.post("/v1/moderations", json={"input": text})

    def running() -> Any:
        with server.client() as http:
            return http.get("/v1/internal/media/embedding").json()["jobs"]

    with ThreadPoolExecutor() as pool, server.client() as http:
        post(http, "hello")
        asked = pool.submit(ask)
        (job,) = eventually(running)
        assert job["id"].startswith("modr-")
        http.post("/v1/internal/stop-generation", json={"id": job["id"]}).raise_for_status()
        assert error_of(asked.result(), 409)["code"] == "cancelled"
        assert not post(http, HARMLESS)["results"][0]["flagged"], "others are judged as before"


def test_the_gguf_model_judges_as_well(http: httpx.Client) -> None:
    answer = post(http, [THREAT, HARMLESS], model="tiny-embed-F16.gguf")
    assert answer["model"] == "tiny-embed-F16.gguf"
    assert [result["flagged"] for result in answer["results"]] == [True, False]


@pytest.mark.anyio
async def test_many_at_once_get_their_own_verdicts(async_client: openai.AsyncOpenAI) -> None:
    texts = [THREAT if number % 3 == 0 else HARMLESS for number in range(12)]
    answers = await asyncio.gather(*(async_client.moderations.create(input=text) for text in texts))
    assert [answer.results[0].flagged for answer in answers] == [t == THREAT for t in texts]


def test_the_file_may_be_edited_while_the_server_runs(launch: Callable[..., Server]) -> None:
    """And a fault in it is an error that names it, never a text that passes unseen."""
    server = launch("--model", "none", "--embedding-model", "tiny-embed-F16.gguf", is_ready=False)
    file = server.user_data / "moderation.yaml"
    with server.client() as http:
        assert post(http, THREAT)["results"][0]["flagged"], "what ships"
        file.write_text(RULES)
        (result,) = post(http, "Purple zeppelins explode.")["results"]
        assert result["categories"]["violence"]
        assert result["category_scores"]["hate"] == 0
        assert not post(http, "The sky is blue.")["results"][0]["flagged"]
        file.write_text(RULES.replace("violence", "violense"))
        error = error_of(http.post("/v1/moderations", json={"input": "a"}), 500)
        assert "categories.violense" in error["message"]
        file.write_text(RULES)
        assert post(http, "Purple zeppelins explode.")["results"][0]["flagged"]
        file.unlink()
        assert post(http, THREAT)["results"][0]["flagged"]
    assert "zeppelins explode" not in server.logged + server.printed


def test_a_wrong_file_of_the_settings_is_found_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("threshold: [")
    server = run_to_end(tmp_path, "--api", "--api-port", "0", "--moderation-file", str(file))
    assert server.process.returncode == 2
    assert "mine.yaml" in server.logged
