"""The row of a pod: what its containers' states add up to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reconcile.apiserver.tables.durations import parse, since

JSONObject = dict[str, Any]


def _init_status(pod: JSONObject, statuses: list[JSONObject]) -> tuple[str, bool]:
    """The reason while init containers run; else empty. Also whether they are still at it."""
    spec = {each["name"]: each for each in pod["spec"].get("initContainers") or ()}
    for index, container in enumerate(statuses):
        state = container.get("state") or {}
        sidecar = spec.get(container["name"], {}).get("restartPolicy") == "Always"
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if sidecar and container.get("started"):
            continue
        if terminated is not None:
            if terminated.get("reason"):
                return f"Init:{terminated['reason']}", True
            if terminated.get("signal"):
                return f"Init:Signal:{terminated['signal']}", True
            return f"Init:ExitCode:{terminated.get('exitCode', 0)}", True
        if waiting is not None and waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}", True
        return f"Init:{index}/{len(spec)}", True
    return "", False


def pod_cells(pod: JSONObject, now: datetime) -> list[Any]:
    spec, status = pod["spec"], pod.get("status") or {}
    reason: str = status.get("reason") or status.get("phase") or ""
    conditions = status.get("conditions") or ()
    if any(each["type"] == "PodScheduled" and each.get("reason") == "SchedulingGated" for each in conditions):
        reason = "SchedulingGated"
    restartable = {
        each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"
    }
    total = len(spec.get("containers") or ()) + len(restartable)
    ready = restarts = 0
    last: datetime | None = None
    init_statuses: list[JSONObject] = status.get("initContainerStatuses") or []

    def count(container: JSONObject) -> None:
        nonlocal restarts, last
        restarts += container.get("restartCount") or 0
        finished = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        if finished and (last is None or parse(finished) > last):
            last = parse(finished)

    for container in init_statuses:
        count(container)
        if container["name"] in restartable and container.get("started") and container.get("ready"):
            ready += 1
    initializing_reason, initializing = _init_status(pod, init_statuses)
    if initializing:
        reason = initializing_reason
    if not initializing or _initialized(conditions):
        if not initializing:
            restarts, last = 0, None
            for container in init_statuses:
                if container["name"] in restartable:
                    count(container)
        running = False
        for container in reversed(status.get("containerStatuses") or []):
            count(container)
            state = container.get("state") or {}
            waiting, terminated = state.get("waiting"), state.get("terminated")
            if waiting is not None and waiting.get("reason"):
                reason = waiting["reason"]
            elif terminated is not None and terminated.get("reason"):
                reason = terminated["reason"]
            elif terminated is not None:
                signal, code = terminated.get("signal"), terminated.get("exitCode", 0)
                reason = f"Signal:{signal}" if signal else f"ExitCode:{code}"
            elif container.get("ready") and state.get("running") is not None:
                running = True
                ready += 1
        if reason == "Completed" and running:
            is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
            reason = "Running" if is_ready else "NotReady"
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            reason = "Unknown"
        elif status.get("phase") not in ("Failed", "Succeeded"):
            reason = "Terminating"
    restarts_text = str(restarts)
    if restarts and last is not None:
        restarts_text = f"{restarts} ({since(last.isoformat(), now)} ago)"
    ips = status.get("podIPs") or ()
    gates = spec.get("readinessGates") or ()
    passed = sum(
        1
        for gate in gates
        if any(each["type"] == gate["conditionType"] and each["status"] == "True" for each in conditions)
    )
    return [
        pod["metadata"]["name"],
        f"{ready}/{total}",
        reason,
        restarts_text,
        since(pod["metadata"].get("creationTimestamp"), now),
        (ips[0]["ip"] if ips else status.get("podIP")) or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        f"{passed}/{len(gates)}" if gates else "<none>",
    ]


def _initialized(conditions: Any) -> bool:
    return any(each["type"] == "Initialized" and each["status"] == "True" for each in conditions)
