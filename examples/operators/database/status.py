"""What a database's status says. Pure."""

from __future__ import annotations

import copy
from datetime import datetime

from reconcile import condition, set_condition
from reconcile.api.apps.v1 import StatefulSet

from .model import Database, DatabaseStatus
from .resources import endpoint_of


def status_of(database: Database, stateful_set: StatefulSet | None, now: datetime) -> DatabaseStatus:
    """The status from the stateful set as it is cached; None while there is none."""
    before = database.status or DatabaseStatus()
    generation = database.metadata.generation
    wanted, ready = 0, 0
    rolled_out = False
    if stateful_set is not None:
        seen = stateful_set.status
        wanted = stateful_set.spec.replicas or 0
        ready = seen.ready_replicas or 0
        rolled_out = (
            seen.observed_generation == stateful_set.metadata.generation
            and (seen.updated_replicas or 0) >= wanted
        )
    serves = 0 < wanted <= ready and rolled_out
    was_ready = before.phase in ("Ready", "Updating")
    phase = "Ready" if serves else "Updating" if was_ready else "Provisioning"
    status = DatabaseStatus(
        phase=phase,
        endpoint=endpoint_of(database) if serves or was_ready else None,
        ready_replicas=ready,
        observed_generation=generation,
        conditions=copy.deepcopy(before.conditions),
    )
    message = "" if serves else f"{ready} of {wanted} replicas are ready"
    told = condition(
        "Ready", serves, "Serving" if serves else "ReplicasNotReady", message, observed_generation=generation
    )
    set_condition(status.conditions, told, now=now)
    return status


def deleting_status(database: Database, message: str, now: datetime) -> DatabaseStatus:
    """The status while the finalizer works."""
    before = database.status or DatabaseStatus()
    status = before.model_copy(update={"phase": "Deleting", "conditions": copy.deepcopy(before.conditions)})
    status.observed_generation = database.metadata.generation
    told = condition("Ready", False, "Deleting", message, observed_generation=database.metadata.generation)
    set_condition(status.conditions, told, now=now)
    return status
