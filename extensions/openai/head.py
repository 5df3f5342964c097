"""The fields that every part of one response repeats."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Self

import orjson

REQUEST_ID = "X-Request-Id"
"""Response header with the id that `/v1/internal/stop-generation` takes, where the body has no place for one."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """`id` also names the request for `/v1/internal/stop-generation`."""

    id: str
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    @classmethod
    def for_chat(cls, model: str) -> Self:
        return cls(f"chatcmpl-{uuid.uuid4().hex}", model)

    @classmethod
    def for_completion(cls, model: str) -> Self:
        return cls(f"cmpl-{uuid.uuid4().hex}", model)

    def as_json(self, kind: str) -> bytes:
        """`"id":…,"object":…,"created":…,"model":…,"system_fingerprint":null`, without braces."""
        fields = {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }
        return orjson.dumps(fields)[1:-1]
