"""Leadership: a Lease that one process holds, and the fences that keep the others from writing.

lock (pure: what to do next) ◀── elector (asks the server) ──▶ Campaign of the manager
  ▲
guard (before each write: is the lease still ours, and for how long?)
"""

from reconcile.leaderelection.elector import LeaseElector
from reconcile.leaderelection.guard import LeaseGuard
from reconcile.leaderelection.options import LeaseOptions

__all__ = ["LeaseElector", "LeaseGuard", "LeaseOptions"]
