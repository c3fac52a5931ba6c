"""How many pods to create and which to delete. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .. import pods as of
from ..pods import AnyPod
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
    delete: tuple[AnyPod, ...] = ()

    @property
    def settled(self) -> bool:
        return self.create == 0 and not self.delete


def plan(wanted: int, active: Sequence[AnyPod], related: Sequence[AnyPod], now: datetime) -> Plan:
    """Compare the active pods with the wanted number.

    Finished pods (Failed, Succeeded) and terminating ones are not among them: they are replaced at once.
    """
    excess = len(active) - wanted
    if excess < 0:
        return Plan(create=min(-excess, BURST))
    if excess == 0:
        return Plan()
    if excess == len(active):
        return Plan(delete=tuple(active[:BURST]))
    siblings = [pod for pod in related if of.is_active(pod)]
    return Plan(delete=tuple(deletion_order(active, siblings, now)[: min(excess, BURST)]))
