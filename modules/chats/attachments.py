"""Files that people attach to a message: what the model gets to read of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from modules.chats.docx_files import read_docx
from modules.chats.pdf_files import read_pdf
from modules.chats.plain_text import read_text
from modules.chats.turns import Attachment
from modules.core.errors import RequestError, Unsupported
from modules.pictures.decoding import Decoder, media_type_of

MAX_BYTES = 100 * 2**20
MAX_CHARS = 400_000
"""Of the text of one file: more than the context of most models."""
MAX_PIXELS = 100_000_000

_PDF = "application/pdf"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_AUDIO_ENDINGS = frozenset(
    [".wav", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac", ".webm", ".weba"]
)
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class FileText:
    """What a file says. `notice`: what was cut or is missing, as part of a sentence; empty when nothing is."""

    text: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """`data` and the attachment's `media_type` are for the store, which gives the name for `Attachment.file`; empty where only the
    text counts."""

    attachment: Attachment
    data: bytes = b""


def is_audio(name: str) -> bool:
    """Files that are transcribed, which is not done here: see `transcribed`."""
    return PurePath(name).suffix.lower() in _AUDIO_ENDINGS


def transcribed(name: str, transcript: str) -> Attachment:
    """Of speech."""
    cut = bounded(transcript.strip())
    return Attachment(shown_name(name), "audio", cut.text, notice=cut.notice)


def read_attachment(name: str, data: bytes, *, max_pixels: int = MAX_PIXELS) -> ReadFile:
    """By what is in the file; its name is for people. RequestError with a sentence for what cannot be read. Blocking.

    Pictures are decoded once, to see that they can be.
    """
    shown = shown_name(name)
    if not data:
        raise RequestError(f"{shown} is empty.", param="file")
    if len(data) > MAX_BYTES:
        raise RequestError(f"{shown} is larger than {MAX_BYTES // 2**20} MiB.", param="file")
    picture = media_type_of(data)
    if picture is not None:
        return _read_picture(shown, data, picture, max_pixels)
    media_type = _media_type(data)
    try:
        found = _READERS[media_type](data)
    except RequestError as error:
        raise type(error)(f"{shown}: {error.message}", param="file", code=error.code) from None
    cut = bounded(found.text)
    if not cut.text.strip():
        raise RequestError(f"{shown} has no text in it{_why_empty(media_type)}.", param="file")
    notice = "; ".join(part for part in (found.notice, cut.notice) if part)
    return ReadFile(Attachment(shown, "text", cut.text, media_type=media_type, notice=notice))


def bounded(text: str) -> FileText:
    if len(text) <= MAX_CHARS:
        return FileText(text)
    return FileText(text[:MAX_CHARS], f"cut after {MAX_CHARS:,} of {len(text):,} characters")


def shown_name(name: str) -> str:
    """The last part of a path, in one line."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in last if c.isprintable()).strip()
    return plain[-150:] or "file"


def _read_picture(name: str, data: bytes, media_type: str, max_pixels: int) -> ReadFile:
    try:
        Decoder(max_pixels).decode(data)
    except RequestError as error:
        raise RequestError(f"{name}: {error.message}", param="file", code=error.code) from None
    return ReadFile(Attachment(name, "image", media_type=media_type), data)


def _media_type(data: bytes) -> str:
    if b"%PDF-" in data[:1024]:
        return _PDF
    return _DOCX if data.startswith(_ZIP) else "text/plain"


def _read_pdf(data: bytes) -> FileText:
    return FileText(*read_pdf(data, max_chars=MAX_CHARS))


def _read_docx(data: bytes) -> FileText:
    text = read_docx(data)
    if text is None:
        raise Unsupported("Only Word documents (.docx) can be read of the files that are archives.")
    return FileText(text)


def _read_text(data: bytes) -> FileText:
    text = read_text(data)
    if text is None:
        raise Unsupported("It is not text, and no kind of file that can be read here.")
    return FileText(text)


def _why_empty(media_type: str) -> str:
    return "; it may be a scan, and its pages are pictures" if media_type == _PDF else ""


_READERS: Mapping[str, Callable[[bytes], FileText]] = {
    _PDF: _read_pdf,
    _DOCX: _read_docx,
    "text/plain": _read_text,
}
