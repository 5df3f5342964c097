"""The client of 2023: module-level calls, the old errors, and the endpoints that it alone has."""

import os

import openai

openai.api_base = os.environ["OPENAI_API_BASE"]
openai.api_key = os.environ["OPENAI_API_KEY"]
SKY = [{"role": "user", "content": "What color is the sky?"}]

model = openai.Model.list()["data"][0]["id"]
assert openai.Model.retrieve(model)["id"] == model
chat = openai.ChatCompletion.create(model="x", messages=SKY, temperature=0)
assert chat["choices"][0]["message"]["content"] == "The sky is blue."
pieces = openai.ChatCompletion.create(model="x", messages=SKY, temperature=0, stream=True)
assert "".join(p["choices"][0]["delta"].get("content", "") for p in pieces) == "The sky is blue."
weather = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
called = openai.ChatCompletion.create(
    model="x",
    messages=[{"role": "user", "content": "What is the weather in Paris?"}],
    functions=[weather],
    temperature=0,
)
assert called["choices"][0]["message"]["function_call"]["name"] == "get_weather"
done = openai.Completion.create(model="x", prompt="Once upon a time", max_tokens=5)
assert done["choices"][0]["text"]
pieces = openai.Completion.create(model="x", prompt="Once upon a time", max_tokens=5, stream=True)
assert "".join(p["choices"][0]["text"] for p in pieces)
assert openai.Completion.create(engine=model, prompt="Once upon a time", max_tokens=5)["choices"]
assert openai.Edit.create(model="x", input="winter", instruction="Repeat the word")["choices"][0][
    "text"
]
assert openai.Engine.list()["data"][0]["object"] == "engine"
assert openai.Engine.retrieve(model)["ready"] is True
try:
    openai.ChatCompletion.create(model="x", messages=SKY, temperature=9)
except openai.error.InvalidRequestError as error:
    assert error.param == "temperature"
else:
    raise AssertionError("a temperature of 9 was taken")
