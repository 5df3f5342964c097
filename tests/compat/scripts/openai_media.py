"""The newest official client: embeddings, moderations, speech, transcription and images; sync and async."""

import asyncio
import base64
import io
import struct

from openai import AsyncOpenAI, BadRequestError, OpenAI

client = OpenAI(max_retries=0)
WORDS = "green house water"


def png_size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


# Embeddings: the client asks for base64 by itself, and for floats where it is told to.
texts = ["How do I get a refund?", "The sky is blue."]
decoded = client.embeddings.create(model="x", input=texts)
plain = client.embeddings.create(model="x", input=texts, encoding_format="float")
assert [each.index for each in decoded.data] == [0, 1]
for one, other in zip(decoded.data, plain.data, strict=True):
    assert len(one.embedding) == len(other.embedding) > 10
    assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding, strict=True)) < 1e-6
assert decoded.usage.prompt_tokens > 4
short = client.embeddings.create(model="x", input=texts[0], dimensions=16)
assert len(short.data[0].embedding) == 16

# Moderations
judged = client.moderations.create(input=["I love my garden.", "I will hurt you."])
assert len(judged.results) == 2
assert isinstance(judged.results[0].categories.violence, bool)
assert 0 <= judged.results[0].category_scores.violence <= 1

# Speech, heard by the transcriber
spoken = client.audio.speech.create(
    model="x", voice="alloy", input=WORDS, response_format="wav"
).content
heard = client.audio.transcriptions.create(
    model="whisper-1", file=("speech.wav", io.BytesIO(spoken)), language="en"
)
assert heard.text.strip().lower() == WORDS
detailed = client.audio.transcriptions.create(
    model="whisper-1",
    file=("speech.wav", io.BytesIO(spoken)),
    response_format="verbose_json",
    timestamp_granularities=["word", "segment"],
)
assert detailed.duration > 0
assert detailed.segments
assert detailed.words
subtitles = client.audio.transcriptions.create(
    model="whisper-1", file=("speech.wav", io.BytesIO(spoken)), response_format="srt"
)
assert "-->" in subtitles
events = list(
    client.audio.transcriptions.create(
        model="whisper-1", file=("speech.wav", io.BytesIO(spoken)), stream=True
    )
)
assert events[-1].type == "transcript.text.done"
assert "".join(e.delta for e in events if e.type == "transcript.text.delta") == events[-1].text
translated = client.audio.translations.create(
    model="whisper-1", file=("speech.wav", io.BytesIO(spoken))
)
assert isinstance(translated.text, str)
with client.audio.speech.with_streaming_response.create(
    model="x", voice="nova", input=WORDS, response_format="mp3"
) as response:
    assert sum(len(chunk) for chunk in response.iter_bytes()) > 500

# Images
made = client.images.generate(prompt="a red circle", size="64x64", n=2, response_format="b64_json")
pictures = [base64.b64decode(each.b64_json) for each in made.data]
assert [png_size(picture) for picture in pictures] == [(64, 64)] * 2
parts = list(client.images.generate(prompt="a blue square", stream=True, partial_images=2))
assert [part.type for part in parts] == [
    "image_generation.partial_image",
    "image_generation.partial_image",
    "image_generation.completed",
]
edited = client.images.edit(image=("red.png", pictures[0]), prompt="a green circle")
assert png_size(base64.b64decode(edited.data[0].b64_json)) == (64, 64)
varied = client.images.create_variation(image=("red.png", pictures[0]), response_format="b64_json")
assert png_size(base64.b64decode(varied.data[0].b64_json)) == (64, 64)
try:
    client.images.generate(prompt="a red circle", size="7x7")
except BadRequestError as error:
    assert error.param == "size"
else:
    raise AssertionError("a size of 7x7 was taken")
try:
    client.audio.transcriptions.create(model="whisper-1", file=("x.wav", b"no sound"))
except BadRequestError as error:
    assert error.param == "file"
else:
    raise AssertionError("a file without sound was taken")


async def main():
    async with AsyncOpenAI(max_retries=0) as asynchronous:
        embedded, drawn, said = await asyncio.gather(
            asynchronous.embeddings.create(model="x", input=["a", "b", "c"]),
            asynchronous.images.generate(prompt="a yellow square", size="64x64"),
            asynchronous.audio.speech.create(model="x", voice="echo", input=WORDS),
        )
        assert len(embedded.data) == 3
        assert drawn.data[0].b64_json
        assert len(said.content) > 500
        heard = await asynchronous.audio.transcriptions.create(
            model="whisper-1", file=("speech.mp3", said.content)
        )
        assert heard.text


asyncio.run(main())
