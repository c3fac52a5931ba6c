"""Kinds of resource settings, embedded built-in types, and several versions."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

from pydantic import Field

from reconcile import CustomResource, LabelSelector, Model
from reconcile.api.core.v1 import ConfigMap, PodTemplateSpec, ResourceRequirements
from reconcile.crd import (
    EmbeddedResource,
    Int32,
    PrinterColumn,
    Scale,
    WebhookConversion,
    conversion,
)

from .case import ALWAYS, GROUP, Case


class WorkloadSpec(Model):
    template: PodTemplateSpec
    selector: LabelSelector | None = None
    resources: ResourceRequirements | None = None


class Workload(CustomResource, group=GROUP, version="v1"):
    spec: WorkloadSpec


class CarrierSpec(Model):
    config: Annotated[ConfigMap, EmbeddedResource()]
    anything: Annotated[dict[str, Any] | None, EmbeddedResource()] = None


class Carrier(CustomResource, group=GROUP, version="v1"):
    spec: CarrierSpec


class FleetSpec(Model):
    replicas: Annotated[Int32, Field(ge=0)] = 1
    size: Literal["small", "large"] = "small"


class FleetStatus(Model):
    replicas: Int32 | None = None
    selector: str | None = None


class Fleet(
    CustomResource,
    group=GROUP,
    version="v1",
    short_names=["flt"],
    categories=["featured"],
    scale=Scale(selector=".status.selector"),
    printer_columns=[
        PrinterColumn("Replicas", ".spec.replicas", type="integer", format="int32", description="Wanted."),
        PrinterColumn("Size", ".spec.size", priority=1),
        PrinterColumn("Age", ".metadata.creationTimestamp", type="date"),
    ],
    selectable_fields=[".spec.size", ".spec.replicas"],
    labels={"app.kubernetes.io/name": "features"},
    annotations={"example.com/owner": "nobody"},
):
    spec: FleetSpec
    status: FleetStatus | None = None


class RegionSpec(Model):
    zones: Annotated[list[str], Field(max_length=5)] = Field(default_factory=list)


class Region(
    CustomResource,
    group=GROUP,
    version="v1alpha1",
    namespaced=False,
    singular="theregion",
    deprecated="features.example.com/v1alpha1 Region goes away",
):
    spec: RegionSpec


ZONE = "features.example.com/zone"


class MachineSpec(Model):
    size: Literal["small", "large"]
    spare: bool = False
    zone: str | None = None


class Machine(
    CustomResource,
    group=GROUP,
    version="v1",
    storage=True,
    conversion=WebhookConversion(service="features/webhook", path="/convert", port=8443),
):
    spec: MachineSpec


class OldMachineSpec(Model):
    tier: Literal[1, 2]
    spare: bool = False


class OldMachine(CustomResource, group=GROUP, version="v1beta1", kind="Machine", deprecated=True):
    spec: OldMachineSpec


class OldestMachine(CustomResource, group=GROUP, version="v1alpha1", kind="Machine", served=False):
    spec: OldMachineSpec


@conversion(OldMachine, Machine)
def to_v1(old: OldMachine) -> Machine:
    metadata = copy.deepcopy(old.metadata)
    zone = metadata.annotations.pop(ZONE, None)
    size: Literal["small", "large"] = "large" if old.spec.tier == 2 else "small"
    return Machine(metadata=metadata, spec=MachineSpec(size=size, spare=old.spec.spare, zone=zone))


@conversion(Machine, OldMachine)
def to_v1beta1(new: Machine) -> OldMachine:
    metadata = copy.deepcopy(new.metadata)
    if new.spec.zone is not None:
        metadata.annotations[ZONE] = new.spec.zone
    tier: Literal[1, 2] = 2 if new.spec.size == "large" else 1
    return OldMachine(metadata=metadata, spec=OldMachineSpec(tier=tier, spare=new.spec.spare))


@conversion(OldestMachine, OldMachine)
def from_v1alpha1(old: OldestMachine) -> OldMachine:
    return OldMachine(spec=old.spec.model_copy())


@conversion(OldMachine, OldestMachine)
def to_v1alpha1(new: OldMachine) -> OldestMachine:
    return OldestMachine(spec=new.spec.model_copy())


class StatuslessSpec(Model):
    size: int = 1


class Statusless(CustomResource, group=GROUP, version="v1", plural="statusless", status=False):
    spec: StatuslessSpec = StatuslessSpec()
    status: StatuslessSpec | None = None


class Flat(CustomResource, group=GROUP, version="v1"):
    data: dict[str, str] = Field(default_factory=dict)
    kept: bool = False


CASES = (
    Case(
        Workload,
        {
            "spec.template": "PodTemplateSpec",
            "spec.selector": "LabelSelector",
            "spec.resources": "ResourceRequirements",
        },
    ),
    Case(
        Carrier,
        {"spec.config": "EmbeddedResource of a kind", "spec.anything": "EmbeddedResource of any kind"},
        refused=(({"config": {"apiVersion": "v1", "kind": "Pod"}}, "spec.config.kind"),),
        known={
            "spec.anything.metadata": "the server alone knows what metadata may be",
            "spec.anything.kind": "the server alone knows what a kind may be called",
            "spec.anything.apiVersion": "the server alone knows what a kind may be called",
        },
    ),
    Case(
        Fleet,
        {
            ALWAYS: "printer columns, short names, categories, labels, annotations",
            "spec.replicas": "scale subresource",
            "spec.size": "selectable fields",
        },
    ),
    Case(Region, {ALWAYS: "cluster scope, singular, deprecated version"}),
    Case(Machine, {ALWAYS: "several versions, conversion stanza"}),
    Case(Statusless, {ALWAYS: "no status subresource", "spec": "default of a whole spec"}),
    Case(Flat, {"data": "fields beside spec"}),
)
