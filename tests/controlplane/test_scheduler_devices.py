"""Devices on a real server: what the example scheduler writes of claims is what the server takes."""

from __future__ import annotations

import pytest
from helpers.scheduling_scene import Scene
from helpers.scheduling_scripts_devices import (
    DRIVER,
    claim,
    device_class,
    gpu,
    larger_than,
    offer,
    with_claim,
)
from helpers.scheduling_stage import stage, stage_options

from reconcile.api.resource.v1 import ResourceClaim
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time, pytest.mark.timeout(600)]


async def test_claims_get_devices_and_pods_wait_for_them(needs_control_plane: None) -> None:
    async with (
        ControlPlane(stage_options(kube_scheduler=False)) as plane,
        stage(plane, kube_scheduler=False) as here,
        Scene(here.client, "devices") as scene,
    ):
        await scene.node("node-a")
        await scene.node("node-b")
        await device_class(scene, extendedResourceName="example.com/gpu")
        await offer(scene, "node-a", gpu("small", "4Gi"))
        await claim(scene, "large", larger_than("10Gi"))
        await scene.pod("p", **with_claim("large"))
        await scene.waits("p", saying="cannot allocate all claims")

        # A slice comes, and the pod goes there.
        await offer(scene, "node-b", gpu("large", "16Gi"))
        await scene.bound("p")
        assert scene.node_of("p") == "node-b"
        held = await here.client.get(ResourceClaim, f"{scene.namespace}/large")
        allocation = held.status.allocation
        assert allocation is not None
        assert [(each.pool, each.device) for each in allocation.devices.results] == [("node-b", "large")]
        assert [each.name for each in held.status.reserved_for] == ["p"]
        assert [each.source for each in allocation.devices.config] == ["FromClass"]

        # A claim that is allocated is shared where its devices are.
        await scene.pod("q", **with_claim("large"))
        await scene.bound("q")
        assert scene.node_of("q") == "node-b"

        # An expression that fails is an error, and told.
        await claim(scene, "broken", f'device.attributes["{DRIVER}"].unknown == 1')
        await scene.pod("r", **with_claim("broken"))
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
