"""Keys, admin rights, Host and Origin: who may call."""

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AuthenticationError, OpenAI

from tests.live.launch import DEMO, MODEL, Server, run_to_end, running
from tests.live.wire import SKY, error_of

CHAT = "/v1/chat/completions"
USER, SECOND, ADMIN, FILED = "user-key-1f", "second-key-2e", "admin-key-3d", "filed-key-4c"
OTHER = "other.gguf"
UNUSUAL = {"messages": [{"role": "user", "content": "Repeat after me: zebrafish parliament"}]}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """User keys from a flag and a file, an admin key from the environment, and everything logged that can be."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = folder / "keys.txt"
    keys.write_text(f"# comment\n\n  {FILED}  \n")
    with running(
        folder,
        *("--api-key", f"{USER},{SECOND}", "--api-key-file", str(keys), "--debug", "--verbose"),
        *("--model", MODEL),
        env={"OPENEDAI_ADMIN_KEY": ADMIN},
        models={MODEL: DEMO, OTHER: DEMO},
    ) as server:
        yield server


@pytest.fixture(scope="module")
def http_(guarded: Server) -> Iterator[httpx.Client]:
    with guarded.client() as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("key", [USER, SECOND, FILED, ADMIN])
@pytest.mark.parametrize("form", ["Authorization: Bearer", "x-api-key", "api-key", "bearer"])
def test_every_key_in_every_form(http_: httpx.Client, key: str, form: str) -> None:
    headers = {
        "Authorization: Bearer": bearer(key),
        "x-api-key": {"x-api-key": key},
        "api-key": {"api-key": key},
        "bearer": {"authorization": f"bearer  {key}"},
    }[form]
    assert http_.get("/v1/models", headers=headers).status_code == 200
    response = http_.post(CHAT, json={"messages": SKY, "max_tokens": 2}, headers=headers)
    assert response.status_code == 200


WRONG = [
    {},
    bearer("wrong"),
    {"Authorization": "Bearer"},
    bearer(USER[:-1]),
    bearer(USER + "x"),
    bearer(f"{USER},{SECOND}"),
    bearer("# comment"),
    {"Authorization": USER},
    {"Authorization": f"Basic {USER}"},
    {"x-api-key": "wrong"},
    {"api-key": ""},
    {"Authorization": b"Bearer \xff\xfe"},
]


@pytest.mark.parametrize("headers", WRONG, ids=str)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", f"/v1/models/{MODEL}"),
        ("POST", CHAT),
        ("POST", "/v1/completions"),
        ("POST", "/v1/internal/model/load"),
        ("POST", "/v1/internal/model/unload"),
        ("GET", "/v1/internal/health"),
        ("GET", "/v1/internal/model/info"),
        ("GET", "/v1/none"),
        ("DELETE", "/v1/files/x"),
        ("GET", "/metrics"),
        ("HEAD", "/v1/models"),
    ],
)
def test_without_a_key_there_is_nothing(
    http_: httpx.Client, method: str, path: str, headers: dict[str, Any]
) -> None:
    response = http_.request(method, path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    if method != "HEAD":
        error = error_of(response, 401)
        assert error["code"] in ("invalid_api_key", "missing_api_key")
        assert error["type"] == "invalid_request_error"
        assert not any(key in response.text for key in (USER, SECOND, ADMIN, FILED))


def test_health_and_docs_need_no_key_and_tell_no_secret(http_: httpx.Client) -> None:
    for path in ("/health", "/docs", "/openapi.json"):
        response = http_.get(path)
        assert response.status_code == 200
        assert not any(key in response.text for key in (USER, SECOND, ADMIN, FILED))


def test_a_wrong_key_is_refused_before_the_body_is_looked_at(http_: httpx.Client) -> None:
    response = http_.post(CHAT, content=b"{", headers={"Content-Type": "text/plain"})
    error_of(response, 401)


@pytest.mark.parametrize("path", ["/v1/internal/model/load", "/v1/internal/model/unload"])
def test_administration_needs_the_admin_key(http_: httpx.Client, path: str) -> None:
    for body in ({"model_name": OTHER}, {"model_name": "none"}):
        error = error_of(http_.post(path, json=body, headers=bearer(USER)), 403)
        assert "admin" in error["message"]
    info = http_.get("/v1/internal/model/info", headers=bearer(USER)).json()
    assert info["model_name"] == MODEL


def test_a_user_cannot_switch_models_an_admin_can(http_: httpx.Client) -> None:
    body = {"messages": SKY, "model": OTHER, "max_tokens": 2}
    for path in ("/v1/completions", CHAT):
        for stream in (False, True):
            fields = {**body, "prompt": "a", "stream": stream}
            refused = error_of(http_.post(path, json=fields, headers=bearer(USER)), 403)
            assert refused["code"] == "insufficient_permissions"
    served = {**body, "model": MODEL}
    assert http_.post(CHAT, json=served, headers=bearer(USER)).json()["model"] == MODEL
    assert http_.post(CHAT, json=body, headers=bearer(ADMIN)).json()["model"] == OTHER
    loaded = http_.post(
        "/v1/internal/model/load", json={"model_name": MODEL}, headers=bearer(ADMIN)
    )
    assert loaded.json()["model_name"] == MODEL


def test_the_official_client_sees_an_authentication_error(guarded: Server) -> None:
    with OpenAI(api_key="wrong", base_url=guarded.url + "/v1", max_retries=0) as client:
        with pytest.raises(AuthenticationError) as refused:
            client.models.list()
        assert refused.value.code == "invalid_api_key"
    with OpenAI(api_key=SECOND, base_url=guarded.url + "/v1", max_retries=0) as client:
        assert next(model.id for model in client.models.list()) == MODEL


def test_neither_keys_nor_texts_are_printed(guarded: Server, http_: httpx.Client) -> None:
    http_.post(CHAT, json={**UNUSUAL, "temperature": 0}, headers=bearer(USER))
    http_.post(CHAT, json={**UNUSUAL, "stream": True}, headers=bearer(USER))
    http_.post(CHAT, json={**UNUSUAL, "temperature": "zebrafish"}, headers=bearer(USER))
    http_.post("/v1/completions", json={"prompt": "zebrafish"}, headers=bearer(USER))
    http_.post("/v1/internal/encode", json={"text": "zebrafish"}, headers=bearer(USER))
    http_.post(
        "/v1/completions", json={"prompt": "a", "grammar_string": "zebrafish"}, headers=bearer(USER)
    )
    http_.get("/v1/models?key=zebrafish", headers=bearer("wrong-key-zebrafish"))
    http_.get("/health", headers={"Host": "zebrafish.example"})
    printed = guarded.printed + guarded.logged
    assert "POST /v1/chat/completions 200" in printed  # it does log
    for secret in (USER, SECOND, ADMIN, FILED, "zebrafish", "parliament"):
        assert secret not in printed


def test_environment_wins_over_the_flag(launch: Any) -> None:
    server = launch("--api-key", "flag-key", env={"OPENEDAI_API_KEY": "env-key,env-other"})
    with server.client() as client:
        for key, status in (("env-key", 200), ("env-other", 200), ("flag-key", 401)):
            assert client.get("/v1/models", headers=bearer(key)).status_code == status


def test_without_an_admin_key_the_api_key_administers(launch: Any) -> None:
    server = launch(settings="openai-api_key: [yaml-key]\n")
    with server.client(headers=bearer("yaml-key")) as client:
        response = client.post("/v1/internal/model/load", json={"model_name": MODEL})
        assert response.status_code == 200
    with server.client() as client:
        error_of(client.post("/v1/internal/model/load", json={"model_name": MODEL}), 401)


@pytest.mark.parametrize("content", ["", "# only a comment\n", None, b"\xff\xfe\x00"])
def test_a_key_file_without_keys_is_no_open_door(tmp_path: Path, content: Any) -> None:
    keys = tmp_path / "keys"
    if content is not None:
        keys.write_bytes(content if isinstance(content, bytes) else content.encode())
    ended = run_to_end(tmp_path, "--api", "--api-port", "0", "--api-key-file", str(keys))
    assert ended.process.returncode == 2
    assert "Traceback" not in ended.logged
    assert str(keys) in ended.logged


def test_keys_that_are_not_ascii_and_a_file_with_the_mark_of_an_editor(
    launch: Callable[..., Server], tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("\ufefffirst\nschlüssel\n鍵\n", encoding="utf-8")
    server = launch("--api-key-file", str(keys), is_ready=False)

    def ask(key: bytes) -> int:
        with server.client() as client:
            return client.get("/v1/models", headers={b"x-api-key": key}).status_code

    for key in ("first", "schlüssel", "鍵"):
        assert ask(key.encode()) == 200
    assert ask("schlüssel".encode("latin-1")) == 200
    for key in (b"?", b"\xef\xbb\xbffirst", b"schl\xff", b"\xff"):
        assert ask(key) == 401


def asked_with(
    server: Server, headers: dict[str, str], method: str = "GET", path: str = "/health"
) -> int:
    """The status; for Host headers that a client library would set by itself."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:5000", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("api.localhost", 200),
        ("[::1]:5000", 200),
        ("127.0.0.9", 200),
        ("example.org", 400),
        ("localhost.example.org", 400),
        ("127.0.0.1.example.org", 400),
        ("localhost@example.org", 400),
        ("example.org#localhost", 400),
        ("192.168.1.5:5000", 400),
        ("", 400),
    ],
)
def test_only_local_names_are_hosts(server: Server, host: str, status: int) -> None:
    for path in ("/health", "/v1/models", "/docs"):
        assert asked_with(server, {"Host": host}, path=path) == status


