"""What one login can reach of another's open pages, on a real server, by people who know more than they should."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.ui.access.pages import MAX_PAGES
from tests.live.launch import Server, eventually, running_ui
from tests.live.test_ui_access import ADA, BOB, LOGINS, client_of

SAID = "What color is the sky?"
SECRET = "words-of-somebody"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_ui(tmp_path_factory.mktemp("pages"), *LOGINS, "--multi-user") as server:
        yield server


@pytest.fixture
def enter(server: Server) -> Iterator[Callable[..., httpx.Client]]:
    """A browser of this person, logged in."""
    with ExitStack() as stack:

        def log_in(person: dict[str, str], to: Server = server) -> httpx.Client:
            client = stack.enter_context(client_of(to))
            assert client.post("/login", data=person).status_code == 303
            return client

        yield log_in


class Tab:
    """A page that this client has open, under the name `page`."""

    def __init__(self, client: httpx.Client, page: str) -> None:
        self.client = client
        self.page = page
        self.config: dict[str, Any] = client.get("/config").json()

    def post(self, route: str, body: dict[str, Any]) -> httpx.Response:
        return self.client.post(f"/gradio_api/{route}", json={"session_hash": self.page, **body})

    def join(self, name: str, **sent: Any) -> httpx.Response:
        """The event of the handler with this name, with what the page's script sends along."""
        event = next(each for each in self.config["dependencies"] if each["api_name"] == name)
        body = {"fn_index": event["id"], "data": [None] * len(event["inputs"]), "event_data": sent}
        return self.post("queue/join" if event["queue"] else "run/predict", body)

    def open(self) -> "Tab":
        for name in ("open_session", "on_open"):
            assert self.join(name).status_code == 200
        return self

    def hear(self) -> str:
        """What the page is told until its events are over."""
        query = {"session_hash": self.page}
        return self.client.get("/gradio_api/queue/data", params=query).text

    def do(self, name: str, **sent: Any) -> str:
        assert self.join(name, **sent).status_code == 200
        return self.hear()


def test_a_stolen_page_name_opens_nothing(enter: Callable[..., httpx.Client]) -> None:
    ada = Tab(enter(ADA), "stolen").open()
    ada.do("on_reply", do="send", text=SAID)
    bob = Tab(enter(BOB), "stolen")
    assert bob.join("on_act", do="export-all").status_code == 403
    assert bob.join("open_session").status_code == 403
    for route in ("queue/data?session_hash=stolen", "heartbeat/stolen"):
        assert bob.client.get(f"/gradio_api/{route}").status_code == 403
    form = {"session_hash": "stolen", "component_id": "1", "fn_name": "accept_blobs"}
    files = {"file": ("a.png", b"x" * 300_000)}
    answer = bob.client.post("/gradio_api/component_server/", data=form, files=files)
    assert answer.status_code == 403
    assert "another login" in answer.json()["detail"]
    assert SAID in ada.do("on_act", do="export-all")


def test_pages_of_one_person_in_several_browsers(enter: Callable[..., httpx.Client]) -> None:
    at_home, on_the_way = enter(ADA), enter(ADA)
    for client, page in ((at_home, "home"), (on_the_way, "way"), (at_home, "home-2")):
        Tab(client, page).open().do("on_act", do="search", query="x")
    assert "process_completed" in Tab(on_the_way, "home").do("on_act", do="search", query="")


def test_a_page_goes_on_after_a_new_login_of_its_person_only(
    enter: Callable[..., httpx.Client],
) -> None:
    browser = enter(ADA)
    tab = Tab(browser, "stays").open()
    browser.get("/logout")
    assert tab.join("on_act", do="search", query="x").status_code == 401
    browser.post("/login", data=BOB)
    assert tab.join("on_act", do="search", query="x").status_code == 403
    browser.get("/logout")
    browser.post("/login", data=ADA)
    assert "process_completed" in tab.do("on_act", do="search", query="x")


