"""The first version of the Database kind, and how its objects become those of the second and back.

It counted instances where there is now a size, named the image's tag where there is now a version, and had a
backup or none. `v1` keeps a schedule while backups are off; what `v1beta1` cannot say waits in an annotation.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from reconcile import Condition, CustomResource, Model, ObjectMeta
from reconcile.crd import PrinterColumn, Rule, conversion

from .model import Database, DatabaseSpec, DatabaseStatus

SCHEDULE_ANNOTATION: Final = "example.com/backup-schedule"
_ENGINE: Final = "postgres-"
_SIZES: Final[dict[int, Literal["small", "medium", "large"]]] = {1: "small", 2: "medium", 3: "large"}
_INSTANCES: Final[dict[str, Literal[1, 2, 3]]] = {"small": 1, "medium": 2, "large": 3}
_DEFAULT_SCHEDULE: Final[str] = DatabaseSpec.model_fields["backup_schedule"].default


class BackupV1Beta1(Model):
    """When to back up."""

    schedule: Annotated[
        str, Field(description="When to back up, as a cron expression.", min_length=9, max_length=100)
    ] = _DEFAULT_SCHEDULE


class VolumeV1Beta1(Model):
    """Where data are kept."""

    size: Annotated[
        str,
        Field(description="Size of each volume, such as 10Gi.", max_length=20),
        Rule("self == oldSelf", message="the size of volumes cannot be changed"),
    ]


class DatabaseSpecV1Beta1(Model):
    """What the user wants."""

    instances: Annotated[
        Literal[1, 2, 3], Field(description="How many pods; the more there are, the larger each is.")
    ] = 1
    engine: Annotated[
        str, Field(description="What it runs.", pattern="^postgres-[0-9]{2}$", max_length=11)
    ] = "postgres-17"
    backup: Annotated[BackupV1Beta1 | None, Field(description="Backups, if there are to be any.")] = None
    volume: Annotated[
        VolumeV1Beta1 | None, Field(description="Without one, data live as long as their pod.")
    ] = None


class DatabaseStatusV1Beta1(Model):
    """What there is."""

    state: Literal["Pending", "Provisioning", "Ready", "Updating", "Deleting"] | None = None
    address: str | None = None
    ready_instances: int | None = None
    observed_generation: int | None = None
    conditions: list[Condition] = Field(default_factory=list)


class DatabaseV1Beta1(
    CustomResource,
    group="example.com",
    version="v1beta1",
    kind="Database",
    deprecated="example.com/v1beta1 Database is deprecated; use example.com/v1",
    printer_columns=[
        PrinterColumn("Instances", ".spec.instances", type="integer"),
        PrinterColumn("State", ".status.state"),
        PrinterColumn("Age", ".metadata.creationTimestamp", type="date"),
    ],
):
    """A PostgreSQL database."""

    spec: DatabaseSpecV1Beta1
    status: DatabaseStatusV1Beta1 | None = None


@conversion(DatabaseV1Beta1, Database)
def to_v1(old: DatabaseV1Beta1) -> Database:
    annotations = dict(old.metadata.annotations)
    schedule = _DEFAULT_SCHEDULE
    if old.spec.backup is not None:
        schedule = old.spec.backup.schedule
    elif _is_kept(annotations.get(SCHEDULE_ANNOTATION, "")):
        schedule = annotations.pop(SCHEDULE_ANNOTATION)
    spec = DatabaseSpec(
        size=_SIZES[old.spec.instances],
        version=old.spec.engine.removeprefix(_ENGINE),
        backup=old.spec.backup is not None,
        backup_schedule=schedule,
        storage=None if old.spec.volume is None else old.spec.volume.size,
    )
    status = None
    if old.status is not None:
        status = DatabaseStatus(
            phase=old.status.state,
            endpoint=old.status.address,
            ready_replicas=old.status.ready_instances,
            observed_generation=old.status.observed_generation,
            conditions=old.status.conditions,
        )
    return Database(metadata=_meta(old.metadata, annotations), spec=spec, status=status)


@conversion(Database, DatabaseV1Beta1)
def to_v1beta1(new: Database) -> DatabaseV1Beta1:
    annotations = dict(new.metadata.annotations)
    backup = BackupV1Beta1(schedule=new.spec.backup_schedule) if new.spec.backup else None
    if backup is None and _is_kept(new.spec.backup_schedule):
        annotations[SCHEDULE_ANNOTATION] = new.spec.backup_schedule
    spec = DatabaseSpecV1Beta1(
        instances=_INSTANCES[new.spec.size],
        engine=_ENGINE + new.spec.version,
        backup=backup,
        volume=None if new.spec.storage is None else VolumeV1Beta1(size=new.spec.storage),
    )
    status = None
    if new.status is not None:
        status = DatabaseStatusV1Beta1(
            state=new.status.phase,
            address=new.status.endpoint,
            ready_instances=new.status.ready_replicas,
            observed_generation=new.status.observed_generation,
            conditions=new.status.conditions,
        )
    return DatabaseV1Beta1(metadata=_meta(new.metadata, annotations), spec=spec, status=status)


def _is_kept(schedule: str) -> bool:
    """Whether a schedule waits in the annotation while backups are off: the default needs no keeping."""
    return 9 <= len(schedule) <= 100 and schedule != _DEFAULT_SCHEDULE


def _meta(before: ObjectMeta, annotations: dict[str, str]) -> ObjectMeta:
    """A conversion may change labels and annotations, and nothing else of the metadata."""
    return ObjectMeta(name=before.name, labels=before.labels, annotations=annotations)
