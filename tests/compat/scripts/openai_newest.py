"""The newest official client: chat, stream, tools, structured output, completions, models; sync and async."""

import asyncio
import json

from openai import AsyncOpenAI, BadRequestError, OpenAI
from pydantic import BaseModel

client = OpenAI()
SKY = [{"role": "user", "content": "What color is the sky?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]


class Person(BaseModel):
    name: str
    age: int


ANNA = [
    {"role": "user", "content": "Anna is 30 years old. Return JSON with the keys name and age."}
]


def text_of(stream):
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


assert client.models.list().data[0].id
whole = client.chat.completions.create(model="x", messages=SKY, temperature=0)
assert whole.choices[0].message.content == "The sky is blue."
streamed = client.chat.completions.create(
    model="x", messages=SKY, temperature=0, stream=True, stream_options={"include_usage": True}
)
assert text_of(streamed) == "The sky is blue."
call = client.chat.completions.create(model="x", messages=ASK, tools=[WEATHER], temperature=0)
(made,) = call.choices[0].message.tool_calls
assert json.loads(made.function.arguments) == {"city": "Paris"}
parsed = client.chat.completions.parse(
    model="x", messages=ANNA, response_format=Person, temperature=0
)
assert parsed.choices[0].message.parsed == Person(name="Anna", age=30)
assert client.completions.create(model="x", prompt="Once upon a time", max_tokens=5).choices[0].text
try:
    client.chat.completions.create(model="x", messages=SKY, temperature=9)
except BadRequestError as error:
    assert error.param == "temperature"
else:
    raise AssertionError("a temperature of 9 was taken")


async def main():
    async with AsyncOpenAI() as asynchronous:
        async with asynchronous.chat.completions.stream(
            model="x", messages=ASK, tools=[WEATHER], temperature=0
        ) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.tool_calls[0].function.parsed_arguments == {"city": "Paris"}


asyncio.run(main())
