"""Finalizers: on the server before anything is made, removed only after everything is given back.

Every change of the list is a merge patch that carries the resource version it was computed from, so the
server refuses it with a conflict when anyone else changed the object meanwhile; then the live object is
read and the change computed anew. Other owners' finalizers are never touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcile.controllers.request import Result
from reconcile.errors import ConflictError
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.objects.metadata import ObjectMetadata

if TYPE_CHECKING:
    from reconcile.client.client import Client

_CONFLICT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Finalizer:
    """A named duty before an object may go.

    Attributes:
        name: the entry in `metadata.finalizers`, such as `example.com/backup`.
        finalize: called with the object while it is being deleted; None means done, a `Result` means not
            yet and when to look again, an exception is retried with backoff. Async or plain.
    """

    name: str
    finalize: Callable[[Any], Awaitable[Result | None] | Result | None]


class FinalizerPatches:
    """Adds and removes finalizers of one kind on the server."""

    def __init__(self, client: Client, kind: Any) -> None:
        self._client = client
        self._kind = kind
        self._metadata_kind = MetadataOnly(resource_type_of(kind))

    async def add(self, seen: ObjectMetadata, names: Sequence[str]) -> Any:
        """Make sure that the names are on the server.

        Returns the object as the server has it when that is newer than what was seen, `seen` itself when
        nothing was missing, and None when the object is gone, replaced, or being deleted.
        """
        current = seen
        for attempt in range(_CONFLICT_TRIES):
            missing = [name for name in names if name not in current.finalizers]
            if not missing:
                if attempt == 0:
                    return seen
                return await self._client.get_or_none(self._kind, seen.key)
            try:
                return await self._write(current, [*current.finalizers, *missing])
            except ConflictError:
                live = await self._live(seen)
                if live is None or live.deleting:
                    return None
                current = live
        raise self._gave_up(seen.key, "add")

    async def remove(self, seen: ObjectMetadata, name: str) -> ObjectMetadata | None:
        """Take one name off; returns the metadata to go on from, None when the object is gone."""
        current = seen
        for _ in range(_CONFLICT_TRIES):
            if name not in current.finalizers:
                return current
            kept = [each for each in current.finalizers if each != name]
            try:
                await self._write(current, kept)
            except ConflictError:
                live = await self._live(seen)
                if live is None:
                    return None
                current = live
                continue
            # Without its last finalizer the object is gone, and asking for it says so.
            return await self._live(seen) if kept else None
        raise self._gave_up(seen.key, "remove")

    async def _write(self, current: ObjectMetadata, finalizers: list[str]) -> Any:
        patch = {
            "metadata": {
                "uid": current.uid,
                "resourceVersion": current.resource_version,
                # An empty list and an absent one are the same to the server; null removes it.
                "finalizers": finalizers or None,
            }
        }
        return await self._client.patch(self._kind, current.key, patch, type="merge")

    async def _live(self, seen: ObjectMetadata) -> ObjectMetadata | None:
        live = await self._client.get_or_none(self._metadata_kind, seen.key)
        return live if live is not None and live.uid == seen.uid else None

    @staticmethod
    def _gave_up(key: ObjectKey, verb: str) -> ConflictError:
        return ConflictError(
            f"could not {verb} a finalizer of {key}: the object changed between read and write "
            f"{_CONFLICT_TRIES} times in a row",
            code=409,
            reason="Conflict",
        )
