"""Small pieces of HTML of the header and the tabs model and session; everything from outside goes through `plain`."""

from html import escape

_TEMPLATE_SIGNS = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
"""Gradio's HTML component takes its value through two template languages."""


def plain(text: object) -> str:
    """Text as it stands, for contents and attributes."""
    return escape(str(text)).translate(_TEMPLATE_SIGNS)


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