def test_a_foreign_host_gets_the_reason(http: httpx.Client) -> None:
    response = http.get("/v1/models", headers={"Host": "example.org"})
    assert error_of(response, 400)["code"] == "invalid_host"


def preflight(http: httpx.Client, origin: str) -> httpx.Response:
    return http.options(
        CHAT,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )


LOCAL = ["http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:5173", "https://localhost"]
FOREIGN = ["https://example.org", "http://localhost.example.org", "null", "http://127.0.0.1.nip.io"]


@pytest.mark.parametrize("origin", LOCAL)
def test_pages_of_this_machine_may_call(http: httpx.Client, origin: str) -> None:
    asked = preflight(http, origin)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    answer = http.post(CHAT, json={"messages": SKY, "max_tokens": 1}, headers={"Origin": origin})
    assert answer.status_code == 200
    for response in (asked, answer):
        assert response.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_foreign_pages_may_not(http: httpx.Client, origin: str) -> None:
    asked = preflight(http, origin)
    assert asked.status_code in (400, 403)
    answer = http.post(CHAT, json={"messages": SKY}, headers={"Origin": origin})
    assert error_of(answer, 403)["code"] == "origin_not_allowed"
    read = http.get("/v1/models", headers={"Origin": origin})
    for response in (asked, answer, read):
        assert "access-control-allow-origin" not in response.headers


