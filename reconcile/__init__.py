"""Kubernetes controllers and operators in Python.

This is the public face: every name below is imported from its room on first use, so `import reconcile`
itself costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.client.client import Client as Client
    from reconcile.controllers import Cause as Cause
    from reconcile.controllers import Change as Change
    from reconcile.controllers import Channel as Channel
    from reconcile.controllers import ControllerOptions as ControllerOptions
    from reconcile.controllers import Finalizer as Finalizer
    from reconcile.controllers import ObjectReconciler as ObjectReconciler
    from reconcile.controllers import Owns as Owns
    from reconcile.controllers import Predicate as Predicate
    from reconcile.controllers import Read as Read
    from reconcile.controllers import Reconciler as Reconciler
    from reconcile.controllers import Request as Request
    from reconcile.controllers import Result as Result
    from reconcile.controllers import Watch as Watch
    from reconcile.controllers import all_of as all_of
    from reconcile.controllers import annotations_changed as annotations_changed
    from reconcile.controllers import any_of as any_of
    from reconcile.controllers import controller as controller
    from reconcile.controllers import generation_changed as generation_changed
    from reconcile.controllers import labels_changed as labels_changed
    from reconcile.controllers import predicate as predicate
    from reconcile.controllers import resource_version_changed as resource_version_changed
    from reconcile.controllers import to_annotation as to_annotation
    from reconcile.controllers import to_label as to_label
    from reconcile.controllers import to_owner as to_owner
    from reconcile.controllers import to_self as to_self
    from reconcile.controllers import where as where
    from reconcile.controllers.events import EventRecorder as EventRecorder
    from reconcile.crd.models import CustomResource as CustomResource
    from reconcile.crd.models import Model as Model
    from reconcile.errors import AlreadyExistsError as AlreadyExistsError
    from reconcile.errors import APIError as APIError
    from reconcile.errors import ConfigurationError as ConfigurationError
    from reconcile.errors import ConflictError as ConflictError
    from reconcile.errors import ForbiddenError as ForbiddenError
    from reconcile.errors import InvalidError as InvalidError
    from reconcile.errors import NotCachedError as NotCachedError
    from reconcile.errors import NotFoundError as NotFoundError
    from reconcile.errors import ObjectDecodeError as ObjectDecodeError
    from reconcile.errors import ReconcileError as ReconcileError
    from reconcile.errors import TerminalError as TerminalError
    from reconcile.errors import TransportError as TransportError
    from reconcile.errors import WriteRefusedError as WriteRefusedError
    from reconcile.informers.cache import Cache as Cache
    from reconcile.informers.cached_object import CachedObject as CachedObject
    from reconcile.informers.indexes import Index as Index
    from reconcile.leaderelection import LeaseOptions as LeaseOptions
    from reconcile.manager import Manager as Manager
    from reconcile.manager import ManagerOptions as ManagerOptions
    from reconcile.objects.conditions import condition as condition
    from reconcile.objects.conditions import find_condition as find_condition
    from reconcile.objects.conditions import is_true as is_true
    from reconcile.objects.conditions import set_condition as set_condition
    from reconcile.objects.identity import GroupVersionKind as GroupVersionKind
    from reconcile.objects.identity import ObjectKey as ObjectKey
    from reconcile.objects.identity import ResourceType as ResourceType
    from reconcile.objects.kinds import MetadataOnly as MetadataOnly
    from reconcile.objects.meta import Condition as Condition
    from reconcile.objects.meta import KubernetesObject as KubernetesObject
    from reconcile.objects.meta import LabelSelector as LabelSelector
    from reconcile.objects.meta import LabelSelectorRequirement as LabelSelectorRequirement
    from reconcile.objects.meta import ObjectMeta as ObjectMeta
    from reconcile.objects.meta import OwnerReference as OwnerReference
    from reconcile.objects.metadata import ObjectMetadata as ObjectMetadata
    from reconcile.objects.owners import controller_of as controller_of
    from reconcile.objects.owners import owner_reference as owner_reference
    from reconcile.objects.owners import set_controller_reference as set_controller_reference
    from reconcile.objects.partial import Part as Part
    from reconcile.objects.partial import PartialObject as PartialObject
    from reconcile.objects.quantities import Amount as Amount
    from reconcile.objects.sameness import same as same
    from reconcile.objects.selectors import Selector as Selector
    from reconcile.objects.times import format_micro_time as format_micro_time
    from reconcile.objects.times import format_time as format_time
    from reconcile.objects.times import parse_time as parse_time
    from reconcile.workqueue.options import QueueOptions as QueueOptions

_ROOMS = {
    "client.client": ("Client",),
    "controllers": (
        "Cause",
        "Change",
        "Channel",
        "ControllerOptions",
        "Finalizer",
        "ObjectReconciler",
        "Owns",
        "Predicate",
        "Read",
        "Reconciler",
        "Request",
        "Result",
        "Watch",
        "all_of",
        "annotations_changed",
        "any_of",
        "controller",
        "generation_changed",
        "labels_changed",
        "predicate",
        "resource_version_changed",
        "to_annotation",
        "to_label",
        "to_owner",
        "to_self",
        "where",
    ),
    "controllers.events": ("EventRecorder",),
    "crd.models": ("CustomResource", "Model"),
    "errors": (
        "APIError",
        "AlreadyExistsError",
        "ConfigurationError",
        "ConflictError",
        "ForbiddenError",
        "InvalidError",
        "NotCachedError",
        "NotFoundError",
        "ObjectDecodeError",
        "ReconcileError",
        "TerminalError",
        "TransportError",
        "WriteRefusedError",
    ),
    "informers.cache": ("Cache",),
    "informers.cached_object": ("CachedObject",),
    "informers.indexes": ("Index",),
    "leaderelection": ("LeaseOptions",),
    "manager": ("Manager", "ManagerOptions"),
    "objects.identity": ("GroupVersionKind", "ObjectKey", "ResourceType"),
    "objects.kinds": ("MetadataOnly",),
    "objects.conditions": (
        "condition",
        "find_condition",
        "is_true",
        "set_condition",
    ),
    "objects.meta": (
        "Condition",
        "KubernetesObject",
        "LabelSelector",
        "LabelSelectorRequirement",
        "ObjectMeta",
        "OwnerReference",
    ),
    "objects.metadata": ("ObjectMetadata",),
    "objects.owners": (
        "controller_of",
        "owner_reference",
        "set_controller_reference",
    ),
    "objects.partial": ("Part", "PartialObject"),
    "objects.quantities": ("Amount",),
    "objects.sameness": ("same",),
    "objects.selectors": ("Selector",),
    "objects.times": (
        "format_micro_time",
        "format_time",
        "parse_time",
    ),
    "workqueue.options": ("QueueOptions",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [*_ROOM_OF]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'reconcile' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"reconcile.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM_OF})
