"""Deployments, replica sets, replication controllers, stateful sets, daemon sets, jobs, cron jobs."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.pod_spec import template_errors
from reconcile.apiserver.strategies.pod_warnings import name_warnings, template_warnings
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.names import dns_subdomain_problems

JSONObject = dict[str, Any]

_ROLLBACK = "deprecated.deployment.rollback.to"


def _selector_errors(spec: JSONObject, owner: str) -> list[FieldError]:
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    errors = checks.label_selector("spec.selector", selector)
    if checks.selects_nothing_given(selector):
        errors.append(invalid("spec.selector", selector, f"empty selector is invalid for {owner}"))
    return errors


def _template_errors(spec: JSONObject, selector: JSONObject | None, *, owner: str) -> list[FieldError]:
    """The template matches the selector, is valid, restarts always and has no deadline."""
    path = "spec.template"
    template: JSONObject = spec.get("template") or {"metadata": {}, "spec": {}}
    parsed = checks.parsed_selector(selector)
    if parsed is None:
        return [invalid("spec.selector", checks.shown_selector(selector or {}), "invalid label selector")]
    errors: list[FieldError] = []
    found = (template.get("metadata") or {}).get("labels")
    if not parsed.selects_everything and not parsed.matches(found):
        text = "`selector` does not match template `labels`"
        errors.append(invalid(f"{path}.metadata.labels", found, text))
    errors += template_errors(path, template)
    return errors + _restarts(path, template, owner=owner)


def _restarts(path: str, template: JSONObject, *, owner: str) -> list[FieldError]:
    pod: JSONObject = template.get("spec") or {}
    errors: list[FieldError] = []
    if pod.get("restartPolicy") != "Always":
        policy = pod.get("restartPolicy") or ""
        errors.append(not_supported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {owner} is not Supported"
        errors.append(forbidden(f"{path}.spec.activeDeadlineSeconds", text))
    return errors


def workload_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    if old is None:
        warnings = name_warnings(new["metadata"].get("name") or "")
        return warnings + template_warnings("spec.template", new["spec"].get("template") or {}, None)
    if new["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    return template_warnings("spec.template", new["spec"].get("template") or {}, old["spec"].get("template"))


def controller_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    # On an update it is the old template that upstream looks at.
    return (
        workload_warnings(new, None) if old is None else workload_warnings({**new, "spec": old["spec"]}, old)
    )


def pod_template_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    if old is not None and new["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    return template_warnings("template", new.get("template") or {}, (old or {}).get("template"))


class DeploymentStrategy(KindStrategy):
    """An annotation that stands for a field of the internal type says nothing when it is empty."""

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        super().default(obj, context)
        if context.verb == "create":
            _drop_empty_rollback(obj["metadata"])

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        # To have written it is a change, all the same.
        super().prepare_for_update(new, old, context)
        _drop_empty_rollback(new["metadata"])


def _drop_empty_rollback(metadata: JSONObject) -> None:
    annotations: JSONObject = metadata.get("annotations") or {}
    if annotations.get(_ROLLBACK) == "":
        left = {key: value for key, value in annotations.items() if key != _ROLLBACK}
        if left:
            metadata["annotations"] = left
        else:
            del metadata["annotations"]


def deployment(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.non_negative(spec, "spec", "replicas") + _selector_errors(spec, "deployment")
    errors += _template_errors(spec, spec.get("selector"), owner="ReplicaSet")
    errors += _deployment_strategy(spec["strategy"])
    errors += checks.non_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit")
    revision = (obj["metadata"].get("annotations") or {}).get(_ROLLBACK)
    if revision is not None:
        errors += checks.non_negative({"version": int(revision)}, "spec.rollback", "version")
    errors += checks.non_negative(spec, "spec", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        errors.append(
            invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return errors


def _deployment_strategy(strategy: JSONObject) -> list[FieldError]:
    path = "spec.strategy"
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is None:
            return []
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", text)]
    if kind != "RollingUpdate":
        # Amounts are no pointers in Go: one that is left out is nothing.
        amounts = rolling and {"maxUnavailable": 0, "maxSurge": 0, **rolling}
        given = shown("apps.v1.DeploymentStrategy", {**strategy, "rollingUpdate": amounts})
        return [not_supported(path, given, ("Recreate", "RollingUpdate"))]
    path += ".rollingUpdate"
    if rolling is None:
        return [required(path, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = checks.int_or_percent(f"{path}.maxUnavailable", unavailable)
    errors += checks.int_or_percent(f"{path}.maxSurge", surge)
    if checks.amount_of(unavailable) == 0 and checks.amount_of(surge) == 0:
        errors.append(invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + checks.at_most_all(f"{path}.maxUnavailable", unavailable)


def fixed_selector(new: JSONObject, old: JSONObject) -> list[FieldError]:
    selector = new["spec"].get("selector")
    if checks.same(selector, old["spec"].get("selector")):
        return []
    given = None if selector is None else checks.shown_selector(selector)
    return [invalid("spec.selector", given, checks.IMMUTABLE)]


def deployment_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    keys = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    errors = checks.non_negative(
        status, "status", *keys, "unavailableReplicas", "terminatingReplicas", "collisionCount"
    )
    errors += _at_most_replicas(status, ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return errors + checks.not_decremented(status, before, "collisionCount")


def _at_most_replicas(status: JSONObject, keys: tuple[str, ...]) -> list[FieldError]:
    replicas = status.get("replicas") or 0
    errors = [
        invalid(f"status.{key}", status.get(key) or 0, "cannot be greater than status.replicas")
        for key in keys
        if (status.get(key) or 0) > replicas
    ]
    if (status.get("availableReplicas") or 0) > (status.get("readyReplicas") or 0):
        errors.append(
            invalid(
                "status.availableReplicas",
                status["availableReplicas"],
                "cannot be greater than readyReplicas",
            )
        )
    return errors


def replica_set(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.non_negative(spec, "spec", "replicas", "minReadySeconds") + _selector_errors(
        spec, "deployment"
    )
    return errors + _template_errors(spec, spec.get("selector"), owner="ReplicaSet")


def replica_set_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status = new.get("status") or {}
    keys = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    errors = checks.non_negative(status, "status", *keys, "observedGeneration", "terminatingReplicas")
    return errors + _at_most_replicas(status, keys[1:])


def replication_controller(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.non_negative(spec, "spec", "replicas", "minReadySeconds")
    selector = spec.get("selector")
    if not selector:
        errors.append(required("spec.selector"))
    if spec.get("template") is None:
        return [*errors, required("spec.template")]
    template: JSONObject = spec["template"]
    labels: JSONObject = (template.get("metadata") or {}).get("labels") or {}
    if selector and any(labels.get(key) != value for key, value in selector.items()):
        found = (template.get("metadata") or {}).get("labels")
        text = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", found, text))
    errors += template_errors("spec.template", template)
    return errors + _restarts("spec.template", template, owner="ReplicationController")


def daemon_set(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors = checks.label_selector("spec.selector", selector)
    parsed = checks.parsed_selector(selector)
    labels = (template.get("metadata") or {}).get("labels")
    if parsed is not None and not parsed.matches(labels):
        text = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, text))
    if selector is not None and checks.selects_nothing_given(selector):
        errors.append(invalid("spec.selector", selector, "empty selector is invalid for daemonset"))
    errors += template_errors("spec.template", template)
    errors += _restarts("spec.template", template, owner="DaemonSet")
    errors += checks.non_negative(spec, "spec", "minReadySeconds")
    errors += _daemon_strategy(spec["updateStrategy"])
    return errors + checks.non_negative(spec, "spec", "revisionHistoryLimit")


def _daemon_strategy(strategy: JSONObject) -> list[FieldError]:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        given = shown("apps.v1.DaemonSetUpdateStrategy", strategy)
        return [not_supported("spec.updateStrategy", given, ("RollingUpdate", "OnDelete"))]
    path = "spec.updateStrategy.rollingUpdate"
    if rolling is None:
        return [required(path)]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = checks.int_or_percent(f"{path}.maxUnavailable", unavailable)
    errors += checks.int_or_percent(f"{path}.maxSurge", surge)
    errors += checks.at_most_all(f"{path}.maxUnavailable", unavailable)
    errors += checks.at_most_all(f"{path}.maxSurge", surge)
    some, more = checks.amount_of(unavailable), checks.amount_of(surge)
    if some and more:
        errors.append(invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    elif not some and not more:
        errors.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


_DAEMON_COUNTS = (
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
    "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
)  # fmt: skip


def daemon_set_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    errors = checks.non_negative(status, "status", *_DAEMON_COUNTS)
    return errors + checks.not_decremented(status, old.get("status") or {}, "collisionCount")


class DaemonSetStrategy(KindStrategy):
    """Counts its template's generations in an annotation that predates `metadata.generation`."""

    _annotation = "deprecated.daemonset.template.generation"

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        # Whoever writes the object writes the annotation, if only to have it set right.
        annotations: JSONObject = obj["metadata"].get("annotations") or {}
        if self._annotation not in annotations:
            obj["metadata"]["annotations"] = {**annotations, self._annotation: "0"}

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        self._count(obj, max(self._counted(obj), 1))

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        self.drop_what_is_off(new)
        changed = not checks.identical(new["spec"]["template"], old["spec"]["template"])
        self._count(new, self._counted(old) + changed)
        super().prepare_for_update(new, old, context)

    def _counted(self, obj: JSONObject) -> int:
        return int((obj["metadata"].get("annotations") or {}).get(self._annotation, "0"))

    def _count(self, obj: JSONObject, value: int) -> None:
        obj["metadata"]["annotations"] = {
            **(obj["metadata"].get("annotations") or {}),
            self._annotation: str(value),
        }

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        if old is not None and self._counted(new) == self._counted(old):
            return []
        return template_warnings("spec.template", new["spec"]["template"], None)


def pod_template(obj: JSONObject) -> list[FieldError]:
    return template_errors("template", obj.get("template") or {"metadata": {}, "spec": {}})


class ReplicationControllerStrategy(KindStrategy):
    """Orphans its pods unless told otherwise."""

    def default_propagation(self, obj: JSONObject) -> Any:
        return "Orphan"


def controller_name(name: str, prefix: bool) -> list[str]:
    """Of replication controllers: a name is checked once it is there, and counted in bytes."""
    return [] if prefix else dns_subdomain_problems(name, unit="bytes")
