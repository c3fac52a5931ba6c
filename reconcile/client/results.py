"""What reads return: lists that name their bad objects, and watch events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, cast, overload

import msgspec

from reconcile.client.failures import error_of_status
from reconcile.client.raw import RawWatch, decode_event
from reconcile.errors import ObjectDecodeError

T = TypeVar("T")
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


class ObjectList(Sequence[T], Generic[T]):
    """The objects of one list, decoded, in the server's order.

    Attributes:
        resource_version: the list's resource version, where a watch may go on.
        continue_: token for the next page; empty when this is the last or only one.
        remaining: how many objects follow this page, or None when the server does not say.
        errors: one error for each object that does not decode; those objects are not among the items.
    """

    def __init__(
        self,
        items: Sequence[T],
        *,
        resource_version: str = "",
        continue_: str = "",
        remaining: int | None = None,
        errors: Sequence[ObjectDecodeError] = (),
    ) -> None:
        self._items = items
        self.resource_version = resource_version
        self.continue_ = continue_
        self.remaining = remaining
        self.errors = tuple(errors)

    def raise_errors(self) -> Self:
        """The list itself when every object decoded; else raises the first error."""
        if self.errors:
            raise self.errors[0]
        return self

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        errors = f", {len(self.errors)} errors" if self.errors else ""
        return f"<ObjectList of {len(self._items)} at {self.resource_version}{errors}>"


class _VersionOnly(msgspec.Struct):
    resource_version: str = msgspec.field(default="", name="resourceVersion")


class _Version(msgspec.Struct):
    metadata: _VersionOnly = msgspec.field(default_factory=_VersionOnly)


_decode_version = msgspec.json.Decoder(_Version).decode


class WatchEvent(Generic[T]):
    """One event of a watch; its object is decoded when first asked for.

    Attributes:
        type: `ADDED`, `MODIFIED`, `DELETED`, or `BOOKMARK` (its object holds a resource version only).
        raw: the object's JSON bytes.
    """

    __slots__ = ("_decode", "_object", "raw", "type")

    def __init__(self, type: EventType, raw: bytes, decode: Callable[[bytes], T]) -> None:
        self.type = type
        self.raw = raw
        self._decode = decode
        self._object: T | None = None

    @property
    def object(self) -> T:
        """The object. Raises `ObjectDecodeError` when its bytes do not fit the type."""
        if self._object is None:
            self._object = self._decode(self.raw)
        return self._object

    @property
    def resource_version(self) -> str:
        return _decode_version(self.raw).metadata.resource_version

    def __repr__(self) -> str:
        return f"<WatchEvent {self.type} {len(self.raw)} bytes>"


class Watch(Generic[T]):
    """An open watch: an async context manager, iterated inside for its events.

    It neither resumes nor restarts: when the server ends it the iteration ends, and a broken connection
    raises `TransportError`. An `ERROR` event raises its Status, `GoneError` for a resource version that
    is too old. Informers are what stays up to date.

    Attributes:
        resource_version: that of the last event, bookmarks included; where another watch may go on.
    """

    def __init__(self, raw: RawWatch, decode: Callable[[bytes], T], resource_version: str) -> None:
        self.resource_version = resource_version
        self._raw = raw
        self._decode = decode

    async def __aenter__(self) -> Self:
        await self._raw.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._raw.__aexit__(exc_type, exc, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WatchEvent[T]:
        raw = decode_event(await anext(self._raw))
        body = bytes(raw.object)
        if raw.type == "ERROR":
            status: Any = msgspec.json.decode(body)
            raise error_of_status(cast("dict[str, Any]", status))
        event = WatchEvent(cast("EventType", raw.type), body, self._decode)
        self.resource_version = event.resource_version or self.resource_version
        return event
