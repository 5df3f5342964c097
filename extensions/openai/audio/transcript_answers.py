"""A transcript in the form that the caller wants. Pure functions."""

import math
from collections.abc import Collection
from typing import Literal

from extensions.openai.audio.transcription_types import (
    DurationUsage,
    TokenUsage,
    TranscriptionResponse,
    TranscriptSegment,
    TranscriptWord,
    TranslationResponse,
    VerboseTranscription,
    VerboseTranslation,
)
from extensions.openai.response_types import Response
from modules.core.transcripts import Segment, Transcript

PLACES_PER_S = 50
"""What Whisper's encoder makes of a second."""
UNKNOWN = "unknown"


def render_text(transcript: Transcript, form: Literal["text", "srt", "vtt"]) -> str:
    if form == "text":
        return transcript.text + "\n"
    from modules.loaders.speech_recognition.subtitles import render_subtitles

    return render_subtitles(transcript.segments, form)


def to_transcription(transcript: Transcript) -> Response:
    return TranscriptionResponse(text=transcript.text, usage=_duration(transcript))


def to_verbose_transcription(
    transcript: Transcript, language: str | None, granularities: Collection[str]
) -> Response:
    """`language`: its English name."""
    answer = VerboseTranscription(
        language=language or UNKNOWN,
        duration=transcript.seconds,
        text=transcript.text,
        usage=_duration(transcript),
    )
    if "segment" in granularities:
        answer.segments = _to_segments(transcript)
    if "word" in granularities:
        answer.words = [
            TranscriptWord(word=word.text, start=word.start_s, end=word.end_s)
            for segment in transcript.segments
            for word in segment.words
        ]
    return answer


def to_translation(transcript: Transcript) -> Response:
    return TranslationResponse(text=transcript.text)


def to_verbose_translation(transcript: Transcript) -> Response:
    return VerboseTranslation(
        duration=transcript.seconds, text=transcript.text, segments=_to_segments(transcript)
    )


def to_token_usage(transcript: Transcript) -> TokenUsage:
    heard = math.ceil(transcript.seconds * PLACES_PER_S)
    written = sum(len(segment.tokens) for segment in transcript.segments)
    return TokenUsage(input_tokens=heard, output_tokens=written, total_tokens=heard + written)


def _duration(transcript: Transcript) -> DurationUsage:
    return DurationUsage(seconds=transcript.seconds)


def _to_segments(transcript: Transcript) -> list[TranscriptSegment]:
    return [_to_segment(index, each) for index, each in enumerate(transcript.segments)]


def _to_segment(index: int, segment: Segment) -> TranscriptSegment:
    return TranscriptSegment(
        id=index,
        seek=segment.seek,
        start=segment.start_s,
        end=segment.end_s,
        text=segment.text,
        tokens=list(segment.tokens),
        temperature=segment.temperature,
        avg_logprob=segment.avg_logprob,
        compression_ratio=segment.compression_ratio,
        no_speech_prob=segment.no_speech_prob,
    )
