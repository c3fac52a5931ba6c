"""What a reconciler is asked, why, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple

from reconcile.errors import ConfigurationError
from reconcile.objects.identity import ObjectKey

CauseType = Literal["Added", "Updated", "Deleted", "External", "Requeued", "Retried"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a key is reconciled.

    Two causes are equal when type, kind and object are; of equal ones a request carries the latest.

    Attributes:
        type: `Added`, `Updated` or `Deleted` for an event of an object; `External` for a source that is not
            a watch; `Requeued` for the reconciler's own `Result`; `Retried` after an error.
        kind: the kind of the object whose event it was, such as `Deployment.apps`; the source's name for
            an external cause; empty otherwise.
        object: key of the object whose event it was, or None.
        detail: more for people to read: the error that is retried, the external source's reason.
        resource_version: the object's resource version at the event; empty without one.
        initial: whether the event came from the first list of a watch.
    """

    type: CauseType
    kind: str = ""
    object: ObjectKey | None = None
    detail: str = field(default="", compare=False)
    resource_version: str = field(default="", compare=False)
    initial: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        parts = [self.type, self.kind, str(self.object) if self.object else "", self.detail]
        return " ".join(part for part in parts if part)


class Request(NamedTuple):
    """One key to reconcile.

    Attributes:
        key: namespace and name of the primary object.
        causes: everything that asked for this run, in order of arrival; equal causes once.
        attempt: failures in turn before this run; 0 for the first try.
        reconcile_id: identity of this run, also in its log lines; a uuid.
        priority: the priority with which the key was queued.
    """

    key: ObjectKey
    causes: tuple[Cause, ...] = ()
    attempt: int = 0
    reconcile_id: str = ""
    priority: int = 0

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def name(self) -> str:
        return self.key.name


@dataclass(frozen=True, slots=True)
class Result:
    """What a successful reconcile asks for.

    Attributes:
        requeue_after: seconds (or a timedelta) until the key is reconciled again, should no event come
            first; None or 0 for no such run. Either way the key's failures are forgotten.
        priority: priority of that run; None keeps the one of this run.
    """

    requeue_after: float | timedelta | None = None
    priority: int | None = None

    def __post_init__(self) -> None:
        if self.delay < 0:
            raise ConfigurationError(f"Result: requeue_after must not be negative, got {self.requeue_after}")

    @property
    def delay(self) -> float:
        """`requeue_after` in seconds; 0 for none."""
        if isinstance(self.requeue_after, timedelta):
            return self.requeue_after.total_seconds()
        return self.requeue_after or 0.0
