"""Create, get, list, update, patch: in every form that an object can have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.servers import CONFIG_MAPS, Session

from reconcile import (
    AlreadyExistsError,
    ConflictError,
    GroupVersionKind,
    InvalidError,
    MetadataOnly,
    NotFoundError,
    ObjectKey,
)
from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.errors import BadRequestError, ConfigurationError


async def test_a_created_object_has_what_the_server_adds(session: Session) -> None:
    created = await session.client.create(session.config_map("a", {"k": "v"}, labels={"l": "1"}))
    metadata = created.metadata
    assert metadata.uid and metadata.resource_version and metadata.creation_timestamp
    assert created.data == {"k": "v"}
    assert metadata.managed_fields[0].manager == "reconcile"
    assert await session.client.get(ConfigMap, f"{session.namespace}/a") == created


async def test_generate_name_makes_a_name(session: Session) -> None:
    made = [
        await session.client.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "g-"}},
            namespace=session.namespace,
        )
        for _ in range(2)
    ]
    names = [one["metadata"]["name"] for one in made]
    assert all(name.startswith("g-") and len(name) == 7 for name in names)
    assert len(set(names)) == 2


async def test_what_is_there_or_not_there_is_told_apart(session: Session) -> None:
    client = session.client
    await client.create(session.config_map("a"))
    with pytest.raises(AlreadyExistsError) as there:
        await client.create(session.config_map("a"))
    assert (there.value.code, there.value.reason) == (409, "AlreadyExists")
    assert there.value.details == {"name": "a", "kind": "configmaps"}
    assert there.value.message == 'configmaps "a" already exists'
    with pytest.raises(NotFoundError) as gone:
        await client.get(ConfigMap, f"{session.namespace}/b")
    assert (gone.value.code, gone.value.reason) == (404, "NotFound")
    assert gone.value.message == 'configmaps "b" not found'
    assert gone.value.details == {"name": "b", "kind": "configmaps"}
    assert await client.get_or_none(ConfigMap, f"{session.namespace}/b") is None
    with pytest.raises(NotFoundError, match='namespaces "nowhere" not found'):
        await client.create(session.config_map("a", namespace="nowhere"))
    with pytest.raises(BadRequestError, match="does not match the namespace sent on the request"):
        await client.create(session.config_map("a"), namespace="nowhere")


async def test_one_object_in_every_form(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/a"
    created = await client.create(session.config_map("a", {"k": "v"}, labels={"l": "1"}))
    as_dict = await client.get(CONFIG_MAPS, key)
    assert as_dict["data"] == {"k": "v"} and as_dict["kind"] == "ConfigMap"
    by_gvk = await client.get(GroupVersionKind("", "v1", "ConfigMap"), "a", namespace=session.namespace)
    assert by_gvk == as_dict
    metadata = await client.get(MetadataOnly(ConfigMap), ObjectKey(session.namespace, "a"))
    assert metadata.uid == created.metadata.uid
    assert metadata.labels == {"l": "1"}
    assert (metadata.api_version, metadata.kind) == ("v1", "ConfigMap")
    (listed,) = await client.list(MetadataOnly(ConfigMap), namespace=session.namespace, labels="l=1")
    assert listed.uid == created.metadata.uid
    assert (listed.api_version, listed.kind) == ("v1", "ConfigMap")


async def test_an_update_of_an_old_version_is_a_conflict(session: Session) -> None:
    client = session.client
    first = await client.create(session.config_map("a", {"k": "1"}))
    second = await client.get(ConfigMap, f"{session.namespace}/a")
    first.data["k"] = "2"
    updated = await client.update(first)
    assert int(updated.metadata.resource_version or 0) > int(second.metadata.resource_version or 0)
    second.data["k"] = "3"
    with pytest.raises(ConflictError) as conflict:
        await client.update(second)
    assert (conflict.value.code, conflict.value.reason) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in str(
        conflict.value
    )
    unchanged = await client.update(updated)
    assert unchanged.metadata.resource_version == updated.metadata.resource_version


async def test_an_update_of_another_object_or_of_none(session: Session) -> None:
    client = session.client
    created = await client.create(session.config_map("a"))
    with pytest.raises(ConflictError, match="Precondition failed: UID in precondition"):
        await client.update(session.config_map("a", uid="00000000-0000-0000-0000-000000000000"))
    with pytest.raises(NotFoundError):
        await client.update(session.config_map("b"))
    without_version = await client.update(session.config_map("a", {"x": "y"}))
    assert without_version.metadata.uid == created.metadata.uid


async def test_what_may_not_change_does_not(session: Session) -> None:
    client = session.client
    secret = await client.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "immutable": True,
            "data": {"a": "Yg=="},
        },
        namespace=session.namespace,
    )
    secret["data"]["a"] = "Yw=="
    with pytest.raises(InvalidError) as refused:
        await client.update(secret)
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    assert [(cause.reason, cause.field) for cause in refused.value.causes] == [
        ("FieldValueForbidden", "data")
    ]
    kept = await client.patch(
        Secret, f"{session.namespace}/s", {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}
    )
    assert kept.metadata.creation_timestamp == secret["metadata"]["creationTimestamp"]


async def test_lists_by_labels_and_fields(session: Session) -> None:
    client = session.client
    for name, labels in (("a", {"app": "web", "tier": "1"}), ("b", {"app": "web"}), ("c", {"app": "db"})):
        await client.create(session.config_map(name, labels=labels))

    async def names(**selected: Any) -> list[str]:
        found = await client.list(ConfigMap, namespace=session.namespace, **selected)
        return [each.metadata.name for each in found if each.metadata.name != "kube-root-ca.crt"]  # type: ignore[misc]

    assert await names(labels="app=web") == ["a", "b"]
    assert await names(labels={"app": "web", "tier": "1"}) == ["a"]
    assert await names(labels="app!=web") == ["c"]
    assert await names(labels="app in (web, db),!tier") == ["b", "c"]
    assert await names(labels="tier") == ["a"]
    assert await names(labels="app notin (web)") == ["c"]
    assert await names(fields="metadata.name=b") == ["b"]
    assert await names(fields={"metadata.name": "b"}, labels="app=db") == []
    assert await names(fields="metadata.name!=b", labels="app") == ["a", "c"]
    with pytest.raises(BadRequestError, match=r'"spec\.color" is not a known field selector'):
        await names(fields="spec.color=red")
    with pytest.raises(BadRequestError, match="unable to parse requirement"):
        await client.read_raw(
            f"/api/v1/namespaces/{session.namespace}/configmaps", (("labelSelector", "a in b"),)
        )


async def test_pages_are_of_one_version(session: Session) -> None:
    client = session.client
    for number in range(7):
        await client.create(session.config_map(f"c{number}", labels={"paged": "yes"}))
    first = await client.list(
        ConfigMap, namespace=session.namespace, fields="metadata.name!=kube-root-ca.crt", limit=3
    )
    assert [one.metadata.name for one in first] == ["c0", "c1", "c2"] and first.continue_
    # With a selector the server does not know how many are left.
    assert first.remaining is None
    await client.delete(ConfigMap, f"{session.namespace}/c5")
    second = await client.list(
        ConfigMap,
        namespace=session.namespace,
        fields="metadata.name!=kube-root-ca.crt",
        limit=3,
        continue_=first.continue_,
    )
    assert [one.metadata.name for one in second] == ["c3", "c4", "c5"]
    assert second.resource_version == first.resource_version
    third = await client.list(
        ConfigMap,
        namespace=session.namespace,
        fields="metadata.name!=kube-root-ca.crt",
        limit=3,
        continue_=second.continue_,
    )
    assert [one.metadata.name for one in third] == ["c6"] and not third.continue_
    whole = [
        one.metadata.name
        async for page in client.pages(ConfigMap, namespace=session.namespace, page_size=2, labels="paged")
        for one in page
    ]
    assert whole == ["c0", "c1", "c2", "c3", "c4", "c6"]
    streamed = [
        one.metadata.name
        async for one in client.stream(ConfigMap, namespace=session.namespace, labels="paged")
    ]
    assert streamed == whole


async def test_a_page_says_how_many_are_left(session: Session) -> None:
    for number in range(5):
        await session.client.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"s{number}"}},
            namespace=session.namespace,
        )
    page = await session.client.list(Secret, namespace=session.namespace, limit=2)
    assert (len(page), page.remaining) == (2, 3)


async def test_a_bad_continue_token_is_refused(session: Session) -> None:
    with pytest.raises(BadRequestError, match="continue key is not valid"):
        await session.client.list(ConfigMap, namespace=session.namespace, limit=1, continue_="nonsense")


async def test_a_list_of_the_past_and_of_the_future(session: Session) -> None:
    client = session.client
    await client.create(session.config_map("a"))
    before = (await client.list(ConfigMap, namespace=session.namespace)).resource_version
    await client.create(session.config_map("b"))
    exact = await client.list(
        ConfigMap, namespace=session.namespace, resource_version=before, resource_version_match="Exact"
    )
    names = [one.metadata.name for one in exact]
    assert "a" in names and "b" not in names
    assert exact.resource_version == before
    newer = await client.list(
        ConfigMap, namespace=session.namespace, resource_version=before, resource_version_match="NotOlderThan"
    )
    assert "b" in [one.metadata.name for one in newer]


@pytest.mark.parametrize("kind", ["merge", "json", "strategic"])
async def test_each_patch_type(session: Session, kind: Any) -> None:
    client = session.client
    await client.create(session.config_map("a", {"x": "1", "gone": "1"}))
    patch: Any = {"data": {"x": "2", "gone": None, "new": "3"}}
    if kind == "json":
        patch = [
            {"op": "replace", "path": "/data/x", "value": "2"},
            {"op": "remove", "path": "/data/gone"},
            {"op": "add", "path": "/data/new", "value": "3"},
        ]
    patched = await client.patch(ConfigMap, f"{session.namespace}/a", patch, type=kind)
    assert patched.data == {"x": "2", "new": "3"}


async def test_a_json_patch_that_does_not_fit(session: Session) -> None:
    client = session.client
    await client.create(session.config_map("a", {"x": "1"}))
    key = f"{session.namespace}/a"
    test = [{"op": "test", "path": "/data/x", "value": "2"}, {"op": "remove", "path": "/data/x"}]
    with pytest.raises(InvalidError, match="the server rejected our request due to an error in our request"):
        await client.patch(ConfigMap, key, test, type="json")
    with pytest.raises(InvalidError):
        await client.patch(ConfigMap, key, [{"op": "remove", "path": "/data/y"}], type="json")
    assert (await client.get(ConfigMap, key)).data == {"x": "1"}
    with pytest.raises(BadRequestError):
        await client.patch(ConfigMap, key, b"{not json", type="merge")


async def test_a_patch_with_a_version_is_a_lock(session: Session) -> None:
    client = session.client
    created = await client.create(session.config_map("a", {"x": "1"}))
    await client.patch(created, {"data": {"x": "2"}})
    with pytest.raises(ConflictError):
        await client.patch(
            created, {"metadata": {"resourceVersion": created.metadata.resource_version}, "data": {"x": "3"}}
        )
    with pytest.raises(NotFoundError):
        await client.patch(ConfigMap, f"{session.namespace}/absent", {"data": {}})


DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]},
                    {"name": "b", "image": "b:1"},
                ]
            },
        },
    },
}


async def test_a_strategic_patch_merges_lists_by_key(session: Session) -> None:
    client = session.client
    await client.create(DEPLOYMENT, namespace=session.namespace)

    async def patched(containers: list[Any]) -> list[tuple[str, str]]:
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        found = await client.patch(Deployment, f"{session.namespace}/web", patch, type="strategic")
        assert found.spec is not None and found.spec.template.spec is not None
        return [(each.name, each.image or "") for each in found.spec.template.spec.containers]

    assert await patched([{"name": "b", "image": "b:2"}]) == [("a", "a:1"), ("b", "b:2")]
    assert await patched([{"name": "c", "image": "c:1"}]) == [("c", "c:1"), ("a", "a:1"), ("b", "b:2")]
    assert await patched([{"name": "a", "$patch": "delete"}]) == [("c", "c:1"), ("b", "b:2")]
    ordered = {"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}]}
    found = await client.patch(
        Deployment, f"{session.namespace}/web", {"spec": {"template": {"spec": ordered}}}, type="strategic"
    )
    assert found.spec is not None and found.spec.template.spec is not None
    assert [each.name for each in found.spec.template.spec.containers] == ["b", "c"]
    assert await patched([{"$patch": "replace"}, {"name": "z", "image": "z:1"}]) == [("z", "z:1")]


async def test_a_generation_counts_changes_of_the_spec_alone(session: Session) -> None:
    client = session.client
    created = await client.create(DEPLOYMENT, namespace=session.namespace)
    assert created["metadata"]["generation"] == 1
    labelled = await client.patch(created, {"metadata": {"labels": {"x": "y"}}})
    assert labelled["metadata"]["generation"] == 1
    scaled = await client.patch(created, {"spec": {"replicas": 3}})
    assert scaled["metadata"]["generation"] == 2
    told = await client.patch(
        created, {"status": {"replicas": 3}, "spec": {"replicas": 9}}, subresource="status"
    )
    assert told["metadata"]["generation"] == 2
    assert told["status"]["replicas"] == 3 and told["spec"]["replicas"] == 3


async def test_status_is_written_by_its_subresource_alone(session: Session) -> None:
    client = session.client
    created = await client.create({**DEPLOYMENT, "status": {"replicas": 7}}, namespace=session.namespace)
    assert "replicas" not in created["status"]
    deployment = await client.get(Deployment, f"{session.namespace}/web")
    assert deployment.spec is not None and deployment.status is not None
    deployment.spec.replicas, deployment.status.replicas = 4, 4
    told = await client.update_status(deployment)
    assert told.spec is not None and told.status is not None
    assert (told.spec.replicas, told.status.replicas) == (1, 4)
    told.spec.replicas, told.status.replicas = 2, 9
    updated = await client.update(told)
    assert updated.spec is not None and updated.status is not None
    assert (updated.spec.replicas, updated.status.replicas) == (2, 4)


async def test_a_dry_run_changes_nothing(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/a"
    dry = await client.create(session.config_map("a"), dry_run=True)
    assert dry.metadata.uid and not dry.metadata.resource_version
    assert await client.get_or_none(ConfigMap, key) is None
    created = await client.create(session.config_map("a", {"x": "1"}))
    assert (await client.patch(created, {"data": {"x": "2"}}, dry_run=True)).data == {"x": "2"}
    created.data["x"] = "3"
    assert (await client.update(created, dry_run=True)).data == {"x": "3"}
    assert (await client.apply(session.config_map("a", {"x": "4"}), dry_run=True)).data == {"x": "4"}
    await client.delete(ConfigMap, key, dry_run=True)
    assert (await client.get(ConfigMap, key)).metadata.resource_version == created.metadata.resource_version


async def test_field_validation(session: Session) -> None:
    warnings: list[str] = []
    client = await session.connected(on_warning=warnings.append)
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "w", "labls": {}}, "dota": {}}
    with pytest.raises(BadRequestError) as refused:
        await client.create(wrong, namespace=session.namespace, field_validation="Strict")
    assert refused.value.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "metadata.labls", unknown field "dota"'
    )
    assert await client.get_or_none(ConfigMap, f"{session.namespace}/w") is None
    await client.create(wrong, namespace=session.namespace, field_validation="Ignore", dry_run=True)
    assert not warnings
    created = await client.create(wrong, namespace=session.namespace)
    assert "dota" not in created
    assert warnings == ['unknown field "metadata.labls"', 'unknown field "dota"']


async def test_a_field_of_the_wrong_type(session: Session) -> None:
    wrong = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": "many"}}
    with pytest.raises(
        BadRequestError,
        match=r"string into Go struct field DeploymentSpec\.spec\.replicas of type int32",
    ):
        await session.client.create(wrong, namespace=session.namespace)


async def test_an_invalid_object_names_every_field(session: Session) -> None:
    wrong = {
        **DEPLOYMENT,
        "metadata": {"name": "Not A Name", "labels": {"a": "b c"}},
        "spec": {**DEPLOYMENT["spec"], "replicas": -1},
    }
    with pytest.raises(InvalidError) as refused:
        await session.client.create(wrong, namespace=session.namespace)
    assert {(cause.reason, cause.field) for cause in refused.value.causes} == {
        ("FieldValueInvalid", "metadata.name"),
        ("FieldValueInvalid", "metadata.labels"),
        ("FieldValueInvalid", "spec.replicas"),
    }
    assert refused.value.details["kind"] == "Deployment" and refused.value.details["group"] == "apps"


async def test_many_writers_meet_conflicts_and_lose_nothing(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/count"
    await client.create(session.config_map("count", {"n": "0"}))

    async def add() -> None:
        async def attempt() -> ConfigMap:
            found = await client.get(ConfigMap, key)
            found.data["n"] = str(int(found.data["n"]) + 1)
            return await client.update(found)

        await client.retry_on_conflict(attempt, attempts=50)

    await asyncio.gather(*(add() for _ in range(8)))
    assert (await client.get(ConfigMap, key)).data == {"n": "8"}


async def test_create_or_patch_and_patch_from(session: Session) -> None:
    client = session.client

    def grow(found: ConfigMap) -> None:
        found.data["x"] = "1"

    assert (await client.create_or_patch(session.config_map("a"), grow))[1] == "created"
    found, done = await client.create_or_patch(session.config_map("a"), grow)
    assert done == "unchanged" and found.data == {"x": "1"}
    found.data["x"] = "2"
    assert (await client.patch_from(None, found, lock=True)).data == {"x": "2"}
    found.data["x"] = "3"
    with pytest.raises(ConflictError):
        await client.patch_from(None, found, lock=True)


async def test_a_kind_that_nobody_serves(session: Session) -> None:
    with pytest.raises(ConfigurationError, match="Gadget") as unknown:
        await session.client.get(GroupVersionKind("nobody.example.com", "v1", "Gadget"), "x/y")
    assert "CustomResourceDefinition installed" in str(unknown.value)
    with pytest.raises(ConfigurationError, match="Namespace"):
        await session.client.resource_type(GroupVersionKind("", "v1", "Namespaces"))


async def test_times_of_the_first_years_keep_their_zeros(session: Session) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "early", "namespace": session.namespace},
        "spec": {"holderIdentity": "me", "renewTime": "0001-01-01T00:00:05.000000Z", "leaseTransitions": 0},
    }
    created = await session.client.create(lease)
    assert created["spec"]["renewTime"] == "0001-01-01T00:00:05.000000Z"
