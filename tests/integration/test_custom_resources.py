"""Custom kinds: Pydantic models, their definitions on the server, and fields that a type does not know."""

from __future__ import annotations

import copy
import json
from typing import Annotated, Any, Literal

import pytest
from helpers.servers import Session, eventually
from pydantic import Field, WithJsonSchema

from reconcile import (
    Condition,
    ConfigurationError,
    ConflictError,
    CustomResource,
    InvalidError,
    Model,
    NotFoundError,
    ObjectDecodeError,
    ObjectMeta,
    set_condition,
)
from reconcile.api.apiextensions.v1 import CustomResourceDefinition
from reconcile.api.core.v1 import Container, EnvVar, PodTemplateSpec
from reconcile.client.waiting import is_gone
from reconcile.crd import Rule, Scale, install_crds
from reconcile.errors import BadRequestError, UnsupportedMediaTypeError

ANYTHING = WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})


class BoxSpec(Model):
    size: Literal["small", "large"]
    replicas: Annotated[int, Field(ge=0, le=5)] = 1
    owner_name: str | None = None
    tags: list[str] = Field(default_factory=list)


class BoxStatus(Model):
    phase: str | None = None
    replicas: int | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Box(
    CustomResource,
    group="integration.example.com",
    version="v1",
    short_names=["bx"],
    scale=Scale(),
):
    spec: BoxSpec
    status: BoxStatus | None = None


class RuledBox(CustomResource, group="integration.example.com", version="v1"):
    spec: Annotated[
        BoxSpec, Rule("self.size == 'large' || self.replicas < 3", message="small boxes are at most two")
    ]


class WorkloadSpec(Model):
    template: Annotated[PodTemplateSpec, ANYTHING]


class Workload(CustomResource, group="integration.example.com", version="v1"):
    spec: WorkloadSpec


WORKLOADS = Workload.__resource_type__
VENDOR = {"vendor.example.com/limits": {"burst": [1, 2], "mode": None}, "turbo": True}


def box(session: Session, name: str = "b", **spec: Any) -> Box:
    return Box(
        metadata=ObjectMeta(name=name, namespace=session.namespace), spec=BoxSpec(**{"size": "small", **spec})
    )


