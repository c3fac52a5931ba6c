"""The reconcile loop: reconcilers, watches, predicates, mappers, finalizers, events."""

from reconcile.controllers.builder import ControllerBuilder, controller
from reconcile.controllers.change import Change
from reconcile.controllers.definition import ControllerDefinition, Owns, define
from reconcile.controllers.finalizers import Finalizer
from reconcile.controllers.mappers import Mapper, to_annotation, to_label, to_owner, to_self
from reconcile.controllers.options import ControllerOptions
from reconcile.controllers.predicates import (
    Predicate,
    all_of,
    annotations_changed,
    any_of,
    generation_changed,
    labels_changed,
    predicate,
    resource_version_changed,
    where,
)
from reconcile.controllers.reconciler import ObjectReconciler, Reconciler
from reconcile.controllers.request import Cause, Request, Result
from reconcile.controllers.watch import Channel, Enqueue, Read, Source, Watch

__all__ = [
    "Cause",
    "Change",
    "Channel",
    "ControllerBuilder",
    "ControllerDefinition",
    "ControllerOptions",
    "Enqueue",
    "Finalizer",
    "Mapper",
    "ObjectReconciler",
    "Owns",
    "Predicate",
    "Read",
    "Reconciler",
    "Request",
    "Result",
    "Source",
    "Watch",
    "all_of",
    "annotations_changed",
    "any_of",
    "controller",
    "define",
    "generation_changed",
    "labels_changed",
    "predicate",
    "resource_version_changed",
    "to_annotation",
    "to_label",
    "to_owner",
    "to_self",
    "where",
]
