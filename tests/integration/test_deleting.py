"""Deleting: preconditions, grace, finalizers; garbage collection; namespaces."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.servers import CONFIG_MAPS, PODS, Session, eventually

from reconcile import ConflictError, ForbiddenError, InvalidError, NotFoundError, owner_reference
from reconcile.api.apps.v1 import ReplicaSet
from reconcile.api.core.v1 import ConfigMap, Namespace, Pod
from reconcile.client.waiting import is_gone

FINALIZER = "example.com/wait"


async def test_a_deleted_object_is_gone(session: Session) -> None:
    client = session.client
    created = await client.create(session.config_map("a"))
    assert await client.delete(created) is None
    with pytest.raises(NotFoundError, match='configmaps "a" not found'):
        await client.delete(ConfigMap, f"{session.namespace}/a")


async def test_preconditions(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/a"
    first = await client.create(session.config_map("a"))
    await client.delete(first)
    second = await client.create(session.config_map("a"))
    with pytest.raises(ConflictError, match="does not match the UID in record") as conflict:
        await client.delete(first)
    assert conflict.value.code == 409
    with pytest.raises(ConflictError, match="does not match the ResourceVersion in record"):
        await client.delete(ConfigMap, key, resource_version=first.metadata.resource_version)
    await client.delete(ConfigMap, key, resource_version=second.metadata.resource_version)
    assert await client.get_or_none(ConfigMap, key) is None


async def test_finalizers_keep_an_object_until_they_are_gone(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/a"
    created = await client.create(session.config_map("a", finalizers=[FINALIZER]))
    kept = await client.delete(created)
    assert kept is not None and kept.metadata.deletion_timestamp
    assert kept.metadata.deletion_grace_period_seconds == 0
    again = await client.delete(ConfigMap, key)
    assert again is not None and again.metadata.deletion_timestamp == kept.metadata.deletion_timestamp
    with pytest.raises(InvalidError, match="no new finalizers can be added if the object is being deleted"):
        await client.patch(ConfigMap, key, {"metadata": {"finalizers": [FINALIZER, "example.com/more"]}})
    changed = await client.patch(ConfigMap, key, {"data": {"x": "1"}})
    assert changed.data == {"x": "1"}
    last = await client.patch(ConfigMap, key, {"metadata": {"finalizers": None}})
    assert last.metadata.uid == created.metadata.uid
    assert await client.get_or_none(ConfigMap, key) is None


async def test_a_bound_pod_has_a_grace_period(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/p"
    await client.create(session.pod("p", terminationGracePeriodSeconds=7))
    # Nobody runs it yet: it goes at once.
    await client.delete(PODS, key)
    assert await client.get_or_none(PODS, key) is None
    await client.create(session.pod("p", terminationGracePeriodSeconds=7))
    await client.bind(key, "node-1")
    kept = await client.delete(PODS, key)
    assert kept is not None and kept["metadata"]["deletionGracePeriodSeconds"] == 7
    assert kept["metadata"]["generation"] == 2
    shorter = await client.delete(PODS, key, grace_period_seconds=3)
    assert shorter is not None and shorter["metadata"]["deletionGracePeriodSeconds"] == 3
    await client.delete(PODS, key, grace_period_seconds=0)
    assert await client.get_or_none(PODS, key) is None


async def test_a_collection_is_deleted_by_selector(session: Session) -> None:
    client = session.client
    for number in range(6):
        await client.create(session.config_map(f"c{number}", labels={"odd": str(number % 2)}))
    await client.delete_collection(ConfigMap, namespace=session.namespace, labels="odd=1", dry_run=True)
    assert len(await client.list(ConfigMap, namespace=session.namespace, labels="odd")) == 6
    await client.delete_collection(ConfigMap, namespace=session.namespace, labels="odd=1")
    left = await client.list(ConfigMap, namespace=session.namespace, labels="odd")
    assert [each.metadata.name for each in left] == ["c0", "c2", "c4"]
    await client.delete_collection(ConfigMap, namespace=session.namespace, fields="metadata.name=c2")
    left = await client.list(ConfigMap, namespace=session.namespace, labels="odd")
    assert [each.metadata.name for each in left] == ["c0", "c4"]


async def family(session: Session, *, block: bool = True) -> tuple[ConfigMap, ConfigMap, ConfigMap]:
    """An owner, its dependent, and the dependent's dependent."""
    client = session.client
    owner = await client.create(session.config_map("owner"))
    made = [owner]
    for name in ("child", "grandchild"):
        reference = owner_reference(made[-1], block=block)
        made.append(await client.create(session.config_map(name, owner_references=[reference])))
    return made[0], made[1], made[2]


