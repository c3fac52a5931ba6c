"""Small clusters made by dice, each with one pod that waits for a node; plain objects, as JSON has them.

A world leans towards one theme (resources, affinity, spread, …), so that many worlds are decided by it, and
has a little of everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from helpers.scheduling_devices import Devices
from helpers.scheduling_storage import Storage

JSONObject = dict[str, Any]

ZONES = ("a", "b", "c")
NAMESPACES = {"default": {"team": "one"}, "other": {"team": "two"}, "third": {"team": "one", "tier": "x"}}
APPS = ("web", "db", "cache")
THEMES = (
    "resources",
    "node affinity",
    "pod affinity",
    "pod anti-affinity",
    "spread",
    "taints",
    "ports",
    "images",
    "priority",
    "volumes",
    "claims",
    "features",
    "mixed",
)


@dataclass
class World:
    """One cluster and the pod to be scheduled.

    Attributes:
        theme: what it leans towards.
        pod: waits for a node.
        objects: nodes, pods, namespaces and whatever else there is.
    """

    theme: str
    pod: JSONObject
    objects: list[JSONObject] = field(default_factory=list[JSONObject])

    def question(self) -> JSONObject:
        """The line that the oracle reads."""
        return {"pod": self.pod, "objects": self.objects}

    def of_kind(self, kind: str) -> list[JSONObject]:
        return [each for each in self.objects if each["kind"] == kind]


def make_world(dice: Random, theme: str | None = None) -> World:
    """A world; the same dice make the same one."""
    theme = theme or dice.choice(THEMES)
    nodes = [_node(dice, number, theme) for number in range(dice.randint(2, 8))]
    pods = [_pod(dice, f"running-{number}", theme) for number in range(dice.randint(0, 14))]
    taken: set[tuple[str, int]] = set()
    # No two began at the same time, so that there is one best choice of who has to go.
    for pod, minute in zip(pods, dice.sample(range(60), len(pods)), strict=True):
        node = pod["spec"]["nodeName"] = dice.choice(nodes)["metadata"]["name"]
        pod["status"] = {"phase": "Running", "startTime": f"2026-01-01T00:{minute:02}:00Z"}
        for container in pod["spec"]["containers"]:
            ports = {(node, port["hostPort"]) for port in container.get("ports", ())}
            if ports & taken:
                del container["ports"]
            taken |= ports
        if dice.random() < 0.05:
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
            pod["metadata"]["finalizers"] = ["example.com/wait"]
    waiting = _pod(dice, "waiting", theme)
    waiting["metadata"]["namespace"] = "default" if dice.random() < 0.7 else dice.choice(list(NAMESPACES))
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in NAMESPACES.items()
    ]
    others = [*_workloads(dice, [waiting, *pods]), *_budgets(dice, theme)]
    if theme == "volumes":
        others += _volumes(dice, nodes, pods, waiting)
    if theme == "claims":
        others += _claims(dice, nodes, pods, waiting)
    if theme == "features":
        _features(dice, nodes, waiting)
    if dice.random() < 0.15:
        # Somebody else waits for whom preemption has made room.
        other = _pod(dice, "nominated", theme)
        other["status"]["nominatedNodeName"] = dice.choice(nodes)["metadata"]["name"]
        others.append(other)
    if dice.random() < 0.03:
        # A pod that names its node is nobody's to schedule; the rule is asked all the same.
        waiting["spec"]["nodeName"] = dice.choice(["gone", *(node["metadata"]["name"] for node in nodes)])
    return World(theme, waiting, [*objects, *nodes, *pods, *others])


def _volumes(
    dice: Random, nodes: list[JSONObject], pods: list[JSONObject], waiting: JSONObject
) -> list[JSONObject]:
    """The pods have volumes; which use matters to some rules, so that some are of the waiting pod's too."""
    storage = Storage(dice, nodes, ZONES)
    for pod in pods:
        if dice.random() < 0.7:
            storage.give(pod, waiting=False)
    storage.give(waiting, waiting=True)
    storage.attach()
    if dice.random() < 0.4:
        waiting["spec"]["priority"] = 1000
    return storage.objects


def _claims(
    dice: Random, nodes: list[JSONObject], pods: list[JSONObject], waiting: JSONObject
) -> list[JSONObject]:
    """Drivers offer devices; some pods have some, and the waiting one wants some, by claim or by name."""
    devices = Devices(dice, nodes, ZONES)
    for pod in pods:
        if dice.random() < 0.4:
            devices.give(pod, waiting=False)
    kind = dice.random()
    if kind < 0.85:
        devices.give(waiting, waiting=True)
    if kind > 0.75:
        for container in (*waiting["spec"]["containers"], *waiting["spec"].get("initContainers", ())):
            if dice.random() < 0.7:
                requests = container.setdefault("resources", {}).setdefault("requests", {})
                name = dice.choice(("example.com/gpu", "deviceclass.resource.kubernetes.io/any"))
                requests[name] = str(dice.randint(1, 2))
    return devices.objects


