"""What was heard, as HTML. Pure functions."""

from collections.abc import Sequence

from modules.core.transcripts import Segment
from modules.ui.audio.transcribing import Listening
from modules.ui.markup import progress_note, to_markup


def clock(seconds: float) -> str:
    """Such as 0:07.3, 12:40.0 or 1:02:03.4."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{head}:{rest // 10:02}.{rest % 10}"


def doing(state: Listening) -> str:
    at = ""
    if state.seconds and state.segments:
        at = f", {clock(state.segments[-1].end_s)} of {clock(state.seconds)}"
    return progress_note(state.note + at, state.share)


def facts(state: Listening) -> str:
    words = len(state.text.split())
    parts = [
        f"<b>{to_markup(state.model)}</b>",
        clock(state.seconds),
        f"{words} words",
        *([to_markup(state.language.capitalize())] if state.language else []),
    ]
    note = "" if state.note == "Done" else f"{to_markup(state.note)} · "
    if not state.segments:
        return f'<div class="facts">{note}Nothing was heard.</div>'
    return f'<div class="facts">{note}{" · ".join(parts)}</div>'


def table(segments: Sequence[Segment]) -> str:
    if not segments:
        return ""
    rows = "".join(
        f"<tr><td>{clock(each.start_s)}</td><td>{clock(each.end_s)}</td><td>{to_markup(each.text.strip())}</td></tr>"
        for each in segments
    )
    return (
        '<div class="segments-table"><table><thead><tr><th>From</th><th>To</th><th>Text</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
