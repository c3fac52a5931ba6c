"""The demo's story in virtual time: the example operators as a process that may die, the story as it is told.

`same_state` is what two runs are compared by when one of them had accidents. What is left out of it, and why:

- resource versions, uids, generations and every time: they count or date the way there;
- what dice made: names from `generateName` are replaced by the prefix (objects are counted), names of token
  volumes, IP addresses, uuids and the values of Secrets by placeholders;
- the order of conditions, which is a map by type;
- managedFields: they hold times; who owns what is compared by the runs without accidents;
- the node of a pod, and what follows from it (addresses, the node's own counts): equal choices are made in
  another order after a restart. That every pod runs, on a node that exists, is kept; spread is the
  scheduler's own test;
- Events and Leases: what was told and who held on, not what there is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from reconcile.cli.demo.command import NAMESPACE, demo_manifests
from reconcile.cli.demo.scene import Scene
from reconcile.cli.demo.story import GuestbookStory, Step, Told, tell
from reconcile.cli.locate import example_operators
from reconcile.testing.cluster import Cluster

_DICE = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "<address>"),
    (re.compile(r"kube-api-access-\w{5}"), "kube-api-access-*"),
)
_UNCOMPARED = ("events.events.k8s.io", "events", "leases.coordination.k8s.io")


@dataclass(frozen=True, slots=True)
class Telling:
    """One run of the story.

    Attributes:
        history: every write of the server, whole objects, as text.
        state: what there was at the end, as comparable text (see the module).
        writes: how many writes the operators' process sent before it died, or altogether.
        deaths: how often it died.
        seconds: of virtual time.
    """

    history: str
    state: str
    writes: int
    deaths: int
    seconds: float


def tell_story(*, seed: int = 0, die_after_write: int | None = None, restart_after: float = 0.5) -> Telling:
    """Tell the whole story; the operators' process may die after one of its writes, and comes back."""
    with Cluster(seed=seed) as cluster:
        history = cluster.record()
        process = cluster.prepare(example_operators().setup, name="operators")
        if die_after_write is not None:
            process.die_after_write(die_after_write, restart_after=restart_after)
        cluster.start(process)
        cluster.call(_tell(cluster))
        writes = process.writes
        cluster.settle()
        return Telling(history.text(), same_state(cluster), writes, process.deaths, cluster.time)


async def _tell(cluster: Cluster) -> None:
    async with Scene(cluster.client, cluster.runtime) as scene:
        story = GuestbookStory(cluster.client, scene, demo_manifests(), NAMESPACE)
        await tell(scene, story.steps, _Nobody())


class _Nobody:
    """A listener who does not care."""

    def step_begins(self, step: Step, number: int, count: int) -> None:
        return

    def step_ends(self, told: Told) -> None:
        return


def same_state(cluster: Cluster) -> str:
    """What there is on the server, one line an object, without what differs from run to run."""
    objects: list[tuple[str, dict[str, Any]]] = []
    for collection in cluster.server.storage.collections():
        if collection.name in _UNCOMPARED:
            continue
        objects += [(collection.name, json.loads(item.raw)) for item in collection.objects.values()]
    names = {obj["metadata"]["uid"]: _name(obj) for _, obj in objects}
    nodes = [obj["metadata"]["name"] for resource, obj in objects if resource == "nodes"]
    lines = Counter(f"{resource} {_normal(resource, obj, names, nodes)}" for resource, obj in objects)
    return "".join(f"{count} × {line}\n" for line, count in sorted(lines.items()))


def _name(obj: dict[str, Any]) -> str:
    meta = obj["metadata"]
    return f"{meta['generateName']}*" if "generateName" in meta else meta["name"]


def _normal(resource: str, obj: dict[str, Any], names: dict[str, str], nodes: list[str]) -> str:
    meta = obj["metadata"]
    meta["name"] = _name(obj)
    for field in ("resourceVersion", "uid", "generation", "managedFields", "creationTimestamp"):
        meta.pop(field, None)
    for owner in meta.get("ownerReferences", ()):
        owner["uid"] = f"uid of {names.get(owner['uid'], 'nobody')}"
    status = obj.get("status") or {}
    status.pop("observedGeneration", None)
    if resource == "pods":
        spec = obj["spec"]
        spec["nodeName"] = "a node" if spec.get("nodeName") in nodes else spec.get("nodeName")
        # A bound pod has its node's zone among its labels.
        meta.get("labels", {}).pop("topology.kubernetes.io/zone", None)
        for field in ("podIP", "podIPs", "hostIP", "hostIPs"):
            status.pop(field, None)
        for container in status.get("containerStatuses", ()):
            container.pop("containerID", None)
    for condition in status.get("conditions", ()):
        condition.pop("observedGeneration", None)
    if "conditions" in status:
        status["conditions"].sort(key=lambda condition: condition["type"])
    if resource == "secrets":
        obj["data"] = dict.fromkeys(obj.get("data", ()), "<secret>")
    text = json.dumps(obj, sort_keys=True)
    for pattern, placeholder in _DICE:
        text = pattern.sub(placeholder, text)
    return text
