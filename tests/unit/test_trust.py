"""Which clients trust a certificate, and what the others must be told. curl and the official client confirm it in tests/browser/test_session_tab.py."""

import ssl
from pathlib import Path

import pytest
import trustme

from modules.web.trust import Trust, find_trust


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def written(folder: Path, issued: trustme.LeafCert) -> tuple[str, str]:
    """The certificate's file and the key's."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return str(certificate), str(key)


def test_one_of_an_authority_that_nobody_knows_is_to_be_trusted_by_its_file(
    authority: trustme.CA, tmp_path: Path
) -> None:
    certificate, key = written(tmp_path, authority.issue_cert("localhost", "127.0.0.1"))
    assert find_trust(certificate, key, ["127.0.0.1"]) == Trust("127.0.0.1", certificate)


def test_another_name_of_the_machine_is_taken_where_the_certificate_is_for_that(
    authority: trustme.CA, tmp_path: Path
) -> None:
    certificate, key = written(tmp_path, authority.issue_cert("localhost"))
    trust = find_trust(certificate, key, ["127.0.0.1", "localhost"])
    assert trust == Trust("localhost", certificate)


def test_one_that_the_system_trusts_needs_nothing(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tmp_path / "system.pem"
    authority.cert_pem.write_to_path(known)
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    certificate, key = written(tmp_path, authority.issue_cert("my.example"))
    assert find_trust(certificate, key, ["my.example"]) == Trust("my.example")


def test_one_for_other_names_cannot_be_checked(authority: trustme.CA, tmp_path: Path) -> None:
    certificate, key = written(tmp_path, authority.issue_cert("my.example"))
    trust = find_trust(certificate, key, ["127.0.0.1", "localhost"])
    assert (trust.host, trust.authority) == ("127.0.0.1", "")
    assert "mismatch" in trust.problem
    assert trust.problem.endswith("'127.0.0.1'")


def test_files_that_cannot_be_read_here_are_left_to_the_client(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    certificate = str(tmp_path / "cert.pem")
    assert find_trust(certificate, certificate, ["a"]) == Trust("a", certificate)
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=certificate)
