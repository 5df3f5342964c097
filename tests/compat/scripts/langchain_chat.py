"""LangChain: chat, stream, bound tools, structured output, batches."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city"""
    return '{"temperature": 17}'


class Person(BaseModel):
    """A person"""

    name: str
    age: int


model = ChatOpenAI(model="x", temperature=0)
assert model.invoke("What color is the sky?").content == "The sky is blue."
assert "".join(c.content for c in model.stream("What color is the sky?")) == "The sky is blue."
called = model.bind_tools([get_weather]).invoke("What is the weather in Paris?")
assert called.tool_calls[0]["args"] == {"city": "Paris"}, called
answer = model.bind_tools([get_weather]).invoke(
    [("user", "What is the weather in Paris?"), called, get_weather.invoke(called.tool_calls[0])]
)
assert "17" in answer.content, answer
typed = model.with_structured_output(Person)
assert isinstance(
    typed.invoke("Anna is 30 years old. Return JSON with the keys name and age."), Person
)
assert len(model.batch(["Hello!", "What color is the sky?"])) == 2
assert OpenAI(model="x", max_tokens=5).invoke("Once upon a time")
