"""One container's life on a node: its next state from the one it is in. Pure.

    waiting ──pulled──▶ running ──▶ started ──▶ ready
       │                   └──ends──▶ terminated ──▶ running again, at once the first time
       └──▶ ErrImagePull ──▶ ImagePullBackOff        └──▶ CrashLoopBackOff ──▶ running again

A kubelet tries an image again and again, and shows ErrImagePull at each try; here the back-off lasts until
the pod goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from reconcile.api.core.v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Pod,
)

from .behaviour import Behaviour
from .timings import Timings

KILLED = 137
"""The exit code of a container that was killed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a container is looked at.

    Attributes:
        stamp: the time as it is written.
        age: seconds since something, by its name, was first known.
        timings: how fast hollow nodes live.
    """

    stamp: str
    age: Callable[[str], float]
    timings: Timings


@dataclass(slots=True)
class Step:
    """What becomes of a container now.

    Attributes:
        status: what it looks like.
        wait: seconds until it looks different; None when nothing is awaited.
    """

    status: ContainerStatus
    wait: float | None = None


def waiting(container: Container, reason: str) -> ContainerStatus:
    """A container that has not run yet."""
    return ContainerStatus(
        name=container.name,
        image=container.image or "",
        started=False,
        state=ContainerState(waiting=ContainerStateWaiting(reason=reason)),
    )


def advance(
    pod: Pod,
    container: Container,
    before: ContainerStatus | None,
    behaviour: Behaviour,
    restarts: Callable[[int], bool],
    moment: Moment,
) -> Step:
    """The next state of a container that may run.

    Args:
        restarts: whether it is started again after it ended with a code.
    """
    if not behaviour.pulls:
        return _back_off_pulling(container, before, moment)
    if before is None or not (
        before.state.running or before.state.terminated or before.last_state.terminated
    ):
        return _run(pod, container, None, behaviour, moment)
    if before.state.running is not None:
        return _go_on(pod, container, before, behaviour, restarts, moment)
    return _after_the_end(pod, container, before, behaviour, restarts, moment)


def _back_off_pulling(container: Container, before: ContainerStatus | None, moment: Moment) -> Step:
    image = container.image or ""
    error = f'failed to pull and unpack image "{image}": not found'
    status = copy.copy(before) if before is not None else waiting(container, "")
    waits = before.state.waiting if before is not None else None
    told = waits.reason if waits is not None else None
    if told == "ErrImagePull" and moment.age(f"pull/{container.name}") >= moment.timings.pull:
        told = "ImagePullBackOff"
    if told == "ImagePullBackOff":
        message = f'Back-off pulling image "{image}": ErrImagePull: {error}'
        status.state = ContainerState(waiting=ContainerStateWaiting(reason=told, message=message))
        return Step(status)
    status.state = ContainerState(waiting=ContainerStateWaiting(reason="ErrImagePull", message=error))
    return Step(status, max(moment.timings.pull - moment.age(f"pull/{container.name}"), 0.0))


def _run(
    pod: Pod, container: Container, before: ContainerStatus | None, behaviour: Behaviour, moment: Moment
) -> Step:
    count = before.restart_count + 1 if before is not None else 0
    status = ContainerStatus(
        name=container.name,
        image=container.image or "",
        image_id=f"hollow://{container.image}",
        container_id=f"hollow://{pod.metadata.uid}/{container.name}/{count}",
        restart_count=count,
        started=False,
        state=ContainerState(running=ContainerStateRunning(started_at=moment.stamp)),
    )
    if before is not None:
        ended = before.state.terminated or before.last_state.terminated
        status.last_state = ContainerState(terminated=ended)
    return _probe(status, behaviour, moment)


def _go_on(
    pod: Pod,
    container: Container,
    before: ContainerStatus,
    behaviour: Behaviour,
    restarts: Callable[[int], bool],
    moment: Moment,
) -> Step:
    ran = moment.age(_life(before))
    unhealthy = behaviour.unhealthy_after
    if unhealthy is not None and ran >= unhealthy:
        return Step(ended(before, KILLED, "Error", moment.stamp), 0.0)
    code = _exit_code(behaviour, before)
    if code is not None and behaviour.exit_after is not None and ran >= behaviour.exit_after:
        after = ended(before, code, "Completed" if code == 0 else "Error", moment.stamp)
        return Step(after, 0.0 if restarts(code) else None)
    return _probe(before, behaviour, moment)


def _exit_code(behaviour: Behaviour, status: ContainerStatus) -> int | None:
    """With which code it is going to end this time; None when it runs for good."""
    if behaviour.exits is None or status.restart_count < behaviour.exits:
        return behaviour.exit_code
    return behaviour.last_exit_code


def _probe(before: ContainerStatus, behaviour: Behaviour, moment: Moment) -> Step:
    """What the probes of a running container say, and when they or its end have to be looked at next."""
    status = copy.copy(before)
    ran = moment.age(_life(before))
    starts = behaviour.startup
    status.started = starts is not None and ran >= starts
    due = None if starts is None or behaviour.ready is None else starts + behaviour.ready
    status.ready = bool(status.started and due is not None and ran >= due and behaviour.ready_now)
    ends = behaviour.exit_after if _exit_code(behaviour, before) is not None else None
    ahead = [at - ran for at in (starts, due) if at is not None and at > ran]
    # It runs, so its end is still to come, also where it is to be at once.
    ahead += [max(at - ran, 0.0) for at in (ends, behaviour.unhealthy_after) if at is not None]
    return Step(status, min(ahead, default=None))


def _after_the_end(
    pod: Pod,
    container: Container,
    before: ContainerStatus,
    behaviour: Behaviour,
    restarts: Callable[[int], bool],
    moment: Moment,
) -> Step:
    last = before.state.terminated or before.last_state.terminated
    if before.state.terminated is not None and not restarts(before.state.terminated.exit_code):
        return Step(before)
    if before.restart_count == 0:
        return _run(pod, container, before, behaviour, moment)
    timings = moment.timings
    pause = min(timings.back_off * 2 ** (before.restart_count - 1), timings.back_off_limit)
    left = pause - moment.age(f"{_life(before)}/back-off")
    if left <= 0:
        return _run(pod, container, before, behaviour, moment)
    name = f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
    text = f"back-off {pause:g}s restarting failed container={container.name} pod={name}"
    status = copy.copy(before)
    status.state = ContainerState(waiting=ContainerStateWaiting(reason="CrashLoopBackOff", message=text))
    status.last_state = ContainerState(terminated=last)
    status.ready, status.started = False, False
    return Step(status, left)


def ended(before: ContainerStatus, code: int, reason: str, stamp: str) -> ContainerStatus:
    """The container as it looks when it ended."""
    status = copy.copy(before)
    running = before.state.running
    status.state = ContainerState(
        terminated=ContainerStateTerminated(
            container_id=before.container_id,
            exit_code=code,
            reason=reason,
            started_at=running.started_at if running is not None else None,
            finished_at=stamp,
        )
    )
    status.ready, status.started = False, False
    return status


def _life(status: ContainerStatus) -> str:
    return f"run/{status.name}/{status.restart_count}"
