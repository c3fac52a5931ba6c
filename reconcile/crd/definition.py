"""The CustomResourceDefinition of a CustomResource class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from reconcile.crd.model_schema import json_schema_of
from reconcile.crd.options import PrinterColumn, Scale
from reconcile.crd.structural import structural
from reconcile.errors import ConfigurationError
from reconcile.objects.custom import CustomResource
from reconcile.objects.identity import ResourceType

_KEYWORDS = frozenset(
    {
        "group",
        "version",
        "kind",
        "plural",
        "singular",
        "namespaced",
        "short_names",
        "categories",
        "status",
        "scale",
        "printer_columns",
        "selectable_fields",
        "deprecated",
        "served",
    }
)


def custom_resource_definition(model: type[CustomResource]) -> dict[str, Any]:
    """The definition that makes a server serve this kind; a new dict, ready to be applied or written.

    The same class gives the same dict, key for key in the same order.

    Raises:
        ConfigurationError: the class is not a kind, a class keyword is unknown, or something in the model
            cannot be said in a structural schema; names the model, the field and a way out.
    """
    resource = _resource_of(model)
    options = model.__crd_options__
    unknown = sorted(set(options) - _KEYWORDS)
    if unknown:
        raise ConfigurationError(
            f"class {model.__name__}: unknown keyword {unknown[0]}=; there are {', '.join(sorted(_KEYWORDS))}"
        )
    names: dict[str, Any] = {
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
        "plural": resource.plural,
        "singular": options.get("singular") or resource.kind.lower(),
    }
    if options.get("short_names"):
        names["shortNames"] = list(options["short_names"])
    if options.get("categories"):
        names["categories"] = list(options["categories"])
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [_version(model, resource, options)],
        },
    }


def _resource_of(model: Any) -> ResourceType:
    found: object = getattr(model, "__resource_type__", None)
    if not (isinstance(model, type) and issubclass(model, CustomResource)):
        raise ConfigurationError(f"{model!r} is not a subclass of CustomResource")
    if not isinstance(found, ResourceType):
        raise ConfigurationError(f"class {model.__name__}: the keywords group= and version= are missing")
    return found


def _version(
    model: type[CustomResource], resource: ResourceType, options: Mapping[str, Any]
) -> dict[str, Any]:
    schema = _root_schema(model)
    version: dict[str, Any] = {
        "name": resource.version,
        "served": options.get("served", True),
        "storage": True,
    }
    deprecated = options.get("deprecated")
    if deprecated:
        version["deprecated"] = True
        if isinstance(deprecated, str):
            version["deprecationWarning"] = deprecated
    version["schema"] = {"openAPIV3Schema": schema}
    subresources = _subresources(options, has_status="status" in schema["properties"])
    if subresources:
        version["subresources"] = subresources
    columns = _columns(model, options.get("printer_columns") or ())
    if columns:
        version["additionalPrinterColumns"] = columns
    if options.get("selectable_fields"):
        version["selectableFields"] = [{"jsonPath": path} for path in options["selectable_fields"]]
    return version


def _root_schema(model: type[CustomResource]) -> dict[str, Any]:
    found = json_schema_of(model)
    properties = dict(cast("Mapping[str, Any]", found.get("properties", {})))
    # apiVersion, kind and metadata belong to the server, which knows their types.
    properties.pop("metadata", None)
    required = [name for name in found.get("required", ()) if name != "metadata"]
    schema = structural({**found, "properties": properties, "required": required}, model=model.__name__)
    if not schema["required"]:
        del schema["required"]
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    return schema


def _subresources(options: Mapping[str, Any], *, has_status: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.get("status", has_status):
        found["status"] = {}
    scale = options.get("scale")
    if scale is not None:
        if not isinstance(scale, Scale):
            raise ConfigurationError(f"the keyword scale= takes a Scale(…), got {scale!r}")
        found["scale"] = {
            "specReplicasPath": scale.spec_replicas,
            "statusReplicasPath": scale.status_replicas,
        }
        if scale.selector:
            found["scale"]["labelSelectorPath"] = scale.selector
    return found


def _columns(model: type[CustomResource], columns: Iterable[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for column in columns:
        if not isinstance(column, PrinterColumn):
            raise ConfigurationError(
                f"class {model.__name__}: printer_columns= takes PrinterColumn(…), got {column!r}"
            )
        wire: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
        if column.description:
            wire["description"] = column.description
        if column.format:
            wire["format"] = column.format
        if column.priority:
            wire["priority"] = column.priority
        found.append(wire)
    return found
