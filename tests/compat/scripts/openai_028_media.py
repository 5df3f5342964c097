"""The client of 2023: embeddings by both paths, moderation, transcription, images."""

import base64
import io
import os
import urllib.request

import openai

openai.api_base = os.environ["OPENAI_API_BASE"]
openai.api_key = os.environ["OPENAI_API_KEY"]

vectors = openai.Embedding.create(model="x", input=["one", "two"])["data"]
assert len(vectors) == 2
assert len(vectors[0]["embedding"]) > 10
by_engine = openai.Embedding.create(engine="tiny-embed", input="one")["data"]
pairs = zip(by_engine[0]["embedding"], vectors[0]["embedding"], strict=True)
assert max(abs(a - b) for a, b in pairs) < 1e-5
assert "flagged" in openai.Moderation.create(input="I love my garden.")["results"][0]
drawn = openai.Image.create(prompt="a red circle", size="64x64", response_format="b64_json")
picture = base64.b64decode(drawn["data"][0]["b64_json"])
assert picture.startswith(b"\x89PNG")
image = io.BytesIO(picture)
image.name = "red.png"
edited = openai.Image.create_edit(image=image, prompt="a green circle", response_format="b64_json")
assert edited["data"][0]["b64_json"]
image.seek(0)
varied = openai.Image.create_variation(image=image, response_format="b64_json")
assert varied["data"][0]["b64_json"]
# This client cannot speak.
request = urllib.request.Request(
    openai.api_base + "/audio/speech",
    data=b'{"model": "x", "voice": "alloy", "input": "green house water", "response_format": "wav"}',
    headers={"Content-Type": "application/json"},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
wav = io.BytesIO(opener.open(request).read())
wav.name = "speech.wav"
assert openai.Audio.transcribe("whisper-1", wav)["text"].strip().lower() == "green house water"
