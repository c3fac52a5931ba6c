"""How an evaluation ends without a value, inside this room. The public errors are in `errors`."""

from __future__ import annotations


class Failure(Exception):
    """An error of CEL: `&&`, `||` and the quantifiers may go on past it."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Cancelled(Exception):
    """The evaluation cost too much: nothing goes on past it."""


def no_such_overload() -> Failure:
    return Failure("no such overload")
