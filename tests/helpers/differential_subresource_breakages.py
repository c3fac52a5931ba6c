# ruff: noqa: E501 (parts of objects are one to a line)
"""What is written to subresources, broken one field at a time: to debug, resize, bind, evict, scale and finalize.

A body is put, or posted, as a dry run. Where it is the object itself, that is the stored one with a valid change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from helpers.differential import Answer, Ask, delete, get, merge, post, query
from helpers.differential_breakages import METADATA, METADATA_CHANGES, REMOVED, Breakage, part_breakages
from helpers.differential_run import Both
from helpers.differential_verdicts import difference, verdict

Body = dict[str, Any]

_TRIES = 24
_CORE = "io.k8s.api.core.v1."
_RESOURCES = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
_RESIZED = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "3", "memory": "2Gi"}}
_DEBUGGER: Body = {
    "name": "d", "image": "i:1", "command": ["a"], "args": ["b"], "workingDir": "/w", "targetContainerName": "c",
    "env": [{"name": "A", "value": "b"}], "envFrom": [{"configMapRef": {"name": "m"}}], "stdin": True, "tty": True,
    "volumeMounts": [{"name": "e", "mountPath": "/e", "readOnly": True}], "imagePullPolicy": "Always",
    "securityContext": {"runAsUser": 1, "capabilities": {"add": ["NET_ADMIN"]}, "privileged": False},
    "terminationMessagePath": "/t", "terminationMessagePolicy": "File",
}  # fmt: skip
_POD: Body = {
    "metadata": {"name": "breakage", "labels": {"a": "b"}},
    "spec": {
        "automountServiceAccountToken": False,
        "containers": [
            {"name": "c", "image": "i:1", "resources": _RESOURCES},
            {"name": "other", "image": "i:1", "resources": {"requests": {"example.com/d": "1"}, "limits": {"example.com/d": "1"}}},
        ],
        "initContainers": [
            {"name": "i", "image": "i:1", "resources": _RESOURCES},
            {"name": "s", "image": "i:1", "restartPolicy": "Always", "resources": _RESOURCES},
        ],
        "volumes": [{"name": "e", "emptyDir": {}}],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """One subresource, and what is written to it.

    Attributes:
        made: collection and object: what the write is about.
        path: of the subresource, below the object.
        method: PUT of the object as it is read from `path`, or POST of `body`.
        change: what makes a PUT of it a valid change.
        found: what breaks it.
    """

    made: tuple[str, Body]
    path: str
    method: str
    found: tuple[Breakage, ...]
    body: Body | None = None
    change: tuple[tuple[tuple[str | int, ...], Any], ...] = ()


def _named(*edits: tuple[str, tuple[tuple[tuple[str | int, ...], Any], ...]]) -> list[Breakage]:
    return [Breakage(name, each) for name, each in edits]


def _at(*path: str | int) -> tuple[str | int, ...]:
    return path


def _debugging() -> list[Breakage]:
    spec = _at("spec")
    return [
        *part_breakages(f"{_CORE}EphemeralContainer", _DEBUGGER, (*spec, "ephemeralContainers", 0)),
        *_named(
            ("added twice", (((*spec, "ephemeralContainers"), [_DEBUGGER, _DEBUGGER]),)),
            ("named as another", (((*spec, "ephemeralContainers", 0, "name"), "c"),)),
            ("nothing added", (((*spec, "ephemeralContainers"), REMOVED),)),
            ("something else changed", (((*spec, "containers", 0, "image"), "other"),)),
            ("label", ((_at("metadata", "labels"), {"x": "y"}),)),
            ("annotation", ((_at("metadata", "annotations"), {"x": "y"}),)),
            ("status", ((_at("status", "phase"), "Failed"),)),
        ),
    ]


def _resizing() -> list[Breakage]:
    struct = f"{_CORE}ResourceRequirements"
    found: list[Breakage] = []
    for kind, index in (("containers", 0), ("initContainers", 0), ("initContainers", 1)):
        found += part_breakages(struct, _RESIZED, ("spec", kind, index, "resources"))
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    for kind in ("containers", "initContainers"):
        for index in (0, 1):
            where = ("spec", kind, index)
            found += _named(
                (f"{kind}.{index} policy", (((*where, "resizePolicy"), policy),)),
                (
                    f"{kind}.{index} policy and resources",
                    (((*where, "resizePolicy"), policy), ((*where, "resources"), _RESIZED)),
                ),
                (f"{kind}.{index} renamed", (((*where, "name"), "renamed"),)),
                (f"{kind}.{index} removed", ((where, REMOVED),)),
                (f"{kind}.{index} image", (((*where, "image"), "other"),)),
                (f"{kind}.{index} without", (((*where, "resources"), {}),)),
                (f"{kind}.{index} equal", (((*where, "resources", "limits"), _RESIZED["requests"]),)),
            )
    for name, value in (
        ("nothing", {}),
        ("enough", {"requests": {"cpu": "9", "memory": "9Gi"}}),
        ("too little", {"limits": {"cpu": "1m"}}),
        ("others", {"limits": {"hugepages-2Mi": "2Mi"}}),
        ("bad", {"limits": {"Bad Key!": "1"}}),
    ):
        found += _named((f"of the pod: {name}", ((_at("spec", "resources"), value),)))
    return [
        *found,
        *_named(
            ("devices", ((_at("spec", "containers", 1, "resources", "requests", "example.com/d"), "2"),)),
            ("node", ((_at("spec", "nodeName"), "n"),)),
            ("label", ((_at("metadata", "labels"), {"x": "y"}),)),
            ("status", ((_at("status", "phase"), "Failed"),)),
        ),
    ]


def _binding(name: str) -> tuple[Body, list[Breakage]]:
    body: Body = {
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "labels": {"x": "y"}, "annotations": {"x": "y"}},
        "target": {"kind": "Node", "apiVersion": "v1", "name": "n", "namespace": "x", "uid": "u", "fieldPath": "f"},
    }  # fmt: skip
    found = part_breakages(f"{_CORE}ObjectReference", body["target"], ("target",))
    return body, [
        *found,
        *METADATA,
        *_named(
            ("uid", ((_at("metadata", "uid"), "other"),)),
            ("resourceVersion", ((_at("metadata", "resourceVersion"), "1"),)),
            ("resourceVersion bad", ((_at("metadata", "resourceVersion"), "x"),)),
            ("no target", ((_at("target"), REMOVED),)),
            ("other name", ((_at("metadata", "name"), "other"),)),
        ),
    ]


def _eviction(name: str) -> tuple[Body, list[Breakage]]:
    options: Body = {"gracePeriodSeconds": 5, "propagationPolicy": "Background", "dryRun": ["All"]}
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name},
        "deleteOptions": options,
    }
    struct = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
    return body, [
        *part_breakages(struct, options, ("deleteOptions",)),
        *METADATA,
        *_named(
            ("uid", ((_at("deleteOptions", "preconditions"), {"uid": "other"}),)),
            ("resourceVersion", ((_at("deleteOptions", "preconditions"), {"resourceVersion": "1"}),)),
            ("no options", ((_at("deleteOptions"), REMOVED),)),
            ("both", ((_at("deleteOptions", "orphanDependents"), True),)),
            ("other name", ((_at("metadata", "name"), "other"),)),
        ),
    ]


def _scaling() -> list[Breakage]:
    struct = "io.k8s.api.autoscaling.v1.ScaleSpec"
    return [
        *part_breakages(struct, {"replicas": 3}, ("spec",)),
        *METADATA,
        *METADATA_CHANGES,
        *_named(
            ("no spec", ((_at("spec"), REMOVED),)),
            ("status", ((_at("status"), {"replicas": -9, "selector": "x"}),)),
            ("uid", ((_at("metadata", "uid"), "other"),)),
            ("resourceVersion", ((_at("metadata", "resourceVersion"), "1"),)),
            ("other name", ((_at("metadata", "name"), "other"),)),
            ("other kind", ((_at("kind"), "Deployment"),)),
        ),
    ]


def written(namespace: str) -> dict[str, Written]:
    """Each subresource that is judged, by kind and name."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    bound, eviction = _binding("breakage"), _eviction("breakage")
    found = {
        "Pod/ephemeralcontainers": Written(
            (pods, _POD), "ephemeralcontainers", "PUT", tuple(_debugging()),
            change=((("spec", "ephemeralContainers"), [_DEBUGGER]),),
        ),
        "Pod/resize": Written(
            (pods, _POD), "resize", "PUT", tuple(_resizing()),
            change=((("spec", "containers", 0, "resources"), _RESIZED),),
        ),
        "Pod/binding": Written((pods, _POD), "binding", "POST", tuple(bound[1]), bound[0]),
        "Pod/eviction": Written((pods, _POD), "eviction", "POST", tuple(eviction[1]), eviction[0]),
    }  # fmt: skip
    selector: Body = {"matchLabels": {"a": "b"}}
    for group, plural in (
        ("apis/apps/v1", "deployments"),
        ("apis/apps/v1", "replicasets"),
        ("apis/apps/v1", "statefulsets"),
        ("api/v1", "replicationcontrollers"),
    ):
        chosen = {"a": "b"} if plural == "replicationcontrollers" else selector
        spec = {"selector": chosen, "template": template, "replicas": 1}
        made = (
            f"/{group}/namespaces/{namespace}/{plural}",
            {"metadata": {"name": "breakage"}, "spec": spec},
        )
        change = ((("spec", "replicas"), 3),)
        found[f"{plural}/scale"] = Written(made, "scale", "PUT", tuple(_scaling()), change=change)
    return found


