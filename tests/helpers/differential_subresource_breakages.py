# ruff: noqa: E501 (parts of objects are one to a line)
"""What is written to subresources, broken one field at a time: to debug, resize, bind, evict, scale and finalize.

A body is put, or posted, as a dry run. Where it is the object itself, that is the stored one with a valid change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from helpers.differential import Answer, Ask, get, post, query
from helpers.differential_breakages import METADATA, METADATA_CHANGES, REMOVED, Breakage, part_breakages
from helpers.differential_more_samples import more_samples
from helpers.differential_run import Both, until_served
from helpers.differential_verdicts import difference, remove, verdict

Body = dict[str, Any]

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
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
        definition: of its kind, where that is a custom one.
        found: what breaks it.
    """

    made: tuple[str, Body]
    path: str
    method: str
    found: tuple[Breakage, ...]
    body: Body | None = None
    change: tuple[tuple[tuple[str | int, ...], Any], ...] = ()
    definition: Body | None = None


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


_CONDITION: Body = {
    "type": "Approved", "status": "True", "reason": "R", "message": "m",
    "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
}  # fmt: skip


def _approving() -> list[Breakage]:
    struct = "io.k8s.api.certificates.v1.CertificateSigningRequestCondition"
    where = ("status", "conditions")
    denied = {**_CONDITION, "type": "Denied"}
    return [
        *part_breakages(struct, _CONDITION, (*where, 0)),
        *METADATA,
        *METADATA_CHANGES,
        *_named(
            ("denied", ((where, [denied]),)),
            ("failed", ((where, [{**_CONDITION, "type": "Failed"}]),)),
            ("both", ((where, [_CONDITION, denied]),)),
            ("twice", ((where, [_CONDITION, _CONDITION]),)),
            ("of another type", ((where, [{**_CONDITION, "type": "Other"}]),)),
            ("not", ((where, [{**_CONDITION, "status": "False"}]),)),
            ("no conditions", ((where, []),)),
            ("certificate", ((("status", "certificate"), "YWJj"),)),
            ("no status", ((("status",), REMOVED),)),
            ("spec", ((("spec", "usages"), ["any"]),)),
            ("no spec", ((("spec",), REMOVED),)),
        ),
    ]


def _finalizing() -> list[Breakage]:
    where = ("spec", "finalizers")
    return [
        *part_breakages(f"{_CORE}NamespaceSpec", {"finalizers": ["kubernetes"]}, ("spec",)),
        *METADATA,
        *METADATA_CHANGES,
        *_named(
            ("none", ((where, []),)),
            ("one more", ((where, ["kubernetes", "a.b/c"]),)),
            ("plain", ((where, ["kubernetes", "other"]),)),
            ("twice", ((where, ["kubernetes", "kubernetes"]),)),
            ("bad", ((where, ["Bad!/x"]),)),
            ("no spec", ((("spec",), REMOVED),)),
            ("status", ((("status", "phase"), "Terminating"),)),
            ("other name", ((("metadata", "name"), "other"),)),
        ),
    ]


def _token_request() -> tuple[Body, list[Breakage]]:
    spec: Body = {"audiences": ["a"], "expirationSeconds": 700}
    body: Body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    pod = {"apiVersion": "v1", "kind": "Pod", "name": "p"}
    bound: Body = {"audiences": ["a"], "expirationSeconds": 700, "boundObjectRef": pod}
    struct = "io.k8s.api.authentication.v1.TokenRequestSpec"
    return body, [
        *part_breakages(struct, spec, ("spec",)),
        *part_breakages(struct, bound, ("spec",)),
        *METADATA,
        *_named(
            ("no spec", ((("spec",), REMOVED),)),
            ("empty spec", ((("spec",), {}),)),
            ("long", ((("spec", "expirationSeconds"), 2**33),)),
            ("short", ((("spec", "expirationSeconds"), 599),)),
            ("no pod", ((("spec", "boundObjectRef"), pod),)),
            ("no secret", ((("spec", "boundObjectRef"), {**pod, "kind": "Secret"}),)),
            ("no node", ((("spec", "boundObjectRef"), {**pod, "kind": "Node"}),)),
            (
                "other kind",
                ((("spec", "boundObjectRef"), {**pod, "kind": "Deployment", "apiVersion": "apps/v1"}),),
            ),
            ("other version", ((("spec", "boundObjectRef"), {**pod, "apiVersion": "v2"}),)),
            ("other account", ((("metadata",), {"name": "x", "namespace": "y"}),)),
            ("status", ((("status",), {"token": "x", "expirationTimestamp": "2026-01-01T00:00:00Z"}),)),
        ),
    ]


