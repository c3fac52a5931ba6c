"""What goes wrong between an API server and a webhook."""

from __future__ import annotations

from reconcile.errors import ReconcileError


class BadReviewError(ReconcileError):
    """What was sent is no review that this webhook can answer; the text says what is wrong with it."""


class HookFailedError(ReconcileError):
    """A hook raised something else than a verdict: a bug, or a server it asked that did not answer."""
