"""The data file: which kind is which message, and the fields of the messages."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import msgspec

from reconcile.apiserver.data import data


class WireField(NamedTuple):
    """One field of a message.

    Attributes:
        number: the field number.
        name: the name in JSON; empty for one that is written inline.
        type: a scalar, a special type, or `@` and a message's index; after `[]` or `map[]`.
        flags: of `POINTER`, `OMIT_EMPTY`, `OMIT_ZERO`, `INLINE`.
    """

    number: int
    name: str
    type: str
    flags: int

    @property
    def pointer(self) -> bool:
        return bool(self.flags & 1)

    @property
    def omitted(self) -> bool:
        """Whether JSON leaves the field out when it is empty or nil."""
        return bool(self.flags & 6)

    @property
    def omit_zero(self) -> bool:
        return bool(self.flags & 4)

    @property
    def inline(self) -> bool:
        return bool(self.flags & 8)


class Message(msgspec.Struct, frozen=True):
    """A message: the Go type's full name, and its fields in the order of its declaration."""

    name: str
    fields: tuple[WireField, ...]


class Tables(msgspec.Struct, frozen=True):
    """All messages; `kinds` maps `<apiVersion>/<kind>` to one of them, `/<kind>` for the meta kinds."""

    kinds: dict[str, int]
    messages: tuple[Message, ...]

    def index_of(self, api_version: str, kind: str) -> int | None:
        """The message of a kind, or None. The meta kinds (Status, DeleteOptions, …) are of any version."""
        found = self.kinds.get(f"{api_version}/{kind}")
        return self.kinds.get(f"/{kind}") if found is None else found

    def index_named(self, name: str) -> int:
        """The message with this Go name."""
        return next(index for index, message in enumerate(self.messages) if message.name == name)


@cache
def tables() -> Tables:
    """Read once a process, in a few milliseconds; nothing of it is ever changed."""
    return msgspec.json.decode(data("protobuf", "tables.json.gz"), type=Tables)
