"""Answers as they come, cut anywhere; and what is none."""

from __future__ import annotations

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.client.answer_parser import AnswerParser, MalformedAnswer
from reconcile.client.content_coding import decoder_for


def parsed(*pieces: bytes, ended: bool = False, bodiless: bool = False) -> tuple[AnswerParser, bytes]:
    parser = AnswerParser({}, bodiless=bodiless)
    for piece in pieces:
        parser.feed(piece)
    if ended:
        parser.end()
    return parser, parser.take()


PLAIN = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: Chunked\r\nx:  2 \r\n\r\n"
    b"5\r\nhello\r\n006;name=value\r\n world\r\n0\r\nTrailer: yes\r\n\r\n"
)
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN
UNTIL_THE_END = b"HTTP/1.1 200\r\nX: 1\r\n\r\nhello world"


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED, CONTINUED, UNTIL_THE_END])
def test_an_answer_is_the_same_wherever_it_is_cut(answer: bytes) -> None:
    whole, body = parsed(answer, ended=True)
    assert body == b"hello world" and whole.complete
    for first in range(len(answer)):
        for second in (first, first + 1, first + 7):
            cut, part = parsed(answer[:first], answer[first:second], answer[second:], ended=True)
            assert (cut.status, cut.headers, cut.keeps_alive, part) == (
                whole.status,
                whole.headers,
                whole.keeps_alive,
                body,
            )
    single, body = parsed(*[answer[at : at + 1] for at in range(len(answer))], ended=True)
    assert body == b"hello world" and single.complete


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 300), max_size=5))
def test_chunks_of_any_bytes_come_out_as_they_went_in(chunks: list[bytes], cuts: list[int]) -> None:
    body = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    edges = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    parser, got = parsed(*[answer[begin:end] for begin, end in pairwise(edges)])
    assert got == b"".join(chunks) and parser.complete and parser.keeps_alive


def test_names_are_in_lower_case_and_repeated_fields_are_joined() -> None:
    parser, _ = parsed(b'HTTP/1.1 200 OK\r\nWarning: 299 - "a"\r\nWARNING:\t299 - "\xc3\xa9"\t\r\nY:\r\n\r\n')
    assert parser.headers == {"warning": '299 - "a", 299 - "é"', "y": ""}


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, close", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", True),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5", True),
        (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked", True),
    ],
)
def test_which_connections_may_be_used_again(head: bytes, kept: bool) -> None:
    parser, body = parsed(head + b"\r\n\r\n")
    assert parser.complete and body == b"" and parser.keeps_alive is kept
    assert not parsed(head + b"\r\n\r\nHTTP/1.1 200 OK\r\n")[0].keeps_alive


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED])
def test_more_than_was_asked_for_ends_the_connection(answer: bytes) -> None:
    for pieces in ((answer + b"H",), (answer, b"H")):
        parser, body = parsed(*pieces)
        assert parser.complete and body == b"hello world" and not parser.keeps_alive


def test_no_body_follows_the_head_where_none_was_asked_for() -> None:
    parser, body = parsed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bodiless=True)
    assert parser.complete and parser.keeps_alive and body == b""


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5 5",
        b"HTTP/1.1 200 OK\r\nContent-Length:",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xd9\xa5",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 19,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded",
        b"HTTP/1.1 200 OK\r\nX : a",
        b"HTTP/1.1 200 OK\r\n: a",
        b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nX: a\0",
        b"HTTP/1.1 200 OK\r\nX\xc3\xa9: a",
        b"HTTP/1.1 200 OK\nX: a",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 200OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.1  200 OK",
        b"\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x",
        b"SSH-2.0-OpenSSH",
        b"\x15\x03\x01\x00\x02\x02\x16",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_or_none_is_refused(head: bytes) -> None:
    parser = AnswerParser({})
    with pytest.raises(MalformedAnswer):
        parser.feed(head + b"\r\n\r\nhello")
    assert parser.status == 0


def test_what_is_no_answer_is_not_waited_for() -> None:
    with pytest.raises(MalformedAnswer, match="no HTTP"):
        parsed(b"220 mail.example.com ESMTP\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"0x5\r\nhello\r\n",
        b"0X5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"g\r\nhello\r\n",
        b"\r\nhello\r\n",
        b";x\r\nhello\r\n",
        b"5;\n\r\nhello\r\n",
        b"5\r\nhello5\r\nworld\r\n",
        b"5\r\nhello\n5\r\nworld\r\n",
        b"5\r\nhello\rx",
        b"1" * 16 + b"\r\nhello\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nX: a\n\r\n\r\n",
        b"\xd9\xa5\r\nhello\r\n",
    ],
)
def test_a_chunk_in_any_other_writing_is_refused(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(MalformedAnswer):
        parsed(head + body)
    with pytest.raises(MalformedAnswer):
        parsed(head, *[body[at : at + 1] for at in range(len(body))])


def test_heads_and_lines_have_a_limit() -> None:
    for head in (b"X: " + b"a" * 70_000, b"X: 1\r\n" * 12_000):
        with pytest.raises(MalformedAnswer, match="head of more than"):
            parsed(b"HTTP/1.1 200 OK\r\n" + head)
        with pytest.raises(MalformedAnswer, match="head of more than"):
            parsed(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for line in (b"5;" + b"x" * 5_000, b"0\r\nX: " + b"x" * 5_000):
        with pytest.raises(MalformedAnswer, match="line of more than"):
            parsed(chunked + line)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: 1",
        PLAIN[:-1],
        CHUNKED[:-2],
        CHUNKED[:-30],
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_answer_that_is_cut_off_is_none(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parsed(answer, ended=True)


def test_names_that_a_server_invents_are_not_remembered_for_ever() -> None:
    names: dict[str, str] = {}
    for number in range(1_000):
        AnswerParser(names).feed(b"HTTP/1.1 200 OK\r\nX-%d: 1\r\n\r\n" % number)
    assert len(names) <= 256


@given(st.binary(max_size=3_000), st.integers(1, 50))
def test_compressed_bodies_come_out_as_they_went_in(body: bytes, step: int) -> None:
    decoder = decoder_for({"content-encoding": "GZIP"})
    assert decoder is not None
    packed = gzip.compress(body) + gzip.compress(b"more")
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert b"".join(plain for piece in pieces for plain in decoder.feed(piece)) == body + b"more"
    decoder.end()


def test_a_few_bytes_that_become_megabytes_do_so_in_bounded_pieces() -> None:
    decoder = decoder_for({"content-encoding": "gzip"})
    assert decoder is not None
    sizes = [len(plain) for plain in decoder.feed(gzip.compress(bytes(5_000_000)))]
    assert sum(sizes) == 5_000_000 and max(sizes) <= 1 << 18
    decoder.end()


def test_bodies_that_are_not_compressed_as_they_say() -> None:
    decoder = decoder_for({"content-encoding": "gzip"})
    assert decoder is not None
    with pytest.raises(MalformedAnswer, match="not compressed"):
        list(decoder.feed(b"plain"))
    decoder = decoder_for({"content-encoding": "gzip"})
    assert decoder is not None
    list(decoder.feed(gzip.compress(b"hello")[:-1]))
    with pytest.raises(MalformedAnswer, match="ended before"):
        decoder.end()
    with pytest.raises(MalformedAnswer, match="nobody asked"):
        decoder_for({"content-encoding": "br"})
    assert decoder_for({}) is None and decoder_for({"content-encoding": "identity"}) is None
