"""Pydantic models → CustomResourceDefinitions.

    model class ──pydantic──▶ JSON schema ──structural──▶ structural schema ──definition──▶ CRD
              (model_schema)         (inline, unions, check)          (versions, rules)

The model is the single source: what the operator reads is what the server checks.

    markers         what stands in Annotated[…] and decorates models: rules, topology, immutability
    options         what class keywords take: columns, scale, conversion
    types           field types of Kubernetes: Int32, Quantity, Duration, …
    versions        which classes are versions of one kind
    validators      what a schema cannot express
    webhook_manifests   configurations of the admission webhooks that an operator declares

The names below are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from reconcile.crd.definition import Generated, custom_resource_definition, generate
    from reconcile.crd.install import install_crds
    from reconcile.crd.markers import (
        AtLeastOneOf,
        AtMostOneOf,
        EmbeddedResource,
        ExactlyOneOf,
        Immutable,
        ListType,
        MapType,
        Nullable,
        PreserveUnknownFields,
        Recursive,
        Rule,
        Schemaless,
        StructType,
    )
    from reconcile.crd.notes import Note
    from reconcile.crd.options import PrinterColumn, Scale, WebhookConversion
    from reconcile.crd.schema import structural_schema
    from reconcile.crd.text import file_name, to_json, to_yaml
    from reconcile.crd.types import Duration, Int32, Int64, IntOrString, Quantity
    from reconcile.crd.validators import Validator, validators_of
    from reconcile.crd.webhook_manifests import webhook_configurations
    from reconcile.objects.conversions import (
        NoConversionError,
        conversion,
        convert,
        linked_versions,
        missing_conversions,
    )

_ROOMS: Final = {
    "reconcile.crd.definition": ("Generated", "custom_resource_definition", "generate"),
    "reconcile.crd.install": ("install_crds",),
    "reconcile.crd.markers": (
        "AtLeastOneOf",
        "AtMostOneOf",
        "EmbeddedResource",
        "ExactlyOneOf",
        "Immutable",
        "ListType",
        "MapType",
        "Nullable",
        "PreserveUnknownFields",
        "Recursive",
        "Rule",
        "Schemaless",
        "StructType",
    ),
    "reconcile.crd.notes": ("Note",),
    "reconcile.crd.options": ("PrinterColumn", "Scale", "WebhookConversion"),
    "reconcile.crd.schema": ("structural_schema",),
    "reconcile.crd.text": ("file_name", "to_json", "to_yaml"),
    "reconcile.crd.types": ("Duration", "Int32", "Int64", "IntOrString", "Quantity"),
    "reconcile.crd.validators": ("Validator", "validators_of"),
    "reconcile.crd.webhook_manifests": ("webhook_configurations",),
    "reconcile.objects.conversions": (
        "NoConversionError",
        "conversion",
        "convert",
        "linked_versions",
        "missing_conversions",
    ),
}
_HOMES: Final = {name: home for home, names in _ROOMS.items() for name in names}

__all__ = [
    "AtLeastOneOf",
    "AtMostOneOf",
    "Duration",
    "EmbeddedResource",
    "ExactlyOneOf",
    "Generated",
    "Immutable",
    "Int32",
    "Int64",
    "IntOrString",
    "ListType",
    "MapType",
    "NoConversionError",
    "Note",
    "Nullable",
    "PreserveUnknownFields",
    "PrinterColumn",
    "Quantity",
    "Recursive",
    "Rule",
    "Scale",
    "Schemaless",
    "StructType",
    "Validator",
    "WebhookConversion",
    "conversion",
    "convert",
    "custom_resource_definition",
    "file_name",
    "generate",
    "install_crds",
    "linked_versions",
    "missing_conversions",
    "structural_schema",
    "to_json",
    "to_yaml",
    "validators_of",
    "webhook_configurations",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
