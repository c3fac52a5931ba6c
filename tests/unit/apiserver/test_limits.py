"""Limit ranges and quotas, as an operator under them meets them."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.asking import CONFIG_MAPS, MERGE, Asker, asking, config_map

from reconcile.apiserver.limits.amounts import amounts, shown
from reconcile.apiserver.limits.limit_ranges import pod_problems
from reconcile.apiserver.limits.pod_resources import of_pod
from reconcile.apiserver.limits.scopes import claim_in_scope, pod_in_scope

PODS = "/api/v1/namespaces/default/pods"
QUOTAS = "/api/v1/namespaces/default/resourcequotas"


def pod(name: str, cpu: str = "", **spec: Any) -> Any:
    resources = {"resources": {"requests": {"cpu": cpu}}} if cpu else {}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i", **resources}], **spec},
    }


async def used(ask: Asker, name: str = "q") -> dict[str, str]:
    await asyncio.sleep(1)
    return (await ask("GET", f"{QUOTAS}/{name}")).body["status"]["used"]


async def limited(ask: Asker, **hard: str) -> None:
    # The account and the certificate of the namespace are there before anything is counted.
    await asyncio.sleep(1)
    names = {name.replace("_", "."): amount for name, amount in hard.items()}
    await ask.made({"metadata": {"name": "q"}, "spec": {"hard": names}}, QUOTAS)
    await asyncio.sleep(1)


async def test_a_quota_counts_what_is_there_and_what_is_made() -> None:
    async with asking() as ask:
        await ask.made(config_map("before"))
        await limited(ask, configmaps="3", pods="2", requests_cpu="1")
        assert await used(ask) == {"configmaps": "2", "pods": "0", "requests.cpu": "0"}
        await ask.made(config_map("a"))
        await ask.made(pod("p", "600m"), PODS)
        # Charged before the answer, not some time after it.
        now = (await ask("GET", f"{QUOTAS}/q")).body["status"]["used"]
        assert now == {"configmaps": "3", "pods": "1", "requests.cpu": "600m"}


async def test_what_does_not_fit_a_quota_is_refused_in_upstreams_words() -> None:
    async with asking() as ask:
        await limited(ask, configmaps="1", requests_cpu="1")
        full = await ask("POST", CONFIG_MAPS, config_map("a"))
        assert full.message == (
            'configmaps "a" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1, '
            "limited: configmaps=1"
        )
        silent = await ask("POST", PODS, pod("p"))
        assert silent.message == 'pods "p" is forbidden: failed quota: q: must specify requests.cpu for: c'
        assert (full.status, silent.status) == (403, 403)


async def test_two_pods_at_once_do_not_both_take_the_last_of_a_quota() -> None:
    async with asking() as ask:
        await limited(ask, pods="1")
        answers = await asyncio.gather(*(ask("POST", PODS, pod(f"p{index}")) for index in range(5)))
        assert sorted(answer.status for answer in answers) == [201, 403, 403, 403, 403]
        assert await used(ask) == {"pods": "1"}


async def test_what_is_deleted_or_ends_is_given_back() -> None:
    async with asking() as ask:
        await limited(ask, pods="2", requests_cpu="1")
        for name in ("a", "b"):
            await ask.made(pod(name, "500m"), PODS)
        await ask("PATCH", f"{PODS}/a/status", {"status": {"phase": "Succeeded"}}, MERGE)
        assert await used(ask) == {"pods": "1", "requests.cpu": "500m"}
        await ask("DELETE", f"{PODS}/b?gracePeriodSeconds=0")
        assert await used(ask) == {"pods": "0", "requests.cpu": "0"}


async def test_a_quota_that_changes_is_counted_anew() -> None:
    async with asking() as ask:
        await limited(ask, pods="2")
        await ask.made(config_map("a"))
        await ask("PATCH", f"{QUOTAS}/q", {"spec": {"hard": {"pods": None, "configmaps": "5"}}}, MERGE)
        assert await used(ask) == {"configmaps": "2"}


async def test_a_dry_run_is_judged_and_not_charged() -> None:
    async with asking() as ask:
        await limited(ask, pods="1")
        assert (await ask("POST", f"{PODS}?dryRun=All", pod("p"))).status == 201
        assert await used(ask) == {"pods": "0"}


async def test_what_was_charged_and_not_made_is_given_back_some_minutes_later() -> None:
    async with asking() as ask:
        await limited(ask, configmaps="5")
        await ask.made(config_map("a"))
        assert (await ask("POST", CONFIG_MAPS, config_map("a"))).status == 409
        assert await used(ask) == {"configmaps": "3"}
        await asyncio.sleep(600)
        assert await used(ask) == {"configmaps": "2"}


async def test_without_its_controller_a_quota_refuses_by_the_status_that_the_test_writes() -> None:
    async with asking(resource_quotas=False) as ask:
        await limited(ask, configmaps="5")
        assert "used" not in (await ask("GET", f"{QUOTAS}/q")).body["status"]
        status = {"hard": {"configmaps": "5"}, "used": {"configmaps": "5"}}
        await ask("PATCH", f"{QUOTAS}/q/status", {"status": status}, MERGE)
        assert (await ask("POST", CONFIG_MAPS, config_map("a"))).status == 403


async def test_a_limit_range_gives_defaults_and_says_so() -> None:
    async with asking() as ask:
        await asyncio.sleep(1)
        limits = [
            {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m", "memory": "1Mi"}}
        ]
        ranges = "/api/v1/namespaces/default/limitranges"
        await ask.made({"metadata": {"name": "l"}, "spec": {"limits": limits}}, ranges)
        made = await ask.made(pod("p", "200m"), PODS)
        assert made["spec"]["containers"][0]["resources"] == {
            "requests": {"cpu": "200m", "memory": "1Mi"},
            "limits": {"cpu": "1"},
        }
        assert made["metadata"]["annotations"] == {
            "kubernetes.io/limit-ranger": "LimitRanger plugin set: memory request for container c; "
            "cpu limit for container c"
        }


def test_a_limit_range_names_each_thing_that_is_outside_of_it() -> None:
    limit = {
        "type": "Container",
        "min": {"cpu": "100m"},
        "max": {"memory": "1Gi"},
        "maxLimitRequestRatio": {"cpu": "2"},
    }
    resources = {"requests": {"cpu": "50m"}, "limits": {"cpu": "200m", "memory": "2Gi"}}
    asked = {"spec": {"containers": [{"name": "c", "resources": resources}]}}
    assert pod_problems(asked, {"spec": {"limits": [limit]}}) == [
        "minimum cpu usage per Container is 100m, but request is 50m",
        "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
    ]


def test_a_pod_asks_for_its_containers_sidecars_and_the_largest_init_container() -> None:
    def sized(name: str, cpu: str, **more: Any) -> Any:
        return {"name": name, "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "containers": [sized("a", "100m"), sized("b", "200m")],
        "initContainers": [sized("s", "50m", restartPolicy="Always"), sized("i", "1")],
        "overhead": {"cpu": "10m"},
    }
    assert shown(of_pod({"spec": spec}, "requests")) == {"cpu": "1060m"}
    spec["resources"] = {"requests": {"cpu": "2"}}
    assert shown(of_pod({"spec": spec}, "requests")) == {"cpu": "2010m"}


def test_a_resize_under_way_counts_with_the_larger_amount() -> None:
    given = {
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}]},
        "status": {"containerStatuses": [{"name": "c", "resources": {"requests": {"cpu": "300m"}}}]},
    }
    assert of_pod(given, "requests") == amounts({"cpu": "300m"})


def test_scopes_select_pods_and_claims() -> None:
    def scope(name: str, operator: str = "Exists", *values: str) -> Any:
        return {"scopeName": name, "operator": operator, "values": list(values)}

    high = {"spec": {"priorityClassName": "high", "activeDeadlineSeconds": 1}, "status": {}}
    assert pod_in_scope(scope("PriorityClass", "In", "high"), high)
    assert not pod_in_scope(scope("PriorityClass", "NotIn", "high"), high)
    assert pod_in_scope(scope("PriorityClass", "DoesNotExist"), {"spec": {}})
    assert pod_in_scope(scope("Terminating"), high) and not pod_in_scope(scope("NotTerminating"), high)
    fast = {"spec": {"volumeAttributesClassName": "fast"}}
    assert claim_in_scope(scope("VolumeAttributesClass", "In", "fast"), fast)
    assert not claim_in_scope(scope("Terminating"), fast)
