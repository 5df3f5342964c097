"""The load generator's parts, and one run of it against a scripted server. No timing is asserted."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import combinations

import pytest

from benchmarks.cells import shared_prefix_case, streams_case, to_values
from benchmarks.figures import Ratio, quantiles_ms, render_table
from benchmarks.load import LoadReport, parse_workload, run_load
from benchmarks.peers import PEERS, PeerOptions
from benchmarks.replies import (
    Arrival,
    ReplyError,
    decode_http,
    decode_reply,
    split_chunks,
    split_events,
)
from benchmarks.results import LOAD_COLUMNS, Pair, Sample, render_line, render_markdown, summarize
from benchmarks.workload import Workload, make_body, make_request

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def chat_event(text: str | None = None, **more: object) -> str:
    delta = {"role": "assistant"} if text is None else {"content": text}
    return json.dumps({"choices": [{"index": 0, "delta": delta}], **more})


EVENTS = (
    chat_event(),
    chat_event("Grüß"),
    chat_event(" dich"),
    chat_event(""),
    json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}),
    "[DONE]",
)


def sse(events: Sequence[str], line_end: str = "\n") -> bytes:
    return "".join(f"data: {event}{line_end}{line_end}" for event in events).encode()


def chunked(parts: Sequence[bytes]) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks


def plain(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def cut(raw: bytes, *places: int) -> list[Arrival]:
    """The pieces of a reply; piece n arrives after n seconds."""
    ends = [0, *places, len(raw)]
    return [(float(n), raw[ends[n] : ends[n + 1]]) for n in range(len(ends) - 1)]


def every_split(raw: bytes) -> list[list[Arrival]]:
    """In two pieces at each place, and byte by byte."""
    return [*(cut(raw, place) for place in range(len(raw) + 1)), cut(raw, *range(1, len(raw)))]


def joined(arrivals: Sequence[Arrival]) -> bytes:
    return b"".join(data for _, data in arrivals)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 10_000])
def test_streamed_reply_is_the_same_at_every_split(line_end: str, chunk_bytes: int):
    body = sse(EVENTS, line_end)
    raw = chunked([body[i : i + chunk_bytes] for i in range(0, len(body), chunk_bytes)])
    for arrivals in every_split(raw):
        reply = decode_reply(arrivals, is_stream=True)
        assert (reply.completion_tokens, reply.prompt_tokens) == (2, 9)
        assert len(reply.text_at_s) == 2
        assert reply.latency_s == arrivals[-1][0]


def test_stream_without_chunked_coding_is_the_same_at_every_split():
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + sse(EVENTS)
    for arrivals in every_split(raw):
        assert len(decode_reply(arrivals, is_stream=True).text_at_s) == 2


def test_chunks_are_the_same_at_every_two_splits():
    raw = chunked([b"one\r\n", b"0\r\n\r\n", b"three"])
    for first, second in combinations(range(len(raw)), 2):
        status, body = decode_http(cut(raw, first, second))
        assert (status, joined(body)) == (200, b"one\r\n0\r\n\r\nthree")


def test_incomplete_chunk_is_kept_for_later():
    assert split_chunks(b"3\r\nabc\r\n4;name=value\r\nde") == ([b"abc"], b"4;name=value\r\nde")


def test_event_counts_when_its_last_byte_arrived():
    raw = sse(["one", "two"])
    arrivals = [(1.0, raw[:5]), (2.0, raw[5:12]), (3.0, raw[12:])]
    assert list(split_events(arrivals)) == [(2.0, b"one"), (3.0, b"two")]


def test_comment_lines_and_other_fields_are_no_events():
    raw = b": ping\n\nevent: x\nid: 3\ndata:one\n\ndata: unfinished"
    assert list(split_events([(0.0, raw)])) == [(0.0, b"one")]


@pytest.mark.parametrize(
    ("event", "count"),
    [
        ({"choices": [{"text": "a"}]}, 1),
        ({"choices": [{"text": ""}]}, 0),
        ({"choices": [{"delta": {"reasoning_content": "a"}}]}, 1),
        ({"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}, 1),
        ({"choices": [{"delta": {"content": None}}]}, 0),
    ],
)
def test_events_with_text_are_counted_where_no_usage_is_sent(event: dict, count: int):
    raw = chunked([sse([json.dumps(event), "[DONE]"])])
    reply = decode_reply([(0.0, raw)], is_stream=True)
    assert reply.completion_tokens == len(reply.text_at_s) == count


def test_whole_reply_is_the_same_at_every_split():
    body = json.dumps({"usage": {"prompt_tokens": 5, "completion_tokens": 7}}).encode()
    for raw in (plain(body), chunked([body[:9], body[9:]])):
        for arrivals in every_split(raw):
            reply = decode_reply(arrivals, is_stream=False)
            assert (reply.completion_tokens, reply.prompt_tokens, reply.text_at_s) == (7, 5, ())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no reply"),
        (b"HTTP/1.1 200 OK\r\nContent-", "no reply"),
        (plain(b'{"error": "busy"}', "429 Too Many Requests"), 'HTTP 429: {"error": "busy"}'),
        (chunked([sse(EVENTS[:-1])]), r"without \[DONE\]"),
        (chunked([sse([EVENTS[1], '{"error": {"message": "lost"}}'])]), "error event: .*lost"),
    ],
)
def test_broken_replies_are_errors(raw: bytes, message: str):
    with pytest.raises(ReplyError, match=message):
        decode_reply([(0.0, raw)], is_stream=True)


def test_quantiles_are_taken_from_what_was_measured():
    assert quantiles_ms([]) is None
    assert quantiles_ms([0.5]) == {"p50": 500, "p95": 500, "max": 500}
    assert quantiles_ms(n / 1000 for n in range(100, 0, -1)) == {"p50": 51, "p95": 96, "max": 100}


def test_ratio_is_the_median_of_the_pairs_with_its_range():
    ratio = Ratio.of_pairs([(1, 2), (3, 2), (2, 2), (None, 2), (2, None), (2, 0)])
    assert ratio == Ratio(median=1, low=0.5, high=1.5, pairs=3)
    assert str(ratio) == "1.00 (0.50–1.50)"
    assert str(Ratio.of_pairs([(1, 3)])) == "0.33"
    assert Ratio.of_pairs([(None, 1), (1, 0)]) is None


def test_table_escapes_bars():
    assert render_table(["a", "b"], [["1", "x|y"]]) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |"


PAIR = Pair("nano", "hearth", "llama-server")


def speed_samples(*pairs: tuple[float, float], case: str = "8 streams") -> list[Sample]:
    return [
        Sample(PAIR, case, rep, side, {"output_tok_per_s": value, "ttft_p50_ms": 123456.0})
        for rep, pair in enumerate(pairs)
        for side, value in zip("AB", pair, strict=True)
    ]


def test_samples_are_paired_by_repetition_whatever_their_order():
    (summary,) = summarize(reversed(speed_samples((10, 20), (30, 20), (20, 20))))
    assert summary.ratio("output_tok_per_s") == Ratio(1, 0.5, 1.5, 3)
    assert summary.ratio("itl_p95_ms") is None


def test_repetition_that_failed_on_one_side_is_left_out():
    samples = speed_samples((10, 20), (30, 20))
    samples[0] = Sample(PAIR, "8 streams", 0, "A", {})
    assert summarize(samples)[0].paired("output_tok_per_s") == [(30, 20)]


def test_markdown_has_ratios_and_no_measured_values():
    samples = speed_samples((10, 20), (15, 20)) + speed_samples((7, 7), case="1 stream")
    samples.append(Sample(PAIR, "nothing came", 0, "A", {}))
    text = render_markdown(summarize(samples), LOAD_COLUMNS)
    _, _, *rows = text.splitlines()
    assert rows[0].startswith("| nano | 8 streams | hearth / llama-server | 0.62 (0.50–0.75) | – |")
    assert rows[1].startswith("| nano | 1 stream | hearth / llama-server | 1.00 | – | 1.00 |")
    assert len(rows) == 2
    assert "123456" not in text


def test_line_for_people_names_the_first_error():
    report = LoadReport(**{**vars_of_report(), "errors": 2, "error_samples": ["TimeoutError: x"]})
    (summary,) = summarize([Sample(PAIR, "1 stream", 0, "A", to_values(report), report)])
    assert render_line(summary, LOAD_COLUMNS).endswith("ERRORS 2: TimeoutError: x")


def vars_of_report() -> dict:
    names = LoadReport.__dataclass_fields__
    return {**dict.fromkeys(names, 0), "ttft_ms": None, "itl_ms": None, "error_samples": []}


def test_prompts_differ_by_number_and_seed_and_share_only_the_prefix():
    workload = Workload(seed=3, shared_prefix_tokens=50, prompt_tokens=8)
    first, second = make_body(workload, 0)["messages"], make_body(workload, 1)["messages"]
    assert first[0] == second[0]
    assert len(first[0]["content"].split()) == 50
    assert len(first[1]["content"].split()) == 8
    assert first[1] != second[1]
    assert make_body(workload, 0)["messages"] == first
    other = make_body(Workload(seed=4, shared_prefix_tokens=50, prompt_tokens=8), 0)["messages"]
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_completions_begin_with_the_shared_prefix():
    workload = Workload(endpoint="completions", shared_prefix_tokens=5, prompt_tokens=3)
    prompts = [make_body(workload, number)["prompt"].split() for number in (0, 1)]
    assert prompts[0][:5] == prompts[1][:5]
    assert [len(prompt) for prompt in prompts] == [8, 8]


def test_request_is_whole_and_carries_the_extra_fields():
    argv = ["--base-url", "http://127.0.0.1:81/v1/", "--api-key", "k", "--no-stream"]
    workload = parse_workload([*argv, "--extra", '{"top_k": 40}', "--endpoint", "completions"])
    head, body = make_request(workload, 0).split(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:81\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Authorization: Bearer k" in head
    assert json.loads(body)["top_k"] == 40
    assert "stream_options" not in json.loads(body)


def test_cases_of_the_suite():
    assert [streams_case(n).requests for n in (1, 4, 16)] == [6, 12, 48]
    case = shared_prefix_case()
    assert (case.concurrency, case.requests, case.shared_prefix_tokens) == (4, 4, 2000)


@pytest.mark.parametrize("name", PEERS)
def test_peers_get_the_same_settings(name, tmp_path):
    options = PeerOptions(tmp_path / "m.gguf", port=4711, lab=tmp_path, threads=3)
    argv = PEERS[name](options)
    assert str(options.model) in argv
    assert "4711" in argv
    assert "3" in argv
    assert {"4096", str(16 * 4096)} & set(argv)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The base URL of a scripted server."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await server.wait_closed()


def answer_in_turn(replies: Sequence[Sequence[bytes]]) -> Handler:
    """Connection n gets reply n, in the given pieces."""
    remaining = iter(replies)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        json.loads(await reader.readexactly(length))
        for piece in next(remaining):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()

    return handle


def load(workload_of: Callable[[str], Workload], handler: Handler) -> LoadReport:
    async def run() -> LoadReport:
        async with serving(handler) as base_url:
            return await run_load(workload_of(base_url))

    return asyncio.run(run())


def test_run_counts_tokens_and_events_over_all_requests():
    raw = chunked([sse(EVENTS[:2]), sse(EVENTS[2:])])
    pieces = [raw[i : i + 50] for i in range(0, len(raw), 50)]
    report = load(
        lambda url: Workload(base_url=url, concurrency=3, requests=7, timeout_s=20),
        answer_in_turn([pieces] * 7),
    )
    assert (report.ok, report.errors, report.error_samples) == (7, 0, [])
    assert (report.output_tokens, report.prompt_tokens, report.tokens_per_event) == (14, 63, 1)
    assert report.ttft_ms is not None
    assert report.itl_ms is not None
    assert set(to_values(report)) >= {"output_tok_per_s", "ttft_p95_ms", "itl_p95_ms"}


def test_run_ends_a_reply_at_its_last_chunk_while_the_server_keeps_the_connection():
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        raw = chunked([sse(EVENTS)])
        writer.write(raw[:-3])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(raw[-3:])
        await reader.read()  # until the client closes
        writer.close()

    report = load(lambda url: Workload(base_url=url, requests=1, timeout_s=20), handle)
    assert (report.ok, report.errors) == (1, 0)


def test_failed_requests_are_counted_and_stop_nothing():
    replies = [[plain(b"no", "503 Busy")], [], [chunked([sse(EVENTS)])], [b"HTTP/1.1 two\r\n\r\n"]]
    report = load(
        lambda url: Workload(base_url=url, requests=4, timeout_s=20), answer_in_turn(replies)
    )
    assert (report.ok, report.errors) == (1, 3)
    assert report.error_samples[0] == "ReplyError: HTTP 503: no"


def test_request_without_an_answer_times_out():
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    report = load(lambda url: Workload(base_url=url, requests=1, timeout_s=0.05), handle)
    assert (report.ok, report.errors) == (0, 1)
    assert report.error_samples[0].startswith("TimeoutError")
    assert to_values(report) == {}
