"""Database: the classic custom resource. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .controller import DatabaseReconciler
from .model import Database, DatabaseSpec, DatabaseStatus
from .older import DatabaseV1Beta1

if TYPE_CHECKING:
    from reconcile import Manager

__all__ = [
    "Database",
    "DatabaseReconciler",
    "DatabaseSpec",
    "DatabaseStatus",
    "DatabaseV1Beta1",
    "setup",
]


def setup(manager: Manager, *, final_backup_timeout: float = 120.0) -> None:
    """Run the operator.

    Args:
        final_backup_timeout: seconds that the last backup of a deleted database may take.
    """
    manager.add(DatabaseReconciler(final_backup_timeout=final_backup_timeout))
