"""Conversations and files to test with."""

import zipfile
from io import BytesIO
from xml.sax.saxutils import escape

from PIL import Image as Pillow

from modules.chats.conversation import Conversation
from modules.chats.turns import Attachment, Step, Tally, ToolUse, Version

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def reply(text: str, **fields: object) -> Version:
    return Version((Step(text),), model="tiny", finish_reason="stop", **fields)  # type: ignore[arg-type]


def chat(*texts: str, **fields: object) -> Conversation:
    """The user and the model speak in turns."""
    conversation = Conversation(**fields)  # type: ignore[arg-type]
    for i, text in enumerate(texts):
        role = "assistant" if i % 2 else "user"
        conversation = conversation.appended(role, reply(text) if i % 2 else Version.of(text))
    return conversation


def rich_chat(picture: str = "") -> Conversation:
    """With everything that there is in it."""
    attachments = (
        Attachment("notes.txt", "text", "remember\n```\nthis\n```", media_type="text/plain"),
        Attachment("cat.png", "image", file=picture, media_type="image/png"),
        Attachment("voice.wav", "audio", "hello there", notice="cut"),
    )
    call = ToolUse("call_1", "add", '{"a": 1}', "2")
    tally = Tally(10, 20, 4.0, 25)
    steps = (Step("Let me see.", "hm", (call,)), Step("It is 2.", "so"))
    first = Conversation(character="Ada", mode="chat", settings={"sampling": {"top_k": 3}})
    asked = first.appended("system", Version.of("Be brief.")).appended(
        "user", Version.of("What is 1 + 1?", attachments=attachments)
    )
    answered = asked.appended("assistant", Version(steps, tally=tally, model="tiny", shown="2!"))
    return answered.with_reply(reply("Two."))


def png(color: str = "red", size: tuple[int, int] = (4, 2)) -> bytes:
    file = BytesIO()
    Pillow.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def docx(*paragraphs: str, body: str = "", head: str = "") -> bytes:
    text = "".join(f"<w:p><w:r><w:t>{escape(each)}</w:t></w:r></w:p>" for each in paragraphs)
    xml = f'<?xml version="1.0"?>{head}<w:document xmlns:w="{W}"><w:body>{text}{body}</w:body></w:document>'
    return archive({"word/document.xml": xml.encode()})


def archive(files: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(name, data)
    return file.getvalue()


def pdf(*pages: str, password: str = "") -> bytes:
    """A PDF whose pages have a line of text each."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(200, 200)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    if password:
        writer.encrypt(password)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()
