"""Small pieces of HTML that a `gr.HTML` shows. Everything from outside goes through `to_markup`."""

from html import escape

_TEMPLATE_MARKS = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
"""`gr.HTML` reads its content as a template of Handlebars and JavaScript: what people write there must stay text."""


UNEXPECTED = "Something went wrong here; the log of the server has the details."


def to_markup(thing: object) -> str:
    """Its text, also for values of attributes in quotes."""
    return escape(str(thing)).translate(_TEMPLATE_MARKS)


def chip(text: str, kind: str = "", title: str = "") -> str:
    """A word or two with a state. `kind`: a class of the style sheet."""
    hint = f' title="{to_markup(title)}"' if title else ""
    return f'<span class="chip {kind}"{hint}>{to_markup(text)}</span>'


def progress_bar(share: float | None) -> str:
    """`share` from 0 to 1, None where nobody knows how far it is."""
    if share is None:
        return '<div class="bar" role="progressbar"><div class="bar-unknown"></div></div>'
    percent = round(100 * min(max(share, 0.0), 1.0))
    return (
        f'<div class="bar" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" aria-valuemax="100">'
        f'<div class="bar-done" style="width: {percent}%"></div></div>'
    )


def progress_note(note: str, share: float | None) -> str:
    """What is under way, and how far it is."""
    return f'<div class="doing"><span>{to_markup(note)}</span>{progress_bar(share)}</div>'


def notice(text: str) -> str:
    """A sentence in the place of what is not there yet."""
    return f'<div class="notice">{to_markup(text)}</div>'
