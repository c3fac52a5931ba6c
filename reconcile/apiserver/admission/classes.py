"""What classes and nodes give to pods and ingresses: runtime classes, the default ingress class, topology."""

from __future__ import annotations

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.limits.amounts import amounts
from reconcile.apiserver.resources import Resource


class RuntimeClass(AdmissionPlugin):
    """A pod of a runtime class gets its overhead, node selector and tolerations, and may not have others."""

    name = "RuntimeClass"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.type.group_resource == "pods" and operation == "CREATE" and not subresource

    def _class_of(self, attributes: AdmissionAttributes, pod: JSONObject) -> JSONObject:
        name = pod["spec"].get("runtimeClassName")
        if name is None:
            return {}
        found = attributes.context.access.read("runtimeclasses.node.k8s.io", "", name)
        if found is None:
            raise refused(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return found

    async def admit(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.object
        assert pod is not None
        runtime_class = self._class_of(attributes, pod)
        spec: JSONObject = pod["spec"]
        overhead: JSONObject | None = runtime_class.get("overhead")
        if overhead is not None:
            fixed: JSONObject = overhead.get("podFixed") or {}
            if spec.get("overhead") and amounts(spec["overhead"]) != amounts(fixed):
                raise _wrong_overhead(attributes)
            if fixed:
                spec["overhead"] = dict(fixed)
        scheduling: JSONObject | None = runtime_class.get("scheduling")
        if scheduling is None:
            return
        selector: dict[str, str] = spec.get("nodeSelector") or {}
        for key, value in sorted((scheduling.get("nodeSelector") or {}).items()):
            if selector.get(key, value) != value:
                raise refused(
                    attributes,
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                    f"pod.spec.nodeSelector[{key}] = {selector[key]}",
                )
            selector = {**selector, key: value}
        if selector:
            spec["nodeSelector"] = selector
        merged = merged_tolerations(
            [*(spec.get("tolerations") or ()), *(scheduling.get("tolerations") or ())]
        )
        if merged:
            spec["tolerations"] = merged

    async def validate(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.object
        assert pod is not None
        overhead: JSONObject | None = self._class_of(attributes, pod).get("overhead")
        given: JSONObject | None = pod["spec"].get("overhead")
        if overhead is not None:
            if amounts(overhead.get("podFixed")) != amounts(given):
                raise _wrong_overhead(attributes)
        elif given is not None:
            text = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            raise refused(attributes, text)


def _wrong_overhead(attributes: AdmissionAttributes) -> Exception:
    text = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    return refused(attributes, text)


def merged_tolerations(given: list[JSONObject]) -> list[JSONObject]:
    """The tolerations without those that another one includes."""
    merged: list[JSONObject] = []
    for index, each in enumerate(given):
        if any(_includes(other, each) for other in merged):
            continue
        if any(other != each and _includes(other, each) for other in given[index + 1 :]):
            continue
        merged.append(dict(each))
    return merged


def _includes(wide: JSONObject, one: JSONObject) -> bool:
    if wide == one:
        return True
    operator = wide.get("operator") or ""
    if (one.get("key") or "") != (wide.get("key") or "") and (wide.get("key") or operator != "Exists"):
        return False
    if (one.get("effect") or "") != (wide.get("effect") or "") and wide.get("effect"):
        return False
    if wide.get("effect") == "NoExecute" and wide.get("tolerationSeconds") is not None:
        seconds: int | None = one.get("tolerationSeconds")
        if seconds is None or seconds > wide["tolerationSeconds"]:
            return False
    if operator in ("Equal", ""):
        return one.get("operator") == "Equal" and (one.get("value") or "") == (wide.get("value") or "")
    return operator == "Exists"


class DefaultIngressClass(AdmissionPlugin):
    """An ingress that names no class gets the newest one that is marked as default."""

    name = "DefaultIngressClass"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        wanted = resource.type.group_resource == "ingresses.networking.k8s.io"
        return wanted and operation == "CREATE" and not subresource

    async def admit(self, attributes: AdmissionAttributes) -> None:
        ingress = attributes.object
        assert ingress is not None
        annotations: JSONObject = ingress["metadata"].get("annotations") or {}
        if (ingress.get("spec") or {}).get("ingressClassName") is not None:
            return
        if "kubernetes.io/ingress.class" in annotations:
            return
        defaults = [
            each["metadata"]
            for each in attributes.context.access.read_all("ingressclasses.networking.k8s.io")
            if (each["metadata"].get("annotations") or {}).get("ingressclass.kubernetes.io/is-default-class")
            == "true"
        ]
        if defaults:
            newest = max(defaults, key=lambda meta: meta.get("creationTimestamp") or "")
            ingress.setdefault("spec", {})["ingressClassName"] = newest["name"]


_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(AdmissionPlugin):
    """A pod that gets a node gets the labels of the node's zone and region."""

    name = "PodTopologyLabels"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        wanted = resource.type.group_resource == "pods" and subresource in ("", "binding")
        return wanted and operation == "CREATE"

    async def admit(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        assert obj is not None
        if attributes.subresource == "binding":
            target: JSONObject = obj.get("target") or {}
            node_name = target.get("name") if target.get("kind") == "Node" else None
        else:
            node_name = (obj.get("spec") or {}).get("nodeName")
        if not node_name:
            return
        node = attributes.context.access.read("nodes", "", node_name)
        labels: dict[str, str] = ((node or {}).get("metadata") or {}).get("labels") or {}
        copied = {key: labels[key] for key in _TOPOLOGY if key in labels}
        if copied:
            obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), **copied}
