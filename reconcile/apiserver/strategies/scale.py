"""The scale subresource: replicas and selector of anything that has them, as autoscaling/v1 Scale."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.status import StatusError
from reconcile.objects.selectors import Selector

JSONObject = dict[str, Any]


def _at(obj: JSONObject, path: tuple[str, ...]) -> Any:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class ScaleProjection:
    """Where a kind has its replicas and its selector."""

    def __init__(
        self,
        *,
        spec_replicas: tuple[str, ...] = ("spec", "replicas"),
        status_replicas: tuple[str, ...] = ("status", "replicas"),
        selector: tuple[str, ...] | None = ("spec", "selector"),
        must_have_replicas: bool = False,
    ) -> None:
        self._spec_replicas = spec_replicas
        self._status_replicas = status_replicas
        self._selector = selector
        self._must_have_replicas = must_have_replicas

    @property
    def managed_path(self) -> tuple[str, ...]:
        """Where the object has its replicas, as managed fields name it."""
        return tuple(f"f:{key}" for key in self._spec_replicas)

    def read(self, obj: JSONObject, context: RequestContext) -> JSONObject:
        meta = obj["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        replicas = _at(obj, self._spec_replicas)
        if replicas is None and self._must_have_replicas:
            text = f'the spec replicas field "{".".join(("", *self._spec_replicas))}" does not exist'
            raise StatusError(
                f"Internal error occurred: {text}",
                code=500,
                reason="InternalError",
                details={"causes": [{"message": text}]},
            )
        spec: JSONObject = {"replicas": replicas} if replicas else {}
        status: JSONObject = {"replicas": _at(obj, self._status_replicas) or 0}
        if self._selector is not None:
            given = _at(obj, self._selector)
            if isinstance(given, str):
                text = given
            elif isinstance(given, dict) and ("matchLabels" in given or "matchExpressions" in given):
                text = str(Selector.from_api(given))
            elif isinstance(given, dict):
                text = ",".join(f"{key}={value}" for key, value in sorted(given.items()))
            else:
                text = ""
            if text:
                status["selector"] = text
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {key: meta[key] for key in kept if key in meta},
            "spec": spec,
            "status": status,
        }

    def write(self, obj: JSONObject, body: JSONObject, context: RequestContext) -> None:
        target = obj
        for key in self._spec_replicas[:-1]:
            target = target.setdefault(key, {})
        target[self._spec_replicas[-1]] = (body.get("spec") or {}).get("replicas") or 0
        version = body["metadata"].get("resourceVersion")
        if version:
            obj["metadata"]["resourceVersion"] = version

    def validate(self, body: JSONObject, context: RequestContext) -> list[FieldError]:
        replicas = (body.get("spec") or {}).get("replicas") or 0
        if replicas < 0 and not self._must_have_replicas:
            return [invalid("spec.replicas", replicas, "must be greater than or equal to 0")]
        return []
