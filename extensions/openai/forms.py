"""Requests with files (multipart/form-data): files go to the disk while they come in, and are gone when the request ends."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from extensions.openai.dependencies import ClientGone
from modules.core.errors import RequestError

MAX_FIELDS = 200
SPARE_FILES = 8
MAX_FIELD_BYTES = 2**20


class FormRequest(BaseModel):
    """The fields of a form are texts: "5" is a number here, and "true" a truth value."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, protected_namespaces=())


F = TypeVar("F", bound=FormRequest)


@dataclass(frozen=True, slots=True)
class Form(Generic[F]):
    """`files`: by the name of their field, in their order."""

    fields: F
    files: dict[str, list[UploadFile]]

    def file(self, name: str) -> UploadFile:
        """The one file of a field; RequestError where there is none, or are several."""
        found = self.files.get(name, [])
        if not found:
            raise RequestError(f"Missing required parameter: '{name}' (a file).", param=name)
        if len(found) > 1:
            raise RequestError(f"'{name}' must be one file; got {len(found)}.", param=name)
        return found[0]


@asynccontextmanager
async def read_form(
    request: Request, schema: type[F], *, files: Collection[str] = ("file",), max_files: int = 1
) -> AsyncGenerator[Form[F]]:
    """The request's form, checked by `schema`; RequestError or 413 say what is wrong with it.

    Lists come as `name[]` or by repeating `name`. Empty fields are as good as absent. Leaving this removes the files.
    `files`: names of the fields that are files; those of others are among the unknown fields. A few more than `max_files` are read,
    so that it can be said which of them is wrong.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise RequestError(
            "Send this request as multipart/form-data, with the file as a part of it."
        )
    try:
        data = await request.form(
            max_files=max_files + SPARE_FILES,
            max_fields=MAX_FIELDS,
            max_part_size=MAX_FIELD_BYTES,
        )
    except ClientDisconnect:
        raise ClientGone from None
    except HTTPException as error:
        raise RequestError(_form_fault(str(error.detail))) from None
    try:
        texts: dict[str, Any] = {}
        uploads: dict[str, list[UploadFile]] = {}
        for key, value in data.multi_items():
            name = key.removesuffix("[]")
            if isinstance(value, UploadFile):
                uploads.setdefault(name, []).append(value)
            elif value:
                _add(texts, name, value, is_list=key.endswith("[]"))
        stray = [name for name in uploads if name not in files]
        yield Form(_checked(schema, _with_stray(schema, texts, stray)), uploads)
    finally:
        await data.close()


def _form_fault(detail: str) -> str:
    if detail.startswith("Part exceeded"):
        return f"A text field of the form is longer than {MAX_FIELD_BYTES // 2**20} MiB."
    return f"The form cannot be read: {detail}"


def _with_stray(
    schema: type[FormRequest], texts: dict[str, Any], stray: Collection[str]
) -> dict[str, Any]:
    """Files that nobody asked for are told as unknown fields are. RequestError for one in place of a text."""
    for name in stray:
        if name in schema.model_fields:
            raise RequestError(f"'{name}' must be a text, and came as a file.", param=name)
    return texts | dict.fromkeys(stray, "a file")


def _add(texts: dict[str, Any], name: str, value: str, *, is_list: bool) -> None:
    known = texts.get(name)
    if known is None:
        texts[name] = [value] if is_list else value
    else:
        texts[name] = [*known, value] if isinstance(known, list) else [known, value]


def _checked(schema: type[F], texts: dict[str, Any]) -> F:
    try:
        return schema.model_validate(texts)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def form_schema(
    schema: type[FormRequest], files: dict[str, str], required: list[str]
) -> dict[str, Any]:
    """`openapi_extra` of a route that reads a form: the fields, and files by name with their meaning."""
    fields = schema.model_json_schema(ref_template="#/components/schemas/{model}")
    binary = {
        name: {"type": "string", "format": "binary", "description": about}
        for name, about in files.items()
    }
    body = {
        "type": "object",
        "properties": {**binary, **fields.get("properties", {})},
        "required": [*required, *fields.get("required", [])],
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": body}}}}
