"""The order in which pods are given up when there are too many.

First those that serve least: not assigned to a node, then not running, then not ready. Then what the user
says (`controller.kubernetes.io/pod-deletion-cost`), then pods that share their node with more siblings,
then the ones that became ready last, restarted most, and were created last.

Ages are compared by their powers of two, and pods of about the same age in the order of their uids: so that
of many pods that are alike it is not always the youngest ones that go, which a scale-up has just put into one
zone. (Rules and order: kube-controller-manager's.)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cmp_to_key

from reconcile import parse_time
from reconcile.api.core.v1 import Pod

from .. import pods as of

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_INT32 = range(-(2**31), 2**31)


def deletion_order(active: Iterable[Pod], related: Iterable[Pod], now: datetime) -> list[Pod]:
    """The active pods, the first to go first.

    `related` are the active pods of every replica set with the same owner: two replica sets of one
    Deployment count together when it is asked who doubles up on a node. A replica set that nobody owns has
    none: its pods are not ranked by their nodes.
    """
    siblings = Counter(of.node_name(pod) for pod in related)
    rules = _rules(siblings, now)

    def compare(one: Pod, other: Pod) -> int:
        return next((order for rule in rules if (order := rule(one, other))), 0)

    return sorted(active, key=cmp_to_key(compare))


Rule = Callable[[Pod, Pod], int]
"""Below 0 when the first of two pods goes before the other, above 0 after it, 0 when the rule has no say."""


def _rules(siblings: Counter[str], now: datetime) -> list[Rule]:
    def ready_later(one: Pod, other: Pod) -> int:
        if not (of.is_ready(one) and of.is_ready(other)):
            return 0
        return _younger(one, other, of.ready_since(one), of.ready_since(other), now)

    def created_later(one: Pod, other: Pod) -> int:
        return _younger(one, other, _created(one), _created(other), now)

    return [
        _lower(lambda pod: bool(of.node_name(pod))),
        _lower(lambda pod: _PHASES.get(of.phase(pod), 0)),
        _lower(of.is_ready),
        _lower(deletion_cost),
        _lower(lambda pod: -siblings[of.node_name(pod)]),
        ready_later,
        _lower(lambda pod: -of.restarts(pod)),
        _lower(lambda pod: -of.sidecar_restarts(pod)),
        created_later,
    ]


def _lower(key: Callable[[Pod], int]) -> Rule:
    return lambda one, other: key(one) - key(other)


def _younger(
    one: Pod, other: Pod, since: datetime | None, other_since: datetime | None, now: datetime
) -> int:
    if since == other_since:
        return 0
    if since is None or other_since is None:
        return -1 if since is None else 1
    order = _magnitude(now - since) - _magnitude(now - other_since)
    return order or (-1 if (one.metadata.uid or "") < (other.metadata.uid or "") else 1)


def _magnitude(age: timedelta) -> int:
    """The power of two of an age in nanoseconds; -1 for one that lies ahead."""
    nanoseconds = age // timedelta(microseconds=1) * 1000
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def _created(pod: Pod) -> datetime | None:
    return parse_time(pod.metadata.creation_timestamp) if pod.metadata.creation_timestamp else None


def deletion_cost(pod: Pod) -> int:
    """What the user says the pod is worth; 0 when unset or not a number that the API takes."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    is_number = re.fullmatch(r"-[0-9]+|[1-9][0-9]*|0", text) is not None
    return int(text) if is_number and int(text) in _INT32 else 0
