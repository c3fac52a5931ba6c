"""What to do next for a stateful set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.api.core.v1 import Pod

from .. import pods as of

REVISION_LABEL = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Step:
    """The next writes.

    Attributes:
        create: numbers of pods to create.
        delete: pods to delete.
    """

    create: tuple[int, ...] = ()
    delete: tuple[Pod, ...] = ()


def next_step(
    wanted: int, pods: Mapping[int, Pod], revision: str, *, start: int = 0, in_order: bool = True
) -> Step:
    """One step towards pods `start` to `start + wanted - 1` of this revision.

    Args:
        pods: the pods there are, by number.
        in_order: each pod waits for those before it (`OrderedReady`).
    """
    numbers = range(start, start + wanted)
    finished = tuple(pods[n] for n in numbers if n in pods and of.is_finished(pods[n]))
    if finished:
        return Step(delete=tuple(pod for pod in finished if not of.is_terminating(pod)))
    missing = [number for number in numbers if number not in pods]
    surplus = sorted((number for number in pods if number not in numbers), reverse=True)
    if not in_order:
        create = tuple(missing)
        delete = tuple(pods[number] for number in surplus if not of.is_terminating(pods[number]))
        return Step(create, delete) if create or delete else _replace_one(numbers, pods, revision)
    for number in numbers:
        if number not in pods:
            return Step(create=(number,))
        if of.is_terminating(pods[number]) or not of.is_ready(pods[number]):
            # One of an old revision that does not come up is replaced rather than waited for.
            stuck = pods[number].metadata.labels.get(REVISION_LABEL) != revision
            replace = stuck and not of.is_terminating(pods[number])
            return Step(delete=(pods[number],)) if replace else Step()
    if surplus:
        last = pods[surplus[0]]
        return Step() if of.is_terminating(last) else Step(delete=(last,))
    return _replace_one(numbers, pods, revision)


def _replace_one(numbers: range, pods: Mapping[int, Pod], revision: str) -> Step:
    """The highest pod of another revision, once every higher one is ready."""
    for number in reversed(numbers):
        pod = pods[number]
        if of.is_terminating(pod):
            return Step()
        if pod.metadata.labels.get(REVISION_LABEL) != revision:
            return Step(delete=(pod,))
        if not of.is_ready(pod):
            return Step()
    return Step()
