"""Defaults of deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs and autoscalers."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.schemas.decoding import UnreadableError

JSONObject = dict[str, Any]

_ROLLBACK = "deprecated.deployment.rollback.to"
_GENERATION = "deprecated.daemonset.template.generation"
_INTEGER = re.compile(r"[+-]?[0-9]+")


def _absent(obj: JSONObject, key: str, value: Any) -> None:
    if obj.get(key) is None:
        obj[key] = value


def _empty(obj: JSONObject, key: str, value: Any) -> None:
    if not obj.get(key):
        obj[key] = value


def _integer(text: str) -> int:
    """As Go reads it. Raises UnreadableError."""
    if not _INTEGER.fullmatch(text):
        problem = "invalid syntax"
    elif -(2**63) <= int(text) < 2**63:
        return int(text)
    else:
        problem = "value out of range"
    raise UnreadableError(f"strconv.ParseInt: parsing {go_quote(text)}: {problem}")


def deployment(obj: JSONObject) -> None:
    # A field of the internal type; of the served ones it is an annotation.
    annotations: JSONObject = obj["metadata"].get("annotations") or {}
    revision: str | None = annotations.get(_ROLLBACK)
    if revision:
        try:
            annotations[_ROLLBACK] = str(_integer(revision))
        except UnreadableError as error:
            place = f"annotation[{_ROLLBACK}]={revision}"
            raise UnreadableError(f"failed to parse {place} as int64: {error}") from None
    spec = obj["spec"]
    _absent(spec, "replicas", 1)
    strategy = spec["strategy"]
    _empty(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _absent(strategy, "rollingUpdate", {})
        _absent(strategy["rollingUpdate"], "maxUnavailable", "25%")
        _absent(strategy["rollingUpdate"], "maxSurge", "25%")
    _absent(spec, "revisionHistoryLimit", 10)
    _absent(spec, "progressDeadlineSeconds", 600)


def replica_set(obj: JSONObject) -> None:
    _absent(obj["spec"], "replicas", 1)


def stateful_set(obj: JSONObject) -> None:
    spec = obj["spec"]
    _empty(spec, "podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        _absent(strategy, "rollingUpdate", {})
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "RollingUpdate" and rolling is not None:
        _absent(rolling, "partition", 0)
    _absent(spec, "persistentVolumeClaimRetentionPolicy", {})
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
    retention = spec["persistentVolumeClaimRetentionPolicy"]
    _empty(retention, "whenDeleted", "Retain")
    _empty(retention, "whenScaled", "Retain")
    _absent(spec, "replicas", 1)
    _absent(spec, "revisionHistoryLimit", 10)


def daemon_set(obj: JSONObject) -> None:
    # As the rollback of deployments; this one is always there.
    annotations: JSONObject = obj["metadata"].get("annotations") or {}
    generation = _integer(annotations.get(_GENERATION, "0"))
    obj["metadata"]["annotations"] = {**annotations, _GENERATION: str(generation)}
    spec = obj["spec"]
    strategy = spec["updateStrategy"]
    _empty(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _absent(strategy, "rollingUpdate", {})
        _absent(strategy["rollingUpdate"], "maxUnavailable", 1)
        _absent(strategy["rollingUpdate"], "maxSurge", 0)
    _absent(spec, "revisionHistoryLimit", 10)


def job(obj: JSONObject) -> None:
    spec = obj["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _absent(spec, "parallelism", 1)
    _absent(spec, "backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    labels = spec["template"]["metadata"].get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)
    _absent(spec, "completionMode", "NonIndexed")
    _absent(spec, "suspend", False)
    failed_only = spec.get("podFailurePolicy") is not None
    _absent(spec, "podReplacementPolicy", "Failed" if failed_only else "TerminatingOrFailed")
    _absent(spec, "manualSelector", False)


def pod_condition_pattern(obj: JSONObject) -> None:
    _empty(obj, "status", "True")


def cron_job(obj: JSONObject) -> None:
    spec = obj["spec"]
    _empty(spec, "concurrencyPolicy", "Allow")
    _absent(spec, "suspend", False)
    _absent(spec, "successfulJobsHistoryLimit", 3)
    _absent(spec, "failedJobsHistoryLimit", 1)


def _scaling_rules(rules: JSONObject | None, *, up: bool) -> JSONObject:
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    policies = [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent] if up else [percent]
    result: JSONObject = {"selectPolicy": "Max", "policies": policies}
    if up:
        result["stabilizationWindowSeconds"] = 0
    result.update({key: value for key, value in (rules or {}).items() if value is not None})
    return result


def autoscaler(obj: JSONObject) -> None:
    spec = obj["spec"]
    _absent(spec, "minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        behavior["scaleUp"] = _scaling_rules(behavior.get("scaleUp"), up=True)
        behavior["scaleDown"] = _scaling_rules(behavior.get("scaleDown"), up=False)


def autoscaler_v1(obj: JSONObject) -> None:
    _absent(obj["spec"], "minReplicas", 1)
    _absent(obj["spec"], "targetCPUUtilizationPercentage", 80)


FUNCTIONS = {
    "io.k8s.api.apps.v1.Deployment": deployment,
    "io.k8s.api.apps.v1.ReplicaSet": replica_set,
    "io.k8s.api.apps.v1.StatefulSet": stateful_set,
    "io.k8s.api.apps.v1.DaemonSet": daemon_set,
    "io.k8s.api.batch.v1.Job": job,
    "io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern": pod_condition_pattern,
    "io.k8s.api.batch.v1.CronJob": cron_job,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": autoscaler,
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler": autoscaler_v1,
}
