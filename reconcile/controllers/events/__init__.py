"""Events: the recorders of reconcilers, the rules that count like events, the sink that writes them."""

from reconcile.controllers.events.recorder import CoreEventRecorder, EventRecorder
from reconcile.controllers.events.series import EventSeries, Reference
from reconcile.controllers.events.sink import EventSink, EventStats

__all__ = ["CoreEventRecorder", "EventRecorder", "EventSeries", "EventSink", "EventStats", "Reference"]
