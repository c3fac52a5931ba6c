"""Policies and webhooks, put into the chain of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconcile.apiserver.admission.policies.mutating import MutatingPolicies
from reconcile.apiserver.admission.policies.validating import ValidatingPolicies
from reconcile.apiserver.admission.webhooks.calling import Caller
from reconcile.apiserver.admission.webhooks.plugins import MutatingWebhooks, ValidatingWebhooks

if TYPE_CHECKING:
    from reconcile.apiserver.admission.webhooks.options import WebhookOptions
    from reconcile.apiserver.handlers.parts import Parts


def install(parts: Parts, options: WebhookOptions) -> Caller:
    """Have the server ask what is configured in it; returns what has to be closed when it stops."""
    caller = parts.caller = Caller(options, parts.access)
    parts.admission.add(
        MutatingPolicies(parts),
        MutatingWebhooks(parts, caller),
        ValidatingPolicies(parts),
        ValidatingWebhooks(parts, caller),
    )
    return caller
