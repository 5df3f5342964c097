"""The session tab, by mouse: extensions on and off, lines to copy, flags with preview, restart and shut down of the real program."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from playwright.sync_api import Page, expect

from tests.browser.visits import PHONE, Visitor, overflow_px
from tests.live.launch import PATIENCE_S, START_S, Server, eventually, running_ui

LOUD = '''"""Writes replies in capitals."""
params = {"display_name": "Loud"}

def output_modifier(text, state):
    return text.upper()
'''


def add_extension(folder: Path) -> None:
    script = folder / "user_data" / "extensions" / "loud" / "script.py"
    script.parent.mkdir(parents=True)
    script.write_text(LOUD)


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("session-ui")
    add_extension(folder)
    with running_ui(folder) as server:
        yield server


@pytest.fixture
def page(visitor: Visitor) -> Page:
    visitor.choose_tab("Session")
    expect(visitor.page.locator("#extension-list .item")).not_to_have_count(0)
    return visitor.page


def reply(server: Server) -> str:
    with server.client() as client:
        body = {
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 8,
            "temperature": 0,
            "enable_thinking": False,
        }
        answer = client.post("/v1/chat/completions", json=body).json()
    return answer["choices"][0]["message"]["content"]


def test_an_extension_is_switched_while_the_program_runs(ui: Server, page: Page) -> None:
    item = page.locator("[data-extension='loud']")
    expect(item).to_contain_text("Loud")
    expect(item).to_contain_text("Writes replies in capitals.")
    quiet = reply(ui)
    assert quiet != quiet.upper()
    item.get_by_role("button", name="Turn on").click()
    expect(item.locator(".chip")).to_have_text("on")
    assert reply(ui) == quiet.upper()
    item.get_by_role("button", name="Turn off").click()
    expect(item.locator(".chip")).to_have_text("off")
    assert reply(ui) == quiet


def test_the_lines_to_copy_work(ui: Server, page: Page) -> None:
    expect(page.locator("#api-summary")).to_contain_text(f"{ui.url}/v1")
    link = page.locator("#api-summary a")
    assert httpx.get(link.get_attribute("href") or "", trust_env=False).status_code == 200
    curl = "\n".join(page.locator("#api-curl .cm-line").all_inner_texts())
    url = re.search(r"curl (\S+)", curl)
    body = re.search(r"-d '(.*)'", curl, re.DOTALL)
    assert url is not None
    assert body is not None
    with ui.client() as client:
        answer = client.post(url[1], json=json.loads(body[1]))
    assert answer.json()["choices"][0]["message"]["content"]


def code_in(page: Page, name: str) -> str:
    expect(page.locator(f"#{name} .cm-line").first).not_to_be_empty()
    return "\n".join(page.locator(f"#{name} .cm-line").all_inner_texts())


@pytest.mark.parametrize("names", [("localhost",), ("my.example",)])
def test_the_lines_to_copy_work_with_a_certificate_of_ones_own(
    tmp_path: Path, visit: Callable[..., Visitor], names: tuple[str, ...]
) -> None:
    """One for a name of this machine is checked; one for other names cannot be."""
    issued = trustme.CA().issue_cert(*names)
    folder = tmp_path / "my files"
    folder.mkdir()
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    files = ("--ssl-certfile", str(folder / "cert.pem"), "--ssl-keyfile", str(folder / "key.pem"))
    with running_ui(tmp_path, *files) as server:
        visitor = visit(server)
        page = visitor.open()
        visitor.choose_tab("Session")
        is_checked = "localhost" in names
        note = "is not from a public authority" if is_checked else "cannot be checked"
        expect(page.locator("#api-summary")).to_contain_text(note)
        curl, python = code_in(page, "api-curl"), code_in(page, "api-python")
        page.close()
        assert is_checked == ("--cacert" in curl)
        said = run("bash", "-c", curl.replace("curl ", "curl -sS --noproxy '*' ", 1))
        assert json.loads(said)["choices"][0]["message"]["content"]
        assert run(sys.executable, "-c", python).strip()


def run(*command: str) -> str:
    bare = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S * 3, env=bare, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_what_a_person_chooses_is_kept(ui: Server, page: Page) -> None:
    profile = ui.user_data / "profiles" / "default.json"
    page.locator("#send-on-enter input").click()
    eventually(lambda: profile.exists() and not json.loads(profile.read_text())["sends_on_enter"])
    page.locator("#send-on-enter input").click()
    eventually(lambda: json.loads(profile.read_text())["sends_on_enter"])


def test_flags_are_previewed_and_saved_beside_what_is_there(ui: Server, page: Page) -> None:
    file = ui.user_data / "CMD_FLAGS.txt"
    file.write_text("# mine\n--max-queue 99\n")
    page.get_by_role("checkbox", name="--auto-truncate").click()
    preview = page.locator("#flags-preview .cm-content")
    expect(preview).to_contain_text("--auto-truncate")
    expect(preview).to_contain_text("--max-queue 99")
    assert "auto-truncate" not in file.read_text()
    page.locator("#flags-save").click()
    eventually(lambda: "--auto-truncate" in file.read_text())
    assert file.read_text().startswith("# mine\n--max-queue 99\n")
    page.get_by_role("checkbox", name="--auto-truncate").click()
    page.locator("#flags-save").click()
    eventually(lambda: "--no-auto-truncate" in file.read_text())
    file.unlink()


def test_all_settings_can_be_looked_up(page: Page) -> None:
    page.get_by_role("button", name="All settings").click()
    row = page.locator("#settings-table .setting", has_text="user_data_dir")
    expect(row).to_contain_text("command line")


def test_it_fits_on_a_phone(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitor = visit(ui, viewport=PHONE)
    visitor.open()
    visitor.choose_tab("Session")
    expect(visitor.page.locator("#extension-list .item")).not_to_have_count(0)
    assert overflow_px(visitor.page) <= 0


def test_restart_and_shut_down(tmp_path: Path, visit: Callable[..., Visitor]) -> None:
    """On the ports that it had, though any would do. The process is the same one too: only what runs in it begins anew, with the flags of
    now."""
    add_extension(tmp_path)
    with running_ui(tmp_path) as server:
        visitor = visit(server)
        visitor.faults.allow("Failed to load resource|ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE")
        page = visitor.open()
        before = page.evaluate("window.gradio_config.app_id")
        (server.user_data / "CMD_FLAGS.txt").write_text("--extensions loud\n")
        visitor.choose_tab("Session")
        page.locator("#program-restart").click()
        expect(page.locator("#program-restart-now")).to_be_visible()
        page.locator("#program-go-on").click()
        expect(page.locator("#program-restart-now")).to_be_hidden()
        page.locator("#program-restart").click()
        page.locator("#program-restart-now").click()
        expect(page.locator("#program-cover")).to_contain_text("comes back by itself")
        page.wait_for_function(
            "old => window.gradio_config && window.gradio_config.app_id !== old",
            arg=before,
            timeout=START_S * 1000,
        )
        expect(page.locator("#header-state .chip")).to_have_text("ready")
        assert server.process.poll() is None
        server.wait_until_ready()  # the API, where it was
        visitor.choose_tab("Session")
        expect(page.locator("[data-extension='loud'] .chip")).to_have_text("on")
        page.locator("#program-end").click()
        page.locator("#program-end-now").click()
        expect(page.locator("#program-cover")).to_contain_text("has been shut down")
        assert server.process.wait(PATIENCE_S) == 0


def test_a_restart_that_fails_says_where_to_look(
    tmp_path: Path, visit: Callable[..., Visitor]
) -> None:
    with running_ui(tmp_path) as server:
        visitor = visit(server)
        visitor.faults.allow(
            "Failed to load resource|ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE|Cancelled via"
        )
        visitor.page.clock.install()
        page = visitor.open()
        (server.user_data / "CMD_FLAGS.txt").write_text("--ctx-size banana\n")
        visitor.choose_tab("Session")
        page.locator("#program-restart").click()
        page.locator("#program-restart-now").click()
        expect(page.locator("#program-cover")).to_contain_text("comes back by itself")
        assert server.process.wait(PATIENCE_S) == 2
        page.clock.fast_forward("02:00")
        expect(page.locator("#program-cover")).to_contain_text("The terminal")
