"""Text as a part of HTML that a `gr.HTML` shows."""

from html import escape

_TEMPLATE_MARKS = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
"""`gr.HTML` reads its content as a template of Handlebars and JavaScript: what people write there must stay text."""


UNEXPECTED = "Something went wrong here; the log of the server has the details."


def to_markup(text: str) -> str:
    """Also for values of attributes in quotes."""
    return escape(text).translate(_TEMPLATE_MARKS)


def progress_bar(note: str, share: float | None) -> str:
    """`share` from 0 to 1, None where nobody knows how far it is."""
    value = "" if share is None else f' value="{min(1.0, max(0.0, share)):.3f}"'
    return f'<div class="doing"><span>{to_markup(note)}</span><progress max="1"{value}></progress></div>'


def notice(text: str) -> str:
    """A sentence in the place of what is not there yet."""
    return f'<div class="notice">{to_markup(text)}</div>'
