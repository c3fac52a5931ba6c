"""Server-side apply: who owns which field, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.servers import CONFIG_MAPS, Session

from reconcile import ConflictError, ObjectMeta, OwnerReference
from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import ConfigMap, Service
from reconcile.errors import BadRequestError, ConfigurationError, InvalidError, NotFoundError


def owners(obj: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Manager, operation and subresource of each entry of managedFields, and what it owns."""
    metadata = obj["metadata"]
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in metadata["managedFields"]
    }


def document(session: Session, **data: str) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": session.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_an_applied_object_is_created_then_brought_into_shape(session: Session) -> None:
    client = session.client
    created = await client.apply(session.config_map("a", {"x": "1", "y": "1"}, labels={"l": "1"}))
    assert created.metadata.uid
    applied = await client.apply(session.config_map("a", {"x": "2"}))
    assert applied.metadata.uid == created.metadata.uid
    assert applied.data == {"x": "2"} and applied.metadata.labels == {}
    again = await client.apply(session.config_map("a", {"x": "2"}))
    assert again.metadata.resource_version == applied.metadata.resource_version


async def test_what_others_own_stays(session: Session) -> None:
    client = session.client
    await client.create(document(session, theirs="1"), field_manager="them")
    applied = await client.apply(document(session, ours="1"))
    assert applied["data"] == {"theirs": "1", "ours": "1"}
    assert owners(applied) == {
        ("them", "Update", ""): {"f:data": {".": {}, "f:theirs": {}}},
        ("reconcile", "Apply", ""): {"f:data": {"f:ours": {}}},
    }
    assert (await client.apply(document(session)))["data"] == {"theirs": "1"}


async def test_a_conflict_names_manager_and_field_and_force_takes_over(session: Session) -> None:
    client = session.client
    await client.apply(document(session, x="1", y="1"), field_manager="one")
    with pytest.raises(ConflictError) as conflict:
        await client.apply(document(session, x="2", y="2"), field_manager="two", force=False)
    assert conflict.value.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.x\n- .data.y'
    )
    assert [(cause.reason, cause.field, cause.message) for cause in conflict.value.causes] == [
        ("FieldManagerConflict", ".data.x", 'conflict with "one"'),
        ("FieldManagerConflict", ".data.y", 'conflict with "one"'),
    ]
    same = await client.apply(document(session, x="1"), field_manager="two", force=False)
    assert owners(same)["two", "Apply", ""] == {"f:data": {"f:x": {}}}
    taken = await client.apply(document(session, x="2"), field_manager="two", force=True)
    assert taken["data"] == {"x": "2", "y": "1"}
    assert owners(taken)["one", "Apply", ""] == {"f:data": {"f:y": {}}}
    kept = await client.apply(document(session, x="2"), field_manager="one", force=False)
    assert kept["data"] == {"x": "2"}
    # Owned by both: the field goes when the last of them lets go.
    assert (await client.apply(document(session), field_manager="one"))["data"] == {"x": "2"}
    assert (await client.apply(document(session), field_manager="two")).get("data") is None


async def test_an_update_takes_ownership_from_an_applier(session: Session) -> None:
    client = session.client
    await client.apply(document(session, x="1"), field_manager="one")
    await client.patch(CONFIG_MAPS, f"{session.namespace}/a", {"data": {"x": "2"}}, field_manager="hand")
    with pytest.raises(ConflictError, match=r'conflict with "hand" using v1: \.data\.x'):
        await client.apply(document(session, x="1"), field_manager="one", force=False)
    forced = await client.apply(document(session, x="1"), field_manager="one")
    assert list(owners(forced)) == [("one", "Apply", "")]


async def test_lists_with_keys_are_owned_item_by_item(session: Session) -> None:
    client = session.client

    def service(*ports: tuple[str, int]) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s", "namespace": session.namespace},
            "spec": {"ports": [{"name": name, "port": port} for name, port in ports]},
        }

    async def ports(applied: Any) -> list[str]:
        found = await client.get(Service, f"{session.namespace}/s")
        assert found.spec is not None
        return [each.name or "" for each in found.spec.ports]

    assert await ports(await client.apply(service(("a", 1)), field_manager="one")) == ["a"]
    assert await ports(await client.apply(service(("b", 2)), field_manager="two")) == ["a", "b"]
    assert await ports(await client.apply(service(("c", 3)), field_manager="one")) == ["b", "c"]
    with pytest.raises(
        ConflictError, match=r'conflict with "two": \.spec\.ports\[port=2,protocol="TCP"\]\.name'
    ):
        await client.apply(service(("q", 2)), field_manager="one", force=False)


async def test_an_owner_controls_what_is_applied_for_it(session: Session) -> None:
    client = session.client
    owner = await client.create(session.config_map("owner"))
    applied = await client.apply(session.config_map("a"), owner=owner)
    assert applied.metadata.owner_references == [
        OwnerReference(
            api_version="v1",
            kind="ConfigMap",
            name="owner",
            uid=owner.metadata.uid,
            controller=True,
            block_owner_deletion=True,
        )
    ]
    elsewhere = ConfigMap(metadata=ObjectMeta(name="a", namespace="other"))
    with pytest.raises(ConfigurationError, match="namespace"):
        await client.apply(elsewhere, owner=owner)
    with pytest.raises(InvalidError, match="Only one reference can have Controller set to true"):
        other = await client.create(session.config_map("other"))
        await client.apply(session.config_map("a"), owner=other, field_manager="two")


async def test_status_is_applied_whole_and_apart(session: Session) -> None:
    client = session.client
    spec = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
    }
    metadata = {"name": "d", "namespace": session.namespace}
    applied = await client.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": spec,
            "status": {"replicas": 7},
        }
    )
    assert "replicas" not in applied["status"]
    told = await client.apply_status(applied, {"replicas": 3, "readyReplicas": 2})
    assert (told["status"]["replicas"], told["status"]["readyReplicas"]) == (3, 2)
    told = await client.apply_status(applied, {"replicas": 3})
    assert "readyReplicas" not in told["status"]
    assert owners(told)["reconcile", "Apply", "status"] == {"f:status": {"f:replicas": {}}}
    assert "f:spec" in owners(told)["reconcile", "Apply", ""]
    deployment = await client.get(Deployment, f"{session.namespace}/d")
    assert deployment.status is not None and deployment.spec is not None
    await client.delete(deployment)
    await client.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    with pytest.raises(InvalidError) as refused:
        await client.apply_status(deployment, {"replicas": 9})
    assert {cause.field for cause in refused.value.causes} == {"metadata.uid"}


async def test_what_cannot_be_applied(session: Session) -> None:
    client = session.client
    read = await client.create(document(session, x="1"))
    path = f"{session.namespace}/a"
    with pytest.raises(BadRequestError, match=r"metadata\.managedFields must be nil"):
        await client.patch(CONFIG_MAPS, path, read, type="apply")  # type: ignore[arg-type]
    # What was read can be applied as it is: whom its fields belong to is left out.
    await client.apply(read)
    await client.patch(CONFIG_MAPS, path, {"data": {"x": "2"}})
    with pytest.raises(ConflictError, match="the object has been modified"):
        await client.apply(read)
    del read["metadata"]["resourceVersion"]
    await client.delete(CONFIG_MAPS, path)
    with pytest.raises(ConflictError, match="uid mismatch: the provided object specified uid"):
        await client.apply(read)
    with pytest.raises(NotFoundError):
        await client.apply(read, subresource="status")
