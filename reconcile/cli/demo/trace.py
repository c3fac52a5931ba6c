"""Everything an observer saw, as lines: two runs of one seed give the same lines to the byte."""

from __future__ import annotations

from collections.abc import Callable

from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import Node, Pod
from reconcile.cli.demo.scene import Happening, database_status, is_ready


class Trace:
    """Collects happenings as lines; give it to a `Scene` as `on_change`.

    Args:
        on_line: told of each line as it comes, with its time; for showing it.
    """

    def __init__(self, on_line: Callable[[float, str], None] | None = None) -> None:
        self.lines: list[str] = []
        self._on_line = on_line
        self._shown: dict[tuple[str, object], str] = {}

    def __call__(self, happening: Happening) -> None:
        text = describe(happening)
        self.lines.append(f"{happening.at:.3f} {happening.what} {happening.resource_version} {text}")
        place = (happening.kind, happening.key)
        # Many writes change nothing that is worth a line for people.
        if self._on_line is not None and self._shown.get(place) != text:
            self._shown[place] = text
            self._on_line(happening.at, text)
        if happening.what == "DELETED":
            self._shown.pop(place, None)

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def describe(happening: Happening) -> str:
    """One object's state in a line, such as `Pod default/web-x on node-1: Running, ready`."""
    obj = happening.obj
    head = f"{happening.kind} {happening.key}"
    if happening.what == "DELETED":
        return f"{head}: gone"
    if isinstance(obj, Pod):
        return f"{head}{_where(obj)}: {pod_state(obj)}"
    if isinstance(obj, Node):
        return f"{head}: {'ready' if is_ready(obj) else 'not ready'}"
    if isinstance(obj, ReplicaSet):
        return f"{head}: {obj.status.ready_replicas or 0} of {obj.spec.replicas or 0} ready"
    if isinstance(obj, Deployment):
        status = obj.status
        return (
            f"{head}: {status.updated_replicas or 0} new, {status.available_replicas or 0} available "
            f"of {obj.spec.replicas or 0}"
        )
    return f"{head}: {database_status(obj).get('phase', 'new')}"


def _where(pod: Pod) -> str:
    return f" on {pod.spec.node_name}" if pod.spec.node_name else ""


def pod_state(pod: Pod) -> str:
    """As the STATUS column of kubectl has it, with readiness."""
    if pod.metadata.deletion_timestamp:
        return "Terminating"
    for container in pod.status.container_statuses:
        if container.state.waiting is not None and container.state.waiting.reason:
            return container.state.waiting.reason
    phase = pod.status.phase or "Pending"
    return "Running, ready" if phase == "Running" and is_ready(pod) else phase
