"""Mail addresses as Go's `net/mail` reads one (`mail.ParseAddress`), which format `email` asks for.

Beyond a plain `name@host` it takes what stands in the head of a mail: a name before the address in brackets,
quoted names, comments, a group of one. Words encoded for a head (`=?charset?q?...?=`) are taken in any
charset; Go knows three.
"""

from __future__ import annotations

import ipaddress
from typing import Final

_SPECIAL: Final = frozenset('()<>[]:;@\\,"')
_SPACE: Final = " \t"


class _Unreadable(Exception):
    pass


def is_mail_address(text: str) -> bool:
    """Whether the text is one address."""
    reader = _Reader(text)
    try:
        count = reader.addresses(group=True)
        reader.comments()
    except _Unreadable:
        return False
    return count == 1 and not reader.rest


def _visible(char: str) -> bool:
    return "!" <= char <= "~" or char >= "\x80"


class _Reader:
    """What is left of a text; each part that is read is taken off."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def addresses(self, *, group: bool) -> int:
        """How many there are in one address, which may be a group of them."""
        self._spaces()
        if not self.rest:
            raise _Unreadable
        before = self.rest
        try:
            self._plain()
        except _Unreadable:
            self.rest = before
            return self._named(group=group)
        self._spaces()
        if self._takes("("):
            self._comment()
        return 1

    def comments(self) -> None:
        self._spaces()
        while self._takes("("):
            self._comment()
            self._spaces()

    def _named(self, *, group: bool) -> int:
        if not self.rest.startswith("<"):
            self._phrase()
        self._spaces()
        if group and self._takes(":"):
            return self._group()
        self._expect("<")
        self._plain()
        self._expect(">")
        return 1

    def _group(self) -> int:
        self._spaces()
        count = 0
        if not self._takes(";"):
            while True:
                count += self.addresses(group=False)
                self.comments()
                if self._takes(";"):
                    break
                self._expect(",")
        self.comments()
        return count

    def _plain(self) -> None:
        """`local@domain`."""
        self._spaces()
        if self.rest.startswith('"'):
            if not self._quoted():
                raise _Unreadable
        else:
            self._atom()
        self._expect("@")
        self._spaces()
        if self._takes("["):
            self._literal()
        else:
            self._atom()

    def _phrase(self) -> None:
        words = 0
        while True:
            if words:
                self.comments()
            self._spaces()
            if not self.rest:
                break
            try:
                if self.rest.startswith('"'):
                    self._quoted()
                else:
                    self._atom(dots_anywhere=True)
            except _Unreadable:
                if not words:
                    raise
                break
            words += 1

    def _atom(self, *, dots_anywhere: bool = False) -> None:
        size = 0
        while size < len(self.rest) and _visible(self.rest[size]) and self.rest[size] not in _SPECIAL:
            size += 1
        atom, rest = self.rest[:size], self.rest[size:]
        if not atom:
            raise _Unreadable
        # What has dots in wrong places is taken off all the same: nothing reads it again.
        self.rest = rest
        if not dots_anywhere and (atom.startswith(".") or ".." in atom or atom.endswith(".")):
            raise _Unreadable

    def _quoted(self) -> str:
        found: list[str] = []
        escaped = False
        for place, char in enumerate(self.rest[1:], 1):
            if escaped:
                escaped = False
            elif char == '"':
                self.rest = self.rest[place + 1 :]
                return "".join(found)
            elif char == "\\":
                escaped = True
                continue
            if not _visible(char) and char not in _SPACE:
                raise _Unreadable
            found.append(char)
        raise _Unreadable

    def _literal(self) -> None:
        inside, bracket, rest = self.rest.partition("]")
        try:
            address = ipaddress.ip_address(inside)
        except ValueError:
            raise _Unreadable from None
        if not bracket or getattr(address, "scope_id", None) is not None:
            raise _Unreadable
        self.rest = rest

    def _comment(self) -> None:
        depth = 1
        while self.rest and depth:
            char, after = self.rest[0], 1
            if char == "\\" and len(self.rest) > 1:
                after = 2
            elif char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
            self.rest = self.rest[after:]
        if depth:
            raise _Unreadable

    def _spaces(self) -> None:
        self.rest = self.rest.lstrip(_SPACE)

    def _takes(self, char: str) -> bool:
        if not self.rest.startswith(char):
            return False
        self.rest = self.rest[1:]
        return True

    def _expect(self, char: str) -> None:
        if not self._takes(char):
            raise _Unreadable
