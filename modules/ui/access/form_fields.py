"""Some fields of a form (multipart/form-data), read while its bytes come in: its files are only passed by."""

from collections.abc import Iterable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from modules.ui.access.json_keys import MAX_TEXT_BYTES, UnclearBody

MAX_HEADER_BYTES = 8192
FORM = "multipart/form-data"


class FormStrings:
    """The parts that are named like one of `keys`. `found`: name and value, as often as they are there.

    Reads as Gradio does: the same parser, the last header of a name. UnclearBody, at the beginning and in `feed`, for what is no form, and for
    one whose names are not in UTF-8.
    """

    def __init__(self, content_type: str, keys: Iterable[str]) -> None:
        self._keys = frozenset(key.encode() for key in keys)
        self.found: list[tuple[str, str]] = []
        self._header_name = b""
        self._header_value = b""
        self._name = b""
        self._text: bytearray | None = None
        _, options = parse_options_header(content_type)
        if options.get(b"charset", b"utf-8").lower() != b"utf-8" or b"boundary" not in options:
            raise UnclearBody("The form is not described in a way that is read here.")
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_data,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
            },
        )

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError:
            raise UnclearBody("The form cannot be read.") from None

    def _begin_part(self) -> None:
        self._name = self._header_name = self._header_value = b""
        self._text = None

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._check_header()

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header_name) + len(self._header_value) > MAX_HEADER_BYTES:
            raise UnclearBody("A header of the form is too long.")

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            self._name = options.get(b"name", b"")
        self._header_name = self._header_value = b""

    def _begin_data(self) -> None:
        self._text = bytearray() if self._name in self._keys else None

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is None:
            return
        self._text += data[start:end]
        if len(self._text) > MAX_TEXT_BYTES:
            raise UnclearBody("A field of the form is too long.")

    def _end_part(self) -> None:
        if self._text is not None:
            self.found.append((self._name.decode(), self._text.decode(errors="replace")))
        self._text = None
