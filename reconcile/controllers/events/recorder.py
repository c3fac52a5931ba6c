"""`self.events`: tells people what a controller did to an object, in the object's own events."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

from reconcile.controllers.events.correlation import CoreEventKey
from reconcile.controllers.events.series import EventKey, EventType, Reference
from reconcile.controllers.events.sink import EventSink
from reconcile.errors import ConfigurationError
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import resource_type_of
from reconcile.objects.metadata import ObjectMetadata
from reconcile.runtime import Runtime

_INSTANCE_LENGTH = 128
_TEXT_LENGTH = 128
_NOTE_LENGTH = 1024


class EventRecorder:
    """Records events in the name of one controller.

    Never blocks and never raises for what happens at the server: an event that cannot be written is
    counted and dropped. Like events are counted in one Event object, see `series`.
    """

    def __init__(self, controller: str, instance: str, sink: EventSink, runtime: Runtime) -> None:
        self._controller = controller
        self._instance = f"{controller}-{instance}"[:_INSTANCE_LENGTH]
        self._sink = sink
        self._runtime = runtime
        self._by_version = False

    def by_version(self) -> EventRecorder:
        """A recorder in the same name for which events of two versions of an object are not alike.

        A status write between two events then parts their series, and the text of the second is told too:
        what client-go's recorder does for who hands it objects with their resource version, as
        kube-scheduler does.
        """
        twin = copy.copy(self)
        twin._by_version = True
        return twin

    def event(
        self,
        obj: Any,
        type: EventType,
        reason: str,
        action: str,
        note: str,
        *,
        related: Any = None,
    ) -> None:
        """Record one event about an object.

        Args:
            obj: a typed object or a dict with apiVersion and kind.
            type: `Normal`, or `Warning` for what someone should look at.
            reason: why, one CamelCase word for machines, such as `BackupFailed`.
            action: what the controller did or tried, such as `Backup`.
            note: the sentence for people; cut at 1 KiB.
            related: a second object that the action involved.
        """
        if type not in ("Normal", "Warning"):
            raise ConfigurationError(f"event type must be Normal or Warning, got {type!r}")
        if not reason or not action:
            raise ConfigurationError("an event needs a reason and an action: the server refuses it without")
        self._observe(
            reference_to(obj), type, reason, action, note, None if related is None else reference_to(related)
        )

    def core(self, component: str) -> CoreEventRecorder:
        """A recorder of core/v1 events, which the built-in controllers write: see `CoreEventRecorder`.

        Args:
            component: the name under which they are told, `From` in `kubectl describe`.
        """
        return CoreEventRecorder(component, self._sink, self._runtime)

    def event_for(
        self,
        resource_type: ResourceType,
        metadata: ObjectMetadata,
        *,
        type: EventType,
        reason: str,
        action: str,
        note: str,
    ) -> None:
        """Record one event about an object of which only the metadata is at hand."""
        regarding = Reference(
            resource_type.api_version,
            resource_type.kind,
            metadata.namespace,
            metadata.name,
            metadata.uid,
            metadata.resource_version,
        )
        self._observe(regarding, type, reason, action, note, None)

    def _observe(
        self,
        regarding: Reference,
        type: str,
        reason: str,
        action: str,
        note: str,
        related: Reference | None,
    ) -> None:
        now = self._runtime.now()
        key = EventKey(
            type,
            action[:_TEXT_LENGTH],
            reason[:_TEXT_LENGTH],
            self._controller,
            self._instance,
            regarding,
            related,
            regarding.resource_version if self._by_version else "",
        )
        sink = self._sink
        name = sink.name_for(regarding, now)
        sink.stats.recorded += 1
        record = sink.series.observe(key, _cut(note), name, regarding.namespace or "default", now)
        if record is not None:
            sink.submit(record)


class CoreEventRecorder:
    """Records events of core/v1 as client-go's recorder of that version does, for who takes a built-in
    controller's place: each text is an Event of its own, until there are ten of a reason.

    Like `EventRecorder` it never blocks and never raises for what happens at the server. An object has 25
    writes for its events, and gets one more every five minutes; what exceeds that is told to nobody. Rules
    and numbers are client-go's `EventCorrelator`.
    """

    def __init__(self, component: str, sink: EventSink, runtime: Runtime) -> None:
        self._component = component
        self._sink = sink
        self._runtime = runtime

    def event(self, obj: Any, type: EventType, reason: str, message: str) -> None:
        """Record one event about an object, typed or a dict with apiVersion and kind."""
        now = self._runtime.now()
        regarding = reference_to(obj)
        key = CoreEventKey(type, reason, self._component, regarding)
        sink = self._sink
        sink.stats.recorded += 1
        namespace = regarding.namespace or "default"
        record = sink.correlation.observe(key, _cut(message), sink.name_for(regarding, now), namespace, now)
        if record is not None:
            sink.submit(record)


def reference_to(obj: Any) -> Reference:
    """A reference to an object in any of its forms."""
    if isinstance(obj, Mapping):
        plain = cast("Mapping[str, Any]", obj)
        metadata = cast("Mapping[str, Any]", plain.get("metadata") or {})
        return Reference(
            plain.get("apiVersion", ""),
            plain.get("kind", ""),
            metadata.get("namespace", ""),
            metadata.get("name", ""),
            metadata.get("uid", ""),
            metadata.get("resourceVersion", ""),
        )
    if isinstance(obj, ObjectMetadata):
        return Reference(obj.api_version, obj.kind, obj.namespace, obj.name, obj.uid, obj.resource_version)
    resource_type = resource_type_of(obj)
    metadata = obj.metadata
    return Reference(
        resource_type.api_version,
        resource_type.kind,
        metadata.namespace or "",
        metadata.name or "",
        metadata.uid or "",
        metadata.resource_version or "",
    )


def _cut(note: str) -> str:
    """At most as many bytes of UTF-8 as the server takes, whole characters only."""
    raw = note.encode()
    if len(raw) <= _NOTE_LENGTH:
        return note
    return raw[: _NOTE_LENGTH - 3].decode(errors="ignore") + "…"
