"""Holds a fair share of the shards of one election: the shell around `view` and `leases`.

sharing   announce ▸ look ▸ plan ▸ take, or drain and give away       every retry period
keeping   renew, for each shard that is held                          every retry period, each by itself
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from reconcile.client.client import Client
from reconcile.client.preconditions import Seen
from reconcile.client.seams import Write, WriteOutcome
from reconcile.controllers.leadership import Term, current_term
from reconcile.controllers.logs import Logger
from reconcile.errors import ConfigurationError, ReconcileError
from reconcile.leaderelection.guard import LeaseGuard
from reconcile.leaderelection.held import HeldLease, lease_client
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.preflight import require_rights
from reconcile.leaderelection.sharding.hashing import shard_of
from reconcile.leaderelection.sharding.leases import ShardLeases, shard_name
from reconcile.leaderelection.sharding.view import View
from reconcile.leaderelection.surroundings import LEASES, Caller, Right, ask_who_we_are, own_namespace
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import Runtime

_MOST_SHARDS = 1000
_LONGEST_NAME = 40
# As long as one waits for a Lease to be given away.
_WITHDRAW_SECONDS = 1.5


class ShardOwner(Protocol):
    """Whose work is divided: told of every shard that comes and goes."""

    def gained(self, shards: frozenset[int], /) -> None:
        """These are ours now."""
        ...

    def lost(self, shard: int, /) -> None:
        """This one is not ours any more: its work must end at once."""
        ...

    async def drain(self, shard: int, /) -> None:
        """This one is to be given away: return when what is under way has ended. Nothing new is begun."""
        ...


@dataclass(slots=True, eq=False)
class ShardTerm(Term):
    """A term of one shard, with the guard of its Lease."""

    guard: LeaseGuard | None = None


class ShardGuard:
    """Refuses writes of a key whose shard is not certainly ours; see `LeaseGuard`.

    Attributes:
        refused: how many writes were refused.
    """

    def __init__(self) -> None:
        self._none = LeaseGuard(_NoLease())
        self._guards: list[LeaseGuard] = [self._none]

    @property
    def refused(self) -> int:
        return sum(guard.refused for guard in self._guards)

    def guard_of(self, lease: HeldLease) -> LeaseGuard:
        """The guard of one shard's Lease, counted here."""
        guard = LeaseGuard(lease)
        self._guards.append(guard)
        return guard

    def check(self, write: Write, /) -> float | None:
        return self._guard_of_term().check(write)

    def write_started(self, write: Write, /) -> None:
        """Nothing is known yet."""

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        """See `LeaseGuard`."""
        self._guard_of_term().write_finished(write, outcome)

    def _guard_of_term(self) -> LeaseGuard:
        term = current_term()
        return term.guard if isinstance(term, ShardTerm) and term.guard is not None else self._none


class _NoLease:
    described = "of no shard"

    def seconds_to_write(self) -> float:
        return 0.0

    def seconds_held(self) -> float:
        return 0.0

    def elapsed(self) -> float:
        return 0.0