def _features(dice: Random, nodes: list[JSONObject], waiting: JSONObject) -> None:
    """Kubelets declare what they can, and the pod needs some of it."""
    for node in nodes:
        known = ("RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport", "Other")
        node["status"]["declaredFeatures"] = sorted(dice.sample(known, dice.randint(0, 3)))
    if dice.random() < 0.6:
        waiting["spec"]["containers"][0]["restartPolicyRules"] = [
            {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [1]}}
        ]
    if dice.random() < 0.6:
        waiting["spec"]["hostNetwork"] = True
        waiting["spec"]["hostUsers"] = dice.random() < 0.3


def _budgets(dice: Random, theme: str) -> list[JSONObject]:
    found: list[JSONObject] = []
    for number in range(dice.choice((0, 1, 2)) if theme == "priority" else 0):
        metadata = {"name": f"budget-{number}", "namespace": "default"}
        status = {
            "disruptionsAllowed": dice.randint(0, 1),
            "currentHealthy": 1,
            "desiredHealthy": 1,
            "expectedPods": 1,
        }
        found.append(
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": metadata,
                "spec": {"selector": {"matchLabels": {"app": dice.choice(APPS)}}, "maxUnavailable": 1},
                "status": status,
            }
        )
    return found


def _workloads(dice: Random, pods: list[JSONObject]) -> list[JSONObject]:
    """Services and controllers of some of the pods."""
    found: list[JSONObject] = []
    for number in range(dice.choice((0, 0, 1, 3))):
        spec: JSONObject = {"ports": [{"port": 80}]}
        if dice.random() < 0.9:
            spec["selector"] = {"app": dice.choice(APPS)}
        name = f"service-{number}"
        metadata = {"name": name, "namespace": dice.choice(("default", "default", "other"))}
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    for pod in pods:
        if dice.random() < 0.2:
            kind, name = dice.choice(("ReplicaSet", "StatefulSet")), f"owner-of-{pod['metadata']['name']}"
            metadata = {"name": name, "namespace": pod["metadata"]["namespace"], "uid": f"uid-{name}"}
            reference = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}"}
            pod["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
            if dice.random() < 0.9:
                spec = {"selector": {"matchLabels": {"app": pod["metadata"]["labels"]["app"]}}}
                found.append({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec})
    return found


def _node(dice: Random, number: int, theme: str) -> JSONObject:
    name = f"node-{number}"
    labels = {"kubernetes.io/hostname": name}
    if dice.random() < 0.9:
        labels["topology.kubernetes.io/zone"] = dice.choice(ZONES)
    if dice.random() < 0.5:
        labels["disk"] = dice.choice(("ssd", "hdd"))
    if dice.random() < 0.3:
        labels["size"] = str(dice.randint(1, 9))
    cpu, memory = dice.choice((500, 1000, 2000, 4000)), dice.choice((512, 1024, 4096))
    allocatable = {"cpu": f"{cpu}m", "memory": f"{memory}Mi", "pods": str(dice.choice((2, 5, 110)))}
    if dice.random() < 0.3:
        allocatable["example.com/gpu"] = str(dice.randint(0, 4))
    if dice.random() < 0.3:
        allocatable["ephemeral-storage"] = f"{dice.randint(1, 20)}Gi"
    spec: JSONObject = {}
    if dice.random() < (0.6 if theme == "taints" else 0.1):
        spec["taints"] = [_taint(dice) for _ in range(dice.randint(1, 3))]
    if dice.random() < 0.08:
        spec["unschedulable"] = True
    status: JSONObject = {"capacity": dict(allocatable), "allocatable": allocatable}
    if dice.random() < (0.8 if theme == "images" else 0.2):
        status["images"] = [
            {
                "names": [f"{image}:1", f"{image}@sha256:{'0' * 8}"],
                "sizeBytes": dice.randint(1, 1800) * 1024 * 1024,
            }
            for image in dice.sample(("web", "db", "cache", "big"), dice.randint(1, 4))
        ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "uid": f"uid-{name}"},
        "spec": spec,
        "status": status,
    }


