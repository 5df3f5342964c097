"""The text of a Word document: a ZIP archive whose `word/document.xml` has paragraphs (ECMA-376, part 1, chapter 17)."""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from xml.parsers import expat

from modules.core.errors import RequestError

_PART = "word/document.xml"
_MAX_XML = 50 * 2**20
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_TEXT = f"{_W}t"
_MARKS = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}p": "\n",
    f"{_W}tc": "\x00",
    f"{_W}tr": "\x01",
}
"""What the end of an element stands for. No XML can hold the marks of cells and rows."""
_PROPERTIES = frozenset({f"{_W}pPr", f"{_W}rPr"})
"""How it looks: tab stops there are no tabs."""


def read_docx(data: bytes) -> str | None:
    """Paragraphs as lines, cells of tables with ` | ` between them. None for an archive that is something else."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if _PART not in archive.namelist():
                return None
            with archive.open(_PART) as part:
                xml = part.read(_MAX_XML + 1)
    except RuntimeError as error:  # zipfile's word for what is encrypted
        reason = (
            "it is packed in an unusual way"
            if isinstance(error, NotImplementedError)
            else "it is encrypted"
        )
        raise _broken(reason) from None
    except Exception:  # noqa: BLE001 - zipfile and the unpackers raise whatever a broken file makes happen
        raise _broken("the archive is damaged") from None
    if len(xml) > _MAX_XML:
        raise _broken(f"its text is larger than {_MAX_XML // 2**20} MiB")
    return _text(xml)


def _text(xml: bytes) -> str:
    """Read as a stream. Nothing is expanded: a document type, which could declare entities, ends it."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise _broken("its XML is damaged") from None
    return _tidied("".join(reader.pieces))


class _Reader:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._in_properties = 0
        self._in_text = False

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        if tag in _PROPERTIES:
            self._in_properties += 1
        elif tag == _TEXT:
            self._in_text = True

    def end(self, tag: str) -> None:
        if tag in _PROPERTIES:
            self._in_properties -= 1
        elif tag == _TEXT:
            self._in_text = False
        elif not self._in_properties:
            self.pieces.append(_MARKS.get(tag, ""))

    def characters(self, text: str) -> None:
        if self._in_text:
            self.pieces.append(text)

    def refuse(self, *_declared: object) -> None:
        raise _broken("its XML is not that of a Word document")


def _tidied(text: str) -> str:
    """The marks of cells and rows follow the end of a paragraph."""
    rows = text.replace("\n\x00", "\x00").replace("\x00\x01", "\n").replace("\x00", " | ")
    return rows.replace("\x01", "\n").strip("\n")


def _broken(reason: str) -> RequestError:
    return RequestError(f"It cannot be read: {reason}.", param="file")
