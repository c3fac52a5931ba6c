"""Checks of what a manager is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile.controllers.leadership import LeaderElector
from reconcile.errors import ConfigurationError


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


def checked_elector(elector: Any) -> LeaderElector | None:
    if elector is None or all(hasattr(elector, name) for name in ("acquire", "lost", "release")):
        return elector
    raise ConfigurationError(
        f"leader_election: expected a LeaderElector, got {elector!r}; "
        "election by Lease is not part of this version"
    )
