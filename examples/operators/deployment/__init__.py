"""Deployment: rolls a pod template out through replica sets. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .controller import DeploymentReconciler

if TYPE_CHECKING:
    from reconcile import Manager

__all__ = ["DeploymentReconciler", "setup"]


def setup(manager: Manager) -> None:
    manager.add(DeploymentReconciler())
