"""A kind of the size of the largest that operators are known for: a monitoring stack with whole pods."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconcile import Condition, CustomResource, LabelSelector, Model
from reconcile.api.core.v1 import (
    Affinity,
    Container,
    EnvFromSource,
    EnvVar,
    HostAlias,
    LocalObjectReference,
    PersistentVolumeClaimSpec,
    PodDNSConfig,
    PodSecurityContext,
    PodSpec,
    ResourceRequirements,
    SecretKeySelector,
    Toleration,
    TopologySpreadConstraint,
    Volume,
    VolumeMount,
)
from reconcile.crd import Duration, Int32, ListType, PrinterColumn, Quantity, Rule, Scale

PROSE = "What it means, how it works together with the other fields, and since when it is there. " * 40
"""Descriptions of the length that grown operators have."""

Name = Annotated[str, Field(min_length=1, max_length=63, description="A name as DNS has it, in lower case.")]
Count = Annotated[Int32, Field(ge=0)]


class SafeTLS(Model):
    """How a connection is made safe."""

    ca: SecretKeySelector | None = Field(default=None, description="Whom to trust.")
    cert: SecretKeySelector | None = Field(default=None, description="What to show of oneself.")
    key: SecretKeySelector | None = Field(default=None, description=PROSE)
    server_name: str | None = Field(default=None, description=PROSE)
    insecure_skip_verify: bool | None = Field(default=None, description=PROSE)
    min_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] | None = Field(default=None, description=PROSE)
    max_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] | None = Field(default=None, description=PROSE)


class BasicAuth(Model):
    """Name and password, each in a secret."""

    username: SecretKeySelector
    password: SecretKeySelector


class OAuth2(Model):
    client_id: SecretKeySelector
    client_secret: SecretKeySelector
    token_url: Annotated[str, Field(min_length=1)]
    scopes: list[str] = Field(default_factory=list)
    endpoint_params: dict[str, str] = Field(default_factory=dict)
    tls: SafeTLS | None = None


class Relabeling(Model):
    """One step by which labels are made of others."""

    source_labels: list[str] = Field(default_factory=list)
    separator: str | None = Field(default=None, description=PROSE)
    target_label: str | None = Field(default=None, description=PROSE)
    regex: str | None = Field(default=None, description=PROSE)
    modulus: int | None = Field(default=None, description=PROSE)
    replacement: str | None = Field(default=None, description=PROSE)
    action: Literal["replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "labelkeep"] = Field(
        default="replace", description=PROSE
    )


class Queue(Model):
    capacity: Count | None = Field(default=None, description=PROSE)
    min_shards: Count | None = Field(default=None, description=PROSE)
    max_shards: Count | None = Field(default=None, description=PROSE)
    batch_send_deadline: Duration | None = Field(default=None, description=PROSE)
    retry_on_rate_limit: bool | None = Field(default=None, description=PROSE)


class Remote(Model):
    """Another server to write to or to read from."""

    url: Annotated[str, Field(min_length=1, description="Where it is.")]
    name: Name | None = None
    remote_timeout: Duration | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    basic_auth: BasicAuth | None = None
    oauth2: OAuth2 | None = None
    tls: SafeTLS | None = None
    relabelings: list[Relabeling] = Field(default_factory=list)
    queue: Queue | None = None


class Claim(Model):
    metadata: dict[str, str] = Field(default_factory=dict)
    spec: PersistentVolumeClaimSpec | None = None


class Storage(Model):
    disable_mount_sub_path: bool | None = None
    volume_claim_template: Claim | None = None
    size: Quantity | None = None


class Endpoint(Model):
    namespace: Name
    name: Name
    port: int | str
    scheme: Literal["http", "https"] = "http"
    basic_auth: BasicAuth | None = None
    tls: SafeTLS | None = None
    relabelings: list[Relabeling] = Field(default_factory=list)
    alert_relabelings: list[Relabeling] = Field(default_factory=list)


@Rule("self.replicas <= 100", message="at most a hundred replicas")
class MonitorSpec(Model):
    """All that a monitoring stack can be told."""

    replicas: Count = 1
    shards: Count = 1
    version: str | None = Field(
        default=None, description="Of the server. " + "It follows the operator. " * 20
    )
    image: str | None = None
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    retention: Duration | None = None
    retention_size: Quantity | None = None
    external_labels: dict[str, str] = Field(default_factory=dict)
    service_monitor_selector: LabelSelector | None = None
    service_monitor_namespace_selector: LabelSelector | None = None
    pod_monitor_selector: LabelSelector | None = None
    pod_monitor_namespace_selector: LabelSelector | None = None
    probe_selector: LabelSelector | None = None
    rule_selector: LabelSelector | None = None
    remote_write: list[Remote] = Field(default_factory=list)
    remote_read: list[Remote] = Field(default_factory=list)
    alerting: list[Endpoint] = Field(default_factory=list)
    storage: Storage | None = None
    resources: ResourceRequirements | None = None
    containers: Annotated[list[Container], ListType("map", keys=("name",))] = Field(default_factory=list)
    init_containers: Annotated[list[Container], ListType("map", keys=("name",))] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    env_from: list[EnvFromSource] = Field(default_factory=list)
    volumes: list[Volume] = Field(default_factory=list)
    volume_mounts: list[VolumeMount] = Field(default_factory=list)
    affinity: Affinity | None = None
    tolerations: list[Toleration] = Field(default_factory=list)
    topology_spread_constraints: list[TopologySpreadConstraint] = Field(default_factory=list)
    security_context: PodSecurityContext | None = None
    dns_config: PodDNSConfig | None = None
    host_aliases: list[HostAlias] = Field(default_factory=list)
    image_pull_secrets: list[LocalObjectReference] = Field(default_factory=list)
    thanos: PodSpec | None = Field(default=None, description="A whole pod beside each replica.")


class MonitorStatus(Model):
    replicas: Int32 | None = None
    available: Int32 | None = None
    selector: str | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Monitor(
    CustomResource,
    group="large.example.com",
    version="v1",
    scale=Scale(selector=".status.selector"),
    printer_columns=[PrinterColumn("Version", ".spec.version")],
):
    """A monitoring stack."""

    spec: MonitorSpec
    status: MonitorStatus | None = None
