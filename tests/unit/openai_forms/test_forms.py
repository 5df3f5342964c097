"""Forms with files: checked fields, lists in every spelling, files that are gone afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import Field
from starlette.datastructures import UploadFile

from extensions.openai.dependencies import ClientGone
from extensions.openai.errors import install_error_handlers
from extensions.openai.forms import MAX_FIELD_BYTES, FormRequest, form_schema, read_form
from tests.live.wire import error_of

pytestmark = pytest.mark.anyio


class Fields(FormRequest):
    temperature: float | None = Field(None, ge=0, le=1)
    stream: bool | None = None
    granularities: list[str] | None = None
    count: int = 1


kept: list[UploadFile] = []


def build() -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/form", openapi_extra=form_schema(Fields, {"file": "A file"}, ["file"]))
    async def take(request: Request) -> dict[str, Any]:
        async with read_form(request, Fields, max_files=2) as form:
            file = form.file("file")
            kept.append(file)
            data = await file.read()
            fields = form.fields
            return {**fields.model_dump(), "size": len(data), "first": data[:1].decode()}

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    kept.clear()
    transport = httpx.ASGITransport(build())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def file(size: int = 3) -> dict[str, Any]:
    return {"file": ("a.wav", b"x" * size)}


async def test_fields_are_texts_on_the_wire_and_values_here(client: httpx.AsyncClient) -> None:
    data = {"temperature": "0.5", "stream": "true", "count": "", "other": "kept"}
    body = (await client.post("/form", data=data, files=file())).json()
    assert body["temperature"] == 0.5
    assert body["stream"] is True
    assert body["count"] == 1
    assert body["other"] == "kept"


@pytest.mark.parametrize(
    "data",
    [
        {"granularities[]": ["word", "segment"]},
        {"granularities": ["word", "segment"]},
        {"granularities[]": "word", "granularities": "segment"},
    ],
)
async def test_lists_come_in_several_spellings(
    client: httpx.AsyncClient, data: dict[str, Any]
) -> None:
    body = (await client.post("/form", data=data, files=file())).json()
    assert body["granularities"] == ["word", "segment"]


async def test_a_list_of_one_is_a_list(client: httpx.AsyncClient) -> None:
    response = await client.post("/form", data={"granularities[]": "word"}, files=file())
    assert response.json()["granularities"] == ["word"]


async def test_a_file_that_nobody_asked_for_is_an_unknown_field(client: httpx.AsyncClient) -> None:
    body = (await client.post("/form", files=file() | {"stray[]": ("a", b"x")})).json()
    assert body["stray"] == "a file"


async def test_a_text_that_is_too_long_is_told_in_words(client: httpx.AsyncClient) -> None:
    data = {"other": "y" * (MAX_FIELD_BYTES + 1)}
    error = error_of(await client.post("/form", data=data, files=file()), 400)
    assert error["message"] == "A text field of the form is longer than 1 MiB."


async def test_a_large_file_is_on_the_disk_and_gone_afterwards(client: httpx.AsyncClient) -> None:
    body = (await client.post("/form", files=file(5_000_000))).json()
    assert body["size"] == 5_000_000
    assert kept[0].file.closed


async def test_a_file_is_gone_after_a_failure_too(client: httpx.AsyncClient) -> None:
    response = await client.post("/form", data={"temperature": "7"}, files=file(2_000_000))
    assert error_of(response, 400)["param"] == "temperature"
    assert not kept


@pytest.mark.parametrize(
    ("request_of", "param"),
    [
        ({"files": {"other": ("a", b"x")}}, "file"),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]}, "file"),
        ({"data": {"file": "no file at all"}, "files": {"other": ("a", b"x")}}, "file"),
        ({"data": {"temperature": "warm"}, "files": {"file": ("a", b"x")}}, "temperature"),
        ({"data": {"temperature": "nan"}, "files": {"file": ("a", b"x")}}, "temperature"),
        ({"data": {"count": "1e999"}, "files": {"file": ("a", b"x")}}, "count"),
        ({"files": [("file", ("a", b"x"))] * 3}, "file"),
        ({"files": [("file", ("a", b"x"))] * 30}, None),
        ({"files": {"file": ("a", b"x"), "count": ("b", b"1")}}, "count"),
        ({"json": {"file": "x"}}, None),
        ({"data": {"file": "x"}}, None),
        ({"data": {"x": "y" * (MAX_FIELD_BYTES + 1)}, "files": {"file": ("a", b"x")}}, None),
        ({"data": {f"f{n}": "1" for n in range(300)}, "files": {"file": ("a", b"x")}}, None),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}}, None),
        ({"content": b"no form", "headers": {"content-type": "multipart/form-data"}}, None),
    ],
)
async def test_what_is_wrong_is_said(
    client: httpx.AsyncClient, request_of: dict[str, Any], param: str | None
) -> None:
    error = error_of(await client.post("/form", **request_of), 400)
    assert param is None or error["param"] == param


async def test_a_form_that_breaks_off_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client leaves in the middle of a file that is on the disk already."""
    start = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + b"x" * 3_000_000
    )
    messages = [
        {"type": "http.request", "body": start, "more_body": True},
        {"type": "http.disconnect"},
    ]
    opened: list[UploadFile] = []
    build_file = UploadFile.__init__

    def watch(self: UploadFile, *args: Any, **options: Any) -> None:
        build_file(self, *args, **options)
        opened.append(self)

    monkeypatch.setattr(UploadFile, "__init__", watch)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return messages.pop(0)

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
    request = Request(scope, receive)
    async with AsyncExitStack() as stack:
        with pytest.raises(ClientGone):
            await stack.enter_async_context(read_form(request, Fields))
    assert [each.file.closed for each in opened] == [True]


async def test_the_description_names_fields_and_files(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    content = described["paths"]["/form"]["post"]["requestBody"]["content"]
    schema = content["multipart/form-data"]["schema"]
    assert schema["properties"]["file"]["format"] == "binary"
    assert "temperature" in schema["properties"]
    assert schema["required"] == ["file"]
