"""The page: header, tabs, and what extensions add."""

# pyright: basic
import asyncio
import threading
from pathlib import Path

import gradio as gr

from modules.chats.disk_store import user_folder
from modules.context import AppContext
from modules.own_params import person_named
from modules.settings import VERSION
from modules.ui.extension_parts import build_tabs
from modules.ui.faults import told
from modules.ui.profile import ForgottenProfile, ProfileFile, ProfileStore
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.tabs import TABS
from modules.ui.top import header

CACHE_S = 24 * 3600
"""Files that were uploaded or made for a page are deleted after a day."""


def build_page(context: AppContext) -> gr.Blocks:
    with gr.Blocks(
        title="Hearth",
        analytics_enabled=False,
        fill_width=True,
        fill_height=True,
        delete_cache=(CACHE_S, CACHE_S),
    ) as blocks:
        session = gr.State(Session())
        tabs = gr.Tabs(selected="chat", elem_id="tabs", render=False)
        shell = Shell(context, blocks, session, tabs)
        header.build(shell)
        tabs.render()
        with tabs:
            for entry in TABS:
                with gr.Tab(entry.title, id=entry.id, elem_id=f"tab-{entry.id}"):
                    entry.load()(shell)
            build_tabs(context)
        opened = blocks.load(
            told(_opener(context)), [session], None, show_progress="hidden", queue=False
        )
        shell.chain_openers(opened)
    blocks.queue(default_concurrency_limit=None, api_open=False)
    blocks.title = f"Hearth {VERSION}"
    return blocks


def _opener(context: AppContext):  # noqa: ANN202 - a handler
    lock = threading.Lock()  # one for all: files of a few lines, seldom written

    async def open_session(session: Session, request: gr.Request) -> None:
        if session.is_open:
            return
        session.user = request.username
        session.person = person_named(context.settings, session.user)
        session.profiles = profiles_of(context, session.user, lock)
        session.is_private = isinstance(session.profiles, ForgottenProfile)
        session.profile = await asyncio.to_thread(session.profiles.load)
        session.known_profile = session.profile
        session.is_open = True

    return open_session


def profiles_of(context: AppContext, user: str | None, lock: threading.Lock) -> ProfileStore:
    """One for the machine's owner; with --multi-user one for each name, and none for people without a name. `lock`: of who writes."""
    folder = Path(context.settings.user_data_dir) / "profiles"
    if not context.settings.multi_user:
        return ProfileFile(folder / "default.json", lock)
    if user is None:
        return ForgottenProfile()
    own = user_folder(folder, user)
    return ProfileFile(own.with_name(f"{own.name}.json"), lock)
