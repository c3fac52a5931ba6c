"""One reconcile: read the object, keep its finalizers, call the reconciler, bound it in time.

Nothing here knows a queue: a run takes a request and returns an outcome.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconcile.client.attribution import attributed
from reconcile.controllers.definition import ControllerDefinition
from reconcile.controllers.echoes import EchoFilter
from reconcile.controllers.finalizers import FinalizerPatches
from reconcile.controllers.request import Request, Result
from reconcile.controllers.scope import limited
from reconcile.controllers.services import Services
from reconcile.errors import ConfigurationError, ObjectDecodeError, ReconcileError, TerminalError
from reconcile.informers.informer import Informer
from reconcile.informers.lister import Lister
from reconcile.objects.identity import ObjectKey
from reconcile.objects.metadata import ObjectMetadata

_ON_ERROR_SECONDS = 30.0
_REMEMBERED = 10_000


class ReconcileTimeoutError(ReconcileError):
    """A reconcile took longer than its controller's `options.timeout`."""


class InterruptedReconcileError(ReconcileError):
    """A reconciler was left by something that is no `Exception`: `SystemExit`, a stray cancellation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reconcile ended.

    Attributes:
        result: what the reconciler (or `on_error`) asks for; None for nothing.
        error: why it failed; None after a success.
        terminal: the error must not be retried.
        timed_out: the error is the controller's own time-out.
        undecodable: the primary object did not decode; the next version of it starts a new run.
    """

    result: Result | None = None
    error: Exception | None = None
    terminal: bool = False
    timed_out: bool = False
    undecodable: bool = False


class _Undecodable(Exception):
    def __init__(self, error: ObjectDecodeError) -> None:
        super().__init__(str(error))
        self.error = error


