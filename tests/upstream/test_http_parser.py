"""Answers from bytes, cut anywhere, without a socket."""

from __future__ import annotations

import gzip
import itertools
import zlib

import pytest
from bargein.upstream.http.head import request_head
from bargein.upstream.http.parser import HEAD_LIMIT_BYTES, ResponseParser
from hypothesis import given
from hypothesis import strategies as st

from bargein.upstream.http.decoding import STEP_BYTES, Inflater
from bargein.upstream.http.errors import ConnectionCut, InvalidHttp

BODY = b"data: {}\n\n"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 10\r\nX-A: 1\r\nx-a: 2\r\n\r\n" + BODY
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n4;a=b\r\ndata\r\n6\r\n: {}\n\n\r\n0\r\nX-Trailer: 1\r\n\r\n"
UNTIL_CLOSE = OK + b"Content-Type: text/event-stream\r\n\r\n" + BODY
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
CLOSE = OK + b"Connection: close\r\nContent-Length: 10\r\n\r\n" + BODY
HTTP_1_0 = b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n" + BODY


def read(parser: ResponseParser, *pieces: bytes) -> bytes:
    body = b""
    for piece in pieces:
        parser.feed(piece)
        body += parser.take()
    return body


@given(
    st.sampled_from([LENGTH, CHUNKED, UNTIL_CLOSE, INTERIM + LENGTH, INTERIM + CHUNKED, CLOSE, HTTP_1_0]),
    st.lists(st.integers(0, 200)),
)
def test_cut_anywhere(answer: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    parser = ResponseParser()
    pieces = [answer[start:end] for start, end in itertools.pairwise(places)]
    assert read(parser, *pieces) == BODY
    assert parser.status_code == 200
    assert parser.complete != answer.startswith(UNTIL_CLOSE)
    assert parser.reusable == (parser.complete and answer not in {CLOSE, HTTP_1_0})
    parser.feed_end()
    assert parser.complete
    assert not parser.reusable


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, INTERIM + LENGTH, UNTIL_CLOSE])
def test_byte_by_byte_and_cut_short(answer: bytes) -> None:
    for length in range(len(answer)):
        parser = ResponseParser()
        read(parser, *(answer[at : at + 1] for at in range(length)))
        assert parser.started == (length > 0)
        if answer is UNTIL_CLOSE and parser.has_head:
            parser.feed_end()
        else:
            with pytest.raises(ConnectionCut):
                parser.feed_end()


def test_headers() -> None:
    parser = ResponseParser()
    parser.feed(LENGTH)
    assert parser.headers["X-a"] == "1, 2"
    assert dict(parser.headers) == {"content-length": "10", "x-a": "1, 2"}
    assert parser.headers.get("link") is None


def test_an_interim_answer_s_headers_are_not_the_answer_s() -> None:
    parser = ResponseParser()
    parser.feed(INTERIM)
    assert not parser.has_head
    parser.feed(LENGTH)
    assert "link" not in parser.headers


@pytest.mark.parametrize("surplus", [b"x", LENGTH, b"HTTP/1.1 408 Timeout\r\n\r\n"])
@pytest.mark.parametrize("together", [False, True])
def test_bytes_behind_the_end(surplus: bytes, together: bool) -> None:
    parser = ResponseParser()
    body = read(parser, LENGTH + surplus) if together else read(parser, LENGTH, surplus)
    assert (body, parser.status_code, parser.complete, parser.reusable) == (BODY, 200, True, False)


@pytest.mark.parametrize("status", [204, 304])
def test_no_body(status: int) -> None:
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 %d x\r\n\r\n" % status)
    assert parser.complete
    assert parser.reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        OK + b"X: a\0b\r\n\r\n",
    ],
)
def test_what_is_not_http(answer: bytes) -> None:
    with pytest.raises(InvalidHttp):
        ResponseParser().feed(answer)


ENDLESS = {
    "one header": (OK + b"X: ", b"a"),
    "many headers": (OK, b"X: a\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n"),
    "extensions": (OK + b"Transfer-Encoding: chunked\r\n\r\n4;a=", b"b"),
}


@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("piece_bytes", [1000, 2 * HEAD_LIMIT_BYTES])
def test_everything_but_the_body_has_an_end(what: str, piece_bytes: int) -> None:
    start, more = ENDLESS[what]
    parser = ResponseParser()
    parser.feed(start)
    piece = more * (piece_bytes // len(more))
    with pytest.raises(InvalidHttp):
        read(parser, *[piece] * (2 * HEAD_LIMIT_BYTES // len(piece) + 1))


def test_a_long_body_in_small_chunks_is_no_header() -> None:
    parser = ResponseParser()
    read(parser, OK + b"Transfer-Encoding: chunked\r\n\r\n")
    assert len(read(parser, *[b"1\r\na\r\n"] * 50_000)) == 50_000


def test_the_answer_to_a_connect_has_no_body() -> None:
    parser = ResponseParser(bodiless=True)
    parser.feed(OK + b"Content-Length: 10\r\n\r\n")
    assert parser.complete
    assert parser.reusable


def inflated(inflater: Inflater, data: bytes, piece_bytes: int) -> bytes:
    out = b""
    for at in range(0, len(data), piece_bytes):
        inflater.feed(data[at : at + piece_bytes])
        while step := inflater.step():
            assert len(step) <= STEP_BYTES
            out += step
    return out


def bare_deflate(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(data) + compress.flush()


@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
def test_inflating(piece_bytes: int) -> None:
    text = b"Hello, " * 1000
    gzipped = gzip.compress(text) + gzip.compress(text)
    assert inflated(Inflater(16 + zlib.MAX_WBITS), gzipped, piece_bytes) == text * 2
    assert inflated(Inflater(None), zlib.compress(text), piece_bytes) == text
    assert inflated(Inflater(None), bare_deflate(text), piece_bytes) == text


def test_a_bomb_goes_off_in_small_steps() -> None:
    inflater = Inflater(16 + zlib.MAX_WBITS)
    inflater.feed(gzip.compress(bytes(64 << 20)))
    for _ in range(3):
        assert len(inflater.step()) <= STEP_BYTES


def test_what_is_not_compressed() -> None:
    inflater = Inflater(16 + zlib.MAX_WBITS)
    inflater.feed(b"Hello")
    with pytest.raises(InvalidHttp):
        inflater.step()


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\rb", "a\0b", "Grüße\u2028", " a", "a "])
def test_a_header_stays_on_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="the header authorization holds"):
        request_head("POST", "/", {"authorization": value})


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä"])
def test_a_header_has_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="name of a header"):
        request_head("POST", "/", {name: "x"})


def test_a_request_s_head() -> None:
    assert request_head("POST", "/v1", {"a": "b c", "d": ""}) == b"POST /v1 HTTP/1.1\r\na: b c\r\nd: \r\n\r\n"
