"""Colours, fonts and spacing: one theme in light and dark. No font from elsewhere: those of the system."""

# pyright: basic
from pathlib import Path
from urllib.parse import quote

from gradio.themes import Base, Color, colors, sizes

EMBER = Color(
    name="ember",
    c50="#fff6f0",
    c100="#ffe8d9",
    c200="#ffceb0",
    c300="#fdae80",
    c400="#f78a4e",
    c500="#e96a26",
    c600="#c44c10",
    c700="#a84011",
    c800="#863514",
    c900="#6b2d14",
    c950="#3b1507",
)
TEXT_FONTS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
CODE_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
SURFACES = {
    "body_background_fill": "#fbfaf8",
    "body_background_fill_dark": "#171412",
    "background_fill_primary": "#ffffff",
    "background_fill_primary_dark": "#1f1b18",
    "background_fill_secondary": "#f5f2ee",
    "background_fill_secondary_dark": "#262019",
    "block_background_fill": "#ffffff",
    "block_background_fill_dark": "#1f1b18",
    "block_border_color": "#e8e2da",
    "block_border_color_dark": "#38302a",
    "border_color_primary": "#e8e2da",
    "border_color_primary_dark": "#38302a",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_border_width": "0px",
    "block_shadow": "none",
    "block_shadow_dark": "none",
}
INPUTS = {
    "input_background_fill": "#ffffff",
    "input_background_fill_dark": "#26211d",
    "input_border_width": "1px",
    "input_border_color": "#ddd5cb",
    "input_border_color_dark": "#443a33",
    "input_border_color_focus": "*primary_400",
    "input_border_color_focus_dark": "*primary_500",
}
QUIET = {  # text that steps back must still be read: at least 4.5:1
    "body_text_color_subdued": "*neutral_500",
    "body_text_color_subdued_dark": "*neutral_400",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "*neutral_400",
}
BUTTONS = {
    "button_medium_text_size": "*text_md",
    "button_medium_text_weight": "500",
    "button_medium_padding": "*spacing_sm *spacing_lg",
    "button_large_text_size": "*text_lg",
    "button_large_text_weight": "600",
    "button_small_text_weight": "500",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_background_fill_hover_dark": "*primary_700",
    "button_primary_text_color": "white",
    "button_primary_text_color_dark": "white",
    "button_primary_border_color": "transparent",
    "button_secondary_text_color": "*neutral_800",
    "button_secondary_text_color_dark": "*neutral_100",
    "button_secondary_background_fill": "#f1ece6",
    "button_secondary_background_fill_hover": "#e8e1d8",
    "button_secondary_background_fill_dark": "#322a24",
    "button_secondary_background_fill_hover_dark": "#3f352d",
    "button_cancel_background_fill": "#f6dede",
    "button_cancel_background_fill_dark": "#4a2323",
    "button_cancel_text_color": "#8c1d1d",
    "button_cancel_text_color_dark": "#ffc9c9",
}
FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"
SCRIPT = FOLDER / "page.js"
FAVICON = FOLDER / "favicon.svg"


def build_icon() -> str:
    """For the page's head. Inside of it, since browsers ask for one at the root of a host, which may not be ours."""
    return f'<link rel="icon" href="data:image/svg+xml,{quote(FAVICON.read_text(encoding="utf-8").strip())}">'


def build_theme() -> Base:
    return Base(
        primary_hue=EMBER,
        secondary_hue=EMBER,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
        text_size=sizes.text_md,
        font=TEXT_FONTS,
        font_mono=CODE_FONTS,
    ).set(**SURFACES, **INPUTS, **QUIET, **BUTTONS)
