"""Drawn pods, limit ranges, quotas and security settings, for the judge of admission."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Body = dict[str, Any]

_AMOUNTS = {
    "cpu": ("0", "50m", "100m", "250m", "1", "1500m", "2"),
    "memory": ("0", "1Mi", "64Mi", "100M", "1Gi", "1536Mi"),
    "ephemeral-storage": ("1Mi", "500M", "1Gi"),
    "example.com/gpu": ("1", "2"),
    "hugepages-2Mi": ("2Mi", "4Mi"),
}
_ALIKE = ("example.com/gpu", "hugepages-2Mi")


@st.composite
def resources(draw: Any, names: tuple[str, ...] = tuple(_AMOUNTS)) -> Body:
    """Requests and limits, the former no larger than the latter."""
    requests: Body = {}
    limits: Body = {}
    for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=3)):
        choices = _AMOUNTS[name]
        index = draw(st.integers(0, len(choices) - 1))
        if name in _ALIKE:
            requests[name] = limits[name] = choices[index]
            continue
        which = draw(st.sampled_from(("requests", "limits", "both", "both")))
        if which != "limits":
            requests[name] = choices[index]
        if which != "requests":
            limits[name] = choices[draw(st.integers(index, len(choices) - 1))]
    if "hugepages-2Mi" in requests and not {"cpu", "memory"} & {*requests, *limits}:
        requests["cpu"] = limits["cpu"] = "1"
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}


@st.composite
def pods(draw: Any, name: str = "p") -> Body:
    """A pod with one to three containers, at times init containers, sidecars, and resources of its own."""
    spec: Body = {
        "automountServiceAccountToken": False,
        "containers": [
            {"name": f"c{index}", "image": "i", "resources": draw(resources())}
            for index in range(draw(st.integers(1, 3)))
        ],
    }
    init = [
        {
            "name": f"i{index}",
            "image": "i",
            "resources": draw(resources()),
            **({"restartPolicy": "Always"} if draw(st.booleans()) else {}),
        }
        for index in range(draw(st.integers(0, 2)))
    ]
    if init:
        spec["initContainers"] = init
    if draw(st.integers(0, 3)) == 0:
        spec["resources"] = {"requests": {"cpu": "4"}, "limits": {"cpu": "6", "memory": "6Gi"}}
    if draw(st.integers(0, 3)) == 0:
        spec["activeDeadlineSeconds"] = 5
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@st.composite
def limit_ranges(draw: Any) -> Body:
    """A limit range for containers, for pods, or for both; and one for claims, to know it by."""
    limits: list[Body] = [{"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}}]
    for kind in draw(st.lists(st.sampled_from(("Container", "Pod")), unique=True, min_size=1)):
        limit: Body = {"type": kind}
        for name in draw(st.lists(st.sampled_from(("cpu", "memory")), unique=True, min_size=1)):
            choices = _AMOUNTS[name][1:]
            steps = sorted(draw(st.lists(st.integers(0, len(choices) - 1), min_size=4, max_size=4)))
            keys = ("min", "defaultRequest", "default", "max")
            for key, step in zip(keys, steps, strict=True):
                if draw(st.booleans()) and (kind == "Container" or key in ("min", "max")):
                    limit.setdefault(key, {})[name] = choices[step]
            if draw(st.integers(0, 3)) == 0 and "min" not in limit:
                limit.setdefault("maxLimitRequestRatio", {})[name] = draw(
                    st.sampled_from(("1", "1500m", "4"))
                )
        limits.append(limit)
    return {"metadata": {"name": "drawn"}, "spec": {"limits": limits}}


_LIMITED = {
    "pods": "3",
    "count/pods": "4",
    "cpu": "4",
    "requests.cpu": "3",
    "limits.cpu": "6",
    "memory": "2Gi",
    "requests.memory": "2Gi",
    "limits.memory": "8Gi",
    "requests.ephemeral-storage": "2Gi",
    "limits.ephemeral-storage": "3Gi",
    "requests.example.com/gpu": "3",
    "hugepages-2Mi": "6Mi",
    "requests.hugepages-2Mi": "8Mi",
}


_SCOPED = ("pods", "cpu", "requests.cpu", "limits.cpu", "memory", "requests.memory", "limits.memory")
_SCOPES = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort")


@st.composite
def quotas(draw: Any) -> tuple[Body, list[str]]:
    """What a quota limits of pods, few enough names that some pods fit; and of which pods."""
    scopes = draw(st.one_of(st.just([]), st.sampled_from(_SCOPES).map(lambda scope: [scope])))
    names = sorted(_LIMITED) if not scopes else ["pods"] if scopes == ["BestEffort"] else list(_SCOPED)
    chosen = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=4))
    return {name: _LIMITED[name] for name in chosen}, scopes


_CONTAINER_SECURITY: dict[str, tuple[Any, ...]] = {
    "allowPrivilegeEscalation": (False, False, True),
    "runAsNonRoot": (True, True, False),
    "runAsUser": (0, 1000),
    "privileged": (True, False),
    "procMount": ("Default", "Unmasked"),
    "capabilities": (
        {"drop": ["ALL"]},
        {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        {"add": ["CHOWN", "SYS_ADMIN"]},
        {"drop": ["KILL"], "add": ["NET_RAW"]},
    ),
    "seccompProfile": (
        {"type": "RuntimeDefault"},
        {"type": "Localhost", "localhostProfile": "x"},
        {"type": "Unconfined"},
    ),
    "appArmorProfile": ({"type": "RuntimeDefault"}, {"type": "Unconfined"}),
    "seLinuxOptions": (
        {"type": "container_t"},
        {"type": "container_engine_t", "level": "l"},
        {"user": "u"},
        {"role": "r", "type": "other"},
    ),
    "windowsOptions": ({"hostProcess": False}, {"runAsUserName": "u"}),
}
_POD_SECURITY: dict[str, tuple[Any, ...]] = {
    **{
        key: _CONTAINER_SECURITY[key]
        for key in ("runAsNonRoot", "runAsUser", "seccompProfile", "appArmorProfile", "seLinuxOptions")
    },
    "sysctls": (
        [{"name": "kernel.shm_rmid_forced", "value": "0"}],
        [
            {"name": "net.ipv4.ip_local_reserved_ports", "value": "1"},
            {"name": "net.ipv4.tcp_rmem", "value": "1"},
        ],
        [{"name": "net.ipv4.tcp_keepalive_time", "value": "1"}, {"name": "kernel.msgmax", "value": "1"}],
    ),
}
_POD: dict[str, tuple[Any, ...]] = {
    "hostPID": (True,),
    "hostIPC": (True,),
    "hostUsers": (False, True),
    "volumes": (
        [{"name": "v", "emptyDir": {}}],
        [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "nfs": {"server": "s", "path": "/p"}}],
        [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "iscsi": {
            "targetPortal": "1.2.3.4", "iqn": "iqn.2015-02.example.com:test", "lun": 0}}],
    ),
}  # fmt: skip
_CONTAINER: dict[str, tuple[Any, ...]] = {
    "ports": ([{"containerPort": 80}], [{"containerPort": 80, "hostPort": 8080}]),
    "livenessProbe": ({"httpGet": {"port": 80}}, {"httpGet": {"port": 80, "host": "h"}}),
    "lifecycle": ({"preStop": {"tcpSocket": {"port": 80, "host": "127.0.0.1"}}},),
}


@st.composite
def _some(draw: Any, table: dict[str, tuple[Any, ...]], size: int) -> Body:
    keys = draw(st.lists(st.sampled_from(sorted(table)), unique=True, max_size=size))
    return {key: draw(st.sampled_from(table[key])) for key in keys}


@st.composite
def security_pods(draw: Any) -> Body:
    """A pod with some settings of which the Pod Security Standards say something."""

    def container(name: str) -> Body:
        # Init containers have neither probes nor lifecycle.
        more = draw(_some(_CONTAINER, 2)) if name.startswith("c") else {}
        context = draw(_some(_CONTAINER_SECURITY, 5))
        if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
            del context["privileged"]
        if "SYS_ADMIN" in context.get("capabilities", {}).get("add", ()):
            context.pop("allowPrivilegeEscalation", None)
        return {"name": name, "image": "i", "securityContext": context, **more}

    spec: Body = {
        "automountServiceAccountToken": False,
        "containers": [container(f"c{index}") for index in range(draw(st.integers(1, 2)))],
        "securityContext": draw(_some(_POD_SECURITY, 3)),
        **draw(_some(_POD, 2)),
    }
    if draw(st.booleans()):
        spec["initContainers"] = [container("i")]
    if spec.get("hostUsers") is False:
        spec.pop("hostPID", None)
        spec.pop("hostIPC", None)
    ports = [port for each in spec["containers"] for port in each.get("ports", ())]
    if len([port for port in ports if port.get("hostPort")]) > 1:
        del spec["containers"][1]
    return {"metadata": {"name": "p"}, "spec": spec}


def security_levels() -> SearchStrategy[tuple[str, str]]:
    """A level and a version, as labels have them."""
    versions = st.sampled_from(
        ("latest", "v1.0", "v1.18", "v1.22", "v1.24", "v1.28", "v1.30", "v1.34", "v1.40")
    )
    return st.tuples(st.sampled_from(("privileged", "baseline", "restricted", "restricted")), versions)