def _taint(dice: Random) -> JSONObject:
    taint: JSONObject = {
        "key": dice.choice(("dedicated", "gpu", "flaky")),
        "effect": dice.choice(("NoSchedule", "NoSchedule", "PreferNoSchedule", "NoExecute")),
    }
    if dice.random() < 0.7:
        taint["value"] = dice.choice(("x", "y"))
    return taint


def _pod(dice: Random, name: str, theme: str) -> JSONObject:
    app = dice.choice(APPS)
    labels = {"app": app}
    if dice.random() < 0.5:
        labels["version"] = dice.choice(("1", "2"))
    spec: JSONObject = {
        "containers": [_container(dice, number, theme) for number in range(dice.choice((1, 1, 2)))]
    }
    if dice.random() < 0.2:
        spec["initContainers"] = [
            _init_container(dice, number, theme) for number in range(dice.choice((1, 2)))
        ]
    if dice.random() < 0.1:
        spec["overhead"] = {"cpu": "50m", "memory": "16Mi"}
    if theme == "priority" and name == "waiting":
        spec["priority"] = dice.choice((10, 1000))
    elif dice.random() < (0.8 if theme == "priority" else 0.2):
        spec["priority"] = dice.choice((-5, 0, 10, 1000))
    if dice.random() < 0.03:
        spec["preemptionPolicy"] = "Never"
    chances = {"node affinity": _node_affinity, "spread": _spread, "taints": _tolerations, "ports": _ports}
    affinity_theme = theme in ("pod affinity", "pod anti-affinity")
    for subject, add in chances.items():
        if dice.random() < (0.9 if theme == subject else 0.25 if theme == "mixed" else 0.06):
            add(dice, spec, app)
    if dice.random() < (0.7 if affinity_theme else 0.25 if theme == "mixed" else 0.05):
        _pod_affinity(dice, spec, app, theme)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": dice.choice(("default", "default", "default", "other", "third")),
            "labels": labels,
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": spec,
        "status": {"phase": "Pending"},
    }


def _container(dice: Random, number: int, theme: str) -> JSONObject:
    container: JSONObject = {
        "name": f"c{number}",
        "image": dice.choice(("web:1", "db:1", "cache:1", "big:1", "web")),
    }
    requests: JSONObject = {}
    # Where something else is the theme, room should rarely be what decides.
    often = 0.9 if theme in ("resources", "priority") else 0.5 if theme in ("mixed", "images") else 0.15
    if dice.random() < often:
        requests["cpu"] = dice.choice(("50m", "100m", "0.5", "1", "1500m"))
    if dice.random() < often:
        requests["memory"] = dice.choice(("64Mi", "200Mi", "1Gi", "128974848", "100M"))
    if dice.random() < 0.1:
        requests["example.com/gpu"] = str(dice.randint(0, 2))
    if dice.random() < 0.1:
        requests["ephemeral-storage"] = f"{dice.randint(1, 8)}Gi"
    if requests:
        container["resources"] = {"requests": requests}
    return container


def _init_container(dice: Random, number: int, theme: str) -> JSONObject:
    container = {**_container(dice, number, theme), "name": f"i{number}"}
    if dice.random() < 0.4:
        container["restartPolicy"] = "Always"
    return container


def _node_affinity(dice: Random, spec: JSONObject, app: str) -> None:
    if dice.random() < 0.3:
        spec["nodeSelector"] = {"disk": dice.choice(("ssd", "hdd"))}
    affinity: JSONObject = {}
    if dice.random() < 0.6:
        terms = [_node_term(dice) for _ in range(dice.randint(1, 2))]
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if dice.random() < 0.7:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": dice.randint(1, 100), "preference": _node_term(dice)}
            for _ in range(dice.randint(1, 3))
        ]
    if affinity:
        spec.setdefault("affinity", {})["nodeAffinity"] = affinity


def _node_term(dice: Random) -> JSONObject:
    if dice.random() < 0.15:
        name = f"node-{dice.randint(0, 7)}"
        return {
            "matchFields": [
                {"key": "metadata.name", "operator": dice.choice(("In", "NotIn")), "values": [name]}
            ]
        }
    return {"matchExpressions": [_node_expression(dice) for _ in range(dice.randint(1, 2))]}


def _node_expression(dice: Random) -> JSONObject:
    kind = dice.randint(0, 4)
    if kind == 0:
        return {"key": "size", "operator": dice.choice(("Gt", "Lt")), "values": [str(dice.randint(1, 9))]}
    if kind == 1:
        return {"key": dice.choice(("disk", "size")), "operator": dice.choice(("Exists", "DoesNotExist"))}
    if kind == 2:
        return {"key": "disk", "operator": dice.choice(("In", "NotIn")), "values": ["ssd"]}
    zones = dice.sample(ZONES, dice.randint(1, 2))
    return {"key": "topology.kubernetes.io/zone", "operator": dice.choice(("In", "NotIn")), "values": zones}


