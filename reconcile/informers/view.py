"""What a list of the cache gives: a sequence that decodes each element when it is looked at.

The selection is made on metadata and indexes, on the state at the time of the read; nothing is decoded until
an element is taken, and each look gives a fresh object that is the caller's own (of a `PartialObject` class
the part that all share). Per key what is shown never
goes backwards from one read to the next; objects of different keys may be of slightly different times, as a
watch brings them: a view is not a snapshot of the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from reconcile.errors import ObjectDecodeError
from reconcile.informers.cached_object import CachedObject
from reconcile.informers.pacing import Pacer
from reconcile.objects.identity import ObjectKey
from reconcile.objects.metadata import ObjectMetadata

T = TypeVar("T")

Matches = Callable[[CachedObject], bool]


class ObjectView(Sequence[T], Generic[T]):
    """Objects of a kind, decoded one by one.

    `for obj in view` gives the objects that decode and notes those that do not in `errors`; `view[i]` raises
    for such a one. `async for obj in view` does the same and gives the event loop its turn every few
    milliseconds: use it for what may be long. `len(view)` counts the objects, decodable or not.

    Attributes:
        errors: what did not decode so far, each with key and field; complete after an iteration.
    """

    __slots__ = ("_candidates", "_decode", "_matched", "_matches", "errors")

    def __init__(
        self,
        candidates: Sequence[CachedObject],
        decode: Callable[[CachedObject], T],
        matches: Matches | None = None,
    ) -> None:
        self._candidates = candidates
        self._decode = decode
        self._matches = matches
        self._matched: Sequence[CachedObject] | None = candidates if matches is None else None
        self.errors: list[ObjectDecodeError] = []

    @property
    def cached(self) -> Sequence[CachedObject]:
        """The selected objects as the cache holds them: bytes and metadata, nothing decoded."""
        if self._matched is None:
            matches = self._matches
            self._matched = [obj for obj in self._candidates if matches is None or matches(obj)]
        return self._matched

    @property
    def metadata(self) -> list[ObjectMetadata]:
        """The metadata of every object; shared and frozen, nothing is decoded."""
        return [obj.metadata for obj in self.cached]

    @property
    def keys(self) -> list[ObjectKey]:
        """The key of every object."""
        return [obj.key for obj in self.cached]

    def __len__(self) -> int:
        return len(self.cached)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> ObjectView[T]: ...
    def __getitem__(self, index: int | slice) -> T | ObjectView[T]:
        if isinstance(index, slice):
            return ObjectView(self.cached[index], self._decode)
        return self._decode(self.cached[index])

    def __iter__(self) -> Iterator[T]:
        errors: list[ObjectDecodeError] = []
        self.errors, decode = errors, self._decode
        for obj in self.cached:
            try:
                decoded = decode(obj)
            except ObjectDecodeError as error:
                errors.append(error)
                continue
            yield decoded

    async def __aiter__(self) -> AsyncIterator[T]:
        errors = self.errors = []
        matches, pacer = (self._matches if self._matched is None else None), Pacer()
        for obj in self._candidates if self._matched is None else self._matched:
            if pacer.due():
                await pacer.rest()
            if matches is not None and not matches(obj):
                continue
            try:
                decoded = self._decode(obj)
            except ObjectDecodeError as error:
                errors.append(error)
                continue
            yield decoded

    def __contains__(self, value: object) -> bool:
        """Whether one of the objects has this key; for anything else, whether an equal object is there."""
        if isinstance(value, ObjectKey):
            return any(obj.key == value for obj in self.cached)
        return any(obj == value for obj in self)

    def __repr__(self) -> str:
        count: Any = "?" if self._matched is None else len(self._matched)
        return f"<ObjectView of {count} objects>"
