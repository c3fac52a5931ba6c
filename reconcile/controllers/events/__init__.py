"""Events: the recorder of reconcilers, the series that counts like events, the sink that writes them."""

from reconcile.controllers.events.recorder import EventRecorder
from reconcile.controllers.events.series import EventSeries, Reference
from reconcile.controllers.events.sink import EventSink, EventStats

__all__ = ["EventRecorder", "EventSeries", "EventSink", "EventStats", "Reference"]
