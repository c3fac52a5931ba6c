"""Templates of JSONPath, as kubectl prints by: what keeps a text from being one.

The grammar is that of client-go's `util/jsonpath`, walked once, without making anything of it.
"""

from __future__ import annotations

import re
import string

_STOPS = frozenset(" \t\r\n.,[]$@{}")
_FILTER = re.compile(r"[^!<>=]+[!<>=]+.+")
_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?[\d]*)(:-?[\d]*)?(:-?[\d]*)?")


class _Wrong(Exception):
    """The text is no template."""


def json_path_problem(text: str) -> str:
    """What is wrong with a template; empty where nothing is."""
    try:
        _Walk(text).text()
    except _Wrong as wrong:
        return str(wrong)
    return ""


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _starts(self, prefix: str) -> bool:
        return self._text.startswith(prefix, self._at)

    def text(self) -> None:
        while self._at < len(self._text):
            if self._starts("{"):
                self._at += 1
                self._action()
            else:
                self._at += 1

    def _action(self) -> None:
        recursive = False
        while not self._starts("}"):
            if self._starts("[?("):
                self._filter()
            elif self._starts(".."):
                if recursive:
                    raise _Wrong("invalid multiple recursive descent")
                recursive = True
                self._at += 2
                if self._peek().isalnum() or self._peek() == "_":
                    self._name()
                continue
            else:
                blank = self._peek() == " "
                self._step()
                if blank:
                    continue
            recursive = False
        self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _step(self) -> None:
        char = self._peek()
        if char in ("", "\r", "\n"):
            raise _Wrong("unclosed action")
        if char in " @$":
            self._at += 1
        elif char == "[":
            self._array()
        elif char in "\"'":
            self._quoted(char)
        elif char == ".":
            self._at += 1
            self._name()
        elif char in "+-" or char.isdigit():
            self._number()
        elif char.isalnum() or char == "_":
            self._name()
        else:
            raise _Wrong(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def _name(self) -> None:
        while self._peek() and self._peek() not in _STOPS:
            self._at += 2 if self._peek() == "\\" else 1

    def _number(self) -> None:
        start = self._at
        self._at += self._peek() in "+-"
        while self._peek() and (self._peek() == "." or self._peek().isdigit()):
            self._at += 1
        value = self._text[start : self._at]
        try:
            float(value)
        except ValueError:
            raise _Wrong(f"cannot parse number {value}") from None

    def _quoted(self, quote: str) -> None:
        self._at += 1
        while self._peek() not in ("", "\n"):
            self._at += 1
            if self._text[self._at - 1] == quote and self._text[self._at - 2] != "\\":
                return
        raise _Wrong("unterminated quoted string")

    def _array(self) -> None:
        end = self._text.find("]", self._at)
        line = self._text.find("\n", self._at)
        if end < 0 or 0 <= line < end:
            raise _Wrong("unterminated array")
        inner = self._text[self._at + 1 : end]
        self._at = end + 1
        parts = inner.split(",")
        if len(parts) > 1:
            for part in parts:
                _Walk(f"{{[{part.strip(' ')}]}}").text()
            return
        key = _KEY.fullmatch(inner)
        if key is not None:
            _Walk(f"{{.{key[1]}}}").text()
        elif inner != "*" and not _SLICE.fullmatch(inner):
            raise _Wrong(f"invalid array index {inner}")
        elif "-" in inner.strip(string.digits + ":") and re.search(r"-(?!\d)", inner):
            raise _Wrong(f"array index {inner.partition(':')[0]} is not a number")

    def _filter(self) -> None:
        self._at += 3
        start, begun, ended, pair = self._at, False, False, ""
        while True:
            char = self._peek()
            if char in ("", "\n"):
                raise _Wrong("unterminated filter")
            self._at += 1
            if char in "\"'":
                if not begun:
                    begun, pair = True, char
                elif char == pair and self._text[self._at - 2] != "\\":
                    ended = True
            elif char == ")" and begun == ended:
                break
        inner = self._text[start : self._at - 1]
        if self._peek() != "]":
            raise _Wrong("unclosed array expect ]")
        self._at += 1
        found = re.fullmatch(r"([^!<>=]+)([!<>=]+)(.+?)", inner)
        for part in (inner,) if found is None else (found[1], found[3]):
            _Walk(f"{{{part}}}").text()
