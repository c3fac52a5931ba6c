"""What admission gives pods and nodes: service account, priority, tolerations, the first taint."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, Operation
from reconcile.apiserver.resources import Resource

JSONObject = dict[str, Any]

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_MIRROR = "kubernetes.io/config.mirror"


class _PodPlugin(AdmissionPlugin):
    operations: tuple[Operation, ...] = ("CREATE",)

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.type.group_resource == "pods" and not subresource and operation in self.operations


class ServiceAccountAdmission(_PodPlugin):
    """The pod's account: `default` when it names none; it must exist; its token is mounted."""

    name = "ServiceAccount"

    async def admit(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.object
        assert pod is not None
        spec = pod["spec"]
        if _MIRROR in (pod["metadata"].get("annotations") or {}):
            return
        name: str = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = attributes.context.access.read("serviceaccounts", attributes.namespace, name)
        if account is None:
            # Looked for by a client, to which no path leads from such a name.
            slashed = f"invalid resource name \"{name}\": [may not contain '/']"
            problem = slashed if "/" in name else f'serviceaccount "{name}" not found'
            text = f"error looking up service account {attributes.namespace}/{name}: {problem}"
            raise refused(attributes, text)
        automount = spec.get("automountServiceAccountToken")
        if automount is None:
            automount = account.get("automountServiceAccountToken")
        if automount is not False:
            self._mount_token(spec, attributes)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(each) for each in account["imagePullSecrets"]]

    @staticmethod
    def _mount_token(spec: JSONObject, attributes: AdmissionAttributes) -> None:
        dice = attributes.context.access.runtime.random
        suffix = "".join(dice.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        name = f"kube-api-access-{suffix}"
        mounted = False
        for kind in ("initContainers", "containers"):
            for container in spec.get(kind) or ():
                mounts: list[JSONObject] = container.get("volumeMounts") or []
                if any(mount.get("mountPath") == _TOKEN_PATH for mount in mounts):
                    continue
                mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}
                container["volumeMounts"] = [*mounts, mount]
                mounted = True
        if not mounted:
            return
        sources: list[JSONObject] = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {
                            "path": "namespace",
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                        }
                    ]
                }
            },
        ]
        volume = {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
        spec["volumes"] = [*(spec.get("volumes") or []), volume]


_SYSTEM_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


class PodPriority(AdmissionPlugin):
    """Resolves priorityClassName to a number; only one class is the global default."""

    name = "Priority"
    _classes = "priorityclasses.scheduling.k8s.io"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if subresource or operation not in ("CREATE", "UPDATE"):
            return False
        return resource.type.group_resource in ("pods", self._classes)

    async def admit(self, attributes: AdmissionAttributes) -> None:
        if attributes.resource.type.plural != "pods":
            return
        obj, old = attributes.object, attributes.old_object
        assert obj is not None
        spec = obj["spec"]
        if attributes.operation == "UPDATE":
            assert old is not None
            for key in ("priority", "preemptionPolicy"):
                if spec.get(key) is None and old["spec"].get(key) is not None:
                    spec[key] = old["spec"][key]
            return
        priority, policy = self._resolve(spec, attributes)
        given = spec.get("priority")
        if given is not None and given != priority:
            text = (
                f"the integer value of priority ({given}) must not be provided in pod spec; priority "
                f"admission controller computed {priority} from the given PriorityClass name"
            )
            raise refused(attributes, text)
        spec["priority"] = priority
        wanted = spec.get("preemptionPolicy")
        if wanted is not None and wanted != policy:
            text = (
                f"the string value of PreemptionPolicy ({wanted}) must not be provided in pod spec; priority "
                f"admission controller computed {policy} from the given PriorityClass name"
            )
            raise refused(attributes, text)
        spec["preemptionPolicy"] = policy

    def _resolve(self, spec: JSONObject, attributes: AdmissionAttributes) -> tuple[int, str]:
        access = attributes.context.access
        name = spec.get("priorityClassName")
        if name:
            found = access.read(self._classes, "", name)
            if found is None:
                if name in _SYSTEM_CLASSES:
                    return _SYSTEM_CLASSES[name], "PreemptLowerPriority"
                raise refused(attributes, f"no PriorityClass with name {name} was found")
            return found.get("value") or 0, found.get("preemptionPolicy") or "PreemptLowerPriority"
        defaults = [each for each in access.read_all(self._classes) if each.get("globalDefault")]
        if not defaults:
            return 0, "PreemptLowerPriority"
        lowest = min(defaults, key=lambda each: each.get("value") or 0)
        spec["priorityClassName"] = lowest["metadata"]["name"]
        return lowest.get("value") or 0, lowest.get("preemptionPolicy") or "PreemptLowerPriority"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        if attributes.resource.type.plural == "pods" or obj is None or not obj.get("globalDefault"):
            return
        for other in attributes.context.access.read_all(self._classes):
            if other.get("globalDefault") and other["metadata"]["name"] != obj["metadata"]["name"]:
                text = (
                    f"PriorityClass {other['metadata']['name']} is already marked as default. "
                    "Only one default can exist"
                )
                raise refused(attributes, text)


class DefaultTolerations(_PodPlugin):
    """Five minutes on a node that is not ready or not reachable, unless the pod says otherwise."""

    name = "DefaultTolerationSeconds"
    operations = ("CREATE", "UPDATE")
    _keys = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

    async def admit(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.object
        assert pod is not None
        given: list[JSONObject] = pod["spec"].get("tolerations") or []
        added = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in self._keys
            if not any(
                each.get("key") in (key, None, "") and each.get("effect") in ("NoExecute", None, "")
                for each in given
            )
        ]
        if added:
            pod["spec"]["tolerations"] = [*given, *added]


_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class NodeTaints(AdmissionPlugin):
    """A new node takes no pods until something says that it is ready."""

    name = "TaintNodesByCondition"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.type.group_resource == "nodes" and not subresource and operation == "CREATE"

    async def admit(self, attributes: AdmissionAttributes) -> None:
        node = attributes.object
        assert node is not None
        taints: list[JSONObject] = node["spec"].get("taints") or []
        if not any(
            each.get("key") == _NOT_READY["key"] and each.get("effect") == "NoSchedule" for each in taints
        ):
            node["spec"]["taints"] = [*taints, dict(_NOT_READY)]
