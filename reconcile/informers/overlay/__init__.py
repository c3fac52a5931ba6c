"""Read-your-writes: what this process wrote, in front of what its watches have brought."""

from reconcile.informers.overlay.overlay import Overlay
from reconcile.informers.overlay.own_writes import OwnWrites, OwnWritesStats, UnsettledWriteError
from reconcile.informers.overlay.reader import OverlayReader
from reconcile.informers.overlay.records import Record

__all__ = ["Overlay", "OverlayReader", "OwnWrites", "OwnWritesStats", "Record", "UnsettledWriteError"]