async def judged_writes(
    name: str, namespace: str, servers: Both, *, stride: int = 1
) -> AsyncIterator[tuple[str, Answer, str]]:
    """Name, the real server's answer and difference of each broken write; the valid one first."""
    about = written(namespace)[name]
    collection, obj = about.made
    path = f"{collection}/{obj['metadata']['name']}"
    both = (servers.real, servers.ours)
    for ask in both:
        made = await ask(post(collection, obj))
        assert made.status in (201, 409), made.body
    unbroken = Breakage("valid", ())
    try:
        for breakage in [unbroken, *about.found[::stride]]:
            questions = [await _question(ask, path, about, breakage) for ask in both]
            real, ours = [await ask(each) for ask, each in zip(both, questions, strict=True)]
            text = difference(questions[0], real, ours)
            if not text and real.status >= 400:
                text = await _order(servers, questions[0], real, ours)
            yield breakage.name, real, text
    finally:
        for ask in both:
            await ask(delete(path, gracePeriodSeconds=0, propagationPolicy="Background"))
            await ask(merge(path, {"metadata": {"finalizers": None}}))


async def _question(ask: Any, path: str, about: Written, breakage: Breakage) -> Ask:
    target = query(f"{path}/{about.path}", {"dryRun": "All"})
    if about.body is not None:
        return Ask(about.method, target, breakage.of(about.body))
    stored = (await ask(get(f"{path}/{about.path}"))).body
    whole = Breakage("", (*about.change, *breakage.edits))
    return Ask(about.method, target, whole.of(stored))


async def _order(servers: Both, question: Ask, real: Answer, ours: Answer) -> str:
    wanted = verdict(ours, question)
    for _ in range(_TRIES):
        if verdict(real, question) == wanted:
            return ""
        real = await servers.real(replace(question))
    return f"order: real {verdict(real, question)}, OURS {wanted}"
