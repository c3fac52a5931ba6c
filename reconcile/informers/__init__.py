"""Reflector → DeltaFIFO → store → handlers; indexes, the shared factory, and the cache that reads them."""

from reconcile.informers.cache import Cache
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.delta_fifo import Delta, DeltaFIFO, DeltaType, Tombstone
from reconcile.informers.factory import InformerFactory
from reconcile.informers.indexes import Index
from reconcile.informers.informer import Informer, Transform
from reconcile.informers.lister import Lister
from reconcile.informers.options import InformerOptions, ListMode
from reconcile.informers.reading import StoreObserver, StoreReader
from reconcile.informers.registration import Handler, Registration
from reconcile.informers.resource_versions import compare_resource_versions, is_newer
from reconcile.informers.stats import InformerStats
from reconcile.informers.status import Condition, StreamStatus
from reconcile.informers.view import ObjectView

__all__ = [
    "Cache",
    "CachedObject",
    "Condition",
    "Delta",
    "DeltaFIFO",
    "DeltaType",
    "Detail",
    "Handler",
    "Index",
    "Informer",
    "InformerFactory",
    "InformerOptions",
    "InformerStats",
    "ListMode",
    "Lister",
    "ObjectView",
    "Registration",
    "StoreObserver",
    "StoreReader",
    "StreamStatus",
    "Tombstone",
    "Transform",
    "compare_resource_versions",
    "is_newer",
]
