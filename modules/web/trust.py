"""What clients need to trust the certificate that is served: found out by a handshake in memory, as a client would do it."""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trust:
    """`host`: the name by which a client is to call. `authority`: the file that it must be told to trust, empty where it trusts the
    certificate already. `problem`: why it can only call without checking it."""

    host: str
    authority: str = ""
    problem: str = ""


def find_trust(certificate: str, key: str, hosts: Sequence[str]) -> Trust:
    """`hosts`: names of the server, the preferred one first; `certificate`: an absolute path. Blocking."""
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(
            certificate, key, password=""
        )  # which keeps OpenSSL from asking for one
        own = _client_with(certificate)
    except (OSError, ValueError):
        return Trust(hosts[0], certificate)
    for client, authority in ((ssl.create_default_context(), ""), (own, certificate)):
        for host in hosts:
            if not _refusal(server, client, host):
                return Trust(host, authority)
    return Trust(hosts[0], problem=_refusal(server, own, hosts[0]))


def _client_with(certificate: str) -> ssl.SSLContext:
    """As curl does it: the file may be the certificate itself, or that of its authority."""
    client = ssl.create_default_context(cafile=certificate)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return client


def _refusal(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str:
    """Why the client hangs up; empty where it goes on."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    calling = client.wrap_bio(to_client, to_server, server_hostname=host)
    called = server.wrap_bio(to_server, to_client, server_side=True)
    try:
        for side in (calling, called, calling):  # hello; hello and certificate; the check of it
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.rstrip(".")
    return ""
