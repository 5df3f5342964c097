"""LiteLLM, by its openai/ route: chat, stream with usage, tools, text completion."""

import json
import os

import litellm

options = {"model": "openai/x", "api_base": os.environ["OPENAI_API_BASE"], "temperature": 0}
SKY = [{"role": "user", "content": "What color is the sky?"}]
done = litellm.completion(messages=SKY, **options)
assert done.choices[0].message.content == "The sky is blue."
assert done.usage.completion_tokens > 0
pieces = litellm.completion(
    messages=SKY, stream=True, stream_options={"include_usage": True}, **options
)
assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == "The sky is blue."
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
ask = [{"role": "user", "content": "What is the weather in Paris?"}]
called = litellm.completion(messages=ask, tools=[weather], **options)
assert json.loads(called.choices[0].message.tool_calls[0].function.arguments) == {"city": "Paris"}
streamed = litellm.completion(messages=ask, tools=[weather], stream=True, **options)
whole = litellm.stream_chunk_builder(list(streamed), messages=ask)
assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments) == {"city": "Paris"}
thought = litellm.completion(messages=SKY, extra_body={"enable_thinking": True}, **options)
assert thought.choices[0].message.reasoning_content
