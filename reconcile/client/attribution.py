"""Who is writing: the controller and reconcile in whose context a request is made.

The controllers' loop enters `attributed` around each reconcile; the client reads it when a write starts,
so that whatever observes writes can tell one controller's writes from another's. A context variable
carries it: tasks and worker threads started inside the reconcile inherit it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from reconcile.objects.identity import ObjectKey


@dataclass(frozen=True, slots=True)
class Attribution:
    """The reconcile a piece of code runs in.

    Attributes:
        controller: name of the controller; empty outside of reconciles.
        reconcile_key: key of the object being reconciled, or None outside of reconciles.
        reconcile_id: identity of this one run of the reconciler; empty outside of reconciles.
    """

    controller: str = ""
    reconcile_key: ObjectKey | None = None
    reconcile_id: str = ""


_NOBODY = Attribution()
_current: ContextVar[Attribution] = ContextVar("reconcile_attribution", default=_NOBODY)


def current_attribution() -> Attribution:
    """The attribution of the running code; an empty one outside of reconciles."""
    return _current.get()


@contextmanager
def attributed(controller: str, reconcile_key: ObjectKey, reconcile_id: str = "") -> Generator[Attribution]:
    """Everything inside, tasks started inside too, writes in the name of this reconcile."""
    attribution = Attribution(controller, reconcile_key, reconcile_id)
    token = _current.set(attribution)
    try:
        yield attribution
    finally:
        _current.reset(token)
