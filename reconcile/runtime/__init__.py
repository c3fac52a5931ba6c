"""Wall clock, randomness, uuids, threads and virtual time: the lowest room, and the `Runtime` seam."""

from reconcile.runtime.runtime import Runtime, SimulatedRuntime, SystemRuntime
from reconcile.runtime.virtual_time import DeadlockError, VirtualTimeLoop

__all__ = ["DeadlockError", "Runtime", "SimulatedRuntime", "SystemRuntime", "VirtualTimeLoop"]
