"""StatefulSet: numbered pods, one after the other. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .controller import StatefulSetReconciler

if TYPE_CHECKING:
    from reconcile import Manager

__all__ = ["StatefulSetReconciler", "setup"]


def setup(manager: Manager) -> None:
    manager.add(StatefulSetReconciler())
