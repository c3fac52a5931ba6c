import asyncio
from typing import Any

import pytest
from helpers.asking import CONFIG_MAPS, MERGE, Asker, asking, config_map

PODS = "/api/v1/namespaces/default/pods"


def owned(name: str, owner: Any, *, block: bool = True, **metadata: Any) -> Any:
    reference = {
        "apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block,
    }  # fmt: skip
    return config_map(name, ownerReferences=[reference], **metadata)


async def settled(ask: Asker) -> list[str]:
    await asyncio.sleep(0.5)
    return await ask.names()


async def test_finalizers_hold_an_object_until_the_last_is_gone() -> None:
    async with asking() as ask:
        made = await ask.made(config_map("a", finalizers=["example.com/x"]))
        marked = (await ask("DELETE", f"{CONFIG_MAPS}/a")).body["metadata"]
        assert marked["deletionTimestamp"] and marked["deletionGracePeriodSeconds"] == 0
        again = (await ask("DELETE", f"{CONFIG_MAPS}/a")).body["metadata"]
        assert again["resourceVersion"] == marked["resourceVersion"]
        refused = await ask(
            "PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": ["example.com/y"]}}, MERGE
        )
        assert refused.message == (
            'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the '
            'object is being deleted, found new finalizers []string{"example.com/y"}'
        )
        version = made["metadata"]["resourceVersion"]
        await ask("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}}, MERGE)
        assert await ask.names() == []
        watch = await ask("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1&resourceVersion={version}")
        assert [kind for kind, _ in watch.events] == ["MODIFIED", "DELETED"]


async def test_preconditions() -> None:
    async with asking() as ask:
        made = await ask.made(config_map("a"))
        uid = made["metadata"]["uid"]
        refused = await ask("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": {"uid": "other"}})
        assert (refused.status, refused.message) == (
            409,
            'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not '
            f"match the UID in record ({uid}). The object might have been deleted and then recreated",
        )
        assert (await ask("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": {"uid": uid}})).status == 200


async def test_background_deletion_takes_dependents_along() -> None:
    async with asking() as ask:
        owner = await ask.made(config_map("owner"))
        child = await ask.made(owned("child", owner))
        await ask.made(owned("grandchild", child))
        await ask("DELETE", f"{CONFIG_MAPS}/owner")
        assert await settled(ask) == []


async def test_foreground_deletion_waits_for_blocking_dependents() -> None:
    async with asking() as ask:
        owner = await ask.made(config_map("owner"))
        await ask.made(owned("blocks", owner, finalizers=["example.com/hold"]))
        await ask.made(owned("does-not", owner, block=False))
        marked = (await ask("DELETE", f"{CONFIG_MAPS}/owner?propagationPolicy=Foreground")).body
        assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert await settled(ask) == ["blocks", "owner"]
        await ask("PATCH", f"{CONFIG_MAPS}/blocks", {"metadata": {"finalizers": None}}, MERGE)
        assert await settled(ask) == []


@pytest.mark.parametrize("policy", ["Foreground", "Background"])
@pytest.mark.parametrize("length", [2, 3, 5])
async def test_a_circle_of_owners_goes_as_a_whole_and_holds_nothing_up(length: int, policy: str) -> None:
    async with asking() as ask:
        made = [await ask.made(config_map(f"m{number}")) for number in range(length)]
        for number in range(length):
            references = owned("", made[number - 1])["metadata"]["ownerReferences"]
            patch = {"metadata": {"ownerReferences": references}}
            await ask("PATCH", f"{CONFIG_MAPS}/m{number}", patch, MERGE)
        await ask("DELETE", f"{CONFIG_MAPS}/m0?propagationPolicy={policy}")
        async with asyncio.timeout(60):
            assert await settled(ask) == []


async def test_orphans_lose_their_owner_and_stay() -> None:
    async with asking() as ask:
        owner = await ask.made(config_map("owner"))
        await ask.made(owned("child", owner))
        await ask("DELETE", f"{CONFIG_MAPS}/owner?propagationPolicy=Orphan")
        assert await settled(ask) == ["child"]
        assert "ownerReferences" not in (await ask("GET", f"{CONFIG_MAPS}/child")).body["metadata"]


