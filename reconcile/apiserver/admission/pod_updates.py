"""What a pod's node can take: resizes that fit it, updates of which it is capable."""

from __future__ import annotations

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.limits.amounts import ZERO, amounts
from reconcile.apiserver.limits.pod_resources import of_pod
from reconcile.apiserver.resources import Resource


class _OfBoundPods(AdmissionPlugin):
    subresources: tuple[str, ...] = ("resize",)

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        wanted = resource.type.group_resource == "pods" and subresource in self.subresources
        return wanted and operation == "UPDATE"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        pod, old = attributes.object, attributes.old_object
        assert pod is not None and old is not None
        name: str = pod["spec"].get("nodeName") or ""
        if not name or pod["metadata"].get("generation") == old["metadata"].get("generation"):
            return
        self.check(attributes, pod, old, name)

    def check(self, attributes: AdmissionAttributes, pod: JSONObject, old: JSONObject, node: str) -> None:
        """The spec of a pod on a node changed. Raises StatusError."""
        raise NotImplementedError


def _node(attributes: AdmissionAttributes, name: str) -> JSONObject:
    found = attributes.context.access.read("nodes", "", name)
    if found is None:
        raise refused(attributes, f'node "{name}" not found')
    return found


class PodResizeValidator(_OfBoundPods):
    """A pod is not made larger than its node."""

    name = "PodResizeValidator"

    def check(self, attributes: AdmissionAttributes, pod: JSONObject, old: JSONObject, node: str) -> None:
        found = _node(attributes, node)
        system = (found["metadata"].get("labels") or {}).get("kubernetes.io/os", "linux")
        if system != "linux":
            text = f'pod resize is only supported on linux nodes, node "{node}" is "{system}"'
            raise refused(attributes, text, causes=[{"reason": "UnsupportedPlatform"}])
        allocatable = amounts((found.get("status") or {}).get("allocatable"))
        requests = of_pod(pod, "requests", with_status=False)
        beyond: list[str] = []
        for name, attribute in (("cpu", "milli_value"), ("memory", "value")):
            asked, there = requests.get(name, ZERO), allocatable.get(name, ZERO)
            if asked > there:
                asked, there = getattr(asked, attribute), getattr(there, attribute)
                beyond.append(f"{name}, requested: {asked}, allocatable: {there}")
        if beyond:
            text = f"node didn't have enough allocatable resources: {'; '.join(beyond)}"
            raise refused(attributes, text, causes=[{"reason": "NodeCapacity"}])


class NodeDeclaredFeatures(_OfBoundPods):
    """An update that only some nodes can carry out needs a node that says it can."""

    name = "NodeDeclaredFeatureValidator"
    subresources = ("", "resize")

    def check(self, attributes: AdmissionAttributes, pod: JSONObject, old: JSONObject, node: str) -> None:
        needed = features_needed(pod["spec"], old["spec"])
        if not needed:
            return
        declared = (_node(attributes, node).get("status") or {}).get("declaredFeatures") or ()
        lacking = [name for name in needed if name not in declared]
        if lacking:
            what = f"features {', '.join(lacking)}"
            raise refused(attributes, f'pod update requires {what} which are not available on node "{node}"')


def features_needed(spec: JSONObject, old: JSONObject) -> list[str]:
    """What a node must be capable of to carry out the update."""
    needed: list[str] = []
    if (spec.get("resources") or {}) != (old.get("resources") or {}):
        needed.append("InPlacePodLevelResourcesVerticalScaling")
    here: dict[str, JSONObject] = {each["name"]: each for each in spec.get("initContainers") or ()}
    for each in old.get("initContainers") or ():
        now = here.get(each["name"], {})
        changed = (each.get("resources") or {}) != (now.get("resources") or {})
        if each.get("restartPolicy") != "Always" and changed:
            needed.append("InPlacePodVerticalScalingInitContainers")
            break
    return needed
