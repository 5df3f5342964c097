"""Accounts of the web UI, logins and the line of those who try passwords."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import ConfigError
from modules.settings import Settings
from modules.ui import temporary
from modules.ui.access.accounts import Accounts
from modules.ui.access.logins import (
    IDLE_S,
    LONGEST_PAUSE_S,
    MAX_WAITING,
    Logins,
    PasswordCheck,
    TooManyAttempts,
    to_network,
)


def accounts_of(tmp_path: Path, text: str | None = None, *pairs: str) -> Accounts:
    path = None
    if text is not None:
        (tmp_path / "logins").write_text(text)
        path = str(tmp_path / "logins")
    return Accounts.from_settings(Settings(gradio_auth=pairs, gradio_auth_path=path))


def test_a_file_has_a_login_on_each_line(tmp_path: Path) -> None:
    text = "# people\nada:s,ecret\n\nbob:x,carl:y\n"
    accounts = accounts_of(tmp_path, text, "dora:z")
    assert sorted(accounts.passwords) == [
        ("ada", "s,ecret"), ("bob", "x"), ("carl", "y"), ("dora", "z"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pairs", "said"),
    [
        (None, ("ada",), "NAME:PASSWORD"),
        (None, ("ada:",), "NAME:PASSWORD"),
        (None, (":hidden",), "NAME:PASSWORD"),
        ("ada:x\nhidden\n", (), "line 2"),
        ("# nobody\n", (), "has none"),
        ("ada:x\n", ("ada:hidden",), "more than once"),
    ],
    ids=str,
)
def test_wrong_logins_are_named_without_their_passwords(
    tmp_path: Path, text: str | None, pairs: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        accounts_of(tmp_path, text, *pairs)
    assert "hidden" not in error.value.message


def test_a_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path) -> None:
    assert accounts_of(tmp_path, "\ufeffada:x\n").passwords == (("ada", "x"),)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no/such"):
        Accounts.from_settings(Settings(gradio_auth_path="/no/such"))


def test_a_name_and_a_password_are_two_things(tmp_path: Path) -> None:
    accounts = accounts_of(tmp_path, None, "ada:pw:1")
    assert accounts.check("ada", "pw:1")
    assert not accounts.check("ada:pw", "1")
    assert not accounts.check("ada", "\udcff")


def test_a_login_ends_when_it_is_not_used() -> None:
    now = [0.0]
    logins = Logins(clock=lambda: now[0])
    token = logins.open("ada")
    now[0] = IDLE_S
    assert logins.find(token) is not None
    now[0] += IDLE_S + 1
    assert logins.find(token) is None
    assert logins.find(None) is None


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.mark.anyio
async def test_each_failure_makes_an_address_wait_longer(tmp_path: Path) -> None:
    pauses = Pauses()
    check = PasswordCheck(accounts_of(tmp_path, None, "ada:pw"), sleep=pauses)
    for _ in range(6):
        assert not await check.check("10.0.0.1", "ada", "guess")
    assert pauses == [0.5, 1, 2, 4, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert await check.check("10.0.0.1", "ada", "pw")
    assert not await check.check("10.0.0.1", "ada", "guess")
    assert not await check.check("10.0.0.2", "ada", "guess")
    assert pauses[6:] == [0.5, 0.5]


@pytest.mark.anyio
async def test_attempts_of_one_address_stand_in_a_line(tmp_path: Path) -> None:
    goes_on = asyncio.Event()

    async def sleep(_: float) -> None:
        await goes_on.wait()

    check = PasswordCheck(accounts_of(tmp_path, None, "ada:pw"), sleep=sleep)
    first = [
        asyncio.create_task(check.check("10.0.0.1", "ada", "guess")) for _ in range(MAX_WAITING)
    ]
    await asyncio.sleep(0)
    with pytest.raises(TooManyAttempts):
        await check.check("10.0.0.1", "ada", "pw")
    assert await check.check("10.0.0.2", "ada", "pw")
    goes_on.set()
    assert await asyncio.gather(*first) == [False] * MAX_WAITING


def test_addresses_of_one_network_of_ipv6_are_one() -> None:
    assert to_network("2001:db8::1") == to_network("2001:db8::ffff:2")
    assert to_network("2001:db8::1") != to_network("2001:db8:0:1::1")
    assert to_network("10.0.0.1") == "10.0.0.1"
    assert to_network("testclient") == "testclient"


def test_folders_of_killed_programs_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(temporary.tempfile, "tempdir", str(tmp_path))
    left, own = tmp_path / "hearth-ui-999999999-abc", tmp_path / f"hearth-ui-{os.getpid()}-abc"
    for folder in (left, own):
        folder.mkdir()
    made = temporary.make_temporary_folder()
    assert not left.exists()
    assert own.exists()
    assert made.stat().st_mode & 0o777 == 0o700
    temporary.remove_temporary_folder(made)
    assert not made.exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"share": True}, "--subpath"),
        ({"subpath": "/a b"}, "--subpath"),
        ({"subpath": "../x?"}, "--subpath"),
        ({"ssl_keyfile": "k"}, "go together"),
    ],
    ids=str,
)
def test_settings_that_cannot_work(values: dict[str, Any], said: str) -> None:
    from modules.ui.service import check_settings

    with pytest.raises(ConfigError, match=said):
        check_settings(Settings(**values))
