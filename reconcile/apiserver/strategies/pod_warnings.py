"""What a client is told about a pod, or a template, that is accepted: odd, deprecated or without effect.

The rules are those of kube-apiserver's `pkg/api/pod/warnings.go`.
"""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import ip_warnings
from reconcile.apiserver.strategies.claims import claim_spec_warnings
from reconcile.apiserver.strategies.node_labels import DEPRECATED_LABELS, term_warnings
from reconcile.apiserver.strategies.pod_app_armor import annotated_profile
from reconcile.apiserver.strategies.pod_parts import every_container
from reconcile.objects.names import dns_label_problems

JSONObject = dict[str, Any]
Containers = list[tuple[str, JSONObject]]

_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
_VOLUMES = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "ephemeral": ("", ""),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_NO_SELECTOR = "a null labelSelector results in matching no pod"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'


def pod_warnings(new: JSONObject) -> list[str]:
    used = "in the Pod's hostname"
    warnings = name_warnings(new["metadata"].get("name") or "", used)
    return warnings + _warnings("", new.get("spec") or {}, new["metadata"], template=False)


def template_warnings(path: str, template: JSONObject, old: JSONObject | None) -> list[str]:
    return _warnings(f"{path}.", template.get("spec") or {}, template.get("metadata") or {}, template=True)


def name_warnings(name: str, used: str = "in Pod names and hostnames") -> list[str]:
    """A name that will not do as that of a pod's host."""
    problems = dns_label_problems(name)
    if not problems:
        return []
    text = f"metadata.name: this is used {used}, which can result in surprising behavior; "
    return [f"{text}a DNS label is recommended: [{' '.join(problems)}]"]


def _warnings(path: str, spec: JSONObject, metadata: JSONObject, *, template: bool) -> list[str]:
    annotations: JSONObject = metadata.get("annotations") or {}
    warnings = _placement(f"{path}spec", spec)
    warnings += [
        f"{path}metadata.annotations[{key}]: {text}"
        for key, text in _ANNOTATIONS.items()
        if key in annotations
    ]
    if spec.get("volumes"):
        warnings += _volumes(f"{path}spec.volumes", spec["volumes"])
    warnings += _repeats(f"{path}spec.hostAliases", spec.get("hostAliases") or [], "ip")
    secrets: list[JSONObject] = spec.get("imagePullSecrets") or []
    warnings += _repeats(f"{path}spec.imagePullSecrets", secrets, "name")
    warnings += [
        f'{path}spec.imagePullSecrets[{index}].name: invalid empty name ""'
        for index, secret in enumerate(secrets)
        if not secret.get("name")
    ]
    warnings += _fractions(f"{path}spec.overhead", spec.get("overhead"))
    seccomp = "seccomp.security.alpha.kubernetes.io/pod"
    if seccomp in annotations and (spec.get("securityContext") or {}).get("seccompProfile") is None:
        warnings.append(f"{path}metadata.annotations[{seccomp}]: {_SECCOMP}")
    containers = list(every_container(f"{path}spec", spec))
    for where, container in containers:
        warnings += _container(path, where, container, annotations)
        if template:
            of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
            warnings += _app_armor(path, container, annotations, of_pod)
    warnings += _ports(containers) + _port_names(containers)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        warnings.append(f"{path}spec.terminationGracePeriodSeconds: {text}")
    return warnings + _affinity(f"{path}spec.affinity", spec) + _addresses(f"{path}spec", spec)


def _placement(path: str, spec: JSONObject) -> list[str]:
    warnings = [
        f"{path}.nodeSelector[{key}]: {DEPRECATED_LABELS[key]}"
        for key in spec.get("nodeSelector") or ()
        if key in DEPRECATED_LABELS
    ]
    node: JSONObject = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    where = f"{path}.affinity.nodeAffinity"
    needed: JSONObject = node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for index, term in enumerate(needed.get("nodeSelectorTerms") or ()):
        field = f"{where}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[{index}]"
        warnings += term_warnings(field, term, values=False)
    for index, wish in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        field = f"{where}.preferredDuringSchedulingIgnoredDuringExecution[{index}].preference"
        warnings += term_warnings(field, wish.get("preference") or {}, values=True)
    for index, each in enumerate(spec.get("topologySpreadConstraints") or ()):
        field, key = f"{path}.topologySpreadConstraints[{index}]", each.get("topologyKey") or ""
        if key in DEPRECATED_LABELS:
            warnings.append(f"{field}.topologyKey: {key} is {DEPRECATED_LABELS[key]}")
        if each.get("labelSelector") is None:
            warnings.append(f"{field}.labelSelector: {_NO_SELECTOR}")
    return warnings


