"""A transcript as server-sent events, while it is made."""

from collections.abc import AsyncGenerator

from extensions.openai.audio.transcript_answers import to_token_usage
from extensions.openai.audio.transcription_types import TextDelta, TextDone
from extensions.openai.response_types import Response
from extensions.openai.sse import frame_of
from modules.core.transcripts import Segment, addition
from modules.engine.media.hearing import Hearing


async def to_frames(hearing: Hearing) -> AsyncGenerator[bytes]:
    """A delta for each segment; together they are the text of the last event."""
    segments: list[Segment] = []
    async for segment in hearing.segments():
        yield _frame(TextDelta(delta=addition(segment, is_first=not segments)))
        segments.append(segment)
    transcript = hearing.whole(segments)
    yield _frame(TextDone(text=transcript.text, usage=to_token_usage(transcript)))


def _frame(event: Response) -> bytes:
    return frame_of(event.model_dump_json().encode())
