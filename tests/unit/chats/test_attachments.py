"""What is read of files, whatever they are."""

import json
import random
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings as limits, strategies as st

from modules.chats import attachments, pdf_files
from modules.chats.attachments import MAX_CHARS, is_audio, read_attachment, shown_name, transcribed
from modules.core.errors import RequestError
from tests.unit.chats.makers import W, archive, docx, pdf, png


def refusal(name: str, data: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        read_attachment(name, data)
    return caught.value.message


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"]
)
def test_texts_in_their_encodings(encoding: str) -> None:
    found = read_attachment("notes.txt", "Müller\r\nsüß".encode(encoding))
    assert found.attachment.text == "Müller\nsüß"
    assert (found.attachment.name, found.attachment.kind) == ("notes.txt", "text")
    assert found.data == b""


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.py", "print(1)"), ("a.json", '{"a": 1}'), ("BM.txt", "BMW builds cars"), ("x.svg", "<svg/>")],
)  # fmt: skip
def test_any_text_counts_whatever_its_name(name: str, text: str) -> None:
    assert read_attachment(name, text.encode()).attachment.text == text


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\0\0", b"MZ\x90\0\x03", bytes(range(256)), b"a\0b"]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    assert refusal("program.exe", data) == (
        "program.exe: It is not text, and no kind of file that can be read here."
    )


def test_empty_files() -> None:
    assert refusal("a.txt", b"") == "a.txt is empty."
    assert refusal("a.txt", b"  \n") == "a.txt has no text in it."


def test_a_long_text_is_cut_and_that_is_said() -> None:
    found = read_attachment("a.txt", b"x" * (MAX_CHARS + 5)).attachment
    assert len(found.text) == MAX_CHARS
    assert found.notice == "cut after 400,000 of 400,005 characters"


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_BYTES", 2**20)
    assert refusal("a.txt", b"x" * (2**20 + 1)) == "a.txt is larger than 1 MiB."


def test_pictures_stay_as_they_are() -> None:
    found = read_attachment("cat.png", png())
    assert found.data == png()
    assert found.attachment.kind == "image"
    assert found.attachment.media_type == "image/png"


def test_pictures_that_cannot_be_used() -> None:
    assert "damaged or cut off" in refusal("cat.png", png()[:40])
    with pytest.raises(RequestError, match="million pixels"):
        read_attachment("cat.png", png(), max_pixels=7)


def test_the_pages_of_a_pdf() -> None:
    found = read_attachment("report.pdf", pdf("First page", "Second page")).attachment
    assert found.text == "First page\n\nSecond page"
    assert (found.kind, found.media_type, found.notice) == ("text", "application/pdf", "")


def test_a_pdf_without_text() -> None:
    assert refusal("scan.pdf", pdf("")) == (
        "scan.pdf has no text in it; it may be a scan, and its pages are pictures."
    )


def test_a_pdf_with_a_password() -> None:
    message = refusal("secret.pdf", pdf("hidden", password="x"))
    assert message == "secret.pdf: It cannot be read: it is protected by a password."


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\n" + random.Random(1).randbytes(3000)])
def test_a_broken_pdf(data: bytes) -> None:
    assert "broken.pdf: It cannot be read: it is damaged" in refusal("broken.pdf", data)


def test_only_the_first_pages_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_files, "MAX_PAGES", 2)
    found = read_attachment("long.pdf", pdf("one", "two", "three")).attachment
    assert found.text == "one\n\ntwo"
    assert found.notice == "the first 2 of 3 pages"


def test_a_pdf_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_files, "SECONDS", 0.001)
    assert "that takes too long" in refusal("slow.pdf", pdf("x"))


def test_a_word_document() -> None:
    table = (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        '<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr>'
        "<w:r><w:t>c</w:t><w:tab/><w:t>d</w:t><w:br/><w:t>e</w:t></w:r></w:p>"
    )
    found = read_attachment("letter.docx", docx("Dear Sir & Madam,", "", "hello", body=table))
    assert found.attachment.text == "Dear Sir & Madam,\n\nhello\na | b\nc\td\ne"


def test_archives_that_are_no_documents() -> None:
    assert "Only Word documents" in refusal("a.zip", archive({"a.txt": b"x"}))
    assert "the archive is damaged" in refusal("a.docx", docx("x")[:60])
    assert "its XML is damaged" in refusal("a.docx", archive({"word/document.xml": b"<w:p"}))


def test_entities_are_not_expanded() -> None:
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 20))
    data = docx(body="<w:p><w:r><w:t>&a19;</w:t></w:r></w:p>", head=f"<!DOCTYPE w [{entities}]>")
    assert "its XML is not that of a Word document" in refusal("bomb.docx", data)


def test_a_document_that_unpacks_to_too_much() -> None:
    xml = f'<w:document xmlns:w="{W}">'.encode() + b" " * (50 * 2**20) + b"</w:document>"
    data = archive({"word/document.xml": xml})
    assert len(data) < 200_000
    assert "larger than 50 MiB" in refusal("bomb.docx", data)


@limits(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_documents_are_refused_or_read(data: st.DataObject) -> None:
    whole = bytearray(docx("one", "two"))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RequestError):
        read_attachment("a.docx", bytes(whole))


def test_an_encrypted_archive() -> None:
    data = bytearray(docx("x"))
    for mark in (zipfile.stringFileHeader, zipfile.stringCentralDir):
        at = data.find(mark) + (6 if mark == zipfile.stringFileHeader else 8)
        data[at] |= 1
    assert "it is encrypted" in refusal("a.docx", bytes(data))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a\nb\0.txt", "ab.txt"),
        ("", "file"),
        ("x" * 300 + ".txt", "x" * 146 + ".txt"),
    ],
)
def test_names_for_people(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_speech() -> None:
    assert is_audio("Voice.MP3")
    assert not is_audio("voice.txt")
    found = transcribed("dir/voice.mp3", " Hello there. ")
    assert (found.name, found.kind, found.text) == ("voice.mp3", "audio", "Hello there.")


@limits(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    if b"%PDF-" in data:
        return
    try:
        found = read_attachment("file", data)
    except RequestError:
        return
    json.dumps(found.attachment.text).encode()
    found.attachment.text.encode()
