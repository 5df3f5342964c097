"""What tests of the endpoints of old share: two models, and the keys of a user and of an administrator."""

from typing import Any

import httpx

from tests.live.launch import DEMO, MODEL

ONCE = {"temperature": 0, "prompt": "Once upon a time", "max_tokens": 5}
OTHER = "folder/other.gguf"
MODELS = {MODEL: DEMO, OTHER: DEMO}
USER, ADMIN = "user-key-7a", "admin-key-8b"
KEYS = ("--api-key", USER, "--admin-key", ADMIN)
USAGE_PATHS = ("/v1/billing/usage", "/dashboard/billing/usage", "/v1/dashboard/billing/usage")


def post(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def loaded(client: httpx.Client) -> str:
    return client.get("/api/v1/model").json()["result"]
