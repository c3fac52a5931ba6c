"""What the containers of a pod do, from the pod's annotations. Pure.

Each annotation counts for all containers of the pod but its init containers, or for one container of any
sort when its name follows: `hollow.example.com/exit-code.migrate: "1"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.api.core.v1 import Container, Pod

from .. import pods as of
from .timings import Timings

PREFIX = "hollow.example.com/"
START_DELAY = PREFIX + "start-delay"
STARTUP_DELAY = PREFIX + "startup-delay"
READY_DELAY = PREFIX + "ready-delay"
READY = PREFIX + "ready"
IMAGE_PULL_ERROR = PREFIX + "image-pull-error"
EXIT_CODE = PREFIX + "exit-code"
EXIT_AFTER = PREFIX + "exit-after"
EXITS = PREFIX + "exits"
LIVENESS_FAILS_AFTER = PREFIX + "liveness-fails-after"
DEAD = PREFIX + "dead"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one container does. Seconds are since it runs; None stands for never.

    Attributes:
        pulls: whether its image can be pulled.
        startup: until its startup probe succeeds; 0 without one.
        ready: until its readiness probe succeeds, after the startup probe did; 0 without one.
        ready_now: False while its readiness probe fails again.
        exit_after: until it ends by itself.
        exit_code: with this code.
        exits: how often it ends so; None for always.
        last_exit_code: how it ends after that; None when it runs for good then.
        unhealthy_after: until its liveness probe fails and it is killed.
    """

    pulls: bool = True
    startup: float | None = 0.0
    ready: float | None = 0.0
    ready_now: bool = True
    exit_after: float | None = None
    exit_code: int = 0
    exits: int | None = None
    last_exit_code: int | None = None
    unhealthy_after: float | None = None


def behaviour_of(pod: Pod, container: Container, timings: Timings, *, is_init: bool) -> Behaviour:
    """What this container of the pod does."""
    said = _Said(pod.metadata.annotations, container.name, is_init)
    if is_init and not of.is_sidecar(container):
        return Behaviour(
            pulls=said.text(IMAGE_PULL_ERROR) is None,
            exit_after=said.seconds(EXIT_AFTER, timings.init),
            exit_code=int(said.text(EXIT_CODE) or 0),
            exits=said.number(EXITS),
            last_exit_code=0,
        )
    probed = container.readiness_probe is not None
    # Without a probe a container is ready as soon as it has started: a kubelet tells both at once.
    ready = said.seconds(READY_DELAY, timings.ready if probed else 0.0)
    code = said.text(EXIT_CODE)
    return Behaviour(
        pulls=said.text(IMAGE_PULL_ERROR) is None,
        startup=said.seconds(STARTUP_DELAY, 0.0),
        ready=ready,
        ready_now=said.text(READY) != "false",
        exit_after=None if code is None else said.seconds(EXIT_AFTER, timings.ready),
        exit_code=int(code or 0),
        exits=said.number(EXITS),
        unhealthy_after=said.seconds(LIVENESS_FAILS_AFTER, None),
    )


def start_delay(pod: Pod, timings: Timings) -> float | None:
    """Seconds that the pod's volumes, network and images take; None for ever."""
    return _Said(pod.metadata.annotations, "", False).seconds(START_DELAY, timings.start)


class _Said:
    """The annotations as they count for one container."""

    def __init__(self, annotations: Mapping[str, str], container: str, is_init: bool) -> None:
        self._annotations = annotations
        self._container = container
        self._is_init = is_init

    def text(self, name: str) -> str | None:
        general = None if self._is_init else self._annotations.get(name)
        return self._annotations.get(f"{name}.{self._container}", general)

    def number(self, name: str) -> int | None:
        text = self.text(name)
        return None if text is None else int(text)

    def seconds(self, name: str, default: float | None) -> float | None:
        text = self.text(name)
        if text is None:
            return default
        return None if text == "never" else float(text)
