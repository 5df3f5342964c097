"""Files of the page: its scripts, and the KaTeX that Gradio brings along."""

from pathlib import Path

FOLDER = Path(__file__).parent / "page"
CHAT_STYLE = FOLDER / "chat.css"


def read_page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def find_katex() -> dict[str, str]:
    """Addresses of script and style below the page's own; empty where Gradio has another build, then formulas stay as they are written."""
    import gradio

    folder = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    scripts = sorted(folder.glob("katex-*.js"))
    styles = sorted(folder.glob("katex-*.css"))
    if not scripts or not styles:
        return {}
    return {"script": f"/assets/{scripts[0].name}", "style": f"/assets/{styles[0].name}"}
