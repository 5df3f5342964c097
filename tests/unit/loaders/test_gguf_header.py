"""GGUF headers: what is right is read, and nothing that is wrong raises anything but LoadError."""

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from modules.core.errors import LoadError
from modules.loaders.gguf_header import SkippedArray, read_gguf_header

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, *items: bytes) -> bytes:
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def gguf(*pairs: bytes, version: int = 3, count: int | None = None) -> bytes:
    total = len(pairs) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", version, 0, total) + b"".join(pairs)


PAIRS = (
    pair("general.architecture", STRING, text("qwen3")),
    pair("tokens", ARRAY, array(STRING, text("a"), text("bc"), text(""))),
    pair("u8", U8, b"\xff"),
    pair("i8", I8, b"\xff"),
    pair("u16", U16, struct.pack("<H", 65535)),
    pair("i16", I16, struct.pack("<h", -2)),
    pair("nested", ARRAY, array(ARRAY, array(U8, b"\x01"), array(STRING, text("x")))),
    pair("u32", U32, struct.pack("<I", 2**32 - 1)),
    pair("i32", I32, struct.pack("<i", -3)),
    pair("f32", F32, struct.pack("<f", 0.5)),
    pair("yes", BOOL, b"\x01"),
    pair("u64", U64, struct.pack("<Q", 2**64 - 1)),
    pair("i64", I64, struct.pack("<q", -4)),
    pair("f64", F64, struct.pack("<d", 1e-6)),
    pair("naïve", STRING, text("größer")),
    pair("numbers", ARRAY, array(F64, struct.pack("<d", 1.0), struct.pack("<d", 2.0))),
)


@pytest.fixture
def write(tmp_path: Path):
    path = tmp_path / "model.gguf"

    def write(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("version", [2, 3])
def test_scalars_and_strings_are_read_and_arrays_are_left_out(write, version: int) -> None:
    assert read_gguf_header(write(gguf(*PAIRS, version=version))) == {
        "general.architecture": "qwen3",
        "u8": 255,
        "i8": -1,
        "u16": 65535,
        "i16": -2,
        "u32": 2**32 - 1,
        "i32": -3,
        "f32": 0.5,
        "yes": True,
        "u64": 2**64 - 1,
        "i64": -4,
        "f64": 1e-6,
        "naïve": "größer",
    }


def test_what_follows_the_header_is_not_looked_at(write) -> None:
    assert read_gguf_header(write(gguf(PAIRS[0]) + b"\xff" * 100)) == {
        "general.architecture": "qwen3"
    }


def test_a_file_that_is_cut_anywhere_is_refused(write) -> None:
    data = gguf(*PAIRS)
    for length in range(len(data)):
        with pytest.raises(LoadError, match=r"model\.gguf"):
            read_gguf_header(write(data[:length]))


HUGE = 2**64 - 1
BAD_HEADERS = {
    "wrong magic": b"GGML" + gguf(*PAIRS)[4:],
    "a text file": b"hello, this is no model at all",
    "version 1": gguf(version=1),
    "version 4": gguf(version=4),
    "more pairs than anything has": gguf(count=HUGE),
    "more pairs than there are": gguf(*PAIRS, count=len(PAIRS) + 1),
    "a huge key": gguf(struct.pack("<Q", HUGE) + b"x"),
    "a huge string": gguf(text("k") + struct.pack("<IQ", STRING, 2**62) + b"x"),
    "a huge array": gguf(pair("k", ARRAY, struct.pack("<IQ", U8, HUGE))),
    "an array longer than the file": gguf(pair("k", ARRAY, struct.pack("<IQ", U8, 2**30))),
    "a huge string in an array": gguf(
        pair("k", ARRAY, struct.pack("<IQ", STRING, 1) + struct.pack("<Q", HUGE))
    ),
    "a string in an array longer than the file": gguf(
        pair("k", ARRAY, struct.pack("<IQ", STRING, 1) + struct.pack("<Q", 2**40))
    ),
    "a signed string in an array": gguf(
        pair("k", ARRAY, struct.pack("<IQ", STRING, 1) + struct.pack("<Q", 2**63))
    ),
    "an unknown kind": gguf(pair("k", 13, b"\x00" * 8)),
    "an unknown kind in an array": gguf(pair("k", ARRAY, struct.pack("<IQ", 99, 1) + b"\x00" * 8)),
    "arrays in arrays without end": gguf(
        pair("k", ARRAY, struct.pack("<IQ", ARRAY, 1) * 3000 + struct.pack("<IQ", U8, 0))
    ),
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_damaged_header_is_a_load_error(write, name: str) -> None:
    with pytest.raises(LoadError, match=r"model\.gguf"):
        read_gguf_header(write(BAD_HEADERS[name]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(gguf(*PAIRS)) - 1), st.binary(min_size=1, max_size=8))
def test_overwritten_bytes_give_a_header_or_a_load_error(write, at: int, junk: bytes) -> None:
    data = bytearray(gguf(*PAIRS))
    data[at : at + len(junk)] = junk
    path = write(bytes(data))
    with contextlib.suppress(LoadError):
        assert all(isinstance(key, str) for key in read_gguf_header(path))


def test_what_cannot_be_opened_is_a_load_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="none"):
        read_gguf_header(tmp_path / "none.gguf")
    with pytest.raises(LoadError, match="cannot be read"):
        read_gguf_header(tmp_path)


def test_short_arrays_of_numbers_are_read_where_they_are_asked_for(write) -> None:
    long = pair("long", ARRAY, array(U8, *[b"\x01"] * 2000))
    flags = pair("flags", ARRAY, array(BOOL, b"\x01", b"\x00"))
    header = read_gguf_header(write(gguf(*PAIRS, long, flags)), with_arrays=True)
    assert header["numbers"] == (1.0, 2.0)
    assert header["flags"] == (True, False)
    assert header["tokens"] == SkippedArray(3)
    assert header["nested"] == SkippedArray(2)
    assert header["long"] == SkippedArray(2000)
    assert header["u32"] == 2**32 - 1
