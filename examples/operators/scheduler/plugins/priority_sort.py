"""PrioritySort: pods of a higher priority first, then who waited longest."""

from __future__ import annotations

from typing import Any

from ..framework import Plugin
from ..pods import PodInfo


class PrioritySort(Plugin):
    name = "PrioritySort"

    def less(self, pod: PodInfo, queued_at: float, /) -> tuple[Any, ...]:
        return (-pod.priority, queued_at)
