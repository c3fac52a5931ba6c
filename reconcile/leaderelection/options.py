"""What can be set on an election by Lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from reconcile.errors import ConfigurationError
from reconcile.objects.names import dns_label_problems, dns_subdomain_problems

JITTER = 1.2


@dataclass(frozen=True, slots=True)
class LeaseOptions:
    """Which Lease is held, by whom, and for how long at a time; client-go's numbers by default.

    Attributes:
        name: of the Lease; what controller-runtime calls `LeaderElectionID`. `"namespace/name"` says both.
        namespace: of the Lease. By default the pod's own, from its service account; outside of a cluster
            it must be given.
        identity: how this process calls itself in the Lease; a new uuid is always appended, so that two
            processes are never taken for one. By default the pod's name, else the host's.
        lease_duration: seconds after the last renewal that others saw, until one of them takes over.
            Default 15. Whole seconds: the server keeps no fractions (they are rounded up there).
        renew_deadline: seconds after the start of the last renewal that succeeded, until this process stops
            by itself to write and to lead. Default 10. What it is shorter than `lease_duration` is what
            clocks may differ in speed and what a request may be under way.
        retry_period: seconds between two attempts to get the lead or to renew it. Default 2. Those who wait
            for the lead take between that and 1.2 times less, at random.
        labels: set on the Lease, beside those that it has.
        release: whether a stop gives the Lease away, so that the next leader need not wait. Default True.
        trust_absence: whether a process that finds no Lease, or one that somebody emptied, leads at once, as
            with client-go. By default it waits `lease_duration` first: the Lease may be that of a leader
            that does not know it yet. A Lease that was given away is taken at once in any case, and stays,
            so a new operator waits once.
        watch: whether the Lease is watched as well, so that a released one is taken in milliseconds and a
            leader learns at once that its Lease was deleted or taken. Default True; needs the verb `watch`,
            and without it everything works by polling.
        preflight: whether the rights that the election needs are asked for at the start. Default True.
    """

    name: str
    namespace: str | None = None
    identity: str | None = None
    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    release: bool = True
    trust_absence: bool = False
    watch: bool = True
    preflight: bool = True

    def __post_init__(self) -> None:
        namespace, slash, name = self.name.partition("/")
        if slash:
            if self.namespace not in (None, namespace):
                raise ConfigurationError(
                    f"leader election: the name {self.name!r} and namespace={self.namespace!r} differ"
                )
            object.__setattr__(self, "namespace", namespace)
            object.__setattr__(self, "name", name)
        self._check_names()
        self._check_times()

    def _check_names(self) -> None:
        if problems := dns_subdomain_problems(self.name):
            raise ConfigurationError(f"leader election: {self.name!r} cannot name a Lease: {problems[0]}")
        if self.namespace is not None and (problems := dns_label_problems(self.namespace)):
            raise ConfigurationError(
                f"leader election: {self.namespace!r} cannot be a namespace: {problems[0]}"
            )

    def _check_times(self) -> None:
        for name in ("lease_duration", "renew_deadline", "retry_period"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"leader election: {name} must be more than 0 seconds")
        if self.renew_deadline >= self.lease_duration:
            raise ConfigurationError(
                f"leader election: renew_deadline ({self.renew_deadline:g} s) must be less than "
                f"lease_duration ({self.lease_duration:g} s): a leader must stop before others take over"
            )
        if self.retry_period * JITTER >= self.renew_deadline:
            raise ConfigurationError(
                f"leader election: renew_deadline ({self.renew_deadline:g} s) must be more than {JITTER:g} × "
                f"retry_period ({self.retry_period:g} s): one attempt that fails must not cost the lead"
            )

    def pause(self, dice: Random) -> float:
        """Seconds until the next look at a Lease that another holds.

        Never longer than `retry_period`, so that a dead leader is followed in `lease_duration` and one
        period. (client-go draws from one to 2.2 periods.)
        """
        return self.retry_period / (1 + (JITTER - 1) * dice.random())
