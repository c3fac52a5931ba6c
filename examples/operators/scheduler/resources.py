"""Amounts of resources as whole numbers, so that adding and comparing them is cheap and exact.

CPU counts in thousandths of a core, everything else in its own unit (bytes, pods, devices).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from reconcile import Amount
from reconcile.api.core.v1 import Container, PodSpec

Amounts = dict[str, int]

DEFAULT_REQUESTS: Mapping[str, int] = {"cpu": 100, "memory": 200 * 1024 * 1024}
"""What a container without a request is taken to use when nodes are scored; filters take it as nothing."""


def amounts(quantities: Mapping[str, str | int | float]) -> Amounts:
    return {name: _amount(name, str(quantity)) for name, quantity in quantities.items()}


@functools.lru_cache(maxsize=4096)
def _amount(name: str, quantity: str) -> int:
    return Amount.parse(quantity).milli_value if name == "cpu" else Amount.parse(quantity).value


def add(total: Amounts, more: Mapping[str, int], sign: int = 1) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + sign * amount


def pod_requests(spec: PodSpec, *, defaults: Mapping[str, int] | None = None) -> Amounts:
    """What the pod needs at its hungriest moment.

    Containers and sidecars run together; an init container runs alone beside the sidecars started before
    it. The larger of the two counts, and the overhead comes on top.

    Args:
        defaults: what a container that requests none of a resource is taken to need.
    """
    running: Amounts = {}
    for container in spec.containers:
        add(running, _requests(container, defaults))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in spec.init_containers:
        needs = _requests(container, defaults)
        if container.restart_policy == "Always":
            add(sidecars, needs)
            add(running, needs)
            needs = dict(sidecars)
        else:
            add(needs, sidecars)
        starting = _larger([starting, needs])
    total = _larger([running, starting])
    if spec.resources is not None and spec.resources.requests:
        # Requests of the pod as a whole stand above those of its containers.
        total.update(amounts(spec.resources.requests))
    add(total, amounts(spec.overhead))
    return total


def _requests(container: Container, defaults: Mapping[str, int] | None) -> Amounts:
    requests = amounts(container.resources.requests) if container.resources else {}
    return {**defaults, **requests} if defaults else requests


def _larger(several: Iterable[Amounts]) -> Amounts:
    largest: Amounts = {}
    for each in several:
        for name, amount in each.items():
            largest[name] = max(largest.get(name, 0), amount)
    return largest
