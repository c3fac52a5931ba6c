"""One Lease on an API server, as one process sees and holds it: moves what `lock` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from reconcile.api.coordination.v1 import Lease
from reconcile.client.client import Client
from reconcile.client.options import RetryOptions
from reconcile.controllers.logs import Logger
from reconcile.errors import AlreadyExistsError, ConflictError, NotFoundError, ReconcileError
from reconcile.leaderelection.lock import (
    Attempt,
    Command,
    Create,
    Event,
    Failed,
    Found,
    LeaseState,
    Read,
    Replace,
    Resigned,
    Settled,
    Stored,
    expires,
    leads,
    lease_ends,
    noticed,
    step,
)
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.record import LeaseRecord
from reconcile.objects.identity import ObjectKey
from reconcile.objects.meta import ObjectMeta
from reconcile.objects.times import format_micro_time
from reconcile.runtime import Runtime

# The next leader waits for the end of the lease otherwise; but nobody waits for us for ever.
_RELEASE_SECONDS = 1.5
_RELEASE_TRIES = 3


def lease_client(client: Client, options: LeaseOptions) -> Client:
    """A client for Leases over the same connections.

    Without the guard and the observers; without retries, which would use up the time that a renewal has.
    """
    return Client(
        client.transport,
        runtime=client.runtime,
        field_manager=client.field_manager,
        retries=RetryOptions(attempts=1),
        default_timeout=options.renew_deadline / 2,
    )


class HeldLease:
    """Takes a Lease, renews it and gives it away, when its owner says so. Has no task of its own.

    Args:
        options: the numbers, and the labels; name and namespace count in `key` alone.
        identity: what the Lease says while it is held; nobody else may have it.
        key: of the Lease.
        client: see `lease_client`.
    """

    def __init__(
        self,
        options: LeaseOptions,
        identity: str,
        *,
        key: ObjectKey,
        client: Client,
        runtime: Runtime,
        log: Logger,
    ) -> None:
        self.options = options
        self.identity = identity
        self.key = key
        self._client = client
        self._runtime = runtime
        self._log = log
        self._state = LeaseState(options, identity)
        self._stored: Lease | None = None
        self._trouble = ""
        self._last_moment: datetime | None = None

    # -- what is known -----------------------------------------------------------------------------

    @property
    def described(self) -> str:
        return str(self.key)

    @property
    def is_held(self) -> bool:
        """Whether it is ours now and may be acted upon, by our own clock."""
        return leads(self._state, self._runtime.elapsed())

    @property
    def holder(self) -> str:
        """Who held it when it was seen last; empty for nobody."""
        return self._state.record.holder if self._state.record is not None else ""

    @property
    def transitions(self) -> int:
        """How often it has changed hands, as seen last."""
        return self._state.record.transitions if self._state.record is not None else 0

    @property
    def slow_paths(self) -> int:
        """Renewals that had to read the Lease first."""
        return self._state.slow_paths

    @property
    def uid(self) -> str:
        """Of the Lease as seen last; empty when it was never seen."""
        return (self._stored.metadata.uid or "") if self._stored is not None else ""

    def seconds_to_write(self) -> float:
        """Until we stop to write by ourselves; 0 or less when that time has come."""
        held_from = self._state.held_from
        return 0.0 if held_from is None else held_from + self.options.renew_deadline - self._runtime.elapsed()

    def seconds_held(self) -> float:
        """Until somebody else may take it; 0 or less when it is not ours."""
        return 0.0 if self._state.held_from is None else lease_ends(self._state) - self._runtime.elapsed()

    def elapsed(self) -> float:
        """Local time that counts suspended time."""
        return self._runtime.elapsed()

    def seconds_bound(self) -> float:
        """Until what was seen of it, or of its absence, stops binding us; 0 or less when it may be taken."""
        return expires(self._state) - self._runtime.elapsed()

    # -- what is done ------------------------------------------------------------------------------

    async def attempt(self) -> bool:
        """Take it or renew it, where that is right; whether it is held afterwards.

        Takes the renew deadline at most, and not longer than a lease that is held lasts. Never raises what
        the server or the network do.
        """
        was, last_trouble = self.holder, self._trouble
        self._trouble = ""
        left = self.seconds_to_write()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.options.renew_deadline if left <= 0 else left):
                command = self._put(Attempt(self._moment()))
                while not isinstance(command, Settled):
                    command = self._put(await self._carry_out(command))
        if self._trouble and self._trouble != last_trouble:
            # Once: the same trouble comes back with every attempt.
            self._log.warning("the lease could not be read or written", error=self._trouble)
        if self.holder != was:
            self._log.info("the lease changed hands", holder=self.holder, before=was)
        return self.is_held

    def observe(self, lease: Lease | None) -> None:
        """Take note of the Lease as a list or watch shows it; nothing while it is held or being written."""
        if self._state.held_from is None and self._state.writing is None:
            self._stored = lease
            record = None if lease is None else LeaseRecord.of(lease)
            self._state = noticed(self._state, record, self._runtime.elapsed())

    def resign(self) -> None:
        """Do not act upon it any more, whatever the Lease says."""
        self._put(Resigned())

    async def give_away(self) -> None:
        """Let others take it at once, where it is ours; for 1.5 seconds at most. Never raises."""
        # What was sent and not answered may have reached the server.
        known = self._state.writing is None
        perhaps_ours = not known or self.holder == self.identity
        self.resign()
        if not perhaps_ours:
            return
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                for number in range(_RELEASE_TRIES):
                    # Again after a conflict: a label, say, was changed, or a late renewal of ours came.
                    if number or not known:
                        await self._read()
                    with suppress(ConflictError):
                        return await self._free()
        except (ReconcileError, TimeoutError) as error:
            self._log.warning(
                "the lease was not given away; the next leader waits until it ends", error=_text(error)
            )

    # -- one step ----------------------------------------------------------------------------------

    def _put(self, event: Event) -> Command:
        self._state, command = step(self._state, event, self._runtime.elapsed())
        return command

    async def _carry_out(self, command: Command) -> Event:
        try:
            match command:
                case Read():
                    return Found(await self._read())
                case Create(record):
                    await self._write(self._client.create, self._new(record))
                case Replace(record):
                    await self._write(self._client.update, self._changed(record))
                case Settled():
                    raise AssertionError("nothing is left to do")
        except ReconcileError as error:
            # A Lease to be replaced that is gone; for one to be made it is the namespace.
            gone = isinstance(error, NotFoundError) and isinstance(command, Replace)
            if gone or isinstance(error, ConflictError | AlreadyExistsError):
                self._log.debug("somebody else wrote the lease first", error=_text(error))
                return Failed(overtaken=True)
            self._trouble = _text(error)
            return Failed()
        return Stored()

    async def _read(self) -> LeaseRecord | None:
        lease = await self._client.get_or_none(Lease, self.key)
        self._stored = lease
        return None if lease is None else LeaseRecord.of(lease)

    async def _write(self, verb: Callable[[Lease], Awaitable[Lease]], lease: Lease) -> None:
        self._stored = await verb(lease)

    def _new(self, record: LeaseRecord) -> Lease:
        metadata = ObjectMeta(
            name=self.key.name, namespace=self.key.namespace, labels=dict(self.options.labels)
        )
        lease = Lease(metadata=metadata)
        record.put_into(lease)
        return lease

    def _changed(self, record: LeaseRecord) -> Lease:
        lease = self._stored
        if lease is None:
            raise NotFoundError("the lease was never read", code=404)
        record.put_into(lease)
        lease.metadata.labels = {**(lease.metadata.labels or {}), **self.options.labels}
        return lease

    async def _free(self) -> None:
        lease = self._stored
        if lease is None or lease.spec.holder_identity != self.identity:
            return
        record = LeaseRecord.of(lease).released(self._moment())
        record.put_into(lease)
        self._stored = await self._client.update(lease)
        self._state = noticed(self._state, record, self._runtime.elapsed())
        self._log.info("lease released")

    # -- words -------------------------------------------------------------------------------------

    def _moment(self) -> str:
        """The wall clock's time, and never twice the same: by its change others see that we are alive."""
        now, last = self._runtime.now(), self._last_moment
        if last is not None and now <= last:
            now = last + timedelta(microseconds=1)
        self._last_moment = now
        return format_micro_time(now)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
