"""Scripts that a scheduler plays its part in: devices that are claimed, offered late, or taken.

Claims, classes and slices are watched apart from pods and nodes. A script gives them a pod before they are
looked at.
"""

from __future__ import annotations

from typing import Any

from helpers.scheduling_histories import Scripts
from helpers.scheduling_scene import Scene

from reconcile.api.core.v1 import Pod
from reconcile.api.resource.v1 import ResourceClaim

DRIVER = "gpu.example.com"

devices = Scripts("devices", attempts=False)


async def offer(scene: Scene, node: str, *offered: dict[str, Any]) -> None:
    """What the driver has on a node."""
    spec = {
        "driver": DRIVER,
        "nodeName": node,
        "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
        "devices": list(offered),
    }
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": f"of-{node}"}}
    await scene.create({**kind, "spec": spec})


async def device_class(scene: Scene, **more: Any) -> None:
    selectors = [{"cel": {"expression": f'device.driver == "{DRIVER}"'}}]
    config = [{"opaque": {"driver": DRIVER, "parameters": {"kind": "Gpu", "mode": "fast"}}}]
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}}
    await scene.create({**kind, "spec": {"selectors": selectors, "config": config, **more}})


async def claim(scene: Scene, name: str, expression: str = "true", **more: Any) -> None:
    """One device of the class for which the expression is true."""
    exactly = {"deviceClassName": "gpu", "selectors": [{"cel": {"expression": expression}}], **more}
    await claim_of(scene, name, [{"name": "one", "exactly": exactly}])


async def claim_of(scene: Scene, name: str, requests: list[dict[str, Any]], **more: Any) -> None:
    meta = {"name": name, "namespace": scene.namespace}
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": meta}
    await scene.create({**kind, "spec": {"devices": {"requests": requests, **more}}})


def gpu(name: str, memory: str = "4Gi", model: str = "a") -> dict[str, Any]:
    return {
        "name": name,
        "attributes": {"model": {"string": model}, "driverVersion": {"version": "1.2.3"}},
        "capacity": {"memory": {"value": memory}},
    }


def larger_than(memory: str) -> str:
    return f'device.capacity["{DRIVER}"].memory.isGreaterThan(quantity("{memory}"))'


def with_claim(name: str) -> dict[str, Any]:
    return {"resource_claims": [{"name": "gpu", "resourceClaimName": name}]}


def _some(name: str, count: int) -> dict[str, Any]:
    return {"name": name, "exactly": {"deviceClassName": "gpu", "count": count}}


@devices
async def a_claim_of_devices_that_is_made_late(scene: Scene) -> None:
    await scene.node("node-a")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await scene.settled()
    await scene.pod("p", **with_claim("late"))
    await scene.settled()
    await claim(scene, "late")
    await scene.bound("p")


