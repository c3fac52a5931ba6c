"""The structural schema of a model: a whole kind, or a part of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel

from reconcile.crd.model_schema import json_schema_of
from reconcile.crd.notes import Note
from reconcile.crd.structural import structural
from reconcile.objects.custom import CustomResource


def structural_schema(model: type[BaseModel], *, notes: list[Note] | None = None) -> dict[str, Any]:
    """What a server is told of a model: `openAPIV3Schema` of a kind, or the schema of a part.

    Args:
        notes: what works otherwise on the server than in Python is appended here.

    Raises:
        ConfigurationError: something in the model cannot be said; names model, field and way out.
    """
    found = json_schema_of(model)
    if not issubclass(model, CustomResource):
        return structural(found, model=model.__name__, notes=notes)
    properties = dict(cast("Mapping[str, Any]", found.get("properties", {})))
    # apiVersion, kind and metadata belong to the server, which knows their types. `metadata` alone may be
    # read by rules of the kind itself, so that it stays in place while they are made.
    properties["metadata"] = {"type": "object"}
    required = [name for name in found.get("required", ()) if name != "metadata"]
    schema = structural(
        {**found, "properties": properties, "required": required}, model=model.__name__, notes=notes
    )
    if not schema["required"]:
        del schema["required"]
    del schema["properties"]["metadata"]
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    return schema
