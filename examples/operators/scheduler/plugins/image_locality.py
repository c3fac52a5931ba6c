"""ImageLocality: prefers nodes that have the pod's images already, large ones above all.

An image that only a few nodes have counts less, or every pod would go to those few.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..framework import MAX_SCORE, CycleState, Plugin
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot

_MB = 1024 * 1024
_LEAST = 23 * _MB
_MOST_PER_CONTAINER = 1000 * _MB


class ImageLocality(Plugin):
    name = "ImageLocality"

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, /
    ) -> bool:
        containers = [*pod.spec.init_containers, *pod.spec.containers]
        images = [normalized_name(container.image or "") for container in containers]
        shares = {image: snapshot.image_nodes[image] / len(snapshot.nodes) for image in set(images)}
        state[self.name] = (images, shares)
        return any(shares.values())

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        images, shares = state[self.name]
        there = sum(int(node.images[image] * shares[image]) for image in images if image in node.images)
        most = _MOST_PER_CONTAINER * len(images)
        return MAX_SCORE * (min(max(there, _LEAST), most) - _LEAST) // (most - _LEAST)


def normalized_name(image: str) -> str:
    """
    >>> normalized_name("registry:5000/web"), normalized_name("web:1")
    ('registry:5000/web:latest', 'web:1')
    """
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"
