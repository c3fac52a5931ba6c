"""Log lines that know the reconcile they belong to."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from reconcile.client.attribution import current_attribution

if TYPE_CHECKING:
    # structlog costs a tenth of a second to import; the manager pays it, not who defines a reconciler.
    from structlog.typing import FilteringBoundLogger

Logger: TypeAlias = "FilteringBoundLogger"
"""A structlog logger: `log.info("created", pod=name)`."""


def add_attribution(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: controller, key and reconcile_id of the reconcile that logs.

    Read from the context, so lines of the reconciler, of tasks and threads that it started and of the
    library itself all carry them, also when many reconciles share one logger.
    """
    attribution = current_attribution()
    if attribution.reconcile_id:
        event.setdefault("controller", attribution.controller)
        if attribution.reconcile_key is not None:
            event.setdefault("key", str(attribution.reconcile_key))
        event.setdefault("reconcile_id", attribution.reconcile_id)
    return event
