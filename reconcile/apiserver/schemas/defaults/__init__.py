"""Defaults that no schema can say, by the OpenAPI name of the struct that they belong to."""

from reconcile.apiserver.schemas.defaults import core, devices, others, workloads

FUNCTIONS = {**core.FUNCTIONS, **workloads.FUNCTIONS, **others.FUNCTIONS, **devices.FUNCTIONS}

__all__ = ["FUNCTIONS"]
