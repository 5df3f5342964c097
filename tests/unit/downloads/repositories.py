"""Listings for tests of what is chosen from them."""

import hashlib

from modules.downloads.remote import RemoteFile, RemoteRepository

SIZE = 1_000_000


def remote(path: str, size: int = SIZE) -> RemoteFile:
    return RemoteFile(
        path, size, "sha256", hashlib.sha256(path.encode("utf-8", "replace")).hexdigest()
    )


def small(path: str, data: bytes = b"{}") -> RemoteFile:
    digest = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return RemoteFile(path, len(data), "git-sha1", digest)


def repository(*paths: str) -> RemoteRepository:
    return RemoteRepository("org/name", "0" * 40, tuple(remote(path) for path in paths))
