"""Protobuf's text format, as far as cel-spec's conformance files use it.

A message becomes a dict of lists: each field's values in order. Strings are bytes, since fields of type
bytes are written as strings too.
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(
    r"""
    (?P<space>(?:\s+|\#[^\n]*)+)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<name>\[[\w./]+\]|-?[A-Za-z0-9_.+][\w.+-]*)
  | (?P<mark>[{}:<>\[\],;-])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\([abfnrtv\\'\"?]|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")
_SIMPLE = {
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
    b"\\": b"\\", b"'": b"'", b'"': b'"', b"?": b"?",
}  # fmt: skip

Message = dict[str, list[Any]]


def parse_textproto(text: str) -> Message:
    """A file's message."""
    words: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match is not None, f"no word at {place}: {text[place : place + 40]!r}"
        if match.lastgroup != "space":
            words.append((match.lastgroup or "", match.group()))
        place = match.end()
    message, end = _message(words, 0, "")
    assert end == len(words)
    return message


def _message(words: list[tuple[str, str]], place: int, closing: str) -> tuple[Message, int]:
    found: Message = {}
    while place < len(words) and words[place][1] != closing:
        kind, name = words[place]
        if name in (",", ";"):
            place += 1
            continue
        assert kind == "name", f"a field's name, not {name!r}"
        place += 1
        if words[place][1] == ":":
            place += 1
        value, place = _value(words, place)
        found.setdefault(name.strip("[]"), []).extend(value)
    return found, place + (1 if closing else 0)


def _value(words: list[tuple[str, str]], place: int) -> tuple[list[Any], int]:
    kind, word = words[place]
    if word in ("{", "<"):
        message, place = _message(words, place + 1, "}" if word == "{" else ">")
        return [message], place
    if word == "[":
        values: list[Any] = []
        place += 1
        while words[place][1] != "]":
            if words[place][1] == ",":
                place += 1
                continue
            value, place = _value(words, place)
            values += value
        return values, place + 1
    if kind == "string":
        parts = b""
        while place < len(words) and words[place][0] == "string":
            parts += _ESCAPE.sub(_unescaped, words[place][1][1:-1].encode())
            place += 1
        return [parts], place
    if word == "-":
        value, place = _value(words, place + 1)
        return [f"-{value[0]}"], place
    return [word], place + 1


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match.group(1)
    if escape in _SIMPLE:
        return _SIMPLE[escape]
    if escape[:1] == b"x":
        return bytes((int(escape[1:], 16),))
    if escape[:1] in b"uU":
        return chr(int(escape[1:], 16)).encode()
    return bytes((int(escape, 8) & 0xFF,))
