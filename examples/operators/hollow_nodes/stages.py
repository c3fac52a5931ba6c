"""A pod's life on a node, as a function of time. Pure.

    bound ──▶ ContainerCreating ──start──▶ Running ──ready──▶ Ready
                      │                        └──ready──▶ Succeeded / Failed  (exit-code)
                      └──▶ ImagePullBackOff  (image-pull-error)
    deleted ──stop──▶ gone

What a pod should look like follows from its annotations and from the seconds since it was first seen on
its node; the kubelet writes that status when it differs from what the server has.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime

from reconcile import format_time, set_condition
from reconcile.api.core.v1 import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    Pod,
    PodCondition,
    PodIP,
    PodStatus,
)

from .timings import Timings

PREFIX = "hollow.example.com/"
START_DELAY = PREFIX + "start-delay"
READY_DELAY = PREFIX + "ready-delay"
IMAGE_PULL_ERROR = PREFIX + "image-pull-error"
EXIT_CODE = PREFIX + "exit-code"
DEAD = PREFIX + "dead"


@dataclass(frozen=True, slots=True)
class Ages:
    """How long a kubelet has known things of a pod, in seconds.

    The times on the wire are whole seconds and a hollow node lives faster than that, so it counts by itself.

    Attributes:
        on_node: since it was first seen bound here.
        running: since its containers started; 0 while they have not.
        deleting: since it was first seen to be deleted.
    """

    on_node: float = 0.0
    running: float = 0.0
    deleting: float = 0.0


def next_status(
    pod: Pod, timings: Timings, ages: Ages, now: datetime, *, host_ip: str, pod_ip: str
) -> tuple[PodStatus, float | None]:
    """The status that a pod on a living node should have now, and the seconds until it changes next."""
    status = copy.deepcopy(pod.status)
    if status.phase in ("Succeeded", "Failed"):
        return status, None
    annotations = pod.metadata.annotations
    start = _seconds(annotations.get(START_DELAY), timings.start)
    ready = _seconds(annotations.get(READY_DELAY), timings.ready)
    status.host_ip = host_ip
    status.host_ips = [HostIP(ip=host_ip)]
    status.start_time = status.start_time or format_time(now)
    if not is_running(pod):
        pulls = IMAGE_PULL_ERROR not in annotations
        left = None if start is None else _left(start, ages.on_node)
        if left != 0.0 or not pulls:
            reason = "ContainerCreating" if left != 0.0 else "ImagePullBackOff"
            state = ContainerState(waiting=ContainerStateWaiting(reason=reason))
            _fill(pod, status, "Pending", state, now)
            return status, left or None
    status.pod_ip = status.pod_ip or pod_ip
    status.pod_ips = [PodIP(ip=status.pod_ip)]
    since = _running_since(status) or format_time(now)
    left = None if ready is None else _left(ready, ages.running)
    if EXIT_CODE in annotations and left == 0.0:
        code = int(annotations[EXIT_CODE])
        ended = ContainerStateTerminated(
            exit_code=code,
            reason="Completed" if code == 0 else "Error",
            started_at=since,
            finished_at=format_time(now),
        )
        phase = "Succeeded" if code == 0 else "Failed"
        _fill(pod, status, phase, ContainerState(terminated=ended), now)
        return status, None
    state = ContainerState(running=ContainerStateRunning(started_at=since))
    _fill(pod, status, "Running", state, now, ready=left == 0.0)
    return status, left or None


def seconds_to_end(pod: Pod, timings: Timings, ages: Ages) -> float:
    """Seconds until a pod that is being deleted is gone; 0 when it should be by now."""
    grace = pod.metadata.deletion_grace_period_seconds or 0
    return _left(min(timings.stop, grace), ages.deleting)


def is_running(pod: Pod) -> bool:
    return _running_since(pod.status) is not None


def _left(whole: float, passed: float) -> float:
    return max(whole - passed, 0.0)


def _seconds(text: str | None, default: float) -> float | None:
    """None stands for never."""
    if text is None:
        return default
    return None if text == "never" else float(text)


def _running_since(status: PodStatus) -> str | None:
    for container in status.container_statuses:
        if container.state.running and container.state.running.started_at:
            return container.state.running.started_at
    return None


def _fill(
    pod: Pod, status: PodStatus, phase: str, state: ContainerState, now: datetime, *, ready: bool = False
) -> None:
    """Phase, containers and conditions of a pod whose containers are all in one state."""
    running, ended = state.running is not None, state.terminated is not None
    status.phase = phase
    status.observed_generation = pod.metadata.generation
    status.container_statuses = [
        ContainerStatus(
            name=container.name,
            image=container.image or "",
            image_id=f"hollow://{container.image}" if running or ended else "",
            container_id=f"hollow://{pod.metadata.uid}/{container.name}" if running or ended else None,
            ready=ready,
            started=running,
            state=state,
        )
        for container in pod.spec.containers
    ]
    unready = "PodCompleted" if phase == "Succeeded" else "PodFailed" if ended else "ContainersNotReady"
    names = " ".join(container.name for container in pod.spec.containers)
    message = f"containers with unready status: [{names}]" if not ready and not ended else None
    for kind, is_true, reason, text in (
        ("PodReadyToStartContainers", running, None, None),
        ("Initialized", True, "PodCompleted" if phase == "Succeeded" else None, None),
        ("Ready", ready, None if ready else unready, message),
        ("ContainersReady", ready, None if ready else unready, message),
    ):
        told = PodCondition(
            type=kind,
            status="True" if is_true else "False",
            reason=reason,
            message=text,
            observed_generation=pod.metadata.generation,
        )
        set_condition(status.conditions, told, now=now)
