"""Pydantic models → CustomResourceDefinitions.

    model class ──pydantic──▶ JSON schema ──structural──▶ structural schema ──definition──▶ CRD
              (model_schema)              (inline, check)

The model is the single source: what the operator reads is what the server checks.
"""

from __future__ import annotations

from reconcile.crd.definition import custom_resource_definition
from reconcile.crd.install import install_crds
from reconcile.crd.options import PrinterColumn, Rule, Scale
from reconcile.crd.text import file_name, to_yaml

__all__ = [
    "PrinterColumn",
    "Rule",
    "Scale",
    "custom_resource_definition",
    "file_name",
    "install_crds",
    "to_yaml",
]