async def test_one_owner_left_keeps_the_object_and_loses_the_other_reference() -> None:
    async with asking() as ask:
        first, second = await ask.made(config_map("first")), await ask.made(config_map("second"))
        child = owned("child", first)
        child["metadata"]["ownerReferences"] += owned("", second)["metadata"]["ownerReferences"]
        await ask.made(child)
        await ask("DELETE", f"{CONFIG_MAPS}/first")
        assert await settled(ask) == ["child", "second"]
        left = (await ask("GET", f"{CONFIG_MAPS}/child")).body["metadata"]["ownerReferences"]
        assert [owner["name"] for owner in left] == ["second"]


async def test_an_owner_in_another_namespace_is_no_owner() -> None:
    async with asking() as ask:
        owner = await ask.made(config_map("owner"), "/api/v1/namespaces/kube-system/configmaps")
        await ask.made(owned("child", owner))
        assert await settled(ask) == []


async def test_a_namespaced_owner_of_a_cluster_scoped_object_decides_nothing() -> None:
    async with asking() as ask:
        owner = await ask.made(config_map("owner"))
        reference = owned("", owner)["metadata"]["ownerReferences"]
        namespace = {"metadata": {"name": "cluster-scoped", "ownerReferences": reference}}
        await ask.made(namespace, "/api/v1/namespaces")
        await ask("DELETE", f"{CONFIG_MAPS}/owner")
        await asyncio.sleep(1)
        assert (await ask("GET", "/api/v1/namespaces/cluster-scoped")).status == 200


async def test_an_owner_of_an_unknown_kind_decides_nothing() -> None:
    async with asking() as ask:
        reference = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "x", "uid": "1"}
        await ask.made(config_map("child", ownerReferences=[reference]))
        assert await settled(ask) == ["child"]


async def test_garbage_collection_can_be_off() -> None:
    async with asking(garbage_collection=False) as ask:
        owner = await ask.made(config_map("owner"))
        await ask.made(owned("child", owner))
        await ask("DELETE", f"{CONFIG_MAPS}/owner")
        assert await settled(ask) == ["child"]


async def test_a_deleted_namespace_takes_its_content_along() -> None:
    async with asking() as ask:
        await ask.made({"metadata": {"name": "n"}}, "/api/v1/namespaces")
        await ask.made(config_map("free"), "/api/v1/namespaces/n/configmaps")
        await ask.made(config_map("held", finalizers=["example.com/x"]), "/api/v1/namespaces/n/configmaps")
        marked = (await ask("DELETE", "/api/v1/namespaces/n")).body
        assert marked["status"]["phase"] == "Terminating" and marked["metadata"]["deletionTimestamp"]
        refused = await ask("POST", "/api/v1/namespaces/n/configmaps", config_map("late"))
        assert (refused.status, refused.message) == (
            403,
            'configmaps "late" is forbidden: unable to create new content in namespace n because it is being '
            "terminated",
        )
        await asyncio.sleep(1)
        namespace = (await ask("GET", "/api/v1/namespaces/n")).body
        conditions = {item["type"]: item for item in namespace["status"]["conditions"]}
        assert conditions["NamespaceContentRemaining"]["message"] == (
            "Some resources are remaining: configmaps. has 1 resource instances"
        )
        assert conditions["NamespaceFinalizersRemaining"]["message"] == (
            "Some content in the namespace has finalizers remaining: example.com/x in 1 resource instances"
        )
        free = {"metadata": {"finalizers": None}}
        await ask("PATCH", "/api/v1/namespaces/n/configmaps/held", free, MERGE)
        await asyncio.sleep(1)
        assert (await ask("GET", "/api/v1/namespaces/n")).status == 404


async def test_a_collection_is_deleted_by_selection() -> None:
    async with asking(service_accounts=False) as ask:
        await ask.made(config_map("a", labels={"x": "1"}))
        await ask.made(config_map("b"))
        answer = await ask("DELETE", f"{CONFIG_MAPS}?labelSelector=x%3D1")
        assert answer.body["kind"] == "ConfigMapList" and answer.names == ["a"]
        assert await ask.names() == ["b"]


async def test_a_new_namespace_gets_its_account_and_root_certificate() -> None:
    async with asking() as ask:
        await ask.made({"metadata": {"name": "n"}}, "/api/v1/namespaces")
        await asyncio.sleep(0.1)
        assert (await ask("GET", "/api/v1/namespaces/n/serviceaccounts")).names == ["default"]
        await ask("DELETE", "/api/v1/namespaces/n/serviceaccounts/default")
        await asyncio.sleep(0.1)
        assert (await ask("GET", "/api/v1/namespaces/n/serviceaccounts")).names == ["default"]
