"""The stage of a scheduling script: nodes, pods and what they need on a real server; waits for what follows.

Kinds are watched one by one, so that a scheduler may see a pod before the node that was made first. `settled`
is the barrier: a node of the stage's own, the marker, gets a new label, and a pod that wants this label gets
there only when the scheduler has seen all that happened to nodes and pods before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from reconcile import AlreadyExistsError, Client, ForbiddenError, NotFoundError, ResourceType
from reconcile.api.core.v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod, ServiceAccount
from reconcile.api.events.v1 import Event
from reconcile.api.resource.v1 import DeviceClass, ResourceClaim, ResourceSlice
from reconcile.api.scheduling.v1 import PriorityClass
from reconcile.api.storage.v1 import CSINode, StorageClass
from reconcile.client.waiting import exists

JSONObject = dict[str, Any]

MARKER = "marker"
BEAT = "beat-"
PRIORITIES = {"low": -10, "high": 1000, "higher": 2000, "polite": 1000}
PATIENCE = 90.0
ZONE = "topology.kubernetes.io/zone"
HOSTNAME = "kubernetes.io/hostname"

_CLEARED = (
    Pod,
    PersistentVolumeClaim,
    ResourceClaim,
    Node,
    PersistentVolume,
    StorageClass,
    CSINode,
    DeviceClass,
    ResourceSlice,
)
"""What a script makes and the next one must not find."""


class Scene:
    """One script's part of the server.

    Attributes:
        namespace: the script's own.
        classes: of each node, the first made like it: between these two a scheduler may choose by dice.
        traces: of each pod, what was seen of it, one state after the other.
        events: of each pod, what was told about it.
        uids: names of the pods by uid, also of those that are gone.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.classes: dict[str, str] = {}
        self.pods: dict[str, JSONObject] = {}
        self.traces: dict[str, list[JSONObject]] = {}
        self.events: dict[tuple[str, str], JSONObject] = {}
        self.uids: dict[str, str] = {}
        self._likes: dict[str, str] = {}
        self._changed = asyncio.Condition()
        self._watches: list[asyncio.Task[None]] = []
        self._beats = 0

    async def __aenter__(self) -> Self:
        await self._clear()
        await self.client.create(_named("Namespace", self.namespace))
        await self.client.wait_for(ServiceAccount, f"{self.namespace}/default", exists)
        await self._watch(Pod, self._on_pod)
        await self._watch(Event, self._on_event)
        taints = [{"key": MARKER, "effect": "NoSchedule"}]
        await self._create_node(MARKER, {"pods": "1000", "cpu": "1"}, {}, taints, unschedulable=False)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._watches:
            task.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await self._clear()

    # What a script makes.

    async def node(
        self,
        name: str,
        *,
        zone: str = "",
        labels: Mapping[str, str] | None = None,
        taints: Iterable[str] = (),
        unschedulable: bool = False,
        like: str = "",
        **capacity: str,
    ) -> None:
        """A ready node; `taints` are spelled key=value:Effect.

        Args:
            like: what it has in common with others that a choice by dice may fall on as well; by default all
                that is said of it here.
        """
        amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", **_resources(capacity)}
        marks = {**({ZONE: zone} if zone else {}), **(labels or {})}
        spelled = [_taint(each) for each in taints]
        like = like or repr((sorted(amounts.items()), sorted(marks.items()), spelled, unschedulable))
        self.classes[name] = self._likes.setdefault(like, name)
        await self._create_node(name, amounts, marks, spelled, unschedulable=unschedulable)

    async def pod(self, name: str, /, *, labels: Mapping[str, str] | None = None, **wanted: Any) -> None:
        """A pod; see `pod_manifest`."""
        await self.create(pod_manifest(self.namespace, name, labels=labels, **wanted))

    async def create(self, manifest: JSONObject) -> JSONObject:
        """Any object; in the script's namespace if it says none and its kind has one."""
        return await self.client.create(manifest)

    async def patch(
        self, kind: type[Any], name: str, change: Any, *, subresource: str = "", type: Any = "merge"
    ) -> None:
        key = f"{self.namespace}/{name}" if kind.__resource_type__.namespaced else name
        await self.client.patch(kind, key, change, type=type, subresource=subresource)

    async def patch_node(self, name: str, **changes: Any) -> None:
        """Change labels (None removes one), taints, unschedulable or allocatable of a node."""
        if "allocatable" in changes:
            status = {"allocatable": changes["allocatable"], "capacity": changes["allocatable"]}
            await self.client.patch(Node, name, {"status": status}, subresource="status")
        if "labels" in changes:
            await self.client.patch(Node, name, {"metadata": {"labels": changes["labels"]}})
        spec = {key: value for key, value in changes.items() if key in ("unschedulable", "taints")}
        if "taints" in spec:
            spec["taints"] = [_taint(each) for each in spec["taints"]]
        if spec:
            await self.client.patch(Node, name, {"spec": spec})

    async def delete(self, *pods: str, grace: int = 0) -> None:
        for name in pods:
            await self.client.delete(Pod, f"{self.namespace}/{name}", grace_period_seconds=grace)
        await self.gone(*pods)

    async def delete_node(self, name: str) -> None:
        await self.client.delete(Node, name)

    # What a script waits for.

    async def bound(self, *pods: str) -> None:
        """Until each has a node, and was told so."""
        await self.until(lambda: all(self.node_of(name) and self.told(name, "Scheduled") for name in pods))

    async def waits(self, *pods: str, saying: str = "") -> None:
        """Until each was refused, in these words among others, and was told so."""
        await self.until(
            lambda: all(
                saying in self.message(name) and self.message(name) and self.told(name, "FailedScheduling")
                for name in pods
            )
        )

    async def nominated(self, pod: str) -> None:
        await self.until(lambda: bool(self.status(pod).get("nominatedNodeName")))

    async def gone(self, *pods: str) -> None:
        await self.until(lambda: not any(name in self.pods for name in pods))

    async def settled(self) -> None:
        """Until the scheduler has seen what was done so far, and has done what followed from it."""
        # Who was refused before is tried after the first beat, so that the second comes after that.
        for _ in range(2):
            self._beats += 1
            name = f"{BEAT}{self._beats}"
            await self.client.patch(Node, MARKER, {"metadata": {"labels": {name: ""}}})
            await self.pod(
                name,
                node_selector={name: ""},
                tolerations=[{"key": MARKER, "operator": "Exists"}],
            )
            await self.until(lambda name=name: bool(self.node_of(name)))

    async def until(self, condition: Callable[[], Any]) -> None:
        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"{self.namespace}: nothing came of it; {self.told_so_far()}") from None

    def node_of(self, pod: str) -> str:
        return self.pods.get(pod, {}).get("spec", {}).get("nodeName", "")

    def status(self, pod: str) -> JSONObject:
        return self.pods.get(pod, {}).get("status", {})

    def message(self, pod: str) -> str:
        """Why it waits; empty when it does not, or nobody has said so."""
        scheduled = condition_of(self.pods.get(pod, {}), "PodScheduled")
        return scheduled.get("message", "") if scheduled.get("status") == "False" else ""

    def told(self, pod: str, reason: str) -> bool:
        uid = self.pods.get(pod, {}).get("metadata", {}).get("uid", "")
        return any(
            event["regarding"].get("uid") == uid and event["reason"] == reason
            for event in self.events.values()
        )

    def told_so_far(self) -> str:
        return "; ".join(f"{name}: {self.node_of(name) or self.message(name)}" for name in self.pods)

    # Watching.

    async def _watch(self, kind: type[Any], seen: Callable[[str, JSONObject], None]) -> None:
        resource: ResourceType = kind.__resource_type__
        items = await self.client.list(resource, namespace=self.namespace)

        async def follow() -> None:
            version = items.resource_version
            while True:
                watch = self.client.watch(resource, namespace=self.namespace, resource_version=version)
                async with watch:
                    async for event in watch:
                        if event.type != "BOOKMARK":
                            seen(event.type, event.object)
                            async with self._changed:
                                self._changed.notify_all()
                version = watch.resource_version

        self._watches.append(asyncio.create_task(follow()))

    def _on_pod(self, what: str, pod: JSONObject) -> None:
        name = pod["metadata"]["name"]
        self.uids[pod["metadata"]["uid"]] = name
        if what == "DELETED":
            self.pods.pop(name, None)
        else:
            self.pods[name] = pod
        self.traces.setdefault(name, []).append({"what": what, "pod": pod})

    def _on_event(self, what: str, event: JSONObject) -> None:
        if what != "DELETED":
            self.events[event["metadata"]["name"], event["metadata"]["uid"]] = event

    # The stage itself.

    async def _create_node(
        self,
        name: str,
        amounts: JSONObject,
        labels: JSONObject,
        taints: list[JSONObject],
        *,
        unschedulable: bool,
    ) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        await self.client.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": {HOSTNAME: name, **labels}},
                "spec": {"taints": taints, **({"unschedulable": True} if unschedulable else {})},
                "status": {"capacity": amounts, "allocatable": amounts, "conditions": [ready]},
            }
        )

    async def _clear(self) -> None:
        """Nothing of an earlier script is left."""
        for kind in _CLEARED:
            for obj in await self.client.list(kind.__resource_type__):
                meta = obj["metadata"]
                namespace = meta.get("namespace")
                await self._drop(kind, f"{namespace}/{meta['name']}" if namespace else meta["name"])
        for kind in _CLEARED:
            async with asyncio.timeout(PATIENCE):
                while list(await self.client.list(kind.__resource_type__)):
                    await asyncio.sleep(0.05)

    async def _drop(self, kind: type[Any], key: str) -> None:
        try:
            await self.client.patch(kind, key, {"metadata": {"finalizers": None}})
            await self.client.delete(kind.__resource_type__, key, grace_period_seconds=0)
        except NotFoundError:
            return


