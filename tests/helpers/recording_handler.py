"""Notes of what an informer told: every call of a handler, and the versions its lists skipped."""

from __future__ import annotations

import json

from helpers.delivery_contract import Delivered, Gap, Seen

from reconcile.informers import CachedObject, Informer


class RecordingHandler:
    """A handler that only writes down what it is told; it judges nothing."""

    def __init__(self) -> None:
        self.calls: list[Delivered] = []

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.calls.append(Delivered("add", obj.place, None, seen(obj), initial=initial))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.calls.append(Delivered("update", new.place, seen(old), seen(new)))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.calls.append(Delivered("delete", old.place, seen(old), final_state_unknown=final_state_unknown))

    def of(self, name: str) -> list[Delivered]:
        """The calls about an object of this name."""
        return [call for call in self.calls if call.place.endswith(f"/{name}")]

    def held(self) -> dict[str, int]:
        """Place → version, as the calls so far leave it."""
        held: dict[str, int] = {}
        for call in self.calls:
            if call.new is not None:
                held[call.place] = call.new.version
            else:
                held.pop(call.place, None)
        return held


class GapObserver:
    """Notes, for each stream, the versions that lists skipped. Attach it before the informer starts."""

    def __init__(self, informer: Informer) -> None:
        self._reached: dict[str | None, int] = {}
        self._gaps: dict[str | None, list[Gap]] = {}
        informer.observers.append(self)

    def gaps(self, namespace: str | None = None) -> list[Gap]:
        """Of the stream of a namespace, or the only one."""
        return self._gaps.get(namespace, [])

    def store_changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
        pass

    def store_deleted(self, last: CachedObject, final_state_unknown: bool) -> None:
        pass

    def store_advanced(self, namespace: str | None, resource_version: str, relist: bool) -> None:
        version = int(resource_version)
        if relist:
            self._gaps.setdefault(namespace, []).append(Gap(self._reached.get(namespace, 0), version))
        self._reached[namespace] = version


def seen(obj: CachedObject) -> Seen:
    """What a handler was given, down to its bytes."""
    return Seen.of(obj.place, json.loads(obj.raw))