async def test_a_model_goes_there_and_back(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/b"
    await install_crds(client, [Box])
    created = await client.create(box(session, owner_name="ann", tags=["x"]))
    assert isinstance(created, Box)
    assert created.spec == BoxSpec(size="small", replicas=1, owner_name="ann", tags=["x"])
    assert created.metadata.generation == 1 and created.status is None
    as_dict = await client.get(Box.__resource_type__, key)
    assert as_dict["spec"] == {"size": "small", "replicas": 1, "ownerName": "ann", "tags": ["x"]}
    created.spec.replicas = 2
    created.spec.owner_name = None
    updated = await client.update(created)
    assert updated.metadata.generation == 2
    assert (await client.get(Box.__resource_type__, key))["spec"] == {
        "size": "small",
        "replicas": 2,
        "tags": ["x"],
    }
    with pytest.raises(ConflictError):
        await client.update(created)
    (listed,) = await client.list(Box, namespace=session.namespace)
    assert listed == updated
    await client.delete(updated)
    assert await client.get_or_none(Box, key) is None


async def test_what_the_schema_leaves_out_is_filled_or_pruned(session: Session) -> None:
    client = session.client
    await install_crds(client, [Box])
    plain = {
        "apiVersion": "integration.example.com/v1",
        "kind": "Box",
        "metadata": {"name": "b", "namespace": session.namespace},
        "spec": {"size": "large", "colour": "red"},
        "status": {"phase": "Ready"},
    }
    created = await client.create(plain)
    assert created["spec"] == {"size": "large", "replicas": 1}
    assert "status" not in created
    with pytest.raises(BadRequestError, match=r'unknown field "spec\.colour"'):
        await client.create(plain, field_validation="Strict")


async def test_what_the_schema_does_not_allow_is_named(session: Session) -> None:
    client = session.client
    await install_crds(client, [Box])

    async def refused(spec: dict[str, Any]) -> list[tuple[str, str]]:
        plain = {
            "apiVersion": "integration.example.com/v1",
            "kind": "Box",
            "metadata": {"name": "b", "namespace": session.namespace},
            "spec": spec,
        }
        with pytest.raises(InvalidError) as error:
            await client.create(plain)
        return [(cause.field, cause.reason) for cause in error.value.causes]

    assert await refused({"size": "medium"}) == [("spec.size", "FieldValueNotSupported")]
    assert ("spec.size", "FieldValueRequired") in await refused({"replicas": 2})
    assert ("spec.replicas", "FieldValueInvalid") in await refused({"size": "large", "replicas": 9})
    assert ("spec.replicas", "FieldValueTypeInvalid") in await refused({"size": "large", "replicas": "2"})


async def test_a_rule_in_cel_is_asked(session: Session) -> None:
    client = session.client
    await install_crds(client, [RuledBox])

    def ruled(name: str, spec: BoxSpec) -> RuledBox:
        return RuledBox(metadata=ObjectMeta(name=name, namespace=session.namespace), spec=spec)

    await client.create(ruled("large", BoxSpec(size="large", replicas=3)))
    with pytest.raises(InvalidError, match="small boxes are at most two") as refused:
        await client.create(ruled("small", BoxSpec(size="small", replicas=3)))
    assert [cause.field for cause in refused.value.causes] == ["spec"]


async def test_status_and_scale_of_a_custom_kind(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/b"
    await install_crds(client, [Box])
    created = await client.create(box(session))
    conditions: list[Condition] = []
    set_condition(
        conditions,
        Condition(type="Ready", status="True", reason="Made", message=""),
        now=client.runtime.now(),
    )
    told = await client.apply_status(created, BoxStatus(phase="Ready", replicas=1, conditions=conditions))
    assert told.status is not None and told.status.phase == "Ready"
    assert told.status.conditions[0].type == "Ready" and told.metadata.generation == 1
    told.status.phase, told.spec.replicas = "Busy", 2
    updated = await client.update_status(told)
    assert updated.status is not None and (updated.status.phase, updated.spec.replicas) == ("Busy", 1)
    again = await client.apply_status(created, BoxStatus(replicas=1))
    assert again.status is not None
    # Phase went over to the one who updated it; the conditions were ours alone.
    assert again.status.phase == "Busy" and again.status.conditions == []
    assert (await client.scale(Box, key, 2))["spec"]["replicas"] == 2
    assert (await client.subresource(Box, key, "scale").get())["status"] == {"replicas": 1}
    assert (await client.get(Box, key)).spec.replicas == 2


async def test_patches_and_apply_of_a_custom_kind(session: Session) -> None:
    client = session.client
    await install_crds(client, [Box])
    applied = await client.apply(box(session, tags=["a", "b"]))
    assert (await client.patch(applied, {"spec": {"tags": ["c"]}})).spec.tags == ["c"]
    with pytest.raises(ConflictError, match=r"\.spec\.tags"):
        await client.apply(box(session, tags=["d"]), field_manager="other", force=False)
    patched = await client.patch(
        Box, f"{session.namespace}/b", [{"op": "add", "path": "/spec/tags/-", "value": "z"}], type="json"
    )
    assert patched.spec.tags == ["c", "z"]
    with pytest.raises(UnsupportedMediaTypeError):
        await client.patch(Box, f"{session.namespace}/b", {"spec": {}}, type="strategic")


def workload(session: Session) -> dict[str, Any]:
    containers = [
        {"name": "a", "image": "a:1"},
        {"name": "b", "image": "b:1", "env": [{"name": "X", "value": "1", "hint": "?"}], **VENDOR},
        {"name": "c", "image": "c:1", "probe": {"of": "c"}},
    ]
    return {
        "apiVersion": "integration.example.com/v1",
        "kind": "Workload",
        "metadata": {"name": "w", "namespace": session.namespace},
        "spec": {"template": {"spec": {"containers": containers, "novel": 1}, "extra": [1]}},
    }


async def test_fields_of_a_vendor_survive_an_insert_and_a_reorder(session: Session) -> None:
    """A typed read, a change of the list around the item that carries them, a write."""
    client, key = session.client, f"{session.namespace}/w"
    await install_crds(client, [Workload])
    created = await client.create(workload(session))
    expected = copy.deepcopy(created["spec"])
    typed = await client.get(Workload, key)
    pod = typed.spec.template.spec
    assert pod is not None and [each.name for each in pod.containers] == ["a", "b", "c"]
    pod.containers.insert(0, Container(name="new", image="new:1"))
    pod.containers[2].image = "b:2"
    pod.containers[2].env.insert(0, EnvVar(name="W", value="0"))
    pod.containers = [pod.containers[2], pod.containers[3], pod.containers[0], pod.containers[1]]
    await client.update(typed)
    a, b, c = expected["template"]["spec"]["containers"]
    b["image"] = "b:2"
    b["env"] = [{"name": "W", "value": "0"}, {"name": "X", "value": "1", "hint": "?"}]
    expected["template"]["spec"]["containers"] = [b, c, {"name": "new", "image": "new:1"}, a]
    assert (await client.get(WORKLOADS, key))["spec"] == expected


async def test_an_untouched_object_is_written_as_it_was(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/w"
    await install_crds(client, [Workload])
    created = await client.create(workload(session))
    written = await client.update(await client.get(Workload, key))
    assert written.metadata.resource_version == created["metadata"]["resourceVersion"]
    assert (await client.get(WORKLOADS, key)) == created


async def test_a_removed_item_takes_its_unknown_fields_along(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/w"
    await install_crds(client, [Workload])
    await client.create(workload(session))

    def drop(found: Workload) -> None:
        assert found.spec.template.spec is not None
        del found.spec.template.spec.containers[1]

    typed = await client.get(Workload, key)
    drop(typed)
    await client.update(typed)
    left = (await client.get(WORKLOADS, key))["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in left] == ["a", "c"]
    assert left[1]["probe"] == {"of": "c"} and "turbo" not in json.dumps(left)


async def test_an_object_that_does_not_fit_its_model_is_named(session: Session) -> None:
    client = session.client
    await install_crds(client, [Workload])
    await client.create(workload(session))
    bad = workload(session)
    bad["metadata"]["name"] = "bad"
    bad["spec"]["template"]["spec"] = {"containers": "none"}
    await client.create(bad)
    with pytest.raises(ObjectDecodeError) as unreadable:
        await client.get(Workload, f"{session.namespace}/bad")
    assert unreadable.value.key == f"{session.namespace}/bad"
    assert "containers" in unreadable.value.field
    listed = await client.list(Workload, namespace=session.namespace)
    assert [each.metadata.name for each in listed] == ["w"]
    assert [error.key for error in listed.errors] == [f"{session.namespace}/bad"]
    with pytest.raises(ObjectDecodeError):
        listed.raise_errors()


async def test_a_kind_comes_and_goes_with_its_definition(session: Session) -> None:
    client = session.client
    group = f"{session.unique}.example.com"

    class Passing(CustomResource, group=group, version="v1"):
        spec: BoxSpec

    with pytest.raises(NotFoundError, match="404 page not found"):
        await client.list(Passing, namespace=session.namespace)
    await install_crds(client, [Passing])
    await client.create(
        Passing(metadata=ObjectMeta(name="p", namespace=session.namespace), spec=BoxSpec(size="small"))
    )
    await client.delete(CustomResourceDefinition, f"passings.{group}")
    await client.wait_for(CustomResourceDefinition, f"passings.{group}", is_gone())

    async def not_served() -> bool:
        try:
            await client.list(Passing, namespace=session.namespace)
        except NotFoundError:
            return True
        return False

    await eventually(not_served, "the kind is not served any more")
    await install_crds(client, [Passing])
    assert len(await client.list(Passing, namespace=session.namespace)) == 0


async def test_names_that_are_taken_are_named(session: Session) -> None:
    client = session.client
    group = f"{session.unique}.example.com"

    class First(CustomResource, group=group, version="v1", kind="Thing", plural="things"):
        spec: BoxSpec

    class Second(CustomResource, group=group, version="v1", kind="Thing", plural="thingies"):
        spec: BoxSpec

    await install_crds(client, [First])
    with pytest.raises(ConfigurationError, match=r"already in use"):
        await install_crds(client, [Second], timeout=15)
