"""What the drawing board consists of: the form, the editor, and the place where pictures appear."""

# pyright: basic
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.settings import Settings
from modules.ui.images import markup
from modules.ui.images.form import AS_SIZE, BEST, SHAPES, ImageForm, size_choices
from modules.ui.markup import notice

FROM_WORDS, FROM_PICTURE = "From words", "From a picture"
MOST_PICTURES = 8
BRUSH = ("#e96a26", 0.65)
"""One sees through it what will be drawn anew."""
ON_REFUSED = (
    "document.addEventListener('images:refused', ({ detail }) => trigger('refused', detail));"
)
"""`large_pictures.js` tells of files that are no pictures."""


@dataclass(frozen=True)
class PictureWidgets:
    """Where a picture is chosen, and painted over. `group` is there only when one draws from a picture."""

    group: gr.Column
    editor: gr.ImageEditor
    refusals: gr.HTML
    strength: gr.Slider


@dataclass(frozen=True)
class FormWidgets:
    prompt: gr.Textbox
    negative: gr.Textbox
    run: gr.Button
    stop: gr.Button
    sizes: gr.Row
    size: gr.Dropdown
    shape: gr.Dropdown
    steps: gr.Textbox
    guidance: gr.Textbox
    seed: gr.Textbox
    model: gr.Dropdown
    count: gr.Slider
    about: gr.HTML
    previews: gr.Checkbox


@dataclass(frozen=True)
class ResultWidgets:
    """`after`: what can be done with pictures that are done."""

    progress: gr.HTML
    empty: gr.HTML
    gallery: gr.Gallery
    facts: gr.HTML
    after: gr.Row
    use_seed: gr.Button
    edit: gr.Button


@dataclass(frozen=True)
class DrawWidgets:
    source: gr.Radio
    picture: PictureWidgets
    form: FormWidgets
    result: ResultWidgets

    @property
    def fields(self) -> list[Any]:
        """In the order of `filled`."""
        form = self.form
        own = [form.prompt, form.negative, form.size, form.shape, form.steps, form.guidance]
        return [*own, form.seed, self.picture.strength]

    @staticmethod
    def filled(form: ImageForm) -> tuple[Any, ...]:
        """Values for `fields`."""

        def shown(number: float | None) -> str:
            if number is None:
                return ""
            return f"{number:g}" if isinstance(number, float) else str(number)

        return (
            form.prompt,
            form.negative_prompt,
            form.size,
            form.shape,
            shown(form.steps),
            shown(form.guidance),
            shown(form.seed),
            form.strength,
        )


def build_widgets(settings: Settings) -> DrawWidgets:
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=4, min_width=300):
            source = gr.Radio(
                [FROM_WORDS, FROM_PICTURE],
                value=FROM_WORDS,
                show_label=False,
                container=False,
                elem_id="images-source",
                elem_classes="segments",
            )
            picture = _build_picture()
            form = _build_form(settings)
        with gr.Column(scale=6, min_width=320):
            result = _build_result()
    return DrawWidgets(source, picture, form, result)


def _build_picture() -> PictureWidgets:
    with gr.Column(visible=False) as group:
        editor = gr.ImageEditor(
            type="pil",
            image_mode="RGBA",
            format="png",
            sources=("upload", "clipboard"),
            transforms=(),
            layers=False,
            brush=gr.Brush(colors=[BRUSH], color_mode="fixed"),
            height=380,
            canvas_size=(512, 512),
            show_label=False,
            buttons=[],
            placeholder="Upload or paste a picture",
            elem_id="images-editor",
        )
        refusals = gr.HTML("", js_on_load=ON_REFUSED, elem_classes="unseen")
        strength = gr.Slider(
            0.05,
            1,
            value=0.9,
            step=0.05,
            label="How much changes",
            info="Paint over what should be drawn anew; without paint it is the whole picture.",
            elem_id="images-strength",
        )
    return PictureWidgets(group, editor, refusals, strength)


def _build_form(settings: Settings) -> FormWidgets:
    prompt, negative = _build_words()
    with gr.Row():
        run = gr.Button("Draw", variant="primary", elem_id="images-draw")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="images-stop")
    with gr.Row() as sizes:
        size, shape = _build_sizes(settings)
    with gr.Row():
        steps = _short("Steps", "auto", "images-steps")
        guidance = _short("Guidance", "auto", "images-guidance")
        seed = _short("Seed", "random", "images-seed")
    with gr.Row():
        model = gr.Dropdown([], label="Model", min_width=130, elem_id="images-model")
        count = _build_count(settings)
    about = gr.HTML(markup.model_line(None, None), js_on_load=None, elem_id="images-about")
    previews = gr.Checkbox(
        True, label="Show pictures in the making", container=False, elem_id="images-previews"
    )
    return FormWidgets(
        prompt=prompt,
        negative=negative,
        run=run,
        stop=stop,
        sizes=sizes,
        size=size,
        shape=shape,
        steps=steps,
        guidance=guidance,
        seed=seed,
        model=model,
        count=count,
        about=about,
        previews=previews,
    )


def _build_words() -> tuple[gr.Textbox, gr.Textbox]:
    """What is to be in the picture, and what is not."""
    prompt = gr.Textbox(
        label="Prompt",
        lines=2,
        max_lines=8,
        placeholder="What to draw, such as: a red circle on a white background",
        elem_id="images-prompt",
    )
    negative = gr.Textbox(
        label="Negative prompt",
        placeholder="What should not be in it",
        max_lines=4,
        elem_id="images-negative",
    )
    return prompt, negative


def _build_sizes(settings: Settings) -> tuple[gr.Dropdown, gr.Dropdown]:
    """How large, and of which shape."""
    size = gr.Dropdown(
        size_choices(None, settings.max_drawn_pixels),
        value=BEST,
        label="Size",
        allow_custom_value=True,
        min_width=120,
        elem_id="images-size",
    )
    shape = gr.Dropdown(
        [AS_SIZE, *SHAPES], value=AS_SIZE, label="Shape", min_width=120, elem_id="images-shape"
    )
    return size, shape


def _build_count(settings: Settings) -> gr.Slider:
    return gr.Slider(
        1,
        max(1, min(MOST_PICTURES, settings.max_drawn_images)),
        value=1,
        step=1,
        label="Pictures",
        min_width=130,
        elem_id="images-count",
    )


def _build_result() -> ResultWidgets:
    progress = gr.HTML("", visible=False, js_on_load=None, elem_id="images-progress")
    empty = gr.HTML(notice("Pictures appear here."), js_on_load=None)
    gallery = gr.Gallery(
        show_label=False,
        visible=False,
        columns=2,
        height="auto",
        object_fit="contain",
        interactive=False,
        format="png",
        buttons=["download", "fullscreen"],
        elem_id="images-result",
        elem_classes="pictures",
    )
    facts = gr.HTML("", visible=False, js_on_load=None, elem_id="images-facts")
    with gr.Row(visible=False, elem_classes="chips") as after:
        use_seed = gr.Button("Keep this seed", size="sm", min_width=60, elem_id="images-use-seed")
        edit = gr.Button("Edit the picture", size="sm", min_width=60, elem_id="images-edit-result")
    return ResultWidgets(progress, empty, gallery, facts, after, use_seed, edit)


def _short(label: str, hint: str, elem_id: str) -> gr.Textbox:
    """A number, or nothing for what suits the model."""
    return gr.Textbox(
        label=label, placeholder=hint, max_lines=1, min_width=80, max_length=20, elem_id=elem_id
    )
