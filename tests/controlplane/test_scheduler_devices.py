"""Devices on a real server: what the example scheduler writes of claims is what the server takes."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.scheduling_scene import Scene
from helpers.scheduling_stage import stage, stage_options

from reconcile.api.resource.v1 import ResourceClaim
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time, pytest.mark.timeout(600)]

DRIVER = "gpu.example.com"


async def _offer(scene: Scene, node: str, *devices: dict[str, Any]) -> None:
    spec = {
        "driver": DRIVER,
        "nodeName": node,
        "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
        "devices": list(devices),
    }
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": f"of-{node}"}}
    await scene.create({**kind, "spec": spec})


async def _class(scene: Scene, **more: Any) -> None:
    selectors = [{"cel": {"expression": f'device.driver == "{DRIVER}"'}}]
    config = [{"opaque": {"driver": DRIVER, "parameters": {"kind": "Gpu", "mode": "fast"}}}]
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}}
    await scene.create({**kind, "spec": {"selectors": selectors, "config": config, **more}})


async def _claim(scene: Scene, name: str, expression: str) -> None:
    exactly = {"deviceClassName": "gpu", "selectors": [{"cel": {"expression": expression}}]}
    spec = {"devices": {"requests": [{"name": "one", "exactly": exactly}]}}
    meta = {"name": name, "namespace": scene.namespace}
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": meta}
    await scene.create({**kind, "spec": spec})


def _gpu(name: str, memory: str) -> dict[str, Any]:
    return {
        "name": name,
        "attributes": {"model": {"string": "a"}, "driverVersion": {"version": "1.2.3"}},
        "capacity": {"memory": {"value": memory}},
    }


def _using(claim: str) -> dict[str, Any]:
    return {"resource_claims": [{"name": "gpu", "resourceClaimName": claim}]}


async def test_claims_get_devices_and_pods_wait_for_them(needs_control_plane: None) -> None:
    async with (
        ControlPlane(stage_options(kube_scheduler=False)) as plane,
        stage(plane, kube_scheduler=False) as here,
        Scene(here.client, "devices") as scene,
    ):
        await scene.node("node-a")
        await scene.node("node-b")
        await _class(scene, extendedResourceName="example.com/gpu")
        await _offer(scene, "node-a", _gpu("small", "4Gi"))
        large = f'device.capacity["{DRIVER}"].memory.isGreaterThan(quantity("10Gi"))'
        await _claim(scene, "large", large)
        await scene.pod("p", **_using("large"))
        await scene.waits("p", saying="cannot allocate all claims")

        # A slice comes, and the pod goes there.
        await _offer(scene, "node-b", _gpu("large", "16Gi"))
        await scene.bound("p")
        assert scene.node_of("p") == "node-b"
        claim = await here.client.get(ResourceClaim, f"{scene.namespace}/large")
        allocation = claim.status.allocation
        assert allocation is not None
        assert [(each.pool, each.device) for each in allocation.devices.results] == [("node-b", "large")]
        assert [each.name for each in claim.status.reserved_for] == ["p"]
        assert [each.source for each in allocation.devices.config] == ["FromClass"]

        # A claim that is allocated is shared where its devices are.
        await scene.pod("q", **_using("large"))
        await scene.bound("q")
        assert scene.node_of("q") == "node-b"

        # An expression that fails is an error, and told.
        await _claim(scene, "broken", f'device.attributes["{DRIVER}"].unknown == 1')
        await scene.pod("r", **_using("broken"))
        failed = (
            'running "DynamicResources" filter plugin: claim devices/broken: selector #0: CEL runtime error'
        )
        await scene.waits("r", saying=failed)

        # A resource by name is a device too: the claim is made for the pod.
        await scene.pod("s", needs={"example.com/gpu": "1"})
        await scene.bound("s")
        assert scene.node_of("s") == "node-a"
        told = scene.status("s")["extendedResourceClaimStatus"]
        made = await here.client.get(ResourceClaim, f"{scene.namespace}/{told['resourceClaimName']}")
        assert made.status.allocation is not None
        assert [each.device for each in made.status.allocation.devices.results] == ["small"]
