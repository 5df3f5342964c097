"""Which model makes the vectors: installed ones, cached ones, names of the hub, and what is there without torch."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.hub import COMMIT, serving_hub
from tests.live.launch import DEMO, MODEL, ROOT, Server, run_to_end
from tests.live.wire import error_of

EMBEDDERS = ROOT / "user_data" / "embedding_models"
REAL = "sentence-transformers/all-mpnet-base-v2"
UNREACHABLE = "http://127.0.0.1:9"
NO_MODEL = ("--model", "none")
QUERY = "Where does the pilot swim?"
DOCUMENTS = ["The cook reads in the forest.", "The pilot swims at the market."]


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """An empty cache, and a hub that nobody can reach."""
    return {"HF_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": UNREACHABLE}


def embed(http: httpx.Client, **body: Any) -> str:
    """The name of the model that answers."""
    response = http.post("/v1/embeddings", json={"input": "hello", **body}, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()["model"]


def listed(http: httpx.Client) -> dict[str, Any]:
    models = http.get("/v1/models").json()["data"]
    assert len({model["id"] for model in models}) == len(models), "each is listed once"
    return {model["id"]: model["meta"] for model in models}


def test_without_torch_the_gguf_model_serves_everything(
    launch: Callable[..., Server], tmp_path: Path, offline: dict[str, str]
) -> None:
    """As after an install with --minimal."""
    blocked = ("torch", "transformers", "sentence_transformers", "huggingface_hub", "tokenizers")
    lines = [f"import sys; sys.modules[{name!r}] = None" for name in blocked]
    (tmp_path / "sitecustomize.py").write_text("\n".join(lines))
    server = launch(*NO_MODEL, is_ready=False, env={**offline, "PYTHONPATH": str(tmp_path)})
    with server.client(timeout=60) as http:
        assert embed(http) == embed(http) == "tiny-embed-F16.gguf"
        body = {"query": QUERY, "documents": DOCUMENTS}
        ranked = http.post("/v1/rerank", json=body).json()
        assert ranked["model"] == "tiny-embed-F16.gguf"
        assert ranked["results"][0]["index"] == 1
        answer = http.post("/v1/moderations", json={"input": "I will hurt you, you idiot."})
        assert answer.json()["results"][0]["flagged"]
        error = error_of(
            http.post("/v1/embeddings", json={"input": "a", "model": "tiny-embed"}), 503
        )
        assert error["code"] == "not_installed"
        assert "needs the Python package" in error["message"]
    assert server.logged.count("--embedding-model") == 1, "said once, with what to do"


def test_a_users_own_model_comes_first_and_is_no_text_model(
    launch: Callable[..., Server], offline: dict[str, str]
) -> None:
    mine = "org/mine/deep.gguf"
    models = {MODEL: DEMO, mine: EMBEDDERS / "tiny-embed-F16.gguf"}
    server = launch(models=models, env=offline)
    with server.client(timeout=60) as http:
        assert http.get("/health").json()["model"] == MODEL, "the only text model"
        assert embed(http) == mine
        assert listed(http)[mine]["capabilities"] == ["embedding"]
        error = error_of(http.post("/v1/internal/model/load", json={"model_name": mine}), 404)
        assert mine in error["message"]
        assert "--embedding-model" not in server.logged
        strict = {"input": "a", "model": "tiny-embed-F16.gguf"}
        assert http.post("/v1/embeddings", json=strict).json()["model"] == strict["model"]


def test_what_was_downloaded_before_serves_without_a_network(
    launch: Callable[..., Server], tmp_path: Path, offline: dict[str, str]
) -> None:
    folder = Path(offline["HF_HOME"]) / "hub" / f"models--{REAL.replace('/', '--')}"
    shutil.copytree(EMBEDDERS / "tiny-embed", folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    server = launch(*NO_MODEL, "--rerank-model", "none", is_ready=False, env=offline)
    with server.client(timeout=60) as http:
        assert embed(http) == REAL
        assert listed(http)[REAL]["loaded"] is True
        assert http.get(f"/v1/models/{REAL}").json()["id"] == REAL
        ranked = http.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS}).json()
        assert ranked["model"] == REAL, "rerank_model is none"


def test_a_name_of_the_hub_is_downloaded_at_its_first_use(
    launch: Callable[..., Server], offline: dict[str, str]
) -> None:
    with serving_hub(REAL, EMBEDDERS / "tiny-embed") as hub:
        env = {**offline, "HF_ENDPOINT": hub.url, "OPENEDAI_EMBEDDING_MODEL": REAL.split("/")[1]}
        server = launch(*NO_MODEL, "--strict-models", is_ready=False, env=env)
        assert hub.asked == [], "not before somebody needs it"
        with server.client(timeout=60) as http:
            assert REAL in listed(http)
            assert embed(http) == REAL
            assert any(path.endswith("model.safetensors") for path in hub.asked)
            assert embed(http, model=REAL) == embed(http, model=REAL.split("/")[1]) == REAL
            count = len(hub.asked)
            http.post("/v1/internal/media/embedding/unload")
            assert embed(http) == REAL
            assert len(hub.asked) == count, "the second load asks nobody"


def test_without_a_network_the_error_is_quick_and_says_why(
    launch: Callable[..., Server], offline: dict[str, str]
) -> None:
    flags = ("--embedding-model", "someone/some-model", "--rerank-model", "other/reranker")
    server = launch(*NO_MODEL, *flags, is_ready=False, env=offline)
    with server.client(timeout=60) as http:
        body = {"input": "a"}
        error = error_of(http.post("/v1/embeddings", json=body), 500)
        assert error["code"] == "model_load_failed"
        assert "someone/some-model" in error["message"]
        assert "could not be fetched" in error["message"]
        again = http.post("/v1/embeddings", json=body)
        assert error_of(again, 503)["code"] == "model_load_failed"
        assert again.headers["Retry-After"]
        ranked = http.post("/v1/rerank", json={"query": "a", "documents": ["b"]})
        assert "other/reranker" in error_of(ranked, 500)["message"]
        assert embed(http, model="tiny-embed-F16.gguf") == "tiny-embed-F16.gguf"


def test_an_unknown_name_on_the_hub_and_a_wrong_path_are_told_apart(
    launch: Callable[..., Server], offline: dict[str, str]
) -> None:
    with serving_hub(REAL, EMBEDDERS / "tiny-embed") as hub:
        flags = ("--embedding-model", "some/typo", "--rerank-model", "/no/such/folder")
        server = launch(*NO_MODEL, *flags, is_ready=False, env={**offline, "HF_ENDPOINT": hub.url})
        with server.client(timeout=60) as http:
            error = error_of(http.post("/v1/embeddings", json={"input": "a"}), 500)
            assert "no model of that name" in error["message"]
            ranked = http.post("/v1/rerank", json={"query": "a", "documents": ["b"]})
            error = error_of(ranked, 503)
            assert error["code"] == "not_installed"
            assert "tiny-rerank" in error["message"], "what there is"


def test_a_path_and_a_device_can_be_set(
    launch: Callable[..., Server], tmp_path: Path, offline: dict[str, str]
) -> None:
    path = tmp_path / "elsewhere.gguf"
    shutil.copyfile(EMBEDDERS / "tiny-embed-F16.gguf", path)
    env = {**offline, "OPENEDAI_EMBEDDING_DEVICE": "cpu"}
    server = launch(*NO_MODEL, "--embedding-model", str(path), is_ready=False, env=env)
    with server.client(timeout=60) as http:
        assert embed(http) == "elsewhere.gguf"
        kind = http.get("/v1/internal/media/embedding").json()
        assert kind["loaded"][0]["options"]["device"] == "cpu"
        load = {"model_name": "tiny-embed-F16.gguf", "args": {"device": "gpu"}}
        error = error_of(http.post("/v1/internal/media/embedding/load", json=load), 400)
        assert error["param"] == "args.device"
        load["args"] = {"device": "cuda:9"}
        error = error_of(http.post("/v1/internal/media/embedding/load", json=load), 500)
        assert "cuda:9" in error["message"]
        assert embed(http) == "elsewhere.gguf", "what served goes on serving"


def test_a_device_that_cannot_be_is_refused_at_the_start(tmp_path: Path) -> None:
    server = run_to_end(tmp_path, "--api", "--api-port", "0", "--embedding-device", "toaster")
    assert server.process.returncode == 2
    assert "embedding_device" in server.logged
