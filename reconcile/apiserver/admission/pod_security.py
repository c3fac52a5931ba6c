"""PodSecurity: what a namespace's labels ask of pods is enforced, or warned about.

    pods         refused where `enforce` says no, else warned about
    workloads    warned about: their pods are refused when they are made
    namespaces   labels must be valid; a stricter `enforce` warns of the pods that are there

The rules and messages are those of k8s.io/pod-security-admission, without exemptions, as by default. Nothing
is audited here, so the mode `audit` is only checked for its form.
"""

from __future__ import annotations

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.pod_security.levels import PRIVILEGED, Level, policy_of, stricter
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import internal_error, invalid

_WORKLOADS = frozenset(
    {
        "replicationcontrollers", "podtemplates", "replicasets.apps", "deployments.apps", "statefulsets.apps",
        "daemonsets.apps", "jobs.batch", "cronjobs.batch",
    }
)  # fmt: skip
_IGNORED = frozenset({"exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"})
_CHECKED_PODS = 3000


class PodSecurity(AdmissionPlugin):
    name = "PodSecurity"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if operation not in ("CREATE", "UPDATE"):
            return False
        name = resource.type.group_resource
        if name == "pods":
            return subresource not in _IGNORED
        return not subresource and (name == "namespaces" or name in _WORKLOADS)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        if obj is None:
            return
        if attributes.resource.type.group_resource == "namespaces":
            self._namespace(attributes, obj)
            return
        namespace = attributes.context.access.read("namespaces", "", attributes.namespace)
        pods = attributes.resource.type.plural == "pods"
        if namespace is None:
            if pods:
                raise internal_error(f'failed to lookup namespace "{attributes.namespace}"')
            return
        policy, _ = policy_of(namespace["metadata"].get("labels"))
        if policy.warn.name == PRIVILEGED and (not pods or policy.enforce.name == PRIVILEGED):
            return
        if not pods:
            template = _template(obj)
            if template is not None:
                self._warn(attributes, policy.warn, template)
            return
        old = attributes.old_object
        if attributes.operation == "UPDATE" and old is not None and not _matters(obj, old):
            return
        if text := _against(policy.enforce, obj):
            raise refused(attributes, f'violates PodSecurity "{policy.enforce}": {text}')
        self._warn(attributes, policy.warn, obj)

    @staticmethod
    def _warn(attributes: AdmissionAttributes, level: Level, pod: JSONObject) -> None:
        if text := _against(level, pod):
            attributes.context.warnings.append(f'would violate PodSecurity "{level}": {text}')

    def _namespace(self, attributes: AdmissionAttributes, obj: JSONObject) -> None:
        policy, errors = policy_of(obj["metadata"].get("labels"))
        old = attributes.old_object
        before, errors_before = policy_of(None if old is None else old["metadata"].get("labels"))
        if errors and errors != errors_before:
            raise invalid("", "Namespace", attributes.name, errors)
        enforce = policy.enforce
        if old is None or enforce == before.enforce or enforce.name == PRIVILEGED:
            return
        if enforce.minor == before.enforce.minor and not stricter(enforce.name, before.enforce.name):
            return
        pods = attributes.context.access.read_all("pods", attributes.name)
        attributes.context.warnings.extend(_existing(attributes.name, enforce, pods))


def _against(level: Level, pod: JSONObject) -> str:
    if level.name == PRIVILEGED:
        return ""
    from reconcile.apiserver.pod_security.evaluation import findings, in_detail

    return in_detail(findings(level, pod.get("metadata") or {}, pod.get("spec") or {}))


def _template(obj: JSONObject) -> JSONObject | None:
    """The pod that a workload makes."""
    if obj["kind"] == "PodTemplate":
        return obj.get("template")
    spec: JSONObject = obj.get("spec") or {}
    if obj["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec.get("template")


def _matters(new: JSONObject, old: JSONObject) -> bool:
    """Whether an update changes what is judged: containers come or go, or get another image."""
    spec, before = new["spec"], old["spec"]
    for key in ("containers", "initContainers"):
        here, there = spec.get(key) or [], before.get(key) or []
        if [each.get("image") for each in here] != [each.get("image") for each in there]:
            return True
    known = {each.get("name"): each.get("image") for each in before.get("ephemeralContainers") or ()}
    return any(
        each.get("name") not in known or known[each.get("name")] != each.get("image")
        for each in spec.get("ephemeralContainers") or ()
    )


def _existing(namespace: str, level: Level, pods: list[JSONObject]) -> list[str]:
    """The warnings about pods that are there already, one for each sort of violation."""
    from reconcile.apiserver.pod_security.evaluation import findings, in_short

    checked = _one_of_each_controller_first(pods)[:_CHECKED_PODS]
    by_text: dict[str, list[str]] = {}
    for pod in checked:
        if text := in_short(findings(level, pod["metadata"], pod.get("spec") or {})):
            by_text.setdefault(text, []).append(pod["metadata"]["name"])
    warnings: list[str] = []
    if len(checked) < len(pods):
        first = f"the first {len(checked)} of {len(pods)} existing pods"
        warnings.append(f"new PodSecurity enforce level only checked against {first}")
    if by_text:
        text = f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{level}"'
        warnings.append(text)
    return warnings + sorted(f"{min(names)}{_others(len(names))}: {text}" for text, names in by_text.items())


def _others(count: int) -> str:
    if count == 1:
        return ""
    return " (and 1 other pod)" if count == 2 else f" (and {count - 1} other pods)"


def _one_of_each_controller_first(pods: list[JSONObject]) -> list[JSONObject]:
    first: list[JSONObject] = []
    others: list[JSONObject] = []
    seen: set[str] = set()
    for pod in pods:
        owners: list[JSONObject] = pod["metadata"].get("ownerReferences") or []
        controller = next((owner.get("uid") or "" for owner in owners if owner.get("controller")), None)
        if controller is None or controller not in seen:
            first.append(pod)
        else:
            others.append(pod)
        if controller is not None:
            seen.add(controller)
    return first + others
