"""A pod's life on a node, as a function of time. Pure.

    bound ──start──▶ init containers, one after the other; sidecars go on beside what follows
                        └──▶ all other containers at once: see `containers`
    deleted ──stop──▶ every container ended ──▶ gone

What a pod should look like follows from its annotations (`behaviour`), from what it looks like, and from how
long things have been so; the kubelet writes that status when it differs from what the server has. Phases and
conditions are a kubelet's, and so are the reasons.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import datetime

from reconcile import format_time, set_condition
from reconcile.api.core.v1 import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    HostIP,
    Pod,
    PodCondition,
    PodIP,
    PodStatus,
)

from .. import pods as of
from .behaviour import behaviour_of, start_delay
from .containers import KILLED, Moment, advance, ended, waiting
from .timings import Timings

Ages = Callable[[str], float]
"""Seconds since the kubelet first knew of something, by its name.

The times on the wire are whole seconds and a hollow node lives faster than that, so it counts by itself.
"""


def next_status(
    pod: Pod, timings: Timings, age: Ages, now: datetime, *, host_ip: str, pod_ip: str
) -> tuple[PodStatus, float | None]:
    """The status that a pod on a living node should have now, and the seconds until it changes next."""
    status = _own(pod.status)
    if of.is_finished(pod):
        return status, None
    status.host_ip = host_ip
    status.host_ips = [HostIP(ip=host_ip)]
    status.start_time = status.start_time or format_time(now)
    delay = start_delay(pod, timings)
    left = None if delay is None else max(delay - age("bound"), 0.0)
    if left != 0.0 and not status.pod_ip:
        reason = "PodInitializing" if pod.spec.init_containers else "ContainerCreating"
        status.init_container_statuses = [waiting(one, reason) for one in pod.spec.init_containers]
        status.container_statuses = [waiting(one, reason) for one in pod.spec.containers]
        _conclude(pod, status, now, has_sandbox=False)
        return status, left
    status.pod_ip = status.pod_ip or pod_ip
    status.pod_ips = [PodIP(ip=status.pod_ip)]
    moment = Moment(format_time(now), age, timings)
    waits: list[float] = []
    initialized = _advance_init(pod, status, moment, waits)
    _advance_main(pod, status, moment, waits, may_run=initialized)
    _conclude(pod, status, now, has_sandbox=True)
    return status, None if status.phase in ("Succeeded", "Failed") else min(waits, default=None)


def _own(before: PodStatus) -> PodStatus:
    """A copy to be changed. Conditions and the parts of a container's status are replaced, not changed."""
    status = copy.copy(before)
    status.conditions = list(before.conditions)
    status.init_container_statuses = [copy.copy(one) for one in before.init_container_statuses]
    status.container_statuses = [copy.copy(one) for one in before.container_statuses]
    return status


def _advance_init(pod: Pod, status: PodStatus, moment: Moment, waits: list[float]) -> bool:
    """Bring the init containers forward; True when the others may run."""
    before = {one.name: one for one in status.init_container_statuses}
    never = pod.spec.restart_policy == "Never"
    told: list[ContainerStatus] = []
    open_ = True
    for container in pod.spec.init_containers:
        if not open_:
            told.append(before.get(container.name) or waiting(container, "PodInitializing"))
            continue
        sidecar = of.is_sidecar(container)
        behaviour = behaviour_of(pod, container, moment.timings, is_init=True)
        restarts: Callable[[int], bool] = (
            (lambda _: True) if sidecar else (lambda code: code != 0 and not never)
        )
        step = advance(pod, container, before.get(container.name), behaviour, restarts, moment)
        if step.wait is not None:
            waits.append(step.wait)
        done = step.status.state.terminated
        if not sidecar:
            step.status.ready = done is not None and done.exit_code == 0
            step.status.started = False
        told.append(step.status)
        open_ = bool(step.status.started) if sidecar else step.status.ready
    status.init_container_statuses = told
    return open_


def _advance_main(pod: Pod, status: PodStatus, moment: Moment, waits: list[float], *, may_run: bool) -> None:
    before = {one.name: one for one in status.container_statuses}
    if not may_run:
        status.container_statuses = [
            _kept(before.get(one.name)) or waiting(one, "PodInitializing") for one in pod.spec.containers
        ]
        return
    told: list[ContainerStatus] = []
    for container in pod.spec.containers:
        behaviour = behaviour_of(pod, container, moment.timings, is_init=False)
        policy = container.restart_policy or pod.spec.restart_policy
        restarts = _restarts(policy)
        step = advance(pod, container, before.get(container.name), behaviour, restarts, moment)
        if step.wait is not None:
            waits.append(step.wait)
        told.append(step.status)
    status.container_statuses = told


def _restarts(policy: str | None) -> Callable[[int], bool]:
    if policy == "Never":
        return lambda _: False
    if policy == "OnFailure":
        return lambda code: code != 0
    return lambda _: True


def _kept(before: ContainerStatus | None) -> ContainerStatus | None:
    """A container that ran already does not go back to where it had not: a sidecar was restarted."""
    if before is not None and (before.state.running or before.state.terminated or before.restart_count):
        return before
    return None


