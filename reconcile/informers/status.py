"""How a stream is doing, in words that say what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconcile.informers.reflector import StreamScope, api_message
from reconcile.informers.watch_errors import Trouble
from reconcile.informers.watch_state import Failed


class Condition(Enum):
    """The condition of a stream.

    Attributes:
        STARTING: nothing has succeeded or failed yet.
        WORKING: listed and watched.
        ABSENT: the server does not serve the resource; looked for again slowly.
        FORBIDDEN: RBAC does not allow it; tried again slowly.
        FAILING: attempts fail; tried again with growing pauses.
        STOPPED: not running.
    """

    STARTING = "starting"
    WORKING = "working"
    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    FAILING = "failing"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """The state of one stream of an informer.

    Attributes:
        namespace: the namespace it watches; None for all.
        condition: how it is doing.
        message: what happened and what to try; empty while all is well.
        synced: whether its first list has been processed: the store is usable, though perhaps not fresh.
        since: loop time of the last change of condition.
        error: the last failure, while it lasts.
    """

    namespace: str | None
    condition: Condition
    message: str
    synced: bool
    since: float
    error: Exception | None = None


def condition_of(trouble: Trouble) -> Condition:
    """The condition that a failure puts a stream into."""
    if trouble is Trouble.ABSENT:
        return Condition.ABSENT
    if trouble is Trouble.FORBIDDEN:
        return Condition.FORBIDDEN
    return Condition.FAILING


def explain(scope: StreamScope, failed: Failed) -> str:
    """A failure in words: what was tried, what the server said, what helps."""
    said = api_message(failed.error)
    match failed.trouble:
        case Trouble.FORBIDDEN:
            return f"cannot {failed.verb} {scope}: {said}; {missing_rule(scope)}"
        case Trouble.ABSENT:
            return (
                f"the server does not serve {scope.resource.group_resource} in version "
                f"{scope.resource.version!r} (now): {said}; install its CustomResourceDefinition, "
                "it is looked for again"
            )
        case Trouble.UNAUTHORIZED:
            return f"cannot {failed.verb} {scope}: the credentials were not accepted: {said}"
        case _:
            return f"cannot {failed.verb} {scope} ({failed.trouble.value}, attempt {failed.attempts}): {said}"


def missing_rule(scope: StreamScope) -> str:
    """The RBAC rule a stream needs, as one would write it."""
    group, plural = scope.resource.group, scope.resource.plural
    rule = f'{{apiGroups: ["{group}"], resources: ["{plural}"], verbs: ["list", "watch"]}}'
    if scope.namespace:
        return f"add the rule {rule} to a Role in namespace {scope.namespace!r} bound to this user"
    return f"add the rule {rule} to a ClusterRole bound to this user, or watch only some namespaces"