class Run:
    """Runs one controller's reconciler; any number may be under way for different keys."""

    def __init__(
        self,
        definition: ControllerDefinition,
        services: Services,
        informer: Informer,
        echoes: EchoFilter | None = None,
    ) -> None:
        self._definition = definition
        self._informer = informer
        self._echoes = echoes
        self._own_writes = services.own_writes
        if services.own_writes is not None:
            services.own_writes.reconciles(informer)
        self._reconciler = definition.reconciler
        self._services = services
        # Not the cache: this controller's own informer, with its selectors, says what exists for it.
        self._primary: Lister[Any] = Lister(informer, definition.kind)
        self._finalizers = definition.finalizers
        self._finalizer_names = tuple(each.name for each in definition.finalizers)
        self._patches = FinalizerPatches(services.client, definition.kind) if definition.finalizers else None
        self._reconcile = self._caller(definition.reconciler.reconcile)
        on_error = getattr(definition.reconciler, "on_error", None)
        self._on_error = self._caller(on_error) if on_error is not None else None
        self._reads_object = definition.takes_object or bool(definition.finalizers)
        self._timeout = definition.options.timeout
        self._given_back: dict[ObjectKey, tuple[str, set[str]]] = {}

    async def __call__(self, request: Request) -> Outcome:
        """Reconcile once. Raises only when the run itself is cancelled from outside."""
        echoes = self._echoes
        if echoes is not None:
            echoes.reconcile_began(request.key, request.reconcile_id)
        try:
            with attributed(self._definition.name, request.key, request.reconcile_id):
                return await self._attributed(request)
        finally:
            if echoes is not None:
                echoes.reconcile_ended(request.key)

    async def _attributed(self, request: Request) -> Outcome:
        outcome = await self._bounded(request)
        if outcome.error is None:
            return outcome
        if outcome.undecodable:
            self._report_undecodable(request.key, outcome.error)
            return outcome
        if self._on_error is not None:
            return await self._handle_error(request, outcome)
        return outcome

    async def _bounded(self, request: Request) -> Outcome:
        timeout = self._timeout
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(timeout)
        try:
            with limited(None if timeout is None else loop.time() + timeout):
                async with limit:
                    result = await self._guarded(request)
        except _Undecodable as undecodable:
            return Outcome(error=undecodable.error, undecodable=True)
        except TerminalError as error:
            return Outcome(error=error, terminal=True)
        except TimeoutError as error:
            if not limit.expired():
                return Outcome(error=error)
            late = ReconcileTimeoutError(f"the reconcile of {request.key} took longer than {timeout:g} s")
            late.__cause__ = error
            return Outcome(error=late, timed_out=True)
        except Exception as error:
            return Outcome(error=error)
        if result is not None and not isinstance(result, Result):
            return Outcome(
                error=ConfigurationError(
                    f"{type(self._reconciler).__name__}.reconcile must return None or a Result, "
                    f"got {type(result).__name__}"
                ),
                terminal=True,
            )
        return Outcome(result=result)

    async def _guarded(self, request: Request) -> Any:
        """The run, with what must not leave it made into an ordinary error."""
        task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await self._step(request)
        except asyncio.CancelledError as error:
            if task.cancelling() > cancelling:
                raise  # the run is cancelled: time-out or shutdown
            raise InterruptedReconcileError(
                "something the reconciler waited for was cancelled, though the reconcile was not"
            ) from error
        except (SystemExit, GeneratorExit) as error:
            raise InterruptedReconcileError(f"the reconciler raised {type(error).__name__}") from error

    async def _step(self, request: Request) -> Any:
        own_writes = self._own_writes
        if own_writes is not None and own_writes.doubtful:
            await own_writes.settle(self._definition.name, request.key, self._informer)
        if not self._reads_object:
            return await self._reconcile(request)
        key = request.key
        obj = self._read(key)
        if obj is None:
            self._given_back.pop(key, None)
        if obj is not None and self._patches is not None:
            metadata = self._primary.metadata(key)
            if metadata is not None and metadata.deleting:
                return await self._finalize(obj, metadata)
            if metadata is not None:
                current = await self._patches.add(metadata, self._finalizer_names)
                if current is None:
                    return None  # gone, replaced or being deleted meanwhile: its own event follows
                obj = obj if current is metadata else current
        if not self._definition.takes_object:
            return await self._reconcile(request)
        return None if obj is None else await self._reconcile(obj)

    def _read(self, key: ObjectKey) -> Any:
        try:
            return self._primary.get(key)
        except ObjectDecodeError as error:
            raise _Undecodable(error) from error

    async def _finalize(self, obj: Any, metadata: ObjectMetadata) -> Result | None:
        """Run the duties in their order; each is taken off the server's list once it is done."""
        assert self._patches is not None
        done = self._done_for(metadata)
        remaining: ObjectMetadata | None = metadata
        for finalizer in self._finalizers:
            if remaining is None:
                return None
            if finalizer.name not in remaining.finalizers or finalizer.name in done:
                continue
            result = await self._caller(finalizer.finalize)(obj)
            if result is not None:
                return result
            remaining = await self._patches.remove(remaining, finalizer.name)
            done.add(finalizer.name)
        return None

    def _done_for(self, metadata: ObjectMetadata) -> set[str]:
        """Finalizers that this run took off an object: the cache may show them for a moment longer.

        Without this, an event of something that `finalize` deleted would call it a second time.
        """
        uid, done = self._given_back.get(metadata.key, ("", set[str]()))
        if uid != metadata.uid:
            if len(self._given_back) >= _REMEMBERED:
                del self._given_back[next(iter(self._given_back))]
            done = set[str]()
            self._given_back[metadata.key] = (metadata.uid, done)
        return done

    async def _handle_error(self, request: Request, outcome: Outcome) -> Outcome:
        assert self._on_error is not None
        log = self._services.log
        loop = asyncio.get_running_loop()
        try:
            obj = self._primary.get(request.key)
            if obj is None:
                return outcome
            seconds = self._timeout or _ON_ERROR_SECONDS
            with limited(loop.time() + seconds):
                async with asyncio.timeout(seconds):
                    result = await self._on_error(obj, outcome.error)
        except TerminalError:
            return Outcome(error=outcome.error, terminal=True, timed_out=outcome.timed_out)
        except Exception as error:
            log.warning("on_error failed", key=str(request.key), error=f"{type(error).__name__}: {error}")
            return outcome
        if not isinstance(result, Result):
            return outcome
        return Outcome(
            result=result, error=outcome.error, terminal=outcome.terminal, timed_out=outcome.timed_out
        )

    def _report_undecodable(self, key: ObjectKey, error: Exception) -> None:
        kind = self._definition.resource_type
        metadata = self._primary.metadata(key)
        if metadata is not None:
            self._services.events.event_for(
                kind,
                metadata,
                type="Warning",
                reason="ObjectDecodeError",
                action="Reconcile",
                note=str(error),
            )

    def _caller(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """An awaitable form of the user's function: itself, or a call in a worker thread."""
        if inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(function):
            return function
        name = f"{self._definition.name}-{getattr(function, '__name__', 'function')}"

        async def call(*arguments: Any) -> Any:
            result = await self._services.runtime.run_in_thread(
                functools.partial(function, *arguments), name=name
            )
            # A plain function that returns an awaitable: a wrapper around an async one.
            return await result if inspect.isawaitable(result) else result

        return call