class ShardElector:
    """Takes part in `Manager(leader_election=…, shards=N)`; a `ShardGate` for its controllers.

    Args:
        options: the numbers, and the name and namespace that the Leases' names begin with.
        shards: how many; the same in all replicas.

    Attributes:
        options: as given, with the namespace filled in once it is prepared.
        name: of the election.
        shards: how many there are.
        identity: what Leases say while this process holds them; empty before it has begun.
        guard: asked before every write of the manager's client.
        waits_for: the replica of another number of shards that keeps this one from taking any, in words.
    """

    def __init__(self, options: LeaseOptions | str, shards: int) -> None:
        self.options = LeaseOptions(options) if isinstance(options, str) else options
        if not 1 <= shards <= _MOST_SHARDS:
            raise ConfigurationError(f"shards: expected a number from 1 to {_MOST_SHARDS}, got {shards}")
        if len(self.options.name) > _LONGEST_NAME:
            raise ConfigurationError(
                f"shards: the election's name {self.options.name!r} is longer than {_LONGEST_NAME} "
                "characters; it is the beginning of Leases' names and a label's value"
            )
        self.name = self.options.name
        self.shards = shards
        self.identity = ""
        self.waits_for = ""
        self.guard = ShardGuard()
        self._runtime: Runtime
        self._log: Logger
        self._client: Client
        self._caller: Caller | None = None
        self._leases: ShardLeases | None = None
        self._guards: list[LeaseGuard] = []
        self._terms: dict[int, ShardTerm] = {}
        self._keeping: dict[int, asyncio.Task[None]] = {}
        self._draining: dict[int, asyncio.Task[None]] = {}
        self._sharing: asyncio.Task[None] | None = None
        self._last_error = ""

    # -- what others may ask -----------------------------------------------------------------------

    @property
    def owned(self) -> tuple[int, ...]:
        """The shards that are this process's own."""
        return tuple(sorted(self._terms))

    @property
    def slow_paths(self) -> int:
        """Renewals that had to read the Lease first."""
        return 0 if self._leases is None else sum(held.slow_paths for held in self._leases.held)

    def lease_of(self, shard: int) -> str:
        """The name of a shard's Lease."""
        return shard_name(self.name, shard, self.shards)

    def shard_of(self, key: ObjectKey) -> int:
        """The shard of a key."""
        return shard_of(key, self.shards)

    def term_of(self, key: ObjectKey, /) -> Term | None:
        shard = shard_of(key, self.shards)
        return None if shard in self._draining else self._terms.get(shard)

    def term(self, shard: int) -> Term | None:
        """The present term of a shard; None while it is not this process's own."""
        return self._terms.get(shard)

    # -- life --------------------------------------------------------------------------------------

    def prepare(self, client: Client, runtime: Runtime, log: Logger) -> None:
        """Called once, before anything else."""
        namespace = self.options.namespace or own_namespace(self.name)
        self.options = replace(self.options, namespace=namespace)
        self._runtime = runtime
        self._log = log.bind(election=f"{namespace}/{self.name}")
        self._client = lease_client(client, self.options)
        self._caller = None
        self._leases = None

    async def preflight(self) -> None:
        """Ask the server for the rights that shards need.

        Raises `ConfigurationError` that names the rules to add to a Role.
        """
        self._caller = await ask_who_we_are(self._client)
        if self.options.preflight:
            verbs = ("create", "get", "list", "update", "delete")
            await require_rights(
                self._client,
                self.options.namespace or "",
                self._caller.user,
                self._log,
                needed=[Right(verb, *LEASES) for verb in verbs],
                useful=[],
            )

    async def run(self, owner: ShardOwner, seen: Seen | None = None) -> None:
        """Announce this replica, take its share of the shards and keep it, until cancelled."""
        caller = self._caller or await ask_who_we_are(self._client)
        self.identity = f"{self.options.identity or caller.name}_{self._runtime.uuid()}"
        self._leases = leases = ShardLeases(
            self.options,
            self.shards,
            self.identity,
            client=self._client,
            runtime=self._runtime,
            log=self._log,
        )
        self._guards = [self.guard.guard_of(held) for held in leases.held]
        self._sharing = asyncio.create_task(self._share(leases, owner, seen), name=f"shards of {self.name}")
        await asyncio.wait([self._sharing])
        if not self._sharing.cancelled():
            self._sharing.result()
        # Leaving: what is held is kept until it is released.
        await asyncio.get_running_loop().create_future()

    async def leave(self) -> None:
        """Take no more shards, and tell the others; what is held is kept."""
        await _end([self._sharing])
        if self._leases is not None:
            with suppress(ReconcileError, TimeoutError):
                async with asyncio.timeout(_WITHDRAW_SECONDS):
                    await self._leases.withdraw()

    async def release(self) -> None:
        """Give every shard away: all work has ended."""
        await _end([self._sharing, *self._keeping.values(), *self._draining.values()])
        self._keeping.clear()
        self._draining.clear()
        leases, self._leases = self._leases, None
        terms, self._terms = self._terms, {}
        for term in terms.values():
            term.over = True
        if leases is not None:
            if self.options.release:
                # Also one whose taking was cut short: the server may have carried it out. But none of which
                # a write was cut short.
                settled = zip(leases.held, self._guards, strict=True)
                await asyncio.gather(*(held.give_away() for held, guard in settled if not guard.unsettled))
            for held in leases.held:
                held.resign()

    # -- sharing -----------------------------------------------------------------------------------

    async def _share(self, leases: ShardLeases, owner: ShardOwner, seen: Seen | None) -> None:
        view = View(self.options, self.identity, self.shards)
        while True:
            began = self._runtime.elapsed()
            try:
                await leases.announce()
                view.see(await leases.look(), self._runtime.elapsed())
                await self._balance(leases, view, owner, seen, began)
                self._last_error = ""
            except ReconcileError as error:
                self._report(error)
            pause = self.options.pause(self._runtime.random)
            bounds = [held.seconds_bound() for held in leases.held if not held.is_held]
            await asyncio.sleep(min([pause, *(bound for bound in bounds if bound > 0)]))

    async def _balance(
        self, leases: ShardLeases, view: View, owner: ShardOwner, seen: Seen | None, began: float
    ) -> None:
        now = self._runtime.elapsed()
        plan = view.plan(leases.holders(), now, giving_up=self._draining)
        if plan.waits_for != self.waits_for:
            if plan.waits_for:
                self._log.warning(
                    f"this replica counts {self.shards} shards and waits for another to go",
                    waits_for=plan.waits_for,
                )
            self.waits_for = plan.waits_for
        for shard in plan.give_up:
            task = asyncio.create_task(self._give_up(shard, leases, owner), name=f"shard {shard}: drain")
            self._draining[shard] = task
        # An announcement binds the others as long as a lease; ours may have become old while we looked.
        if plan.take and now < began + self.options.renew_deadline:
            won = await asyncio.gather(*(leases.held[shard].attempt() for shard in plan.take))
            self._gain([s for s, held in zip(plan.take, won, strict=True) if held], leases, owner, seen)
            for shard, held in zip(plan.take, won, strict=True):
                if not held:
                    leases.held[shard].resign()
        for identity in view.gone(now):
            await leases.sweep(identity)

    def _gain(self, shards: Iterable[int], leases: ShardLeases, owner: ShardOwner, seen: Seen | None) -> None:
        gained = frozenset(shards)
        for shard in sorted(gained):
            held = leases.held[shard]
            self._terms[shard] = ShardTerm(
                self.lease_of(shard), seen, elector=self, guard=self._guards[shard]
            )
            self._keeping[shard] = asyncio.create_task(
                self._keep(shard, held, owner), name=f"shard {shard}: lease"
            )
        if gained:
            self._log.info("shards gained", shards=sorted(gained), owned=list(self.owned))
            owner.gained(gained)

    async def _keep(self, shard: int, held: HeldLease, owner: ShardOwner) -> None:
        """Renew one shard's Lease; ends, and says so, when it is lost."""
        while held.is_held:
            await asyncio.sleep(max(0.0, min(self.options.retry_period, held.seconds_to_write())))
            if held.is_held:
                await held.attempt()
        held.resign()
        self._keeping.pop(shard, None)
        term = self._terms.pop(shard, None)
        if term is None:
            return
        term.over = True
        self._log.warning("a shard is lost; its work is cancelled", shard=shard, owned=list(self.owned))
        owner.lost(shard)

    async def _give_up(self, shard: int, leases: ShardLeases, owner: ShardOwner) -> None:
        """Let what is under way end, then let another replica have the shard."""
        try:
            await owner.drain(shard)
            while self._guards[shard].unsettled and shard in self._terms:
                # A write whose answer was lost: the server's own time-out ends it.
                await asyncio.sleep(self.options.retry_period)
            keeping = self._keeping.pop(shard, None)
            if keeping is None:
                return  # lost meanwhile
            await _end([keeping])
            term = self._terms.pop(shard, None)
            if term is None:
                return  # lost in the last moment
            term.over = True
            await leases.held[shard].give_away()
            self._log.info("a shard was given to another replica", shard=shard, owned=list(self.owned))
        finally:
            self._draining.pop(shard, None)

    def _report(self, error: ReconcileError) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self._last_error:
            self._log.warning("the shards' leases could not be read or written", error=text)
        self._last_error = text


async def _end(tasks: Iterable[asyncio.Task[None] | None]) -> None:
    ending = [task for task in tasks if task is not None]
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)
