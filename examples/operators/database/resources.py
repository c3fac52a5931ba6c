"""What a database is made of. Pure: an object in, objects out."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile import LabelSelector, ObjectMeta
from reconcile.api.apps.v1 import StatefulSet, StatefulSetSpec
from reconcile.api.batch.v1 import CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec
from reconcile.api.core.v1 import (
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    EnvVar,
    EnvVarSource,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PodSpec,
    PodTemplateSpec,
    Probe,
    ResourceRequirements,
    Secret,
    SecretKeySelector,
    Service,
    ServicePort,
    ServiceSpec,
    TCPSocketAction,
    Toleration,
    Volume,
    VolumeMount,
    VolumeResourceRequirements,
)

from .model import Database

PORT = 5432


@dataclass(frozen=True, slots=True)
class Size:
    """What a size word stands for."""

    replicas: int
    cpu: str
    memory: str


SIZES = {
    "small": Size(replicas=1, cpu="250m", memory="512Mi"),
    "medium": Size(replicas=2, cpu="500m", memory="1Gi"),
    "large": Size(replicas=3, cpu="1", memory="4Gi"),
}


def endpoint_of(database: Database) -> str:
    return f"{database.metadata.name}.{database.metadata.namespace}.svc:{PORT}"


def labels_of(database: Database) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "database",
        "app.kubernetes.io/instance": database.metadata.name,
        "app.kubernetes.io/managed-by": "database-operator",
    }


def _meta(database: Database, suffix: str = "") -> ObjectMeta:
    return ObjectMeta(
        name=database.metadata.name + suffix,
        namespace=database.metadata.namespace,
        labels=labels_of(database),
    )


def secret_for(database: Database, password: str) -> Secret:
    return Secret(
        metadata=_meta(database, "-credentials"),
        type="Opaque",
        data={"username": b"postgres", "password": password.encode()},
    )


def service_for(database: Database) -> Service:
    """Headless: each pod of the stateful set gets a name of its own."""
    return Service(
        metadata=_meta(database),
        spec=ServiceSpec(
            cluster_ip="None",
            selector=labels_of(database),
            ports=[ServicePort(name="postgres", port=PORT, target_port=PORT, protocol="TCP")],
        ),
    )


def stateful_set_for(database: Database) -> StatefulSet:
    spec = database.spec
    size = SIZES[spec.size]
    labels = labels_of(database)
    container = Container(
        name="postgres",
        image=image_of(database),
        ports=[ContainerPort(name="postgres", container_port=PORT, protocol="TCP")],
        env=[_password(database, "POSTGRES_PASSWORD")],
        resources=ResourceRequirements(requests={"cpu": size.cpu, "memory": size.memory}),
        readiness_probe=Probe(tcp_socket=TCPSocketAction(port=PORT), period_seconds=5),
        volume_mounts=[VolumeMount(name="data", mount_path="/var/lib/postgresql/data")],
    )
    claims: list[PersistentVolumeClaim] = []
    volumes: list[Volume] = []
    if spec.storage is None:
        volumes = [Volume(name="data", empty_dir=EmptyDirVolumeSource())]
    else:
        claims = [
            PersistentVolumeClaim(
                metadata=ObjectMeta(name="data"),
                spec=PersistentVolumeClaimSpec(
                    access_modes=["ReadWriteOnce"],
                    resources=VolumeResourceRequirements(requests={"storage": spec.storage}),
                ),
            )
        ]
    return StatefulSet(
        metadata=_meta(database),
        spec=StatefulSetSpec(
            replicas=size.replicas,
            service_name=database.metadata.name,
            selector=LabelSelector(match_labels=labels),
            template=PodTemplateSpec(
                metadata=ObjectMeta(labels=labels),
                spec=PodSpec(containers=[container], volumes=volumes, tolerations=[_DATABASE_NODES]),
            ),
            volume_claim_templates=claims,
        ),
    )


_DATABASE_NODES = Toleration(key="example.com/pool", operator="Equal", value="database", effect="NoSchedule")
"""Nodes that are kept for databases take them."""


def image_of(database: Database) -> str:
    return f"docker.io/library/postgres:{database.spec.version}"


def backup_for(database: Database) -> CronJob:
    return CronJob(
        metadata=_meta(database, "-backup"),
        spec=CronJobSpec(
            schedule=database.spec.backup_schedule,
            concurrency_policy="Forbid",
            job_template=JobTemplateSpec(spec=_backup_job(database)),
        ),
    )


def final_backup_for(database: Database, timeout: float) -> Job:
    job = Job(metadata=_meta(database, "-final-backup"), spec=_backup_job(database))
    job.spec.active_deadline_seconds = max(int(timeout), 1)
    return job


def _backup_job(database: Database) -> JobSpec:
    container = Container(
        name="backup",
        image=image_of(database),
        command=["sh", "-c", f"pg_dumpall -h {database.metadata.name} -U postgres > /backup/all.sql"],
        env=[_password(database, "PGPASSWORD")],
        resources=ResourceRequirements(requests={"cpu": "100m", "memory": "128Mi"}),
        volume_mounts=[VolumeMount(name="backup", mount_path="/backup")],
    )
    return JobSpec(
        backoff_limit=3,
        template=PodTemplateSpec(
            metadata=ObjectMeta(labels={"app.kubernetes.io/part-of": database.metadata.name}),
            spec=PodSpec(
                restart_policy="Never",
                containers=[container],
                volumes=[Volume(name="backup", empty_dir=EmptyDirVolumeSource())],
            ),
        ),
    )


def _password(database: Database, variable: str) -> EnvVar:
    secret = SecretKeySelector(name=f"{database.metadata.name}-credentials", key="password")
    return EnvVar(name=variable, value_from=EnvVarSource(secret_key_ref=secret))
