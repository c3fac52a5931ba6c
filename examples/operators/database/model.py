"""The Database kind, as it is stored and as the operator sees it. Its older version is in `older.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconcile import Condition, CustomResource, Model
from reconcile.crd import PrinterColumn, Rule, WebhookConversion


class DatabaseSpec(Model):
    """What the user wants."""

    size: Annotated[Literal["small", "medium", "large"], Field(description="How much machine it gets.")] = (
        "small"
    )
    version: Annotated[
        str, Field(description="Major version of PostgreSQL.", pattern="^[0-9]{2}$", max_length=2)
    ] = "17"
    backup: Annotated[bool, Field(description="Back up by schedule, and once more before deletion.")] = False
    backup_schedule: Annotated[
        str, Field(description="When to back up, as a cron expression.", min_length=9, max_length=100)
    ] = "0 3 * * *"
    storage: Annotated[
        str | None,
        Field(
            description="Size of each volume, such as 10Gi; without it data live as long as their pod.",
            max_length=20,
        ),
        Rule("self == oldSelf", message="storage cannot be changed"),
    ] = None


class DatabaseStatus(Model):
    """What there is."""

    phase: Literal["Pending", "Provisioning", "Ready", "Updating", "Deleting"] | None = None
    endpoint: str | None = None
    ready_replicas: int | None = None
    observed_generation: int | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Database(
    CustomResource,
    group="example.com",
    version="v1",
    storage=True,
    short_names=["db"],
    categories=["all"],
    conversion=WebhookConversion(service="example-operators/database"),
    printer_columns=[
        PrinterColumn("Size", ".spec.size"),
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Endpoint", ".status.endpoint", priority=1),
        PrinterColumn("Age", ".metadata.creationTimestamp", type="date"),
    ],
):
    """A PostgreSQL database."""

    spec: DatabaseSpec
    status: DatabaseStatus | None = None
