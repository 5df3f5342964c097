"""requests and sseclient, as the documents' examples use them, but for the end mark, which they do not expect."""

import json
import os

import requests
import sseclient

url = os.environ["OPENAI_API_BASE"]


def events(path, body):
    reply = requests.post(f"{url}/{path}", json={**body, "stream": True}, stream=True, timeout=60)
    reply.raise_for_status()
    for event in sseclient.SSEClient(reply).events():
        if event.data != "[DONE]":
            yield json.loads(event.data)["choices"][0]


history = [{"role": "user", "content": "What color is the sky?"}]
chat = events("chat/completions", {"messages": history, "temperature": 0, "mode": "instruct"})
assert "".join(c["delta"].get("content", "") for c in chat) == "The sky is blue."
text = events(
    "completions", {"prompt": "Once upon a time", "max_tokens": 5, "temperature": 1, "seed": 10}
)
assert "".join(c["text"] for c in text)
