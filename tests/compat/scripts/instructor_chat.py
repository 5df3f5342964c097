"""instructor: typed replies by tools, by JSON and by JSON schema."""

import instructor
from openai import OpenAI
from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int


for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA):
    client = instructor.from_openai(OpenAI(), mode=mode)
    person = client.chat.completions.create(
        model="x",
        messages=[{"role": "user", "content": "Anna is 30 years old."}],
        response_model=Person,
        temperature=0,
        max_retries=0,
        max_tokens=400,
    )
    assert isinstance(person, Person), mode
