"""Words of an expression. The grammar is cel-spec's `doc/langdef.md`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconcile.cel.errors import CelSyntaxError, Issue
from reconcile.cel.syntax import line_and_column


@dataclass(slots=True)
class Token:
    """A word: its kind is its text for operators and keywords, else "ident", "quoted", "int", …, "end"."""

    kind: str
    text: str
    offset: int


_ESCAPE = r"\\(?:[abfnrtv\"'\\?`]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_STRING = "|".join(
    (
        r'[rR]"""(?:.|\n)*?"""',
        r"[rR]'''(?:.|\n)*?'''",
        r'[rR]"[^"\n\r]*"',
        r"[rR]'[^'\n\r]*'",
        rf'"""(?:{_ESCAPE}|[^\\])*?"""',
        rf"'''(?:{_ESCAPE}|[^\\])*?'''",
        rf'"(?:{_ESCAPE}|[^\\"\n\r])*"',
        rf"'(?:{_ESCAPE}|[^\\'\n\r])*'",
    )
)
_TOKEN = re.compile(
    rf"""
    (?P<space>(?:[\t\ \r\n\f]+|//[^\n]*)+)
  | (?P<bytes>[bB](?:{_STRING}))
  | (?P<string>{_STRING})
  | (?P<float>[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?)
  | (?P<uint>0x[0-9a-fA-F]+[uU]|[0-9]+[uU])
  | (?P<int>0x[0-9a-fA-F]+|[0-9]+)
  | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<quoted>`[A-Za-z0-9_.\-/\ ]+`)
  | (?P<operator>==|!=|<=|>=|&&|\|\||[-<>\[\]{{}}().,!?:+*/%])
    """,
    re.VERBOSE,
)
_KEYWORDS = frozenset({"in", "true", "false", "null"})

RESERVED = frozenset(
    {
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let",
        "loop", "package", "namespace", "null", "return", "true", "var", "void", "while",
    }
)  # fmt: skip
"""Words that are no identifiers; `namespace` and the like may still be selected as fields."""


def tokens(text: str) -> list[Token]:
    """The words of an expression, "end" last.

    Raises:
        CelSyntaxError: a character that begins no word.
    """
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise syntax_error(text, place, f"token recognition error at: '{text[place : place + 1]}'")
        kind, word = match.lastgroup or "", match.group()
        if kind == "operator" or (kind == "ident" and word in _KEYWORDS):
            kind = word
        if kind != "space":
            found.append(Token(kind, word, place))
        place = match.end()
    found.append(Token("end", "<EOF>", len(text)))
    return found


def syntax_error(text: str, offset: int, message: str) -> CelSyntaxError:
    """A syntax error with its one issue."""
    line, column = line_and_column(text, offset) if text else (1, 0)
    issue = Issue(f"Syntax error: {message}", line, column, offset)
    return CelSyntaxError(issue.shown(text), expression=text, issues=[issue])


_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_ESCAPED = re.compile(_ESCAPE)


def _body(word: str) -> tuple[str, bool]:
    """What stands between the quotes, and whether it is raw."""
    word = word.replace("\r\n", "\n").replace("\r", "\n")
    raw = word[0] in "rR"
    if raw:
        word = word[1:]
    inner = word[3:-3] if len(word) >= 6 and word[:3] in ("'''", '"""') else word[1:-1]
    return inner, raw


def string_value(word: str) -> str:
    """The value of a string literal.

    Raises:
        ValueError: an escape that is no character.
    """
    inner, raw = _body(word)
    if raw or "\\" not in inner:
        return inner

    def character(match: re.Match[str]) -> str:
        escape = match.group()[1:]
        if escape in _SIMPLE:
            return _SIMPLE[escape]
        code = int(escape[1:], 16) if escape[0] in "xXuU" else int(escape, 8)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise ValueError("invalid unicode code point")
        return chr(code)

    return _ESCAPED.sub(character, inner)


def bytes_value(word: str) -> bytes:
    """The value of a bytes literal (with its `b`): `\\x` and octal escapes are bytes, all else is UTF-8.

    Raises:
        ValueError: an escape that bytes cannot have.
    """
    inner, raw = _body(word[1:])
    if raw or "\\" not in inner:
        return inner.encode()
    parts: list[bytes] = []
    place = 0
    for match in _ESCAPED.finditer(inner):
        parts.append(inner[place : match.start()].encode())
        place = match.end()
        escape = match.group()[1:]
        if escape in _SIMPLE:
            parts.append(_SIMPLE[escape].encode())
        elif escape[0] in "uU":
            raise ValueError("unable to unescape string")
        else:
            parts.append(bytes((int(escape[1:], 16) if escape[0] in "xX" else int(escape, 8),)))
    parts.append(inner[place:].encode())
    return b"".join(parts)