def test_a_page_goes_on_after_the_server_began_anew(
    enter: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    with running_ui(tmp_path, *LOGINS, "--multi-user") as again:
        Tab(enter(ADA, again), "old-page").open().do("on_act", do="search", query="x")
        assert Tab(enter(BOB, again), "old-page").join("open_session").status_code == 403


def test_a_page_that_had_to_end_leaves_nothing_to_who_takes_its_name(
    enter: Callable[..., httpx.Client],
) -> None:
    ada, bob = enter(ADA), enter(BOB)
    Tab(ada, "oldest").open().do("on_reply", do="send", text=SAID)
    blank = Tab(ada, "blank")
    assert Tab(bob, "oldest").join("open_session").status_code == 403
    for number in range(MAX_PAGES + 1):
        blank.page = f"newer-{number}"
        assert blank.post("cancel", {"event_id": "none", "fn_index": 1}).status_code == 200
    told = Tab(bob, "oldest").open().do("on_act", do="export-all")
    assert SAID not in told
    assert "nothing to export" in told


def test_an_event_of_somebody_else_cannot_be_stopped(enter: Callable[..., httpx.Client]) -> None:
    """What a page sends before it is open waits for that, so this event runs until we want it to end."""
    ada, bob = Tab(enter(ADA), "waits"), Tab(enter(BOB), "stops").open()
    event = ada.join("on_act", do="search", query="x").json()["event_id"]
    assert bob.post("cancel", {"event_id": event, "fn_index": 1}).status_code == 403
    assert bob.post(f"stream/{event}", {"data": []}).status_code == 403
    assert bob.post(f"stream/{event}/close", {}).status_code == 403
    ada.open()
    told = ada.hear()
    assert event in told
    assert '"success":true' in told


def test_an_upload_is_watched_by_its_login_only(enter: Callable[..., httpx.Client]) -> None:
    ada, bob = enter(ADA), enter(BOB)
    upload, watch = "/gradio_api/upload?upload_id=u1", "/gradio_api/upload_progress?upload_id=u1"
    assert ada.post(upload, files={"files": ("diary.txt", b"private")}).status_code == 200
    assert bob.get(watch).status_code == 404
    assert '"done"' in ada.get(watch).text


def paint(tab: Tab, editor: int, name: str, index: str = "null") -> httpx.Response:
    """Sends something that is no picture, which is told where it is used."""
    form = {"component_id": str(editor), "fn_name": "accept_blobs", "session_hash": tab.page}
    form |= {"type": "layer" if index != "null" else "background", "index": index, "id": name}
    files = {"file": ("blob", b"no picture")}
    return tab.client.post("/gradio_api/component_server/", data=form, files=files)


def use_painted(tab: Tab, editor: int, name: str) -> str:
    event = next(each for each in tab.config["dependencies"] if editor in each["inputs"])
    values = {each["id"]: each["props"].get("value") for each in tab.config["components"]}
    values[editor] = {"background": None, "layers": [], "composite": None, "id": name}
    data = [values[number] for number in event["inputs"]]
    assert tab.post("queue/join", {"fn_index": event["id"], "data": data}).status_code == 200
    return tab.hear()


def test_what_is_painted_is_its_logins(enter: Callable[..., httpx.Client]) -> None:
    ada, bob = Tab(enter(ADA), "paints").open(), Tab(enter(BOB), "takes").open()
    editor = next(each["id"] for each in ada.config["components"] if each["type"] == "imageeditor")
    assert paint(ada, editor, "canvas").status_code == 200
    unusable = "could not be used"
    assert unusable not in use_painted(bob, editor, "canvas")
    assert unusable in use_painted(ada, editor, "canvas")
    assert paint(ada, editor, "canvas", index="2000000000").status_code == 400


def upload(tab: Tab, data: bytes) -> str:
    sent = tab.client.post("/gradio_api/upload", files={"files": ("a.json", data)})
    return sent.json()[0]


def tell_element(tab: Tab, element: str, data: list[Any], **sent: Any) -> str:
    """An event of the element with this id, whose handler takes these values."""
    config = tab.config
    component = next(
        each["id"] for each in config["components"] if each["props"].get("elem_id") == element
    )
    event = next(each for each in config["dependencies"] if each["targets"][0][0] == component)
    body = {"fn_index": event["id"], "data": data, "event_data": sent}
    assert tab.post("queue/join", body).status_code == 200
    return tab.hear()


def test_an_upload_is_its_logins(enter: Callable[..., httpx.Client], server: Server) -> None:
    ada, bob = Tab(enter(ADA), "uploads").open(), Tab(enter(BOB), "reads").open()
    own, others = upload(ada, b'{"char_name": "Eve"}'), upload(bob, b'{"char_name": "Eve"}')
    assert own != others
    uploads = Path(own).parents[2]
    around = f"{Path(others).parent}/../../{Path(own).relative_to(uploads)}"
    for path in (own, f"/.{own}", around):
        assert bob.client.get(f"/gradio_api/file={path}").status_code == 403
        assert bob.client.head(f"/gradio_api/file={path}").status_code == 403
    file = {"path": own, "meta": {"_type": "gradio.FileData"}}
    event = ("character-import", [file, None, 0])
    assert "was not uploaded" in tell_element(bob, *event)
    told = bob.do("on_reply", do="send", text=SAID, files=[{"path": own, "name": "a.json"}])
    assert "attach it again" in told
    assert ada.client.get(f"/gradio_api/file={own}").json() == {"char_name": "Eve"}
    assert '"success":true' in tell_element(ada, *event)
    told = ada.do("on_reply", do="send", text=SAID, files=[{"path": own, "name": "a.json"}])
    assert "Eve" in told


def test_a_file_that_an_event_makes_is_its_logins(enter: Callable[..., httpx.Client]) -> None:
    ada, bob = Tab(enter(ADA), "makes").open(), Tab(enter(BOB), "looks").open()
    written = [None, "", "", "", "", None]
    addresses: list[str] = []
    for tab in (ada, bob):
        told = tell_element(tab, "character-list", written, name="Example")
        addresses += re.findall(r"/gradio_api/file=[^\"]+Example[^\"]+", told)[:1]
    assert len({*addresses}) == 2
    assert ada.client.get(addresses[0]).status_code == 200
    assert bob.client.get(addresses[0]).status_code == 403
    assert bob.client.get(addresses[1]).status_code == 200


def test_pictures_of_characters_are_everybodys(enter: Callable[..., httpx.Client]) -> None:
    for person, page in ((ADA, "face-1"), (BOB, "face-2")):
        tab = Tab(enter(person), page)
        tab.join("open_session")
        faces = re.findall(r"gradio_api/file=[^\"]+face\.webp", tab.join("on_open").text)
        assert faces
        assert tab.client.get(f"/{faces[0]}").status_code == 200


HOSTILE: list[Any] = [
    SECRET,
    {SECRET: SECRET},
    [[SECRET, {SECRET: [SECRET]}]],
    {"path": SECRET, "meta": {"_type": "gradio.FileData"}},
    {"do": "send", "text": {SECRET: 1}, "files": [SECRET]},
]
KINDS = ("dropdown", "slider", "number", "image", "audio", "imageeditor")


def events_to_harm(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the chat's scripts, and one for each kind of component that reads values in its own way."""
    events = config["dependencies"]
    chosen = [each for each in events if each["api_name"] in ("on_act", "on_reply")]
    for kind in KINDS:
        components = {each["id"] for each in config["components"] if each["type"] == kind}
        chosen.append(next(each for each in events if components & {*each["inputs"]}))
    return chosen


def test_values_that_no_page_sends_leave_no_texts_in_the_log(
    enter: Callable[..., httpx.Client], server: Server
) -> None:
    tab = Tab(enter(ADA), "hostile").open()
    before = len(server.logged)
    for event in events_to_harm(tab.config):
        route = "queue/join" if event["queue"] else "run/predict"
        for value in HOSTILE:
            data = [value] * len(event["inputs"])
            tab.post(route, {"fn_index": event["id"], "data": data, "event_data": value})
        tab.post(route, {"fn_index": event["id"], "data": [SECRET]})
    tab.post("queue/join", {"fn_index": 99999, "data": [SECRET]})
    tab.post("component_server", {"component_id": 99999, "fn_name": SECRET, "data": SECRET})
    tab.hear()
    eventually(lambda: "A request to the web UI failed: KeyError at" in server.logged)
    told = server.logged[before:]
    assert "An event of the web UI could not be handled: " in told
    assert SECRET not in server.logged + server.printed
    assert "Traceback" not in told
