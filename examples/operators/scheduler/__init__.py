"""Scheduler: gives each pod a node. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .service import Scheduler

if TYPE_CHECKING:
    from reconcile import Manager

__all__ = ["Scheduler", "setup"]


def setup(manager: Manager, *, name: str = "default-scheduler") -> None:
    """Schedule the pods whose `spec.schedulerName` is `name`."""
    manager.add(Scheduler(manager, name=name))
