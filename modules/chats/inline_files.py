"""Files inside JSON, as data: URLs (RFC 2397) in base64."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, cast

from modules.chats.json_fields import Fields
from modules.chats.store import MAX_FILE_BYTES, file_name
from modules.core.errors import RequestError
from modules.pictures.decoding import media_type_of

_HEAD = re.compile(r"data:([\w.+-]{1,40}/[\w.+-]{1,60})?(;[\w.+-]+=[^;,]{0,100})*;base64,")


@dataclass
class InlineFiles:
    """Collects them while a file is read. `contents`: bytes and media type, by the name that the store will give."""

    contents: dict[str, tuple[bytes, str]] = field(default_factory=dict[str, tuple[bytes, str]])

    def add_picture(self, url: str, where: str) -> str:
        """The name of its file. RequestError for what is no picture."""
        data, _ = _decoded(url, where)
        kind = media_type_of(data)
        if kind is None:
            raise RequestError(f"{where} is not a picture that can be read.", param=where)
        return self._add(data, kind)

    def take_from(self, chat: Any) -> None:
        """In a chat of ours the `data` of each attachment makes place for the `file`; a name without data means nothing here."""
        for turn in Fields(chat, "chat").objects("turns"):
            for version in turn.objects("versions"):
                for attachment in version.objects("attachments"):
                    attachment.values.pop("file", None)
                    if "data" in attachment.values:
                        attachment.values["file"] = self._take(attachment)

    def _take(self, attachment: Fields) -> str:
        url = attachment.text("data")
        del attachment.values["data"]
        if attachment.values.get("kind") == "image":
            return self.add_picture(url, f"{attachment.where}.data")
        return self._add(*_decoded(url, f"{attachment.where}.data"))

    def _add(self, data: bytes, media_type: str) -> str:
        name = file_name(data, media_type)
        self.contents[name] = data, media_type
        return name


def _decoded(url: str, where: str) -> tuple[bytes, str]:
    head = _HEAD.match(url)
    if head is None:
        raise RequestError(
            f"{where} must be inside the file, as a data: URL in base64.", param=where
        )
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(f"{where} has malformed base64.", param=where) from None
    if len(data) > MAX_FILE_BYTES:
        raise RequestError(f"{where} is larger than {MAX_FILE_BYTES // 2**20} MiB.", param=where)
    return data, cast("str | None", head[1]) or "application/octet-stream"
