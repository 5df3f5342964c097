# pyright: basic
"""SubRip and WebVTT, by whisper's own writers."""

import io
from collections.abc import Iterable
from typing import Literal

from whisper.utils import get_writer

from modules.core.transcripts import Segment


def render_subtitles(segments: Iterable[Segment], form: Literal["srt", "vtt"]) -> str:
    cues = [{"start": each.start_s, "end": each.end_s, "text": each.text} for each in segments]
    file = io.StringIO()
    get_writer(form, output_dir="").write_result({"segments": cues}, file)
    return file.getvalue()
