"""Bytes between a writer's and a reader's thread."""

import random
import threading

from modules.sound.tape import IN_MEMORY_BYTES, PIECE_BYTES, Tape


def test_what_is_written_is_read_in_its_order_by_another_thread() -> None:
    tape, rng = Tape(), random.Random(1)
    data = rng.randbytes(3 * IN_MEMORY_BYTES)

    def write() -> None:
        start = 0
        while start < len(data):
            size = rng.randint(1, 50_000)
            tape.write(data[start : start + size])
            start += size

    writer = threading.Thread(target=write)
    writer.start()
    found = bytearray()
    while len(found) < len(data):
        piece = tape.read()
        assert len(piece) <= PIECE_BYTES
        found += piece
    writer.join()
    assert found == data
    assert tape.written == len(data)
    assert tape.read() == b""
    tape.close()


def test_a_reader_that_keeps_up_needs_no_room() -> None:
    tape = Tape()
    for _ in range(100):
        tape.write(b"x" * 60_000)
        assert tape.read() == b"x" * 60_000
    assert tape.written == 6_000_000
    assert not tape._file._rolled
    tape.close()