def _repeats(path: str, items: list[JSONObject], key: str) -> list[str]:
    seen: set[str] = set()
    warnings: list[str] = []
    for index, item in enumerate(items):
        value = item.get(key) or ""
        if value in seen:
            warnings.append(f"{path}[{index}].{key}: duplicate {key} {go_quote(value)}")
        seen.add(value)
    return warnings


def _fractions(path: str, amounts: JSONObject | None, *names: str) -> list[str]:
    return [
        f'{path}[{name}]: fractional byte value "{amounts[name]}" is invalid, must be an integer'
        for name in names or ("memory", "ephemeral-storage")
        if amounts and name in amounts and checks.fractional(amounts[name])
    ]


def _app_armor(
    path: str, container: JSONObject, annotations: JSONObject, of_pod: JSONObject | None
) -> list[str]:
    """An annotation in place of a profile. Of pods it is made one, with a warning of its own."""
    key = f"container.apparmor.security.beta.kubernetes.io/{container.get('name') or ''}"
    own = (container.get("securityContext") or {}).get("appArmorProfile")
    if key not in annotations or own is not None:
        return []
    if of_pod is not None and annotated_profile(annotations[key]) == of_pod:
        return []
    text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
    return [f"{path}metadata.annotations[{key}]: {text}"]


def _container(path: str, where: str, container: JSONObject, annotations: JSONObject) -> list[str]:
    warnings: list[str] = []
    name, context = container.get("name") or "", container.get("securityContext") or {}
    if annotations:
        key = f"container.seccomp.security.alpha.kubernetes.io/{name}"
        if key in annotations and context.get("seccompProfile") is None:
            warnings.append(f"{path}metadata.annotations[{key}]: {_SECCOMP}")
    resources: JSONObject = container.get("resources") or {}
    for resource in ("memory", "ephemeral-storage") if resources else ():
        for kind in ("limits", "requests"):
            warnings += _fractions(f"{where}.resources.{kind}", resources.get(kind), resource)
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        key = variable.get("name") or ""
        value = variable.get("value") or ""
        grown = f"$({key})" in value and value != f"$({key})" and variable.get("valueFrom") is None
        if key in seen and not grown:
            text = f"hides previous definition of {go_quote(key)}, which may be dropped when using apply"
            warnings.append(f"{where}.env[{index}]: {text}")
        seen.add(key)
    return warnings


def _ports(containers: Containers) -> list[str]:
    """Definitions of one port that get in each other's way."""
    warnings: list[str] = []
    seen: dict[tuple[int, str], list[tuple[str, JSONObject]]] = {}
    for where, container in containers:
        for index, port in enumerate(container.get("ports") or ()):
            field = f"{where}.ports[{index}]"
            address, host = port.get("hostIP") or "", port.get("hostPort") or 0
            number, protocol = port.get("containerPort") or 0, port.get("protocol") or ""
            if address and not host:
                shown = f"Name:{port.get('name') or ''} HostPort:0 ContainerPort:{number} Protocol:{protocol}"
                warnings.append(f"{field}: hostIP set without hostPort: {{{shown} HostIP:{address}}}")
            others = seen.setdefault((number, protocol), [])
            for other_field, other in others:
                other_address, other_host = other.get("hostIP") or "", other.get("hostPort") or 0
                if (address, host) == (other_address, other_host):
                    warnings.append(f"{field}: duplicate port definition with {other_field}")
                elif not host or not other_host:
                    warnings.append(f"{field}: overlapping port definition with {other_field}")
                elif host == other_host and bool(address) != bool(other_address):
                    warnings.append(f"{field}: dangerously ambiguous port definition with {other_field}")
            others.append((field, port))
    return warnings


def _port_names(containers: Containers) -> list[str]:
    warnings: list[str] = []
    seen: dict[str, str] = {}
    for where, container in containers:
        for index, port in enumerate(container.get("ports") or ()):
            name, field = port.get("name") or "", f"{where}.ports[{index}]"
            if name and name in seen:
                text = (
                    f"with {seen[name]}, services and probes that select ports by name will use {seen[name]}"
                )
                warnings.append(f"{field}: duplicate port name {go_quote(name)} {text}")
            seen.setdefault(name, field)
    return warnings


