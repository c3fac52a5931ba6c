"""The written form of label selectors: `app=web,tier in (a, b),!legacy`; the grammar of apimachinery.

    text ──tokens──▶ (key, operator, values) …

What the texts of errors say, and which odd spellings are accepted (`x in (,a)`, a key named `in`), is
apimachinery's own parser's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from reconcile.errors import ConfigurationError
from reconcile.objects.names import label_value_problems, qualified_name_problems


class InvalidSelectorError(ConfigurationError, ValueError):
    """A selector that cannot be understood; the text is the API server's."""


class ParsedRequirement(NamedTuple):
    """One requirement: operator as written (`in`, `notin`, `=`, `==`, `!=`, `>`, `<`, `exists`, `!`)."""

    key: str
    operator: str
    values: frozenset[str]


_END: Final = "end"
_IDENTIFIER: Final = "identifier"
_OPERATORS: Final = frozenset({"in", "notin", "=", "==", "!=", ">", "<"})
_WORD: Final = re.compile(r"[^=!(),>< \t\r\n]+")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_SPECIAL: Final = re.compile(r"==|!=|[=!(),><]")


class _Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        if text[position] in " \t\r\n":
            position += 1
            continue
        if found := _SPECIAL.match(text, position):
            yield _Token(found.group(), found.group())
        else:
            found = _WORD.match(text, position)
            assert found is not None, "neither white space nor symbol: part of a word"
            word = found.group()
            yield _Token(word if word in ("in", "notin") else _IDENTIFIER, word)
        position = found.end()
    yield _Token(_END, "")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.position = 0

    def peek(self) -> _Token:
        """The next token, where a value may stand: there `in` and `notin` are ordinary words."""
        token = self.tokens[min(self.position, len(self.tokens) - 1)]
        return _Token(_IDENTIFIER, token.text) if token.kind in ("in", "notin") else token

    def take(self) -> _Token:
        token = self.peek()
        self.position += 1
        return token

    def take_operator(self) -> _Token:
        token = self.tokens[min(self.position, len(self.tokens) - 1)]
        self.position += 1
        return token

    def requirements(self) -> Iterator[ParsedRequirement]:
        while True:
            token = self.peek()
            if token.kind == _END:
                return
            if token.kind not in (_IDENTIFIER, "!"):
                raise InvalidSelectorError(
                    f"found '{token.text}', expected: !, identifier, or 'end of string'"
                )
            try:
                yield self.requirement()
            except InvalidSelectorError as error:
                raise InvalidSelectorError(f"unable to parse requirement: {error}") from None
            token = self.take()
            if token.kind == _END:
                return
            if token.kind != ",":
                raise InvalidSelectorError(f"found '{token.text}', expected: ',' or 'end of string'")
            token = self.peek()
            if token.kind not in (_IDENTIFIER, "!"):
                raise InvalidSelectorError(f"found '{token.text}', expected: identifier after ','")

    def requirement(self) -> ParsedRequirement:
        token = self.take()
        absent = token.kind == "!"
        if absent:
            token = self.take()
        if token.kind != _IDENTIFIER:
            raise InvalidSelectorError(f"found '{token.text}', expected: identifier")
        key = token.text
        if problems := qualified_name_problems(key):
            raise InvalidSelectorError(f'<nil>: Invalid value: "{key}": {"; ".join(problems)}')
        if self.peek().kind in (_END, ","):
            return ParsedRequirement(key, "!" if absent else "exists", frozenset())
        if absent:
            # whatever follows is for the caller to refuse, as apimachinery does
            return ParsedRequirement(key, "!", frozenset())
        operator = self.take_operator()
        if operator.kind not in _OPERATORS:
            raise InvalidSelectorError(f"found '{operator.text}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.values() if operator.kind in ("in", "notin") else self.value()
        _check_values(key, operator.kind, sorted(set(values)))
        return ParsedRequirement(key, operator.kind, frozenset(values))

    def value(self) -> list[str]:
        if self.peek().kind in (_END, ","):
            return [""]
        token = self.take()
        if token.kind != _IDENTIFIER:
            raise InvalidSelectorError(f"found '{token.text}', expected: identifier")
        return [token.text]

    def values(self) -> list[str]:
        token = self.take()
        if token.kind != "(":
            raise InvalidSelectorError(f"found '{token.text}' expected: '('")
        first = self.peek()
        if first.kind == ")":
            self.take()
            return [""]
        if first.kind not in (_IDENTIFIER, ","):
            raise InvalidSelectorError(f"found '{first.text}', expected: ',', ')' or identifier")
        found: list[str] = []
        while True:
            token = self.take()
            if token.kind == _IDENTIFIER:
                found.append(token.text)
                after = self.peek()
                if after.kind not in (",", ")"):
                    raise InvalidSelectorError(f"found '{after.text}', expected: ',' or ')'")
                if after.kind == ")":
                    break
            elif token.kind == ",":
                if not found:
                    found.append("")
                after = self.peek()
                if after.kind == ")":
                    found.append("")
                    break
                if after.kind == ",":
                    found.append("")
            else:
                raise InvalidSelectorError(f"found '{token.text}', expected: ',', or identifier")
        self.take()
        return found


def _check_values(key: str, operator: str, values: list[str]) -> None:
    found: list[str] = []
    for index, value in enumerate(values):
        if operator in (">", "<") and not _WHOLE.fullmatch(value):
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            found.append(f'values[{index}]: Invalid value: "{value}": {detail}')
        if problems := label_value_problems(value):
            found.append(f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(problems)}')
    if found:
        raise InvalidSelectorError(found[0] if len(found) == 1 else f"[{', '.join(found)}]")


def parse_label_selector(text: str) -> list[ParsedRequirement]:
    """The requirements of a written label selector, in the order written.

    Raises:
        InvalidSelectorError: in the API server's words.
    """
    return list(_Parser(text).requirements())
