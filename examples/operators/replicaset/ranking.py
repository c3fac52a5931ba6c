"""The order in which pods are given up when there are too many.

First those that serve least: not assigned to a node, then not running, then not ready. Then what the user
says (`controller.kubernetes.io/pod-deletion-cost`), then pods that share their node with more siblings,
then the ones that became ready last, restarted most, and were created last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from reconcile import parse_time
from reconcile.api.core.v1 import Pod

from .. import pods as of

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_NEVER = datetime.max.replace(tzinfo=UTC)


def deletion_order(active: Iterable[Pod], related: Iterable[Pod]) -> list[Pod]:
    """The active pods, the first to go first.

    `related` are the active pods of every replica set with the same owner: two replica sets of one
    Deployment count together when it is asked who doubles up on a node.
    """
    siblings = Counter(of.node_name(pod) for pod in related if of.node_name(pod))
    return sorted(active, key=lambda pod: _rank(pod, siblings))


def _rank(pod: Pod, siblings: Counter[str]) -> tuple[object, ...]:
    ready = of.is_ready(pod)
    since = of.ready_since(pod)
    created = parse_time(pod.metadata.creation_timestamp) if pod.metadata.creation_timestamp else _NEVER
    return (
        bool(of.node_name(pod)),
        _PHASES.get(of.phase(pod), 2),
        ready,
        deletion_cost(pod),
        -siblings[of.node_name(pod)],
        _latest_first(since) if ready else 0.0,
        -of.restarts(pod),
        _latest_first(created),
        pod.metadata.name,
    )


def deletion_cost(pod: Pod) -> int:
    """What the user says the pod is worth; 0 when unset or not a number."""
    try:
        return int(pod.metadata.annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _latest_first(moment: datetime | None) -> float:
    return -(moment or _NEVER).timestamp()