def _selector(dice: Random, app: str) -> JSONObject:
    kind = dice.randint(0, 9)
    if kind < 5:
        return {"matchLabels": {"app": app}}
    if kind < 8:
        return {"matchLabels": {"app": dice.choice(APPS)}}
    if kind < 9:
        return {"matchExpressions": [{"key": "version", "operator": dice.choice(("Exists", "DoesNotExist"))}]}
    return {}


def _affinity_term(dice: Random, app: str) -> JSONObject:
    term: JSONObject = {
        "topologyKey": dice.choice(("kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk")),
        "labelSelector": _selector(dice, app),
    }
    if dice.random() < 0.25:
        term["namespaces"] = dice.sample(list(NAMESPACES), dice.randint(1, 2))
    if dice.random() < 0.2:
        term["namespaceSelector"] = dice.choice(({}, {"matchLabels": {"team": "one"}}))
    if dice.random() < 0.1:
        term["matchLabelKeys"] = ["version"]
    elif dice.random() < 0.05:
        term["mismatchLabelKeys"] = ["version"]
    return term


def _pod_affinity(dice: Random, spec: JSONObject, app: str, theme: str) -> None:
    kinds = {
        "pod affinity": ("podAffinity",),
        "pod anti-affinity": ("podAntiAffinity",),
    }.get(theme, ("podAffinity", "podAntiAffinity"))
    for kind in kinds:
        affinity: JSONObject = {}
        if dice.random() < 0.6:
            terms = [_affinity_term(dice, app) for _ in range(dice.randint(1, 2))]
            affinity["requiredDuringSchedulingIgnoredDuringExecution"] = terms
        if dice.random() < 0.6:
            affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
                {"weight": dice.randint(1, 100), "podAffinityTerm": _affinity_term(dice, app)}
                for _ in range(dice.randint(1, 2))
            ]
        if affinity:
            spec.setdefault("affinity", {})[kind] = affinity


def _spread(dice: Random, spec: JSONObject, app: str) -> None:
    constraints: list[JSONObject] = []
    pairs = [
        (key, when)
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk")
        for when in ("DoNotSchedule", "ScheduleAnyway")
    ]
    for key, when in dice.sample(pairs, dice.randint(1, 3)):
        constraint: JSONObject = {
            "topologyKey": key,
            "whenUnsatisfiable": when,
            "maxSkew": dice.choice((1, 1, 1, 2, 3)),
            "labelSelector": _selector(dice, app),
        }
        if when == "DoNotSchedule" and dice.random() < 0.3:
            constraint["minDomains"] = dice.randint(1, 4)
        if dice.random() < 0.3:
            constraint["nodeAffinityPolicy"] = dice.choice(("Honor", "Ignore"))
        if dice.random() < 0.3:
            constraint["nodeTaintsPolicy"] = dice.choice(("Honor", "Ignore"))
        if dice.random() < 0.2:
            constraint["matchLabelKeys"] = ["version"]
        constraints.append(constraint)
    spec["topologySpreadConstraints"] = constraints


def _tolerations(dice: Random, spec: JSONObject, app: str) -> None:
    spec["tolerations"] = [_toleration(dice) for _ in range(dice.randint(1, 3))]


def _toleration(dice: Random) -> JSONObject:
    if dice.random() < 0.1:
        return {"operator": "Exists"}
    toleration: JSONObject = {"key": dice.choice(("dedicated", "gpu", "flaky"))}
    if dice.random() < 0.4:
        toleration["operator"] = "Exists"
    else:
        if dice.random() < 0.5:
            toleration["operator"] = "Equal"
        toleration["value"] = dice.choice(("x", "y", ""))
    if dice.random() < 0.7:
        toleration["effect"] = dice.choice(("NoSchedule", "PreferNoSchedule", "NoExecute"))
    return toleration


def _ports(dice: Random, spec: JSONObject, app: str) -> None:
    for container in spec["containers"]:
        port: JSONObject = {"containerPort": 80, "hostPort": dice.choice((80, 81)), "protocol": "TCP"}
        if dice.random() < 0.3:
            port["protocol"] = "UDP"
        if dice.random() < 0.4:
            port["hostIP"] = dice.choice(("0.0.0.0", "127.0.0.1", "10.0.0.1"))
        container["ports"] = [port]
