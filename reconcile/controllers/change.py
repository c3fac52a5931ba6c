"""One event of a watched object, as predicates and mappers see it."""

from __future__ import annotations

from typing import Any, Literal

from reconcile.informers.cached_object import CachedObject
from reconcile.objects.identity import ObjectKey
from reconcile.objects.metadata import ObjectMetadata

ChangeType = Literal["Added", "Updated", "Deleted"]


class Change:
    """An object came, changed or went.

    Metadata is at hand; `object` and `old_object` decode on first use and the result is shared by every
    predicate and mapper that looks at this change, so they must not modify it.

    Attributes:
        type: `Added`, `Updated` or `Deleted`.
        old: what the handler saw before; None for `Added`.
        new: what there is now; None for `Deleted`.
        initial: whether it belongs to the watch's first list.
        final_state_unknown: for `Deleted`: the deletion itself was missed, `old` may be outdated.
    """

    __slots__ = (
        "_kind",
        "_new_object",
        "_old_object",
        "final_state_unknown",
        "initial",
        "new",
        "old",
        "type",
    )

    def __init__(
        self,
        kind: Any,
        old: CachedObject | None,
        new: CachedObject | None,
        *,
        initial: bool = False,
        final_state_unknown: bool = False,
    ) -> None:
        if old is None and new is None:
            raise ValueError("a change needs an old or a new object")
        self._kind = kind
        self.old = old
        self.new = new
        self.type: ChangeType = "Added" if old is None else "Deleted" if new is None else "Updated"
        self.initial = initial
        self.final_state_unknown = final_state_unknown
        self._new_object: Any = None
        self._old_object: Any = None

    @property
    def latest(self) -> CachedObject:
        """The new state, or of a deleted object the last one known."""
        latest = self.new if self.new is not None else self.old
        assert latest is not None
        return latest

    @property
    def key(self) -> ObjectKey:
        return self.latest.key

    @property
    def metadata(self) -> ObjectMetadata:
        """Metadata of the latest state."""
        return self.latest.metadata

    @property
    def unchanged(self) -> bool:
        """Whether it is an update of the same resource version: a resync or a relist, not news."""
        return (
            self.old is not None
            and self.new is not None
            and self.old.metadata.resource_version == self.new.metadata.resource_version
        )

    @property
    def object(self) -> Any:
        """The latest state as an object of the watched kind; raises `ObjectDecodeError`."""
        if self.new is None:
            return self.old_object
        if self._new_object is None:
            self._new_object = self.new.decode(self._kind)
        return self._new_object

    @property
    def old_object(self) -> Any:
        """The state before as an object of the watched kind, None for `Added`; raises `ObjectDecodeError`."""
        if self.old is None:
            return None
        if self._old_object is None:
            self._old_object = self.old.decode(self._kind)
        return self._old_object