@devices
async def devices_that_are_offered_late(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await device_class(scene)
    await claim(scene, "large", larger_than("10Gi"))
    await offer(scene, "node-a", gpu("gpu-0"))
    await scene.settled()
    await scene.pod("p", **with_claim("large"))
    await scene.waits("p", saying="cannot allocate all claims")
    await offer(scene, "node-b", gpu("gpu-0", "16Gi"))
    await scene.bound("p")


@devices
async def a_class_of_devices_that_is_made_late(scene: Scene) -> None:
    await scene.node("node-a")
    await offer(scene, "node-a", gpu("gpu-0"))
    await claim(scene, "any")
    await scene.settled()
    await scene.pod("p", **with_claim("any"))
    await scene.waits("p")
    await device_class(scene)
    await scene.bound("p")


@devices
async def two_pods_share_a_claim_of_devices(scene: Scene) -> None:
    for name in ("node-a", "node-b"):
        await scene.node(name)
    await device_class(scene)
    await offer(scene, "node-b", gpu("gpu-0"))
    await claim(scene, "shared")
    await scene.settled()
    await scene.pod("p", **with_claim("shared"))
    await scene.bound("p")
    await scene.pod("q", **with_claim("shared"))
    await scene.bound("q")


@devices
async def the_last_device_is_taken_until_its_pod_goes(scene: Scene) -> None:
    await scene.node("node-a")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await claim(scene, "first")
    await claim(scene, "second")
    await scene.settled()
    await scene.pod("p", **with_claim("first"))
    await scene.bound("p")
    await scene.pod("q", **with_claim("second"))
    await scene.waits("q", saying="cannot allocate all claims")
    await scene.delete("p")
    await scene.bound("q")


@devices
async def a_claim_with_devices_calls_its_pod_to_their_node(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await claim(scene, "kept")
    await scene.settled()
    await scene.pod("p", **with_claim("kept"))
    await scene.bound("p")
    await scene.patch_node("node-a", unschedulable=True)
    await scene.settled()
    await scene.pod("q", **with_claim("kept"))
    await scene.waits("q")
    await scene.patch_node("node-a", unschedulable=False)
    await scene.bound("q")


@devices
async def devices_of_one_claim_that_must_be_alike(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0", model="a"), gpu("gpu-1", model="b"))
    alike = [{"requests": ["two"], "matchAttribute": f"{DRIVER}/model"}]
    await claim_of(scene, "pair", [_some("two", 2)], constraints=alike)
    await scene.settled()
    await scene.pod("p", **with_claim("pair"))
    await scene.waits("p", saying="cannot allocate all claims")
    await offer(scene, "node-b", gpu("gpu-0"), gpu("gpu-1"))
    await scene.bound("p")


def _either() -> list[dict[str, Any]]:
    large: dict[str, Any] = {"name": "large", "deviceClassName": "gpu"}
    large["selectors"] = [{"cel": {"expression": larger_than("10Gi")}}]
    return [{"name": "one", "firstAvailable": [large, {"name": "small", "deviceClassName": "gpu"}]}]


@devices
async def the_second_choice_of_devices(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await claim_of(scene, "either", _either())
    await scene.settled()
    await scene.pod("p", **with_claim("either"))
    await scene.bound("p")


@devices
async def the_first_choice_of_devices_is_preferred(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await offer(scene, "node-b", gpu("gpu-0", "16Gi"))
    await claim_of(scene, "either", _either())
    await scene.settled()
    await scene.pod("p", **with_claim("either"))
    await scene.bound("p")


@devices
async def an_expression_on_devices_that_fails(scene: Scene) -> None:
    await scene.node("node-a")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await claim(scene, "broken", f'device.attributes["{DRIVER}"].unknown == 1')
    await scene.settled()
    await scene.pod("p", **with_claim("broken"))
    await scene.waits("p", saying="CEL runtime error")


@devices
async def a_resource_by_name_that_is_a_device(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await device_class(scene, extendedResourceName="example.com/gpu")
    await offer(scene, "node-b", gpu("gpu-0"))
    await scene.settled()
    await scene.pod("p", needs={"example.com/gpu": "1"})
    await scene.bound("p")
    await scene.pod("q", needs={"example.com/gpu": "1"})
    await scene.waits("q")


@devices
async def gates_and_a_claim_of_devices(scene: Scene) -> None:
    await scene.node("node-a")
    await device_class(scene)
    await claim(scene, "any")
    await scene.settled()
    await scene.pod("p", scheduling_gates=[{"name": "example.com/wait"}], **with_claim("any"))
    await scene.settled()
    await offer(scene, "node-a", gpu("gpu-0"))
    await scene.settled()
    await scene.patch(Pod, "p", {"spec": {"schedulingGates": []}})
    await scene.bound("p")


@devices
async def a_claim_of_devices_that_is_going(scene: Scene) -> None:
    await scene.node("node-a")
    await device_class(scene)
    await offer(scene, "node-a", gpu("gpu-0"))
    await claim(scene, "going")
    await scene.patch(ResourceClaim, "going", {"metadata": {"finalizers": ["example.com/held"]}})
    await scene.client.delete(ResourceClaim, f"{scene.namespace}/going")
    await scene.settled()
    await scene.pod("p", **with_claim("going"))
    await scene.settled()


DEVICES = tuple(devices.all)
