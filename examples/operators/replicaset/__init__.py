"""ReplicaSet: keeps a number of pods. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .controller import ReplicaSetReconciler

if TYPE_CHECKING:
    from reconcile import Manager

__all__ = ["ReplicaSetReconciler", "setup"]


def setup(manager: Manager) -> None:
    manager.add(ReplicaSetReconciler())