def test_errors_can_be_read_by_the_pages_that_may_call(http: httpx.Client) -> None:
    for path in (CHAT, "/v1/none"):
        response = http.post(path, json={"messages": 5}, headers={"Origin": LOCAL[0]})
        assert response.headers["access-control-allow-origin"] == LOCAL[0]
    error_of(http.post(CHAT, content=b"x", headers={"Origin": LOCAL[0]}), 415)


@pytest.mark.parametrize("named", ["https://chat.example.org", "https://chat.example.org/", "*"])
def test_more_origins_by_the_settings(launch: Any, named: str) -> None:
    origin = "https://chat.example.org"
    with launch("--api-cors-origins", named).client() as client:
        for response in (
            preflight(client, origin),
            client.post(CHAT, json={"messages": SKY, "max_tokens": 1}, headers={"Origin": origin}),
        ):
            assert response.status_code == 200
            assert response.headers["access-control-allow-origin"] in (origin, "*")
            assert "access-control-allow-credentials" not in response.headers
        other = preflight(client, "https://example.org")
        assert (other.status_code == 200) is (named == "*")


def test_more_hosts_by_the_settings(launch: Any) -> None:
    server = launch("--api-allowed-hosts", "box.lan")
    assert asked_with(server, {"Host": "box.lan:5000"}) == 200
    assert asked_with(server, {"Host": "127.0.0.1"}) == 200
    assert asked_with(server, {"Host": "example.org"}) == 400
