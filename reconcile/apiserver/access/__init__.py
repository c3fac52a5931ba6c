"""Who asks, and whether they may: authentication, RBAC, access reviews, impersonation.

    request ──▶ authentication ──▶ impersonation ──▶ authorization ──▶ handlers
                 who is it          who shall it be    may they         (escalation checks on RBAC's writes)

Off by default: every request is then the administrator's. `AccessOptions` in `ServerOptions` turns it on.
"""

from reconcile.apiserver.access.attributes import Attributes, Authorizer, Decision
from reconcile.apiserver.access.user import ANONYMOUS, UserInfo, service_account, user_info

__all__ = [
    "ANONYMOUS",
    "Attributes",
    "Authorizer",
    "Decision",
    "UserInfo",
    "service_account",
    "user_info",
]
