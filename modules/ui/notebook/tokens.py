"""The likely next tokens as a table with bars."""

from collections.abc import Sequence

from modules.ui.markup import to_markup
from modules.ui.notebook.writing import NextToken

_SIGNS = str.maketrans({"\n": "↵", "\t": "⇥", " ": "␣"})


def token_table(tokens: Sequence[NextToken]) -> str:
    """HTML."""
    if not tokens:
        return '<div class="notice">The model told nothing about its next token.</div>'
    most = max(token.probability for token in tokens) or 1.0
    rows = "".join(_row(token, most) for token in tokens)
    return (
        '<table class="next-tokens"><thead><tr><th>Token</th><th>Id</th><th colspan="2">Probability</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def shown_token(text: str) -> str:
    """With signs for what cannot be seen."""
    return text.translate(_SIGNS) or "∅"


def percent(probability: float) -> str:
    if probability >= 0.0995:
        return f"{probability:.0%}"
    return f"{probability:.1%}" if probability >= 0.0005 else "&lt;0.1%"


def _row(token: NextToken, most: float) -> str:
    token_id = "" if token.token_id < 0 else str(token.token_id)
    share = max(0.5, 100 * token.probability / most)
    return (
        f"<tr><td><code>{to_markup(shown_token(token.text))}</code></td><td>{token_id}</td>"
        f'<td class="bar-cell"><span style="width:{share:.1f}%"></span></td><td>{percent(token.probability)}</td></tr>'
    )
