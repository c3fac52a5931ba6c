"""NamespaceLifecycle: nothing is written where there is no namespace, nor created where it is going."""

from __future__ import annotations

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, Operation
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import not_found

_PERMANENT = ("default", "kube-system", "kube-public")


class NamespaceLifecycle(AdmissionPlugin):
    name = "NamespaceLifecycle"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation != "CONNECT"

    async def admit(self, attributes: AdmissionAttributes) -> None:
        kind = attributes.resource.type
        if attributes.operation == "DELETE":
            if kind.group_resource == "namespaces" and attributes.name in _PERMANENT:
                text = "this namespace may not be deleted"
                raise refused(attributes, text)
            return
        if not attributes.namespace or kind.group_resource == "namespaces":
            return
        if attributes.resource.action is not None:
            return
        fields = attributes.context.access.fields("namespaces", "", attributes.namespace)
        if fields is None:
            raise not_found("", "namespaces", attributes.namespace)
        if attributes.operation != "CREATE" or fields.get("status.phase") != "Terminating":
            return
        text = (
            f"unable to create new content in namespace {attributes.namespace} because it is being terminated"
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {attributes.namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise refused(attributes, text, causes=[cause])
