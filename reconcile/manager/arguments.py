"""Checks of what a manager is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reconcile.controllers.leadership import LeaderElector
from reconcile.errors import ConfigurationError

if TYPE_CHECKING:
    from reconcile.leaderelection.sharding import ShardElector


def checked_namespaces(namespaces: Iterable[str] | None) -> tuple[str, ...] | None:
    if namespaces is None:
        return None
    if isinstance(namespaces, str):
        raise ConfigurationError(
            f"namespaces: expected a list, got the text {namespaces!r}; write [{namespaces!r}]"
        )
    given = tuple(dict.fromkeys(namespaces))
    if not given:
        raise ConfigurationError("namespaces: the list is empty; leave it out to watch the whole cluster")
    if "" in given:
        raise ConfigurationError(
            "namespaces: an empty name is no namespace; leave it out to watch all of them"
        )
    return given


def checked_sharding(election: Any, shards: int) -> ShardElector:
    """The elector of a manager with shards."""
    # Imported only where it is used.
    from reconcile.leaderelection import LeaseOptions
    from reconcile.leaderelection.sharding import ShardElector

    if isinstance(election, str | LeaseOptions):
        return ShardElector(election, shards)
    raise ConfigurationError(
        "shards: they are held by Leases; give leader_election the name that those begin with, or "
        f"LeaseOptions, not {election!r}"
    )


def checked_elector(election: Any) -> LeaderElector | None:
    """The elector of what a manager was given: a Lease's name, its options, or an elector."""
    if election is None or all(hasattr(election, name) for name in ("acquire", "lost", "release")):
        return election
    # Imported only where it is used.
    from reconcile.leaderelection import LeaseElector, LeaseOptions

    if isinstance(election, str | LeaseOptions):
        return LeaseElector(election)
    raise ConfigurationError(
        f"leader_election: expected a Lease's name, LeaseOptions or a LeaderElector, got {election!r}"
    )
