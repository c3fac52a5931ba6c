"""The kinds of drawn sequences: what their objects have, and what is written to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from helpers.differential import Ask, apply, get, merge, post, put
from hypothesis import strategies as st

Body = dict[str, Any]
PLACE = "NAMESPACE"
"""Stands for the sequence's namespace, in paths and in bodies."""


@dataclass(frozen=True)
class Kind:
    """A kind that is drawn from.

    Attributes:
        contents: what an object has beside its metadata.
        patches: merge patches of it.
        status: merge patches of its status; empty where it has none.
        scale: it has a scale.
        strategic: strategic merge patches are served.
        namespaced: its objects are in the namespace; otherwise their names begin with it.
        fields: field selectors of its own.
        more: other requests about the object of a path and a name.
    """

    api_version: str
    kind: str
    plural: str
    contents: st.SearchStrategy[Body]
    patches: st.SearchStrategy[Body]
    status: tuple[Body, ...] = ()
    scale: bool = False
    strategic: bool = True
    namespaced: bool = True
    fields: tuple[str, ...] = ()
    more: Callable[[str, str], tuple[Ask, ...]] | None = field(default=None)

    @property
    def path(self) -> str:
        """Of its collection."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        return f"{root}/namespaces/{PLACE}/{self.plural}" if self.namespaced else f"{root}/{self.plural}"

    def name(self, short: str) -> str:
        return short if self.namespaced else f"{PLACE}-{short}"


_TEXTS = st.sampled_from(["1", "2", ""])
_DATA = st.dictionaries(st.sampled_from(["x", "y"]), _TEXTS, max_size=2)
_IMAGES = st.sampled_from(["nginx:1", "nginx:2"])
_ENV = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from(["A", "B"]), _TEXTS),
    max_size=2,
    unique_by=lambda each: each["name"],
)


@st.composite
def _deployment(draw: st.DrawFn) -> Body:
    container: Body = {"name": draw(st.sampled_from(["c", "d"])), "image": draw(_IMAGES)}
    if env := draw(_ENV):
        container["env"] = env
    spec: Body = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}},
    }
    replicas = draw(st.sampled_from([None, 1, 2, -1]))
    if replicas is not None:
        spec["replicas"] = replicas
    if draw(st.booleans()):
        spec["strategy"] = draw(st.sampled_from([{"type": "Recreate"}, {"type": "RollingUpdate"}, {}]))
    return {"spec": spec}


_WIDGET = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.sampled_from([0, 3, -1, "x"]),
        "color": st.sampled_from(["red", "blue", "green"]),
        "parts": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["p", "q"])}, optional={"size": st.sampled_from([1, 2, 99])}
            ),
            max_size=2,
        ),
        "tags": st.lists(st.sampled_from(["s", "t"]), max_size=2),
        "free": st.sampled_from([{}, {"deep": {"er": 1}}, {"list": [1]}]),
        "unknown": st.just(1),
    },
).map(lambda spec: {"spec": spec})


def _about_pods(path: str, name: str) -> tuple[Ask, ...]:
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    debug = [{"name": "d", "image": "busybox", "targetContainerName": "c"}]
    more = [{"name": "e", "image": "busybox"}]
    node = {"kind": "Node", "name": "n1"}
    return (
        post(f"{path}/binding", {**binding, "target": node}),
        post(f"{path}/binding", {**binding, "target": {"kind": "Node", "name": "n2"}}),
        post(f"{path}/binding", {"metadata": {"name": name, "uid": "no"}, "target": node}),
        post(f"{path}/binding", {**binding, "target": node}, dryRun="All"),
        post(f"{path}/eviction", eviction),
        post(f"{path}/eviction", {**eviction, "deleteOptions": {"gracePeriodSeconds": 0}}),
        post(f"{path}/eviction", {**eviction, "deleteOptions": {"preconditions": {"uid": "no"}}}),
        post(f"{path}/eviction", eviction, dryRun="All"),
        merge(f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": debug}}),
        merge(f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": [*debug, *more]}}),
        merge(f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": []}}),
        get(f"{path}/ephemeralcontainers"),
        merge(f"{path}/resize", {"spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}),
        Ask(
            "PATCH",
            f"{path}/resize",
            {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}},
            "application/strategic-merge-patch+json",
        ),
    )


def _about_scales(path: str, name: str) -> tuple[Ask, ...]:
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name}}
    return (
        get(f"{path}/scale"),
        put(f"{path}/scale", {**scale, "spec": {"replicas": 2}}),
        put(f"{path}/scale", {**scale, "metadata": {"name": name, "resourceVersion": "1"}}),
        put(f"{path}/scale", {**scale, "spec": {"replicas": 1}, "status": {"replicas": 9}}),
        apply(f"{path}/scale", {**scale, "spec": {"replicas": 7}}, "scaler"),
        apply(f"{path}/scale", {**scale, "spec": {"replicas": 8}}, "m1", force="true"),
        merge(f"{path}/scale", {"spec": {"replicas": 6}}, dryRun="All"),
    )


@st.composite
def _pod(draw: st.DrawFn) -> Body:
    spec: Body = {
        "containers": [{"name": "c", "image": draw(_IMAGES)}],
        "automountServiceAccountToken": False,
        # As admission would: that of the real server of these tests is off.
        "serviceAccountName": "default",
    }
    if draw(st.booleans()):
        spec["nodeName"] = "n1"
    if draw(st.integers(0, 3)) == 0:
        spec["schedulingGates"] = [{"name": "a.b/g"}]
    if draw(st.booleans()):
        spec["terminationGracePeriodSeconds"] = draw(st.sampled_from([0, 1, 50, -1]))
    if draw(st.booleans()):
        cpu = {"cpu": draw(st.sampled_from(["1", "500m", "0.5"]))}
        spec["containers"][0]["resources"] = draw(st.sampled_from([{"requests": cpu}, {"limits": cpu}]))
    return {"spec": spec}


_JOB: Body = {
    "template": {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx:1"}]},
    }
}
_SET: Body = {
    "selector": {"matchLabels": {"a": "b"}},
    "template": {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1"}]},
    },
}
_REALM = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([1, 4, 9, 0]),
        "mode": st.sampled_from(["open", "closed", "ajar", None]),
        "home": st.sampled_from(["here", "there"]),
        "extra": st.sampled_from(["f", None]),
        "flags": st.sampled_from([{}, {"a": True}, {"b": False}, {"a": 1}]),
        "rooms": st.sampled_from([[], ["x"], ["x", "y"], ["long"], ["1", "2", "3", "4"]]),
        "unknown": st.just({"x": 1}),
    },
).map(lambda spec: {"spec": spec})
_REALM_PATCHES = st.sampled_from(
    [
        {"spec": {"home": "elsewhere"}},
        {"spec": {"home": None}},
        {"spec": {"size": 3}},
        {"spec": {"size": 7}},
        {"spec": {"mode": None, "extra": None}},
        {"spec": {"flags": {"a": None, "c": True}}},
        {"spec": {"rooms": ["z"]}},
        {"spec": {}},
        {"spec": None},
    ]
)
_REALM_STATUS: tuple[Body, ...] = (
    {"status": {"seen": 1}},
    {"status": {"seen": "x"}},
    {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    {"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Done", "status": "True"}]}},
    {"status": {"conditions": [{"type": "R", "status": "True"}]}},
    {"status": {"conditions": [{"type": "Ready"}]}},
)


RICH = (
    Kind(
        "v1",
        "ConfigMap",
        "configmaps",
        _DATA.map(lambda data: {"data": data}),
        st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "3", None]), max_size=2).map(
            lambda data: {"data": data}
        ),
    ),
    Kind(
        "v1",
        "Secret",
        "secrets",
        _DATA.map(lambda data: {"stringData": data}),
        st.sampled_from(
            [
                {"data": {"x": "AAA="}},
                {"stringData": {"y": "9"}},
                {"data": None},
                {"type": "t"},
                {"immutable": True},
                {"data": {"x": "not base64"}},
            ]
        ),
        fields=("type=Opaque", "type!=Opaque"),
    ),
    Kind(
        "apps/v1",
        "Deployment",
        "deployments",
        _deployment(),
        st.sampled_from(
            [
                {"spec": {"replicas": 3}},
                {"spec": {"replicas": None}},
                {"spec": {"paused": True}},
                {"spec": {"template": {"metadata": {"annotations": {"t": "1"}}}}},
                {
                    "spec": {
                        "template": {
                            "spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "z"}]}]}
                        }
                    }
                },
                {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
                {"spec": {"selector": None}},
            ]
        ),
        status=(
            {"status": {"replicas": 1}},
            {"status": {"observedGeneration": 2, "readyReplicas": 3}},
            {"status": {"conditions": [{"type": "Available", "status": "True"}]}},
            {"status": None},
        ),
        scale=True,
    ),
    Kind(
        "v1",
        "Service",
        "services",
        st.sampled_from(
            [
                {"spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]}},
                {
                    "spec": {
                        "clusterIP": "None",
                        "selector": {"a": "b"},
                        "ports": [{"port": 80, "name": "w"}, {"port": 81, "name": "x"}],
                    }
                },
                {"spec": {"type": "ExternalName", "externalName": "example.com"}},
                {"spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 0}]}},
            ]
        ),
        st.sampled_from(
            [
                {"spec": {"selector": {"a": "c"}}},
                {"spec": {"ports": [{"port": 82, "name": "y"}]}},
                {"spec": {"sessionAffinity": "ClientIP"}},
                {"spec": {"publishNotReadyAddresses": True}},
                {"spec": {"ports": None}},
            ]
        ),
        status=(
            {"status": {"conditions": []}},
            {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}},
        ),
    ),
    Kind(
        "coordination.k8s.io/v1",
        "Lease",
        "leases",
        st.sampled_from(
            [
                {},
                {"spec": {"holderIdentity": "m"}},
                {"spec": {"leaseDurationSeconds": 5}},
                {"spec": {"leaseDurationSeconds": -5}},
            ]
        ),
        st.sampled_from(
            [
                {"spec": {"holderIdentity": "n"}},
                {"spec": {"leaseTransitions": 1}},
                {"spec": {"leaseTransitions": -1}},
                {"spec": None},
            ]
        ),
    ),
    Kind(
        "drawn.example.com/v1",
        "Widget",
        "widgets",
        _WIDGET,
        st.sampled_from(
            [
                {"spec": {"color": "blue"}},
                {"spec": {"color": None}},
                {"spec": {"color": 5}},
                {"spec": {"parts": [{"name": "r", "size": 3}]}},
                {"spec": {"free": {"k": [1]}}},
                {"spec": None},
                {"status": {"phase": "x"}},
                {"extra": 1},
            ]
        ),
        status=(
            {"status": {"phase": "Ready"}},
            {"status": {"replicas": 2}},
            {"status": {"phase": 1}},
            {"status": {"phase": "Done"}, "spec": {"color": "blue"}},
        ),
        scale=True,
        strategic=False,
        fields=("spec.color=red", "spec.color!=blue"),
    ),
    *(
        Kind(
            f"drawn.example.com/{version}",
            "Realm",
            "realms",
            _REALM,
            _REALM_PATCHES,
            status=_REALM_STATUS,
            strategic=False,
            namespaced=False,
            fields=("spec.mode=open", "spec.mode!=open"),
        )
        for version in ("v1", "v2")
    ),
    Kind(
        "v1",
        "Pod",
        "pods",
        _pod(),
        st.sampled_from(
            [
                {"spec": {"containers": [{"name": "c", "image": "nginx:3"}]}},
                {"spec": {"activeDeadlineSeconds": 5}},
                {"spec": {"activeDeadlineSeconds": 9}},
                {"spec": {"tolerations": [{"key": "k", "operator": "Exists"}]}},
                {"spec": {"schedulingGates": None}},
                {"spec": {"nodeName": "n2"}},
                {"spec": {"terminationGracePeriodSeconds": 1}},
                {"spec": {"nodeSelector": {"a": "b"}}},
                {"spec": {"restartPolicy": "Never"}},
            ]
        ),
        status=(
            {"status": {"phase": "Running"}},
            {"status": {"phase": "Succeeded"}},
            {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {"status": {"podIP": "10.1.1.1", "podIPs": [{"ip": "10.1.1.1"}]}},
            {"status": {"nominatedNodeName": "n1"}},
        ),
        fields=("spec.nodeName=n1", "spec.nodeName=", "status.phase!=Running", "spec.restartPolicy=Always"),
        more=_about_pods,
    ),
    Kind(
        "apps/v1",
        "ReplicaSet",
        "replicasets",
        st.sampled_from([None, 0, 3, -2]).map(
            lambda count: {"spec": _SET if count is None else {**_SET, "replicas": count}}
        ),
        st.sampled_from(
            [
                {"spec": {"replicas": 4}},
                {"spec": {"minReadySeconds": 2}},
                {"spec": {"selector": {"matchLabels": {"a": "c"}}}},
                {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}},
            ]
        ),
        status=({"status": {"replicas": 2, "fullyLabeledReplicas": 1}}, {"status": {"replicas": -1}}),
        scale=True,
        fields=("status.replicas=0",),
    ),
    Kind(
        "apps/v1",
        "StatefulSet",
        "statefulsets",
        st.sampled_from([{"spec": {**_SET, "serviceName": "s"}}, {"spec": {**_SET, "replicas": 2}}]),
        st.sampled_from(
            [
                {"spec": {"replicas": 4}},
                {"spec": {"serviceName": "t"}},
                {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}},
                {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}},
                {"spec": {"podManagementPolicy": "Parallel"}},
            ]
        ),
        status=({"status": {"replicas": 2}}, {"status": {"replicas": 1, "collisionCount": 3}}),
        scale=True,
    ),
    Kind(
        "batch/v1",
        "Job",
        "jobs",
        st.sampled_from(
            [
                {"spec": _JOB},
                {"spec": {**_JOB, "suspend": True}},
                {"spec": {**_JOB, "completions": 3, "parallelism": 2}},
                {"spec": {**_JOB, "completionMode": "Indexed"}},
            ]
        ),
        st.sampled_from(
            [
                {"spec": {"suspend": True}},
                {"spec": {"parallelism": 4}},
                {"spec": {"completions": 4}},
                {"spec": {"activeDeadlineSeconds": 50}},
                {"spec": {"ttlSecondsAfterFinished": 50}},
                {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}},
            ]
        ),
        status=(
            {"status": {"active": 1, "startTime": "2026-01-01T00:00:00Z"}},
            {"status": {"succeeded": 2}},
            {"status": {"failed": 1}},
        ),
        fields=("status.successful=0",),
    ),
    Kind(
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        st.sampled_from(
            [
                {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"l": "1"}}}},
                {"spec": {"maxUnavailable": "50%", "selector": {}}},
                {"spec": {"maxUnavailable": 1, "minAvailable": 1}},
            ]
        ),
        st.sampled_from(
            [{"spec": {"minAvailable": 0, "maxUnavailable": None}}, {"spec": {"selector": None}}]
        ),
        status=(
            {"status": {"disruptionsAllowed": 1, "observedGeneration": 1, "currentHealthy": 1}},
            {"status": {"disruptionsAllowed": 0, "observedGeneration": 9, "expectedPods": 1}},
        ),
    ),
)
