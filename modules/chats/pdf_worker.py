"""The program of the process that reads one PDF; `pdf_files.py` starts it.

The file comes on the standard input, the limits of pages and characters as arguments; the answer is one line of JSON: `text`, the number of
`pages`, and how many were `read`; or a `fault`.
"""

import importlib
import io
import json
import sys
import warnings
from typing import Any

from modules.core.process_limits import limit_process

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 50


def main() -> None:
    limit_process(memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
    warnings.simplefilter("ignore")
    max_pages, max_chars = int(sys.argv[1]), int(sys.argv[2])
    data = sys.stdin.buffer.read()
    try:
        pypdf: Any = importlib.import_module("pypdf")
    except ImportError:
        _answer({"fault": "not installed"})
        return
    try:
        _answer(_read(pypdf, data, max_pages, max_chars))
    except MemoryError:
        sys.exit(1)
    except Exception:  # noqa: BLE001 - a broken file makes whatever happen
        _answer({"fault": "broken"})


def _read(pypdf: Any, data: bytes, max_pages: int, max_chars: int) -> dict[str, Any]:
    """Up to the limits; the page in which the limit of characters lies is read whole."""
    reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        return {"fault": "encrypted"}
    count = len(reader.pages)
    texts: list[str] = []
    length = 0
    for page in range(min(count, max_pages)):
        texts.append(_page_text(reader, page))
        length += len(texts[-1])
        if length > max_chars:
            break
    return {"text": "\n\n".join(texts), "pages": count, "read": len(texts)}


def _page_text(reader: Any, page: int) -> str:
    """A damaged page has no text; the others still count."""
    try:
        text: str = reader.pages[page].extract_text()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001
        return ""
    return text.encode("utf-8", "replace").decode().strip()


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
