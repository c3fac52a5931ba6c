"""Scripts that a scheduler plays its part in: many pods at once, quotas, and bindings that are refused."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.scheduling_histories import Scripts
from helpers.scheduling_scene import HOSTNAME, ZONE, Scene

from reconcile import ForbiddenError, InvalidError
from reconcile.api.core.v1 import Pod, ResourceQuota

WEB = {"app": "web"}

bursts = Scripts("bursts")


async def _burst(scene: Scene, *pods: dict[str, Any]) -> list[str]:
    """Many pods at once; their names."""
    names = [f"p{number}" for number in range(len(pods))]
    async with asyncio.TaskGroup() as group:
        for name, wanted in zip(names, pods, strict=True):
            group.create_task(scene.pod(name, **wanted))
    return names


@bursts
async def a_burst_over_like_nodes(scene: Scene) -> None:
    for name in ("node-a", "node-b", "node-c"):
        await scene.node(name)
    await scene.settled()
    names = await _burst(scene, *[{"needs": {"cpu": "200m", "memory": "100Mi"}}] * 30)
    await scene.bound(*names)


@bursts
async def a_burst_that_fits_to_the_last_core(scene: Scene) -> None:
    await scene.node("node-a", cpu="4")
    await scene.node("node-b", cpu="4")
    await scene.settled()
    names = await _burst(scene, *[{"needs": {"cpu": "1"}}] * 8)
    await scene.bound(*names)
    await scene.pod("late", needs={"cpu": "100m"})
    await scene.waits("late")


@bursts
async def a_burst_one_a_node(scene: Scene) -> None:
    for number in range(6):
        await scene.node(f"node-{number}", zone=f"zone-{number % 2}", like="any")
    await scene.settled()
    term = {"labelSelector": {"matchLabels": WEB}, "topologyKey": HOSTNAME}
    alone = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    names = await _burst(scene, *[{"labels": WEB, "affinity": alone}] * 6)
    await scene.bound(*names)
    await scene.pod("late", labels=WEB, affinity=alone)
    await scene.waits("late")


@bursts
async def a_burst_spread_over_zones(scene: Scene) -> None:
    for number in range(6):
        await scene.node(f"node-{number}", zone=f"zone-{number % 3}", like="any")
    await scene.settled()
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": WEB},
    }
    names = await _burst(scene, *[{"labels": WEB, "topology_spread_constraints": [constraint]}] * 12)
    await scene.bound(*names)


@bursts
async def a_burst_that_waits_for_nodes(scene: Scene) -> None:
    await scene.node("node-small", cpu="100m")
    await scene.settled()
    names = await _burst(scene, *[{"needs": {"cpu": "500m"}}] * 10)
    await scene.waits(*names)
    await scene.node("node-a", cpu="16")
    await scene.bound(*names)


@bursts
async def gates_lifted_all_at_once(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await scene.settled()
    gate = [{"name": "example.com/wait"}]
    names = await _burst(scene, *[{"needs": {"cpu": "300m"}, "scheduling_gates": gate}] * 8)
    await scene.settled()
    for name in names:
        await scene.patch(Pod, name, {"spec": {"schedulingGates": []}})
    await scene.bound(*names)


quotas = Scripts("quota")


@quotas
async def a_quota_that_is_raised(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": scene.namespace},
    }
    # The beats of this stage count too: by their requests they are nothing.
    await scene.create({**quota, "spec": {"hard": {"count/pods": "0"}}})
    await _refused(scene, "early")
    await scene.patch(ResourceQuota, "few", {"spec": {"hard": {"count/pods": "100"}}})
    await _admitted(scene, "p", needs={"cpu": "1"})
    await scene.bound("p")


@quotas
async def a_quota_of_cores(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": scene.namespace},
    }
    hard = {"requests.example.com/gpu": "0"}
    await scene.create({**quota, "spec": {"hard": hard}})
    await _refused(scene, "early", needs={"example.com/gpu": "1"})
    await scene.pod("p", needs={"cpu": "1"})
    await scene.bound("p")


async def _refused(scene: Scene, name: str, **wanted: Any) -> None:
    """Until the server refuses such a pod: it hears of a quota some time after it was made."""
    async with asyncio.timeout(90):
        while True:
            try:
                await scene.pod(name, **wanted)
            except ForbiddenError:
                return
            await scene.delete(name)
            scene.traces.pop(name, None)


async def _admitted(scene: Scene, name: str, **wanted: Any) -> None:
    async with asyncio.timeout(90):
        while True:
            try:
                await scene.pod(name, **wanted)
                return
            except ForbiddenError:
                await asyncio.sleep(0.05)


refusals = Scripts("bindings that are refused")

_POLICY = "no-bindings-of-held-pods"


async def _refuse_bindings(scene: Scene) -> None:
    """The server refuses to bind pods whose name begins with `held`."""
    policies = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/binding"], "operations": ["CREATE"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "!request.name.startsWith('held')", "message": "held back"}],
    }
    await scene.create(
        {
            "apiVersion": policies,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": _POLICY},
            "spec": spec,
        }
    )
    binding = {"policyName": _POLICY, "validationActions": ["Deny"]}
    await scene.create(
        {
            "apiVersion": policies,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": _POLICY},
            "spec": binding,
        }
    )
    await scene.pod("held-probe", scheduler_name="nobody", annotations={"bound-by": "nobody"})
    async with asyncio.timeout(90):
        while True:
            try:
                await scene.client.bind(f"{scene.namespace}/held-probe", "node-a", dry_run=True)
            except (ForbiddenError, InvalidError):
                break
            await asyncio.sleep(0.05)
    await scene.delete("held-probe")


async def _allow_bindings(scene: Scene) -> None:
    from reconcile.api.admissionregistration.v1 import (
        ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding,
    )

    await scene.client.delete(ValidatingAdmissionPolicyBinding, _POLICY)
    await scene.client.delete(ValidatingAdmissionPolicy, _POLICY)


@refusals
async def a_binding_that_is_refused(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await _refuse_bindings(scene)
    await scene.pod("held", needs={"cpu": "1"})
    await scene.waits("held")
    await scene.pod("free", needs={"cpu": "4"})
    await scene.bound("free")
    await _allow_bindings(scene)
    await scene.delete("free")
    await scene.bound("held")


@refusals
async def a_node_lost_between_choice_and_binding(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await _refuse_bindings(scene)
    await scene.pod("held", needs={"cpu": "1"})
    await scene.waits("held", saying="held back")
    await scene.delete_node("node-a")
    await scene.waits("held", saying="0/1 nodes are available")
    await _allow_bindings(scene)
    await scene.node("node-b")
    await scene.bound("held")


@refusals
async def a_pod_deleted_between_choice_and_binding(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await _refuse_bindings(scene)
    await scene.pod("held", needs={"cpu": "1"})
    await scene.waits("held", saying="held back")
    await scene.delete("held")
    await scene.pod("other", needs={"cpu": "1"})
    await scene.bound("other")
    await _allow_bindings(scene)


TROUBLES = (*bursts.all, *quotas.all, *refusals.all)
