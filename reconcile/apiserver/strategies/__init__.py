"""The rules of the built-in kinds beyond their schemas, kind by kind.

table.strategy_for(resource)      what happens on create, update and delete
table.subresources_for(resource)  status, scale, binding, …
table.action_for(resource)        what a POST of a review does
table.conversion_for(resource)    between the two forms of events, and of autoscalers

The modules of the kinds are imported at their first use: most kinds of a server never are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcile.apiserver.strategies import addresses as addresses
    from reconcile.apiserver.strategies import admission_kinds as admission_kinds
    from reconcile.apiserver.strategies import admission_policies as admission_policies
    from reconcile.apiserver.strategies import api_services as api_services
    from reconcile.apiserver.strategies import autoscaler_versions as autoscaler_versions
    from reconcile.apiserver.strategies import autoscaling as autoscaling
    from reconcile.apiserver.strategies import claims as claims
    from reconcile.apiserver.strategies import conversions as conversions
    from reconcile.apiserver.strategies import core as core
    from reconcile.apiserver.strategies import cron_jobs as cron_jobs
    from reconcile.apiserver.strategies import device_classes as device_classes
    from reconcile.apiserver.strategies import endpoints as endpoints
    from reconcile.apiserver.strategies import events as events
    from reconcile.apiserver.strategies import flow_control as flow_control
    from reconcile.apiserver.strategies import job_kinds as job_kinds
    from reconcile.apiserver.strategies import networking as networking
    from reconcile.apiserver.strategies import nodes as nodes
    from reconcile.apiserver.strategies import others as others
    from reconcile.apiserver.strategies import persistent_volumes as persistent_volumes
    from reconcile.apiserver.strategies import pod_actions as pod_actions
    from reconcile.apiserver.strategies import pod_debugging as pod_debugging
    from reconcile.apiserver.strategies import pod_resize as pod_resize
    from reconcile.apiserver.strategies import pods as pods
    from reconcile.apiserver.strategies import quotas as quotas
    from reconcile.apiserver.strategies import resource_claim_status as resource_claim_status
    from reconcile.apiserver.strategies import resource_claims as resource_claims
    from reconcile.apiserver.strategies import resource_slices as resource_slices
    from reconcile.apiserver.strategies import reviews as reviews
    from reconcile.apiserver.strategies import scale as scale
    from reconcile.apiserver.strategies import service_checks as service_checks
    from reconcile.apiserver.strategies import service_networks as service_networks
    from reconcile.apiserver.strategies import services as services
    from reconcile.apiserver.strategies import signing_requests as signing_requests
    from reconcile.apiserver.strategies import stateful_sets as stateful_sets
    from reconcile.apiserver.strategies import storage as storage
    from reconcile.apiserver.strategies import workloads as workloads

_KINDS = frozenset(
    {
        "addresses",
        "admission_kinds",
        "admission_policies",
        "api_services",
        "autoscaler_versions",
        "autoscaling",
        "claims",
        "conversions",
        "core",
        "cron_jobs",
        "device_classes",
        "endpoints",
        "events",
        "flow_control",
        "job_kinds",
        "networking",
        "nodes",
        "others",
        "persistent_volumes",
        "pod_actions",
        "pod_debugging",
        "pod_resize",
        "pods",
        "quotas",
        "resource_claim_status",
        "resource_claims",
        "resource_slices",
        "reviews",
        "scale",
        "service_checks",
        "service_networks",
        "services",
        "signing_requests",
        "stateful_sets",
        "storage",
        "workloads",
    }
)


def __getattr__(name: str) -> object:
    if name in _KINDS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
