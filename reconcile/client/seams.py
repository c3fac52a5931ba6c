"""What higher rooms may know of, and say about, every write: the observer and the guard.

    verb ──Write──▶ observers.write_started ──▶ guard.check ──▶ socket ──▶ observers.write_finished
                                                   ▲    │
                                                   └────┘ again before each retry

The client calls both; the manager wires in who listens (the read-your-writes overlay, metrics) and who
may refuse (leadership, a reconcile that has timed out). Both are plain synchronous calls on the event
loop: they must be quick and must not block. An observer must not raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from reconcile.objects.identity import ObjectKey, ResourceType

WriteVerb = Literal["create", "update", "patch", "apply", "delete", "delete_collection"]


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """One write as the caller asked for it; the same instance through all its retries.

    Compared by identity: an observer may keep it as the key of what is in flight.

    Attributes:
        verb: what is done.
        resource_type: the resource in the URL; the parent's, for a subresource.
        key: the object's key; the name is empty for `generateName` creations and delete-collection.
        subresource: such as `status`, `binding`, `eviction`, `scale`; empty for the object itself.
        body: the request's body as sent.
        dry_run: whether the server is asked to change nothing.
        returns_object: whether a success answers with the written object of `resource_type`; False for
            subresources with a kind of their own (binding, eviction, scale, token) and delete-collection.
        controller: name of the controller whose reconcile writes; empty outside of reconciles.
        reconcile_key: key of the object being reconciled, or None outside of reconciles.
        reconcile_id: identity of the reconcile; empty outside of reconciles.
        field_manager: the manager that the server notes for the written fields; empty where none is sent.
    """

    verb: WriteVerb
    resource_type: ResourceType
    key: ObjectKey
    subresource: str = ""
    body: bytes = b""
    dry_run: bool = False
    returns_object: bool = True
    controller: str = ""
    reconcile_key: ObjectKey | None = None
    reconcile_id: str = ""
    field_manager: str = ""


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """How a write ended: exactly one of succeeded, failed, unknown.

    Attributes:
        object: after a success, the object as the server returned it, or None where the answer has none
            (see `Write.returns_object`; also a delete that the server answers with a Status: the object
            is gone). After a delete this is the object's last or present state: one with a
            deletionTimestamp and finalizers, or within its grace period, still exists.
        error: why the write failed; None after a success. For an unknown outcome, what happened to the
            connection.
        unknown: True when the request may or may not have been carried out.
        uid: of the object that a delete answered with a Status is about; empty where it does not say.
    """

    object: bytes | None = None
    error: BaseException | None = None
    unknown: bool = False
    uid: str = ""

    @property
    def succeeded(self) -> bool:
        return self.error is None and not self.unknown


class WriteObserver(Protocol):
    """Is told of every write of a client, once at its start and once at its end."""

    def write_started(self, write: Write, /) -> None:
        """The write is about to be made; it may still be refused by the guard."""
        ...

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        """The write ended. Called before the caller's `await` returns, also when it is cancelled."""
        ...


class WriteGuard(Protocol):
    """May refuse writes."""

    def check(self, write: Write, /) -> float | None:
        """Called before each attempt, and again when its connection is there and the bytes go out.

        Returns the seconds the request may take at most, or None for no limit of its own. Raises
        `WriteRefusedError` to refuse: nothing is sent.
        """
        ...


__all__ = ["Write", "WriteGuard", "WriteObserver", "WriteOutcome", "WriteVerb"]
