"""The decoder of server-sent events: any cut, any line end, no memory without bound."""

from __future__ import annotations

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.errors import UpstreamMalformed
from bargein.upstream.sse import EventDecoder

STREAM = (
    "\ufeff: comment\r\n\r\n"
    "event: x\ndata: one\n\n"
    "data:two\r\ndata: more\r\n\r\n"
    "id: 7\rdata:  three\r\r"
    "data\n\ndata:\n\nretry: 5\n\n"
    "data: Grüß Gott 👋\n\n"
    "data: [DONE]"
).encode()
EVENTS = [b"one", b"two\nmore", b" three", "Grüß Gott 👋".encode(), b"[DONE]"]


def decode(chunks: list[bytes]) -> list[bytes]:
    decoder = EventDecoder(1000)
    return [data for chunk in chunks for data in decoder.feed(chunk)] + decoder.end()


def test_whole() -> None:
    assert decode([STREAM]) == EVENTS


def test_one_byte_at_a_time() -> None:
    assert decode([bytes([byte]) for byte in STREAM]) == EVENTS


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_cut(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(STREAM)]
    assert decode([STREAM[start:stop] for start, stop in itertools.pairwise(at)]) == EVENTS


@given(ends=st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=6, max_size=6), size=st.integers(1, 5))
def test_any_line_ends(ends: list[bytes], size: int) -> None:
    lines = [b"data: a", b"data: b", b"", b": no", b"data: c", b""]
    stream = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    # A lone return and a lone feed in a row are one line end, whoever meant two.
    wanted = [data.replace(b"\r", b"\n") for data in reference(stream)]
    assert decode([stream[at : at + size] for at in range(0, len(stream), size)]) == wanted


def reference(stream: bytes) -> list[bytes]:
    """The standard's algorithm, one line at a time."""
    events, data = [], list[bytes]()
    for line in [*stream.splitlines(), b""]:
        if line.startswith(b"data: "):
            data.append(line[6:])
        elif not line and data:
            events.append(b"\n".join(data))
            data = []
    return events


def test_an_event_is_handed_out_with_its_blank_line() -> None:
    decoder = EventDecoder(1000)
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [b"a"]
    assert decoder.feed(b"data: b\r") == []
    assert decoder.feed(b"\n\r") == [b"b"]
    assert decoder.feed(b"\ndata: c\n\n") == [b"c"]


@pytest.mark.parametrize("chunk", [b"x" * 101, b"data: " + b"x" * 101 + b"\n"])
def test_a_line_that_is_too_long(chunk: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match="more than 100 bytes"):
        EventDecoder(100).feed(chunk)


@pytest.mark.parametrize("part", [b"x", b"data: xxxx\n"])
def test_a_line_or_an_event_that_grows_too_long(part: bytes) -> None:
    decoder = EventDecoder(100)
    while_short = 20 if part == b"data: xxxx\n" else 100
    for _ in range(while_short):
        decoder.feed(part)
    with pytest.raises(UpstreamMalformed, match="more than 100 bytes"):
        decoder.feed(part * 5)


def test_objects_on_lines_of_their_own_are_events_of_their_own() -> None:
    """Some servers leave the blank lines out. Each event is handed out when the next one begins."""
    decoder = EventDecoder(1000)
    assert decoder.feed(b'data: {"a": 1}\n') == []
    assert decoder.feed(b'data: {"b":\ndata: 2}\ndata: {"c": 3}\n\n') == [b'{"a": 1}', b'{"b":\n2}\n{"c": 3}']
    assert decoder.feed(b'data: {"d": "}"}\r\ndata: [DONE]\r\n') == [b'{"d": "}"}']
    assert decoder.end() == [b"[DONE]"]


@pytest.mark.parametrize("odd", [rb'{"a": "\ud83d"}', b'{"a": NaN}', b'{"a": "\xf0\x9f"}'])
def test_objects_on_lines_of_their_own_that_are_json_only_nearly(odd: bytes) -> None:
    assert decode([b"data: " + odd + b'\ndata: {"b": 1}\n\n']) == [odd, b'{"b": 1}']


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            b'error: {"code":400,"message":"too long","type":"invalid_request_error"}',
            {"code": 400, "message": "too long", "type": "invalid_request_error"},
        ),
        (b'error:{"message":"too long"}', {"message": "too long"}),
        (b"error: out of memory", "out of memory"),
        (b'error: caf\xe9 "x"', 'caf\ufffd "x"'),
    ],
)
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n", b""])
def test_a_field_of_errors(line: bytes, said: object, end: bytes) -> None:
    """llama.cpp's until autumn 2025, with ``data: [DONE]`` behind it as if nothing had been."""
    told, *rest = decode([line + end + (b"data: [DONE]\n\n" if end else b"")])
    assert orjson.loads(told) == {"error": said}
    assert rest == ([b"[DONE]"] if end else [])


def test_a_field_of_errors_behind_an_event_without_a_blank_line() -> None:
    assert decode([b'data: {"a": 1}\nerror: no\n\n']) == [b'{"a": 1}', b'{"error":"no"}']


def test_an_error_without_words_is_none() -> None:
    assert decode([b"error:\n\nerror: \ndata: a\n\n"]) == [b"a"]


def test_an_object_on_several_lines_is_one_event() -> None:
    pretty = b'{\n"choices": [\n{"a": 1},\n{"b": 2}\n]\n}'
    stream = b"".join(b"data: " + line + b"\n" for line in pretty.split(b"\n")) + b"\n"
    assert decode([stream]) == [pretty]
