"""LimitRanger: what a namespace's limit ranges give and forbid to pods and claims."""

from __future__ import annotations

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.field_errors import aggregate
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.limits import limit_ranges
from reconcile.apiserver.resources import Resource


class LimitRanger(AdmissionPlugin):
    """Defaults of containers first; minima, maxima and ratios once everything else has had its say."""

    name = "LimitRanger"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        match resource.type.group_resource:
            case "pods":
                return (operation, subresource) in (("CREATE", ""), ("UPDATE", "resize"))
            case "persistentvolumeclaims":
                return operation in ("CREATE", "UPDATE") and not subresource
            case _:
                return False

    def _ranges(self, attributes: AdmissionAttributes) -> list[JSONObject]:
        old = attributes.old_object
        if old is not None and old["metadata"].get("deletionTimestamp"):
            return []
        return attributes.context.access.read_all("limitranges", attributes.namespace)

    async def admit(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        if obj is not None and attributes.resource.type.plural == "pods":
            for limit_range in self._ranges(attributes):
                limit_ranges.set_defaults(obj, limit_range)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        if obj is None:
            return
        pods = attributes.resource.type.plural == "pods"
        judge = limit_ranges.pod_problems if pods else limit_ranges.claim_problems
        for limit_range in self._ranges(attributes):
            problems = judge(obj, limit_range)
            if problems:
                raise refused(attributes, aggregate(problems))
