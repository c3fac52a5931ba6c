"""One reconcile of one key, without a queue."""

from __future__ import annotations

from typing import Any

from reconcile.client.client import Client
from reconcile.controllers.definition import define
from reconcile.controllers.events import EventRecorder, EventSink
from reconcile.controllers.loop import Controller
from reconcile.controllers.reconciler import Reconciler
from reconcile.controllers.request import Cause, Request, Result
from reconcile.controllers.services import Services
from reconcile.informers.cache import Cache
from reconcile.informers.factory import InformerFactory
from reconcile.informers.options import InformerOptions
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import Runtime


async def reconcile_once(
    reconciler: Reconciler[Any], key: ObjectKey, client: Client, runtime: Runtime, log: Any
) -> Result | None:
    """Give the reconciler what a manager would, sync what it watches, reconcile `key` once.

    Raises the reconcile's own exception, and `ConfigurationError` for a definition that cannot work.
    """
    definition = define(reconciler)
    informers = InformerFactory(client, runtime, InformerOptions(), log=log)
    sink = EventSink(client, runtime, log)
    services = Services(
        client=client,
        informers=informers,
        cache=Cache(informers),
        events=EventRecorder(definition.name, "reconcile-once", sink, runtime),
        log=log,
        runtime=runtime,
    )
    try:
        await informers.start()
        request = Request(key, (Cause("External", "reconcile_once"),), 0, runtime.uuid(), 0)
        outcome = await Controller(definition, services).run_once(request)
    finally:
        await informers.stop()
        await sink.flush(5.0)
    if outcome.error is not None:
        raise outcome.error
    return outcome.result