def condition_of(pod: JSONObject, kind: str) -> JSONObject:
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == kind:
            return condition
    return {}


async def prepare(client: Client) -> None:
    """What all scripts share: classes of priority, which the server needs a moment to know."""
    for name, value in PRIORITIES.items():
        manifest = {**_named("PriorityClass", name, "scheduling.k8s.io/v1"), "value": value}
        if name == "polite":
            manifest["preemptionPolicy"] = "Never"
        try:
            await client.create(manifest)
        except AlreadyExistsError:
            continue
    probe = pod_manifest("default", "probe", priority_class_name="polite")
    await client.wait_for(ServiceAccount, "default/default", exists)
    await client.wait_for(PriorityClass, "polite", exists)
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.create(probe, dry_run=True)
                return
            except ForbiddenError:
                await asyncio.sleep(0.05)


def pod_manifest(
    namespace: str,
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    finalizers: Iterable[str] = (),
    ports: Iterable[int] = (),
    containers: list[JSONObject] | None = None,
    owner: JSONObject | None = None,
    needs: Mapping[str, str] | None = None,
    **spec: Any,
) -> JSONObject:
    """A pod of one container.

    Args:
        needs: what it requests, by resource: `needs={"cpu": "1"}`.
        ports: of its host.
        spec: more of its spec, spelled as in Python.
    """
    container: JSONObject = {"name": "main", "image": "web"}
    if needs:
        container["resources"] = {"requests": dict(needs)}
        devices = {resource: amount for resource, amount in needs.items() if "/" in resource}
        if devices:
            container["resources"]["limits"] = devices
    if ports:
        container["ports"] = [{"containerPort": port, "hostPort": port} for port in ports]
    meta: JSONObject = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    if annotations:
        meta["annotations"] = dict(annotations)
    if finalizers:
        meta["finalizers"] = list(finalizers)
    if owner:
        meta["ownerReferences"] = [owner]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "containers": containers or [container],
            "terminationGracePeriodSeconds": 1,
            **{_camel(key): value for key, value in spec.items()},
        },
    }


def _named(kind: str, name: str, version: str = "v1") -> JSONObject:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _resources(spelled: Mapping[str, str]) -> dict[str, str]:
    """`gpu` is a device of example.com."""
    return {("example.com/gpu" if name == "gpu" else name): amount for name, amount in spelled.items()}


def _taint(spelled: str) -> JSONObject:
    mark, _, effect = spelled.partition(":")
    key, _, value = mark.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
