"""Whether what a pod asks for as a whole fits what its containers ask for, in upstream's words."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported
from reconcile.apiserver.limits.amounts import amounts
from reconcile.apiserver.limits.pod_resources import of_containers, pod_level
from reconcile.apiserver.strategies.checks import resource_name
from reconcile.apiserver.strategies.container_resources import container_resources

JSONObject = dict[str, Any]


def _name_errors(field: str, name: str) -> list[FieldError]:
    errors = resource_name(field, name)
    if errors or pod_level(name):
        return errors
    return [not_supported(field, name, ("cpu", "hugepages-", "memory"))]


def pod_resource_errors(path: str, spec: JSONObject) -> list[FieldError]:
    """The errors of `spec.resources` beside its containers'."""
    resources: JSONObject | None = spec.get("resources")
    if resources is None:
        return []
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    errors: list[FieldError] = []
    if resources.get("claims"):
        errors.append(forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level"))
    claims = {each["name"] for each in spec.get("resourceClaims") or () if each.get("name")}
    errors += container_resources(path, resources, claims, _name_errors)
    least = "must be greater than or equal to aggregate container"
    requests, limits = amounts(resources.get("requests")), amounts(resources.get("limits"))
    for name, amount in of_containers({"spec": spec}, "requests").items():
        if name in requests and amount > requests[name]:
            text = f"{least} requests of {amount}"
            errors.append(invalid(f"{path}.requests[{name}]", str(requests[name]), text))
    for name, amount in of_containers({"spec": spec}, "limits").items():
        if name.startswith("hugepages-") and name in limits and amount > limits[name]:
            text = f"{least} limits of {amount}"
            errors.append(invalid(f"{path}.limits[{name}]", str(limits[name]), text))
    for index, container in enumerate(spec.get("containers") or ()):
        for name, amount in amounts((container.get("resources") or {}).get("limits")).items():
            if name in limits and amount > limits[name]:
                text = f"must be less than or equal to pod limits of {limits[name]}"
                field = f"{path}.containers[{index}][{name}].limits"
                errors.append(invalid(field, str(amount), text))
    return errors
