"""pydantic-ai: an agent that calls a tool and uses its result; typed output; streaming."""

import asyncio
import os

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=os.environ["OPENAI_API_BASE"], api_key="x")
model = OpenAIChatModel("x", provider=provider)


class Color(BaseModel):
    color: str


agent = Agent(model, model_settings={"temperature": 0, "max_tokens": 200})
called = []


@agent.tool_plain
def get_weather(city: str) -> str:
    """Get the weather of a city"""
    called.append(city)
    return '{"temperature": 17}'


answer = agent.run_sync("What is the weather in Paris?")
assert called == ["Paris"], called
assert "17" in answer.output, answer.output
typed = Agent(model, output_type=Color, model_settings={"temperature": 0, "max_tokens": 200})
assert isinstance(typed.run_sync("What color is the sky?").output, Color)


async def main():
    plain = Agent(model, model_settings={"temperature": 0})
    async with plain.run_stream("What color is the sky?") as stream:
        assert await stream.get_output() == "The sky is blue."


asyncio.run(main())