async def names(session: Session) -> list[str]:
    found = await session.client.list(ConfigMap, namespace=session.namespace)
    return [each.metadata.name for each in found if each.metadata.name != "kube-root-ca.crt"]  # type: ignore[misc]


async def test_background_deletion_takes_dependents_afterwards(session: Session) -> None:
    owner, _, _ = await family(session)
    assert await session.client.delete(owner) is None
    await eventually(lambda: _is(names(session), []), "dependents are collected", 30)


async def test_foreground_deletion_takes_dependents_first(session: Session) -> None:
    client = session.client
    owner, child, _ = await family(session)
    await client.patch(child, {"metadata": {"finalizers": [FINALIZER]}})
    kept = await client.delete(owner, propagation="Foreground")
    assert kept is not None and kept.metadata.finalizers == ["foregroundDeletion"]
    deleting = await client.wait_for(
        ConfigMap,
        f"{session.namespace}/child",
        lambda found: found is None or bool(found.metadata.deletion_timestamp),
    )
    assert deleting is not None
    assert "owner" in await names(session)
    await client.patch(child, {"metadata": {"finalizers": None}})
    await eventually(lambda: _is(names(session), []), "all are gone", 30)


async def test_orphans_lose_their_reference_and_stay(session: Session) -> None:
    client = session.client
    owner, _, _ = await family(session)
    await client.delete(owner, propagation="Orphan")
    await client.wait_for(ConfigMap, f"{session.namespace}/owner", is_gone())
    child = await client.get(ConfigMap, f"{session.namespace}/child")
    assert child.metadata.owner_references == []
    assert await names(session) == ["child", "grandchild"]


async def test_a_dependent_of_nobody_is_collected(session: Session) -> None:
    client = session.client
    owner = await client.create(session.config_map("owner"))
    await client.delete(owner)
    await client.create(session.config_map("late", owner_references=[owner_reference(owner)]))
    await eventually(lambda: _is(names(session), []), "the late dependent is collected", 30)


async def test_one_of_two_owners_keeps_a_dependent(session: Session) -> None:
    client = session.client
    one, two = [await client.create(session.config_map(name)) for name in ("one", "two")]
    references = [owner_reference(each, controller=False, block=False) for each in (one, two)]
    await client.create(session.config_map("child", owner_references=references))
    await client.delete(one)

    async def left() -> bool:
        child = await client.get(ConfigMap, f"{session.namespace}/child")
        return [each.name for each in child.metadata.owner_references] == ["two"]

    await eventually(left, "the reference to the owner that is gone is taken off", 30)
    await client.delete(two)
    await eventually(lambda: _is(names(session), []), "then it goes", 30)


async def test_replica_sets_take_their_pods_along(session: Session) -> None:
    client = session.client
    replica_set = await client.create(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "r", "namespace": session.namespace},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "c", "image": "i"}]},
                },
            },
        }
    )
    pod = session.pod("p")
    await client.apply(pod, owner=replica_set)
    await client.delete(replica_set, propagation="Foreground")
    await client.wait_for(ReplicaSet, f"{session.namespace}/r", is_gone(), timeout=30)
    assert await client.get_or_none(Pod, f"{session.namespace}/p") is None


async def test_a_namespace_takes_everything_along(session: Session) -> None:
    client = session.client
    namespace = await session.another_namespace()
    await client.create(session.config_map("a", namespace=namespace))
    held = await client.create(session.config_map("held", namespace=namespace, finalizers=[FINALIZER]))
    deleting: Any = await client.delete(Namespace, namespace)
    assert deleting is None or deleting.status.phase == "Terminating"
    with pytest.raises(ForbiddenError, match="because it is being terminated") as refused:
        await client.create(session.config_map("late", namespace=namespace))
    assert [cause.reason for cause in refused.value.causes] == ["NamespaceTerminating"]

    async def told() -> bool:
        found = await client.get(Namespace, namespace)
        conditions = found.status.conditions if found.status else []
        return any(
            each.type == "NamespaceFinalizersRemaining" and each.status == "True" for each in conditions
        )

    await eventually(told, "the namespace says what it waits for", 30)
    assert await client.get_or_none(ConfigMap, f"{namespace}/a") is None
    await client.patch(held, {"metadata": {"finalizers": None}})
    await client.wait_for(Namespace, namespace, is_gone(), timeout=30)
    assert await client.list(CONFIG_MAPS, namespace=namespace, labels="x=y") is not None


async def _is(found: Any, wanted: Any) -> bool:
    return bool(await found == wanted)
