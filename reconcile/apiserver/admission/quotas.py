"""ResourceQuota: nothing is made that does not fit its namespace's quotas; what fits is charged at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import StatusError

if TYPE_CHECKING:
    from reconcile.apiserver.limits.amounts import Amounts
    from reconcile.apiserver.limits.evaluators import Evaluator

_IGNORED = frozenset({"bindings", "componentstatuses", "events", "events.events.k8s.io"})
_CHANGING = frozenset({"pods", "services", "persistentvolumeclaims", "resourceclaims.resource.k8s.io"})
_ATTEMPTS = 4


class ResourceQuota(AdmissionPlugin):
    """Charges a request to the quotas it concerns before it is carried out, as the real server does.

    What fails after that stays charged until the quota controller counts again. Dry runs are not charged.
    """

    name = "ResourceQuota"

    def __init__(self) -> None:
        self._evaluators: dict[str, Evaluator] = {}

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        kind = resource.type
        if not kind.namespaced or kind.group_resource in _IGNORED or resource.action is not None:
            return False
        if operation == "CREATE":
            return not subresource
        if operation != "UPDATE" or kind.group_resource not in _CHANGING:
            return False
        allowed = {"pods": "resize", "persistentvolumeclaims": "status"}.get(kind.plural)
        return not subresource or subresource == allowed

    def _evaluator(self, group_resource: str) -> Evaluator:
        found = self._evaluators.get(group_resource)
        if found is None:
            from reconcile.apiserver.limits.evaluators import evaluator_for

            found = self._evaluators[group_resource] = evaluator_for(group_resource)
        return found

    async def validate(self, attributes: AdmissionAttributes) -> None:
        access, new = attributes.context.access, attributes.object
        quotas = access.read_all("resourcequotas", attributes.namespace)
        if not quotas or new is None:
            return
        from reconcile.apiserver.limits.quotas import QuotaExceededError, charged

        evaluator = self._evaluator(attributes.resource.type.group_resource)
        if not evaluator.handles(attributes.operation, attributes.subresource, new, attributes.old_object):
            return
        limited = attributes.subresource != "status"
        for _ in range(_ATTEMPTS):
            try:
                after = charged(
                    quotas, evaluator, new, attributes.old_object, access, attributes.context.now,
                    limited=limited,
                )  # fmt: skip
            except QuotaExceededError as error:
                raise refused(attributes, str(error)) from None
            if attributes.dry_run or not after:
                return
            # What was charged stays charged: only the quotas that changed meanwhile are looked at again.
            late = [
                quotas[index]["metadata"]["name"]
                for index, used in after.items()
                if not await self._charge(attributes, quotas[index], used)
            ]
            if not late:
                return
            now = access.read_all("resourcequotas", attributes.namespace)
            quotas = [quota for quota in now if quota["metadata"]["name"] in late]
        raise StatusError("resource quota evaluation timed out", code=500, reason="InternalError", details={})

    async def _charge(self, attributes: AdmissionAttributes, quota: JSONObject, used: Amounts) -> bool:
        """Write what is used, unless the quota has changed since it was read."""
        meta: JSONObject = quota["metadata"]
        try:
            await attributes.context.access.update(
                "resourcequotas",
                attributes.namespace,
                meta["name"],
                _unchanged(meta, used),
                subresource="status",
            )
        except StatusError as error:
            if error.reason in ("Conflict", "NotFound"):
                return False
            raise
        return True


def _unchanged(meta: JSONObject, used: Amounts) -> Callable[[JSONObject], JSONObject]:
    from reconcile.apiserver.limits.amounts import shown
    from reconcile.apiserver.status import conflict

    def change(obj: JSONObject) -> JSONObject:
        if obj["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise conflict("", "resourcequotas", meta["name"])
        obj["status"]["used"] = shown(used)
        return obj

    return change
