"""From a request to its answer, independent of what carries both."""

from reconcile.apiserver.handlers.messages import Request, Response

__all__ = ["Request", "Response"]
