"""The web UI as an ASGI application."""

# pyright: basic
import os

from fastapi import FastAPI

from modules.context import AppContext

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def build_app(context: AppContext) -> FastAPI:
    import gradio as gr

    from modules.ui.header import HEAD
    from modules.ui.page import build_page
    from modules.ui.theme import SCRIPT, STYLE, build_theme

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    return gr.mount_gradio_app(
        app,
        build_page(context),
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        show_error=True,
        max_file_size="512mb",
        theme=build_theme(),
        css_paths=[STYLE],
        js=SCRIPT.read_text(encoding="utf-8"),
        head=HEAD,
    )
