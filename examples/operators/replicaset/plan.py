"""How many pods to create and which to delete. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.api.core.v1 import Pod

from .. import pods as of
from .ranking import deletion_order

BURST = 500
"""At most this many pods are created or deleted in one reconcile."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done to reach the wanted number.

    Attributes:
        create: number of pods to create.
        delete: pods to delete, first to go first; empty when there is something to create.
    """

    create: int = 0
    delete: tuple[Pod, ...] = ()

    @property
    def settled(self) -> bool:
        return self.create == 0 and not self.delete


def plan(wanted: int, owned: Sequence[Pod], related: Sequence[Pod] = ()) -> Plan:
    """Compare the active pods among `owned` with the wanted number.

    Finished pods (Failed, Succeeded) and terminating ones are not counted: they are replaced at once.
    """
    active = [pod for pod in owned if of.is_active(pod)]
    excess = len(active) - wanted
    if excess < 0:
        return Plan(create=min(-excess, BURST))
    if excess == 0:
        return Plan()
    siblings = [pod for pod in related if of.is_active(pod)] or active
    return Plan(delete=tuple(deletion_order(active, siblings)[: min(excess, BURST)]))