def seconds_to_end(pod: Pod, timings: Timings, age: Ages) -> float:
    """Seconds until a pod that is being deleted is gone; 0 when it should be by now."""
    grace = pod.metadata.deletion_grace_period_seconds or 0
    return max(min(timings.stop, grace) - age("deleting"), 0.0)


def last_status(pod: Pod, now: datetime) -> PodStatus:
    """What a kubelet tells of a pod that was deleted, once its containers ended and before it is gone."""
    status = _own(pod.status)
    if of.is_finished(pod):
        return status
    stamp = format_time(now)
    status.init_container_statuses = [_stopped(one, stamp) for one in status.init_container_statuses]
    status.container_statuses = [_stopped(one, stamp) for one in status.container_statuses]
    codes = [one.state.terminated.exit_code for one in status.container_statuses if one.state.terminated]
    phase = "Succeeded" if codes and not any(codes) else "Failed"
    _conclude(pod, status, now, has_sandbox=False, phase=phase)
    return status


def _stopped(before: ContainerStatus, stamp: str) -> ContainerStatus:
    if before.state.terminated is not None:
        return before
    if before.state.running is not None:
        # It was asked to stop, and did.
        return ended(before, 0, "Completed", stamp)
    status = copy.copy(before)
    status.state = ContainerState(
        terminated=ContainerStateTerminated(
            exit_code=KILLED,
            reason="ContainerStatusUnknown",
            message="The container could not be located when the pod was terminated",
        )
    )
    status.started = False
    return status


def is_running(pod: Pod) -> bool:
    """Whether a container of the pod runs."""
    return any(one.state.running is not None for one in pod.status.container_statuses)


def _phase(pod: Pod, status: PodStatus) -> str:
    """From the containers, by a kubelet's rules."""
    never = pod.spec.restart_policy == "Never"
    for container, told in zip(pod.spec.init_containers, status.init_container_statuses, strict=True):
        if of.is_sidecar(container):
            if not told.started and not told.restart_count:
                return "Pending"
            continue
        end = told.state.terminated
        if end is not None and end.exit_code != 0 and never:
            return "Failed"
        if end is None or end.exit_code != 0:
            return "Pending"
    states = [(one.state, one.last_state) for one in status.container_statuses]
    if any(state.waiting is not None and last.terminated is None for state, last in states):
        return "Pending"
    if any(state.running is not None for state, _ in states):
        return "Running"
    if pod.spec.restart_policy not in ("Never", "OnFailure"):
        return "Running"
    codes = [end.exit_code for state, last in states if (end := state.terminated or last.terminated)]
    if not any(codes):
        return "Succeeded"
    return "Failed" if never else "Running"


def _conclude(
    pod: Pod, status: PodStatus, now: datetime, *, has_sandbox: bool, phase: str | None = None
) -> None:
    """Phase and conditions from the containers."""
    phase = status.phase = phase or _phase(pod, status)
    status.observed_generation = pod.metadata.generation
    finished = phase in ("Succeeded", "Failed")
    initialized = _initialized(pod, status, finished, phase)
    containers = _containers_ready(pod, status, phase)
    ready = containers if containers[0] != "True" else _gates(pod, status)
    for kind, (value, reason, message) in (
        ("PodReadyToStartContainers", ("True" if has_sandbox and not finished else "False", None, None)),
        ("Initialized", initialized),
        ("Ready", ready),
        ("ContainersReady", containers),
        ("PodScheduled", ("True", None, None)),
    ):
        told = PodCondition(
            type=kind,
            status=value,
            reason=reason,
            message=message,
            observed_generation=pod.metadata.generation,
        )
        set_condition(status.conditions, told, now=now)


Told = tuple[str, str | None, str | None]
"""A condition's status, reason and message."""


def _initialized(pod: Pod, status: PodStatus, finished: bool, phase: str) -> Told:
    missing = [
        container.name
        for container, told in zip(pod.spec.init_containers, status.init_container_statuses, strict=True)
        if not (told.started if of.is_sidecar(container) else told.ready)
    ]
    if phase == "Succeeded":
        return "True", "PodCompleted", None
    if missing and not finished:
        return "False", "ContainersNotInitialized", f"containers with incomplete status: {_names(missing)}"
    return "True", None, None


def _containers_ready(pod: Pod, status: PodStatus, phase: str) -> Told:
    if phase == "Succeeded":
        return "False", "PodCompleted", None
    if phase == "Failed":
        return "False", "PodFailed", None
    sidecars = {container.name for container in pod.spec.init_containers if of.is_sidecar(container)}
    among = [one for one in status.init_container_statuses if one.name in sidecars]
    unready = [one.name for one in [*among, *status.container_statuses] if not one.ready]
    if unready:
        return "False", "ContainersNotReady", f"containers with unready status: {_names(unready)}"
    return "True", None, None


def _gates(pod: Pod, status: PodStatus) -> Told:
    problems: list[str] = []
    for gate in pod.spec.readiness_gates:
        kind = gate.condition_type
        found = next((one for one in status.conditions if one.type == kind), None)
        if found is None:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found.status != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {found.status}')
    if problems:
        return "False", "ReadinessGatesNotReady", ", ".join(problems)
    return "True", None, None


def _names(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"