def _affinity(path: str, spec: JSONObject) -> list[str]:
    warnings: list[str] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        rules: JSONObject = (spec.get("affinity") or {}).get(kind) or {}
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        for index, term in enumerate(rules.get(key) or ()):
            if term.get("labelSelector") is None:
                warnings.append(f"{path}.{kind}.{key}[{index}].labelSelector: {_NO_SELECTOR}")
        key = "preferredDuringSchedulingIgnoredDuringExecution"
        for index, wish in enumerate(rules.get(key) or ()):
            if (wish.get("podAffinityTerm") or {}).get("labelSelector") is None:
                where = f"{path}.{kind}.{key}[{index}].podAffinityTerm.labelSelector"
                warnings.append(f"{where}: {_NO_SELECTOR}")
    return warnings


def _addresses(path: str, spec: JSONObject) -> list[str]:
    warnings: list[str] = []
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        warnings += ip_warnings(f"{path}.dnsConfig.nameservers[{index}]", server)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        warnings += ip_warnings(f"{path}.hostAliases[{index}].ip", alias.get("ip") or "")
    return warnings


def _volumes(path: str, volumes: list[JSONObject]) -> list[str]:
    warnings: list[str] = []
    for index, volume in enumerate(volumes):
        for key, (name, text) in _VOLUMES.items():
            source = volume.get(key)
            if source is None:
                continue
            if key == "ephemeral":
                where = f"{path}[{index}].ephemeral.volumeClaimTemplate.spec"
                warnings += claim_spec_warnings(
                    where, (source.get("volumeClaimTemplate") or {}).get("spec") or {}
                )
            else:
                warnings.append(f"{path}[{index}].{name}: {text}")
    for volume in volumes:
        warnings += _overlaps(volume)
    return warnings


Place = tuple[str, str]


def _overlaps(volume: JSONObject) -> list[str]:
    """Files of one volume that have the place of another, or are in it."""
    name, warnings = go_quote(volume.get("name") or ""), []
    for key, shown, named in (
        ("configMap", "ConfigMap ", "name"),
        ("secret", "Secret ", "secretName"),
        ("downwardAPI", "DownwardAPI", ""),
    ):
        source = volume.get(key)
        if source is not None and source.get("items"):
            what = shown + (go_quote(source.get(named) or "") if named else "")
            places = [((item.get("path") or ""), "") for item in source["items"]]
            warnings += [f"volume {name} ({what}): overlapping paths: {text}" for text in _found(places)]
    projected = volume.get("projected")
    if projected is None:
        return warnings
    places: list[Place] = []
    for source in projected.get("sources") or ():
        if not any(value is not None for value in source.values()):
            warnings.append(f"volume {name} (Projected) has no sources provided")
        places += _places(source)
    return warnings + [f"volume {name} (Projected): overlapping paths: {text}" for text in _found(places)]


def _places(source: JSONObject) -> list[Place]:
    for key, shown in (("configMap", "ConfigMap "), ("secret", "Secret "), ("downwardAPI", "DownwardAPI")):
        inner = source.get(key)
        if inner is not None and inner.get("items"):
            what = shown if key == "downwardAPI" else shown + go_quote(inner.get("name") or "")
            return [((item.get("path") or ""), what) for item in inner["items"]]
    if source.get("serviceAccountToken") is not None:
        return [(source["serviceAccountToken"].get("path") or "", "ServiceAccountToken")]
    bundle = source.get("clusterTrustBundle")
    if bundle is not None:
        name = bundle.get("name") if bundle.get("name") is not None else bundle.get("signerName")
        return [(bundle.get("path") or "", f"ClusterTrustBundle {go_quote(name or '')}")]
    certificate: JSONObject = source.get("podCertificate") or {}
    return [
        (certificate[key], f"PodCertificate {what}")
        for key, what in (
            ("certificateChainPath", "chain"),
            ("keyPath", "key"),
            ("credentialBundlePath", "credential bundle"),
        )
        if certificate.get(key)
    ]


def _found(places: list[Place]) -> list[str]:
    seen: list[Place] = []
    texts: list[str] = []
    for given, what in places:
        place = given.rstrip("/")
        for other, source in seen if place else ():
            near = other == place or other.startswith(f"{place}/") or place.startswith(f"{other}/")
            if other and near:
                texts.append(f"{_shown(place, what)} with {_shown(other, source)}")
        seen.append((place, what))
    return texts


def _shown(place: str, source: str) -> str:
    return f"{go_quote(place)} ({source})" if source else go_quote(place)
