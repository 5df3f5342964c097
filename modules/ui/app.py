"""The web UI as an ASGI application."""

# pyright: basic
import os
from pathlib import Path
from typing import Any

from starlette.requests import Request

from modules.context import AppContext
from modules.ui.access.door import USER, Desk, Door, to_subpath
from modules.ui.access.page_check import PageCheck
from modules.ui.access.pages import MAX_PAGES, Pages


def build_app(context: AppContext, folder: Path, desk: Desk | None) -> Door:
    """`folder`: for uploaded files and those of pages. `desk`: where logins are asked for. Slow: reads all of Gradio."""
    set_environment(folder)
    from modules.ui.access.gradio_pages import GradioPages
    from modules.ui.access.own_files import give_files_owners, leave_files_to_all
    from modules.ui.access.payloads import close_payloads
    from modules.ui.events import watch_events
    from modules.ui.page import build_page

    page = build_page(context)
    for handler in page.fns.values():  # the page calls them by number: no list of them for others
        handler.api_visibility = "private"
    if desk is None:  # else PageCheck ends them; of Gradio's 10,000 each takes most of a megabyte
        page.state_session_capacity = MAX_PAGES
    app = _mount(page, context, has_logins=desk is not None)
    close_payloads(page)
    if desk is not None and context.settings.multi_user:
        give_files_owners()
    else:
        leave_files_to_all()
    watch_events(page)
    if desk is None:  # all are one person
        return Door(app, context.settings)
    return Door(PageCheck(app, Pages(GradioPages(page))), context.settings, desk)


def _mount(page: Any, context: AppContext, *, has_logins: bool) -> Any:
    """`page`: the Blocks. With our looks, and without what Gradio would offer besides."""
    import gradio as gr
    from fastapi import FastAPI

    from modules.ui.chat.assets import CHAT_STYLE
    from modules.ui.extension_parts import collect_css, collect_js
    from modules.ui.theme import FAVICON, SCRIPT, STYLE, build_icon, build_theme
    from modules.ui.top.header import HEAD

    return gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        page,
        path="/",
        auth_dependency=_name_of if has_logins else None,
        root_path=to_subpath(context.settings.subpath) or None,
        favicon_path=str(FAVICON),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        show_error=True,
        max_file_size=f"{context.settings.max_upload_mb:g}mb",
        theme=build_theme(),
        css_paths=[STYLE, CHAT_STYLE],
        css=collect_css(context.hooks),
        js=collect_js(context.hooks, SCRIPT.read_text(encoding="utf-8")),
        head=build_icon() + HEAD,
    )


def _name_of(request: Request) -> str | None:
    return getattr(request.state, USER, None)


def set_environment(folder: Path) -> None:
    """Gradio takes settings from the environment, some of them while it is imported: only ours count."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
