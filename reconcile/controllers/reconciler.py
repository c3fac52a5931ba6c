"""What a user writes: a class with a `reconcile` method, and class attributes that say what it watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from reconcile.controllers.finalizers import Finalizer
from reconcile.controllers.options import ControllerOptions
from reconcile.controllers.predicates import Predicate
from reconcile.controllers.request import Request, Result
from reconcile.controllers.watch import Source, Watch
from reconcile.informers.indexes import Index

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from reconcile.client.client import Client
    from reconcile.controllers.events import EventRecorder
    from reconcile.controllers.logs import Logger
    from reconcile.informers.cache import Cache
    from reconcile.runtime import Runtime

T = TypeVar("T")


class Reconciler(Generic[T]):
    """Brings the world of one key to what its object asks for.

    A subclass defines `async def reconcile(self, request, /)`; a plain `def` runs in a worker thread and
    uses `self.client.sync` and `self.cache.sync`. It returns None or a `Result`; any exception is
    logged, counted and retried with backoff, except `TerminalError`, which waits for the next event.
    One key is never in two runs at a time; different keys are, as `options` allow.

    Class attributes, all optional but `kind` (which `ObjectReconciler[Database]` and
    `Reconciler[Database]` say by their argument):

    Attributes:
        kind: the primary kind: a struct class, a custom resource class, or a `ResourceType` (dicts).
        name: name of the controller in logs, metrics and events; the kind in lower case by default.
            Unique in a manager.
        owns: kinds whose objects this one creates; their changes reconcile the owner which their
            controller reference names.
        watches: other kinds and the mappers from their objects to keys:
            `Watch(Secret, to="databases_using")` names a method of this class.
        reads: kinds that `reconcile` reads from the cache though their changes reconcile nothing: a kind,
            or `Read(kind, indexes=…)`. Their caches are synced before the first reconcile; a read of a
            kind that is named nowhere is a `NotCachedError`.
        indexes: how objects of the primary kind are looked up besides by name.
        sources: what else asks for reconciles, such as a `Channel`.
        predicates: all must accept a change of the primary kind.
        labels: label selector of the primary kind; objects outside of it do not exist for the controller.
        fields: field selector of the primary kind; the same.
        finalizer: name of a finalizer, such as `example.com/database`; then `finalize` must be defined.
        finalizers: more of them, run in this order after `finalizer`.
        options: concurrency, time-outs, backoff.

    Set by the manager before `setup`:

    Attributes:
        client: reads and writes the API server directly.
        cache: reads what is watched.
        events: records events about objects.
        log: bound logger; inside a reconcile its lines carry controller, key and reconcile_id.
        runtime: wall clock, randomness, uuids.
    """

    kind: ClassVar[Any] = None
    name: str = ""
    owns: ClassVar[tuple[Any, ...]] = ()
    watches: ClassVar[tuple[Watch, ...]] = ()
    reads: ClassVar[tuple[Any, ...]] = ()
    indexes: ClassVar[tuple[Index, ...]] = ()
    sources: tuple[Source, ...] = ()
    predicates: ClassVar[tuple[Predicate, ...]] = ()
    labels: str = ""
    fields: str = ""
    finalizer: str = ""
    finalizers: ClassVar[tuple[Finalizer, ...]] = ()
    options: ControllerOptions = ControllerOptions()

    client: Client
    cache: Cache
    events: EventRecorder
    log: Logger
    runtime: Runtime

    async def setup(self) -> None:
        """Called once, when client and cache are set and before any watch starts; for checks.

        In every process, whether it leads or not: what only a leader may do belongs into `reconcile`.
        """

    if TYPE_CHECKING:

        def reconcile(self, request: Request, /) -> Awaitable[Result | None] | Result | None:
            """Bring the world of `request.key` to what its object asks for."""
            ...

        def finalize(self, obj: T, /) -> Awaitable[Result | None] | Result | None:
            """The object is being deleted and still carries `finalizer`: give back what it holds.

            The finalizer is on the server before the first reconcile of the object runs, and is removed
            only after this returned None. A `Result` says that it is not finished and when to look
            again; an exception is retried with backoff.
            """
            ...

        def on_error(self, obj: T, error: Exception, /) -> Awaitable[Result | None] | Result | None:
            """A reconcile of the object failed: the place to write the error to its status.

            Runs before the retry is scheduled. Returning None keeps the usual backoff, a `Result` takes
            its place, raising `TerminalError` stops retrying. What else it raises is logged only.
            """
            ...


class ObjectReconciler(Reconciler[T]):
    """A reconciler that is given the object itself, read from the cache.

    A key whose object is gone is a success without a call. With a `finalizer`, an object that is being
    deleted goes to `finalize` and not to `reconcile`; without one `reconcile` sees it too
    (`obj.metadata.deletion_timestamp`). The object is private to the run: change it freely.
    An object that does not decode is reported in an Event and waits for its next version.
    """

    if TYPE_CHECKING:

        def reconcile(self, obj: T, /) -> Awaitable[Result | None] | Result | None:  # type: ignore[override]
            """Bring the world to what `obj` asks for."""
            ...
