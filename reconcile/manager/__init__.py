"""The manager: starts and stops everything in order; metrics, probes, signals, logging."""

from reconcile.manager.manager import CRDInstaller, Manager
from reconcile.manager.options import ManagerOptions
from reconcile.manager.runnable import Runnable

__all__ = ["CRDInstaller", "Manager", "ManagerOptions", "Runnable"]
