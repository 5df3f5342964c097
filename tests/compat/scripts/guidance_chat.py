"""guidance: an OpenAI-compatible chat model with roles and a captured reply."""

import os

import guidance
from guidance import assistant, gen, models, user

lm = models.OpenAI("x", base_url=os.environ["OPENAI_API_BASE"], api_key="x", echo=False)
with user():
    lm += "What color is the sky?"
with assistant():
    lm += gen("reply", max_tokens=30, temperature=0.0)
assert "blue" in lm["reply"], lm["reply"]
assert guidance.__version__
