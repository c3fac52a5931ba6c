"""Reads of the server itself that put what they find in front of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconcile.errors import NotFoundError, ObjectDecodeError, ReconcileError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.decoding import projection_of
from reconcile.informers.overlay.reader import OverlayReader
from reconcile.informers.pacing import Pacer
from reconcile.objects.identity import ObjectKey

if TYPE_CHECKING:
    from reconcile.informers.source import RawClient


async def current_version(client: RawClient, reader: OverlayReader, key: ObjectKey) -> str:
    """A version that the server has reached by now: of the smallest list there is, of one name.

    Raises:
        ReconcileError: the server did not answer.
    """
    informer = reader.informer
    answer = client.list_raw(
        projection_of(informer.resource, Detail.METADATA),
        namespace=key.namespace or None,
        fields=f"metadata.name={key.name}",
    )
    async with answer:
        async for _ in answer:
            pass
        metadata = answer.head.metadata
    return metadata.resource_version if metadata is not None else ""


async def read_live(client: RawClient, reader: OverlayReader, namespace: str, name: str) -> None:
    """Have readers see of one key, or of a whole namespace, what the server has now or later.

    One list with the informer's own selection, narrowed to the name if there is one: it needs no more rights
    than the informer, answers for exactly what the informer would hold, and comes with a version that says
    when the stream has caught up. The server answers it from its newest state.

    Raises:
        ReconcileError: the server did not answer.
    """
    informer = reader.informer
    detail = informer.detail
    fields = [text for text in (informer.fields, f"metadata.name={name}" if name else "") if text]
    found: dict[str, CachedObject] = {}
    answer = client.list_raw(
        projection_of(informer.resource, detail),
        namespace=namespace or None,
        labels=informer.labels or None,
        fields=",".join(fields) or None,
    )
    try:
        async with answer:
            pacer = Pacer()
            async for items in answer:
                for raw in items:
                    try:
                        obj = informer.make(raw, detail)
                    except ObjectDecodeError:
                        continue  # the informer leaves it out too, and says so
                    found[obj.metadata.name] = obj
                    if pacer.due():
                        await pacer.rest()
            metadata = answer.head.metadata
    except NotFoundError:
        return  # the resource is not served any more: there is nothing to be newer than the store
    if informer.stopped:
        return
    version = metadata.resource_version if metadata is not None else ""
    if not version:
        raise ReconcileError(f"the list of {informer.resource.group_resource} has no resourceVersion")
    if not name:
        reader.overlay.listed(namespace, version, found)
    elif name in found:
        reader.overlay.show(found[name])
    else:
        reader.overlay.hide(ObjectKey(namespace, name), version)
