"""Small pieces of HTML of the header and the tabs model and session; everything from outside goes through `plain`."""

from modules.ui.markup import to_markup


def plain(thing: object) -> str:
    return to_markup(str(thing))


def chip(text: str, kind: str = "", title: str = "") -> str:
    hint = f' title="{plain(title)}"' if title else ""
    return f'<span class="chip {kind}"{hint}>{plain(text)}</span>'


def progress_bar(share: float | None) -> str:
    """`share` from 0 to 1; None: nobody knows how far it is."""
    if share is None:
        return '<div class="bar" role="progressbar"><div class="bar-unknown"></div></div>'
    percent = round(100 * min(max(share, 0.0), 1.0))
    return (
        f'<div class="bar" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" aria-valuemax="100">'
        f'<div class="bar-done" style="width: {percent}%"></div></div>'
    )
