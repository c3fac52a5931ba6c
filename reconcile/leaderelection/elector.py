"""Leads while it holds a Lease: the elector of `Manager(leader_election="name")`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from reconcile.client.client import Client
from reconcile.controllers.logs import Logger
from reconcile.leaderelection.announcing import Announcer
from reconcile.leaderelection.guard import LeaseGuard
from reconcile.leaderelection.held import HeldLease, lease_client
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.preflight import check_rights
from reconcile.leaderelection.surroundings import Caller, ask_who_we_are, own_namespace
from reconcile.leaderelection.watching import watch_lease
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import Runtime


class LeaseElector:
    """Campaigns for one Lease; a `LeaderElector`.

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
        self._caller: Caller | None = None
        self._lease: HeldLease | None = None
        self._announcer: Announcer | None = None
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    # -- what others may ask -----------------------------------------------------------------------

    @property
    def guard(self) -> LeaseGuard | None:
        return self._guard

    @property
    def is_leader(self) -> bool:
        """Whether this process leads now, by its own clock: exact also where nobody has noticed yet."""
        return self._lease is not None and self._lease.is_held

    @property
    def holder(self) -> str:
        """Who held the Lease when it was seen last; empty for nobody."""
        return "" if self._lease is None else self._lease.holder

    @property
    def transitions(self) -> int:
        """How often the Lease has changed hands, as seen last."""
        return 0 if self._lease is None else self._lease.transitions

    @property
    def slow_paths(self) -> int:
        """Renewals that had to read the Lease first."""
        return 0 if self._lease is None else self._lease.slow_paths

    @property
    def described(self) -> str:
        """The Lease in words: `namespace/name`."""
        return str(self._key)

    def seconds_to_write(self) -> float:
        """Until this process stops to write by itself; 0 or less while it does not lead."""
        return 0.0 if self._lease is None else self._lease.seconds_to_write()

    def seconds_held(self) -> float:
        """Until another process may take the Lease; 0 or less while this one does not lead."""
        return 0.0 if self._lease is None else self._lease.seconds_held()

    def elapsed(self) -> float:
        """Local time that counts suspended time; once the elector is prepared."""
        return self._runtime.elapsed()

    # -- the campaign ------------------------------------------------------------------------------

    def prepare(self, client: Client, runtime: Runtime, log: Logger) -> None:
        namespace = self.options.namespace or own_namespace(self.name)
        self.options = replace(self.options, namespace=namespace)
        self._key = ObjectKey(namespace, self.name)
        self._runtime = runtime
        self._log = log.bind(lease=self.described)
        self._client = lease_client(client, self.options)
        self._caller = None
        self._lease = None
        # Of the loop that runs now: a manager may run on another one each time.
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()

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
        lease = await self._begin()
        self._lost.clear()
        told = False
        while not await self._attempt(lease):
            pause = self.options.pause(self._runtime.random)
            bound = lease.seconds_bound()
            empty = bound > 0 and not lease.holder
            if empty and not told:
                self._log.info("the lease is empty; it is taken if nobody claims it", seconds=round(bound))
            told = empty
            await self._sleep(min(pause, bound) if bound > 0 else pause)
        if self._announcer is not None:
            self._announcer.became_leader(lease.uid)
        self._renewing = asyncio.create_task(self._renew(lease), name=f"lease-{self.name}")

    async def lost(self) -> None:
        await self._lost.wait()

    async def release(self) -> None:
        await _end(self._watching)
        renewing, self._renewing = self._renewing, None
        await _end(renewing)
        lease = self._lease
        if lease is not None:
            if self._guard.unsettled:
                self._log.warning(
                    "the lease is not given away: the server may still carry out a write that was cut short"
                )
            elif self.options.release:
                await lease.give_away()
            lease.resign()
        announcer, self._announcer = self._announcer, None
        if announcer is not None:
            if lease is not None and renewing is not None and not self._lost.is_set():
                announcer.stopped_leading(lease.uid)
            await announcer.close()
        self._lease = None

    async def _begin(self) -> HeldLease:
        if self._lease is not None:
            return self._lease
        caller = self._caller or await ask_who_we_are(self._client)
        self.identity = f"{self.options.identity or caller.name}_{self._runtime.uuid()}"
        self._lease = HeldLease(
            self.options,
            self.identity,
            key=self._key,
            client=self._client,
            runtime=self._runtime,
            log=self._log,
        )
        self._announcer = Announcer(
            self._client, self._runtime, self._log, name=self.name, identity=self.identity, key=self._key
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
        return self._lease

    async def _renew(self, lease: HeldLease) -> None:
        """Keep the lease; ends, and says so, when it is lost. Cancelled, it leaves the lease as it is."""
        try:
            while lease.is_held:
                await self._sleep(min(self.options.retry_period, lease.seconds_to_write()))
                if lease.is_held:
                    await self._attempt(lease)
        except Exception as error:
            self._log.error(
                "renewing the lease failed", error=f"{type(error).__name__}: {error}", exc_info=error
            )
        lease.resign()
        if self._announcer is not None:
            self._announcer.stopped_leading(lease.uid)
        self._lost.set()

    async def _attempt(self, lease: HeldLease) -> bool:
        self._wake.clear()
        return await lease.attempt()

    # -- being woken -------------------------------------------------------------------------------

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()

    def _look_again(self) -> None:
        self._wake.set()

    def _watched(self, holder: str) -> None:
        if holder != self.holder:
            self._wake.set()


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
