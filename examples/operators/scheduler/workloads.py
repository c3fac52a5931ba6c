"""Which pods belong together: by the Services that select them, and the controllers that own them."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile import ObjectKey, Selector

from .pods import PodInfo

Owner = tuple[str, str]
"""API version and kind."""

OWNERS: tuple[Owner, ...] = (
    ("v1", "ReplicationController"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
)


class Workloads:
    """The selectors of Services and of the controllers of pods, changed by each event."""

    def __init__(self) -> None:
        self._services: dict[str, dict[str, Mapping[str, str]]] = {}
        self._owners: dict[Owner, dict[ObjectKey, Selector]] = {owner: {} for owner in OWNERS}

    def set_service(self, key: ObjectKey, selector: Mapping[str, str] | None) -> None:
        """A Service came or changed; None for one that is gone, or that selects nothing."""
        services = self._services.setdefault(key.namespace, {})
        if selector:
            services[key.name] = selector
        else:
            services.pop(key.name, None)

    def set_owner(self, kind: Owner, key: ObjectKey, selector: Selector | None) -> None:
        """A controller of pods came or changed; None for one that is gone."""
        if selector is None:
            self._owners[kind].pop(key, None)
        else:
            self._owners[kind][key] = selector

    def selector_for(self, pod: PodInfo) -> Selector:
        """What the pods that belong together with this one have in common; everything, if that is unknown."""
        labels: dict[str, str] = {}
        for wanted in self._services.get(pod.key.namespace, {}).values():
            if wanted.items() <= pod.labels.items():
                labels.update(wanted)
        selector = Selector.from_labels(labels)
        if pod.owner is None:
            return selector
        kind, name = pod.owner
        owner = self._owners.get(kind, {}).get(ObjectKey(pod.key.namespace, name))
        if owner is None or owner.selects_nothing:
            return selector
        return Selector.all_of([*selector.requirements, *owner.requirements])
