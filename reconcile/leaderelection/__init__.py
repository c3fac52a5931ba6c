"""Leadership: a Lease that one process holds, and the fences that keep the others from writing.

lock (pure: what to do next) ◀── elector (asks the server) ──▶ Campaign of the manager
  ▲
guard (before each write: is the lease still ours, and for how long?)
"""

from reconcile.leaderelection.elector import LeaseElector
from reconcile.leaderelection.fence import fence_policy
from reconcile.leaderelection.guard import LeaseGuard
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.preflight import role_rules

__all__ = ["LeaseElector", "LeaseGuard", "LeaseOptions", "fence_policy", "role_rules"]
