"""The tab Embeddings: lines of text compared, as pictures."""

# pyright: basic
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.context import AppContext
from modules.core.errors import AppError
from modules.ui.embeddings import pictures
from modules.ui.embeddings.compare import CompareWish, Comparison, compare, to_lines
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE
from modules.ui.markup import notice, to_markup
from modules.ui.media_models import kept_choice, model_names
from modules.ui.shell import Shell
from modules.ui.toasts import warn

EXAMPLES = {
    "Weather and animals": (
        "What color is the sky?\nWhich color has the sky?\nThe sky is blue today.\nThe dog sleeps in the garden.\n"
        "A cat sleeps on the chair.\nThe bird sings in the garden.",
        "Which animal is asleep?",
    ),
    "Who does what where": (
        "The pilot swims at the market.\nThe cook reads in the forest at dawn.\nA doctor swims in the river.\n"
        "The teacher reads in the library.\nA big singer cries on the train in winter.\nThe singer sings on the train.",
        "Where does the pilot swim?",
    ),
    "Questions to a shop": (
        "Where is my parcel?\nThe package has not arrived yet.\nI want my money back.\nHow do I return an item?\n"
        "Do you sell gift cards?\nCan I pay by bank transfer?",
        "My order is late",
    ),
}
NO_RERANKER = "None"
EMPTY = (
    "Write some lines, or take an example, and press Compare. What is alike gets a strong color."
)


@dataclass(frozen=True)
class Question:
    """What is asked: lines, what they are compared with, and by which models."""

    lines: gr.Textbox
    query: gr.Textbox
    model: gr.Dropdown
    reranker: gr.Dropdown
    run: gr.Button


def build(shell: Shell) -> None:
    with gr.Row(elem_id="embeddings", elem_classes="split"):
        with gr.Column(scale=4, min_width=300):
            question = _build_question()
            _build_examples(question)
        with gr.Column(scale=7, min_width=320):
            result = gr.HTML(notice(EMPTY), js_on_load=None, elem_id="embeddings-result")
    on = CompareHandlers(shell.context)
    models = [question.model, question.reranker]
    shell.on_open(on.list_models, models, models)
    gr.on(
        [question.run.click, question.query.submit],
        told(on.show),
        [question.lines, question.query, *models],
        result,
        api_visibility="private",
    )


def _build_question() -> Question:
    lines = gr.Textbox(
        label="Lines",
        lines=9,
        max_lines=18,
        placeholder="One text on each line",
        elem_id="embeddings-lines",
    )
    query = gr.Textbox(
        label="Query",
        info="Optional: which lines are nearest to this?",
        max_lines=3,
        elem_id="embeddings-query",
    )
    with gr.Row():
        model = gr.Dropdown([], label="Model", min_width=130, elem_id="embeddings-model")
        reranker = gr.Dropdown(
            [NO_RERANKER],
            value=NO_RERANKER,
            label="Reranker",
            min_width=130,
            elem_id="embeddings-reranker",
        )
    run = gr.Button("Compare", variant="primary", elem_id="embeddings-compare")
    return Question(lines, query, model, reranker, run)


def _build_examples(question: Question) -> None:
    gr.HTML('<div class="small-head">Examples</div>', js_on_load=None)
    with gr.Row(elem_classes="chips"):
        for name, example in EXAMPLES.items():
            chip = gr.Button(name, size="sm", min_width=60)
            chip.click(
                lambda found=example: found,
                None,
                [question.lines, question.query],
                **AT_ONCE,
            )


class CompareHandlers:
    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def list_models(self, now: str | None, now_reranker: str) -> tuple[Any, Any]:
        names = await model_names(self._context.media.embedding)
        rerankers = [NO_RERANKER, *await model_names(self._context.media.rerank)]
        return (
            gr.Dropdown(names, value=kept_choice(now, names)),
            gr.Dropdown(rerankers, value=kept_choice(now_reranker, rerankers)),
        )

    async def show(self, text: str, asked: str, model: str | None, reranker: str) -> Any:
        """A refusal is a message; what was there stays."""
        chosen = None if reranker == NO_RERANKER else reranker
        try:
            wish = CompareWish(to_lines(text), asked.strip(), model or None, chosen)
            return render(await compare(wish, self._context))
        except AppError as error:
            warn(error.message)
            return gr.skip()


def render(found: Comparison) -> str:
    total, longest = sum(found.tokens), max(found.tokens)
    ranked = f" · reranked by {to_markup(found.reranker)}" if found.reranker else ""
    head = (
        f'<div class="facts"><b>{to_markup(found.model)}</b> · {len(found.lines)} lines · {total} tokens, at most {longest} in a line · '
        f"{found.dimensions} dimensions{ranked}</div>"
    )
    parts = [head]
    if found.nearest:
        parts += ["<h4>Nearest to the query</h4>", pictures.nearest(found.nearest)]
    parts += [
        '<h4>Similarity <span class="unit">cosine, 1 is the same</span></h4>',
        pictures.matrix(found.lines, found.similarities),
        '<h4>Map <span class="unit">the two directions in which the lines differ most (PCA)</span></h4>',
        pictures.scatter(found.lines, found.points),
    ]
    return "".join(parts)
