"""Holds a Lease on an API server: the shell around the algorithm in `lock`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from reconcile.api.coordination.v1 import Lease
from reconcile.client.client import Client
from reconcile.client.options import RetryOptions
from reconcile.controllers.logs import Logger
from reconcile.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    ReconcileError,
)
from reconcile.leaderelection.announcing import Announcer
from reconcile.leaderelection.guard import LeaseGuard
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
    step,
)
from reconcile.leaderelection.options import JITTER, LeaseOptions
from reconcile.leaderelection.preflight import check_rights
from reconcile.leaderelection.record import LeaseRecord
from reconcile.leaderelection.surroundings import Caller, ask_who_we_are, own_namespace
from reconcile.leaderelection.watching import watch_lease
from reconcile.objects.identity import ObjectKey
from reconcile.objects.meta import ObjectMeta
from reconcile.objects.times import format_micro_time
from reconcile.runtime import Runtime

# The next leader waits for the end of the lease otherwise; but nobody waits for us for ever.
_RELEASE_SECONDS = 1.5


class LeaseElector:
    """Leads while it holds a Lease; a `LeaderElector` for `Manager(leader_election=…)`.

    Args:
        options: which Lease, and the numbers; a text is the Lease's name.

    Attributes:
        options: as given, with the namespace filled in once it is prepared.
        name: of the election: the Lease's name.
        identity: what the Lease says while this process leads; empty before the first campaign.
    """

    def __init__(self, options: LeaseOptions | str) -> None:
        self.options = LeaseOptions(options) if isinstance(options, str) else options
        self.name = self.options.name
        self.identity = ""
        self._guard = LeaseGuard(self, on_expired=self._look_again)
        self._client: Client
        self._runtime: Runtime
        self._log: Logger
        self._key = ObjectKey("", self.name)
        self._state: LeaseState | None = None
        self._stored: Lease | None = None
        self._last_error = ""
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._announcer: Announcer | None = None
        self._caller: Caller | None = None

    # -- what others may ask -----------------------------------------------------------------------

    @property
    def guard(self) -> LeaseGuard | None:
        return self._guard

    @property
    def is_leader(self) -> bool:
        """Whether this process leads now, by its own clock: exact also where nobody has noticed yet."""
        return self._state is not None and leads(self._state, self._runtime.elapsed())

    @property
    def holder(self) -> str:
        """Who held the Lease when it was seen last; empty for nobody."""
        record = None if self._state is None else self._state.record
        return "" if record is None else record.holder

    @property
    def transitions(self) -> int:
        """How often the Lease has changed hands, as seen last."""
        record = None if self._state is None else self._state.record
        return 0 if record is None else record.transitions

    @property
    def slow_paths(self) -> int:
        """Renewals that had to read the Lease first."""
        return 0 if self._state is None else self._state.slow_paths

    @property
    def described(self) -> str:
        return str(self._key)

    def seconds_to_write(self) -> float:
        if self._state is None or self._state.held_from is None:
            return 0.0
        return self._state.held_from + self.options.renew_deadline - self._runtime.elapsed()

    def seconds_held(self) -> float:
        if self._state is None or self._state.held_from is None:
            return 0.0
        return lease_ends(self._state) - self._runtime.elapsed()

    # -- the campaign ------------------------------------------------------------------------------

    def prepare(self, client: Client, runtime: Runtime, log: Logger) -> None:
        namespace = self.options.namespace or own_namespace(self.name)
        self.options = replace(self.options, namespace=namespace)
        self._key = ObjectKey(namespace, self.name)
        self._runtime = runtime
        self._log = log.bind(lease=str(self._key))
        # Its own: no retries, which would use up the time that a renewal has, and no long waits.
        self._client = Client(
            client.transport,
            runtime=runtime,
            field_manager=client.field_manager,
            retries=RetryOptions(attempts=1),
            default_timeout=self.options.renew_deadline / 2,
        )
        self._state = None
        self._stored = None
        self._caller = None

    async def preflight(self) -> None:
        """Ask the server whether this process may do what the election needs.

        Raises `ConfigurationError` that names the rules to add to a Role.
        """
        self._caller = await ask_who_we_are(self._client)
        if self.options.preflight:
            await check_rights(
                self._client, self._key, self._caller.user, self._log, watch=self.options.watch
            )

    async def acquire(self) -> None:
        state = await self._begin()
        self._lost.clear()
        while not await self._attempt():
            state = self._state or state
            pause = self.options.retry_period * (1 + (JITTER - 1) * self._runtime.random.random())
            left = expires(state) - self._runtime.elapsed()
            await self._sleep(min(pause, left) if left > 0 else pause)
        if self._announcer is not None:
            self._announcer.became_leader(self._uid())
        self._renewing = asyncio.create_task(self._renew(), name=f"lease-{self.name}")

    async def lost(self) -> None:
        await self._lost.wait()

    async def release(self) -> None:
        await self._end(self._watching)
        state = self._state
        await self._end(self._renewing)
        # What is left of the lease stays ours until it is given away.
        self._state = state
        if state is not None:
            # Whatever of ours was under way may have reached the server.
            perhaps_ours = state.writing is not None or self.holder == self.identity
            self._put(Resigned())
            if perhaps_ours and self.options.release:
                await self._give_away(known=state.writing is None)
        self._state = None
        announcer, self._announcer = self._announcer, None
        if announcer is not None:
            await announcer.close()

    async def _begin(self) -> LeaseState:
        if self._state is None:
            caller = self._caller or await ask_who_we_are(self._client)
            self.identity = f"{self.options.identity or caller.name}_{self._runtime.uuid()}"
            self._state = LeaseState(self.options, self.identity)
            self._announcer = Announcer(
                self._client,
                self._runtime,
                self._log,
                name=self.name,
                identity=self.identity,
                key=self._key,
            )
            if self.options.watch:
                watch = watch_lease(
                    self._client,
                    self._key,
                    self._log,
                    retry_period=self.options.retry_period,
                    changed=self._watched,
                )
                self._watching = asyncio.create_task(watch, name=f"watch of the lease {self.name}")
            self._log.info("waiting for the lease", identity=self.identity)
        return self._state

    def _watched(self, holder: str) -> None:
        if holder != self.holder:
            self._wake.set()

    async def _renew(self) -> None:
        """Keep the lease; ends, and says so, when it is lost."""
        try:
            while self.is_leader:
                await self._sleep(min(self.options.retry_period, self.seconds_to_write()))
                if self.is_leader:
                    await self._attempt()
        except Exception as error:
            self._log.error("renewing the lease failed", error=_text(error), exc_info=error)
        finally:
            self._put(Resigned())
            if self._announcer is not None:
                self._announcer.stopped_leading(self._uid())
            self._lost.set()

    @staticmethod
    async def _end(task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    # -- one attempt -------------------------------------------------------------------------------

    async def _attempt(self) -> bool:
        """Get the lease or renew it; whether this process leads now."""
        self._wake.clear()
        was = self.holder
        left = self.seconds_to_write()
        limit = self.options.renew_deadline if left <= 0 else left
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                command = self._put(Attempt(self._moment()))
                while not isinstance(command, Settled):
                    command = self._put(await self._carry_out(command))
        if self.holder != was:
            self._log.info("the lease has another holder", holder=self.holder, before=was)
        return self.is_leader

    def _put(self, event: Event) -> Command:
        assert self._state is not None
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
        except (ConflictError, AlreadyExistsError, NotFoundError) as error:
            self._log.debug("somebody else wrote the lease first", error=_text(error))
            return Failed(overtaken=True)
        except ReconcileError as error:
            self._report(error)
            return Failed()
        return Stored()

    async def _read(self) -> LeaseRecord | None:
        lease = await self._client.get_or_none(Lease, self._key)
        self._stored = lease
        self._last_error = ""
        return None if lease is None else LeaseRecord.of(lease)

    async def _write(self, verb: Callable[[Lease], Awaitable[Lease]], lease: Lease) -> None:
        self._stored = await verb(lease)
        self._last_error = ""

    def _new(self, record: LeaseRecord) -> Lease:
        lease = Lease(
            metadata=ObjectMeta(
                name=self._key.name, namespace=self._key.namespace, labels=dict(self.options.labels)
            )
        )
        record.put_into(lease)
        return lease

    def _changed(self, record: LeaseRecord) -> Lease:
        lease = self._stored
        if lease is None:
            raise NotFoundError("the lease was never read", code=404)
        record.put_into(lease)
        lease.metadata.labels = {**(lease.metadata.labels or {}), **self.options.labels}
        return lease

    async def _give_away(self, *, known: bool) -> None:
        """Make the Lease free where it is ours; `known` says that `_stored` is what the server has."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                if known:
                    with suppress(ConflictError):
                        return await self._free()
                # Written by us with unknown outcome; or a label, say, was changed meanwhile.
                if await self._read() is not None:
                    await self._free()
        except (ReconcileError, TimeoutError) as error:
            self._log.warning(
                "the lease was not given away; the next leader waits until it ends", error=_text(error)
            )

    async def _free(self) -> None:
        lease = self._stored
        if lease is not None and lease.spec.holder_identity == self.identity:
            LeaseRecord.of(lease).released(self._moment()).put_into(lease)
            await self._client.update(lease)
            self._log.info("lease released")

    # -- time and words ----------------------------------------------------------------------------

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()

    def _look_again(self) -> None:
        self._wake.set()

    def _uid(self) -> str:
        return (self._stored.metadata.uid or "") if self._stored is not None else ""

    def _moment(self) -> str:
        return format_micro_time(self._runtime.now())

    def _report(self, error: ReconcileError) -> None:
        text = _text(error)
        if text != self._last_error:
            # Once: the same trouble comes back every two seconds.
            self._log.warning("the lease could not be read or written", error=text)
        self._last_error = text


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
