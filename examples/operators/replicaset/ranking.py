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
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key

from reconcile import parse_time

from .. import pods as of
from ..pods import AnyPod

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_INT32 = range(-(2**31), 2**31)


def deletion_order(active: Iterable[AnyPod], related: Iterable[AnyPod], now: datetime) -> list[AnyPod]:
    """The active pods, the first to go first.

    `related` are the active pods of every replica set with the same owner: two replica sets of one
    Deployment count together when it is asked who doubles up on a node. A replica set that nobody owns has
    none: its pods are not ranked by their nodes.
    """
    siblings = Counter(of.node_name(pod) for pod in related)
    ranks = [_rank(pod, siblings[of.node_name(pod)], now) for pod in active]
    return [rank.pod for rank in sorted(ranks, key=cmp_to_key(_compare))]


@dataclass(frozen=True, slots=True)
class _Age:
    """How long ago something was; without a time it is as if it was just now.

    Attributes:
        since: the time.
        magnitude: the power of two of the age in nanoseconds; -1 for one that lies ahead.
    """

    since: datetime | None
    magnitude: int = -1


@dataclass(frozen=True, slots=True)
class _Rank:
    """What ranks a pod.

    Attributes:
        service: what is compared first, the lower the sooner it goes: whether it has a node, its phase,
            whether it is ready, what it is worth, how alone it is on its node.
        ready: since when it is; None where it is not.
        restarts: of its containers and of its sidecars, the more the sooner it goes.
        created: when it was.
    """

    pod: AnyPod
    service: tuple[int, ...]
    ready: _Age | None
    restarts: tuple[int, int]
    created: _Age


def _rank(pod: AnyPod, siblings: int, now: datetime) -> _Rank:
    is_ready = of.is_ready(pod)
    return _Rank(
        pod=pod,
        service=(
            bool(of.node_name(pod)),
            _PHASES.get(of.phase(pod), 0),
            is_ready,
            deletion_cost(pod),
            -siblings,
        ),
        ready=_age(of.ready_since(pod), now) if is_ready else None,
        restarts=(-of.restarts(pod), -of.sidecar_restarts(pod)),
        created=_age(_created(pod), now),
    )


def _compare(one: _Rank, other: _Rank) -> int:
    """Below 0 when the first of two pods goes before the other, above 0 after it."""
    if one.service != other.service:
        return -1 if one.service < other.service else 1
    if one.ready and other.ready and (order := _younger(one, other, one.ready, other.ready)):
        return order
    if one.restarts != other.restarts:
        return -1 if one.restarts < other.restarts else 1
    return _younger(one, other, one.created, other.created)


def _younger(one: _Rank, other: _Rank, age: _Age, other_age: _Age) -> int:
    if age.since == other_age.since:
        return 0
    if age.since is None or other_age.since is None:
        return -1 if age.since is None else 1
    order = age.magnitude - other_age.magnitude
    return order or (-1 if (one.pod.metadata.uid or "") < (other.pod.metadata.uid or "") else 1)


def _age(since: datetime | None, now: datetime) -> _Age:
    return _Age(since, -1 if since is None else _magnitude(now - since))


def _magnitude(age: timedelta) -> int:
    nanoseconds = age // timedelta(microseconds=1) * 1000
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def _created(pod: AnyPod) -> datetime | None:
    return parse_time(pod.metadata.creation_timestamp) if pod.metadata.creation_timestamp else None


def deletion_cost(pod: AnyPod) -> int:
    """What the user says the pod is worth; 0 when unset or not a number that the API takes."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    is_number = re.fullmatch(r"-[0-9]+|[1-9][0-9]*|0", text) is not None
    return int(text) if is_number and int(text) in _INT32 else 0