_GROUP = "scaled.example.com"
_SCALED: Body = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": f"things.{_GROUP}"},
    "spec": {
        "group": _GROUP, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {
                    "replicas": {"type": "integer", "minimum": 1, "maximum": 9}, "a": {"type": "string", "maxLength": 3},
                    "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}},
                "status": {"type": "object", "required": ["phase"], "properties": {
                    "replicas": {"type": "integer"}, "selector": {"type": "string"}, "phase": {"type": "string", "enum": ["a", "b"]},
                    "conditions": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                        "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "status": {"type": "string", "default": "Unknown"}}}}}}}}},
        }],
    },
}  # fmt: skip


def _custom_status() -> list[Breakage]:
    return [
        *METADATA,
        *METADATA_CHANGES,
        *_named(
            ("no status", ((("status",), REMOVED),)),
            ("empty status", ((("status",), {}),)),
            ("null status", ((("status",), None),)),
            ("text for status", ((("status",), "x"),)),
            ("bad phase", ((("status", "phase"), "c"),)),
            ("phase of another type", ((("status", "phase"), 5),)),
            ("unknown field", ((("status", "x"), 5),)),
            ("replicas", ((("status", "replicas"), -1),)),
            ("replicas of another type", ((("status", "replicas"), "x"),)),
            ("replicas large", ((("status", "replicas"), 2**40),)),
            ("bad selector", ((("status", "selector"), "Bad Key!=x,"),)),
            ("default", ((("status", "conditions"), [{"type": "a"}]),)),
            ("twice", ((("status", "conditions"), [{"type": "a"}, {"type": "a"}]),)),
            ("lacking", ((("status", "conditions"), [{"status": "a"}]),)),
            ("spec", ((("spec", "a"), "b"),)),
            ("bad spec", ((("spec", "a"), "bcde"),)),
            ("no spec", ((("spec",), REMOVED),)),
            ("fixed", ((("spec", "fixed"), "y"),)),
            ("bad replicas", ((("spec", "replicas"), 0),)),
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
    request = more_samples(namespace)["CertificateSigningRequest"]
    token = _token_request()
    found |= {
        "CertificateSigningRequest/approval": Written(
            ("/apis/certificates.k8s.io/v1/certificatesigningrequests", request), "approval", "PUT", tuple(_approving()),
            change=((("status", "conditions"), [_CONDITION]),),
        ),
        "Namespace/finalize": Written(
            ("/api/v1/namespaces", {"metadata": {"name": f"{namespace}-finalized"}}), "finalize", "PUT", tuple(_finalizing()),
            change=((("spec", "finalizers"), ["kubernetes", "a.b/more"]),),
        ),
        "ServiceAccount/token": Written(
            (f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "breakage"}}), "token", "POST", tuple(token[1]), token[0],
        ),
    }  # fmt: skip
    things = (f"/apis/{_GROUP}/v1/namespaces/{namespace}/things", {
        "apiVersion": f"{_GROUP}/v1", "kind": "Thing", "metadata": {"name": "breakage"}, "spec": {"replicas": 1, "fixed": "x"},
    })  # fmt: skip
    change = ((("spec", "replicas"), 3),)
    # What else than a scale is put there is refused in words of the schemes that upstream reads it with.
    scaling = tuple(each for each in _scaling() if each.name != "other kind")
    found["Thing/scale"] = Written(things, "scale", "PUT", scaling, change=change, definition=_SCALED)
    change = ((("status",), {"phase": "a", "replicas": 2}),)
    found["Thing/status"] = Written(
        things, "status", "PUT", tuple(_custom_status()), change=change, definition=_SCALED
    )
    return found


async def judged_writes(
    name: str, namespace: str, servers: Both, *, stride: int = 1
) -> AsyncIterator[tuple[str, Answer, str]]:
    """Name, the real server's answer and difference of each broken write; the valid one first."""
    about = written(namespace)[name]
    collection, obj = about.made
    path = f"{collection}/{obj['metadata']['name']}"
    both = (servers.real, servers.ours)
    if about.definition is not None:
        for ask in both:
            await ask(post(_DEFINITIONS, about.definition))
            await until_served(collection, ask)
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
            await remove(ask, path)


async def _question(ask: Any, path: str, about: Written, breakage: Breakage) -> Ask:
    target = query(f"{path}/{about.path}", {"dryRun": "All"})
    if about.body is not None:
        return Ask(about.method, target, breakage.of(about.body))
    # What is final about a namespace is written alone.
    shown = path if about.path == "finalize" else f"{path}/{about.path}"
    stored = (await ask(get(shown))).body
    whole = Breakage("", (*about.change, *breakage.edits))
    return Ask(about.method, target, whole.of(stored))


async def _order(servers: Both, question: Ask, real: Answer, ours: Answer) -> str:
    wanted = verdict(ours, question)
    for _ in range(_TRIES):
        if verdict(real, question) == wanted:
            return ""
        real = await servers.real(replace(question))
    return f"order: real {verdict(real, question)}, OURS {wanted}"
