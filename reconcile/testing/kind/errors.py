"""What can go wrong before there is a cluster."""

from reconcile.errors import ReconcileError


class KindUnavailableError(ReconcileError):
    """No kind cluster can be had on this machine; says what to install, start or set."""
