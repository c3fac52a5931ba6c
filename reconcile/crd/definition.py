"""The CustomResourceDefinition of a CustomResource class, or of several that are versions of one kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconcile.crd.descriptions import cut_descriptions
from reconcile.crd.json_paths import field_at
from reconcile.crd.notes import Note
from reconcile.crd.options import PrinterColumn, Scale
from reconcile.crd.rules import check_rules
from reconcile.crd.schema import structural_schema
from reconcile.crd.validators import Validator, validators_of
from reconcile.crd.versions import VersionedKind, kinds_of
from reconcile.errors import ConfigurationError
from reconcile.objects.custom import CustomResource
from reconcile.objects.identity import ResourceType

_SELECTABLE: Final = ("string", "integer", "boolean")
_MOST_SELECTABLE: Final = 8


@dataclass(frozen=True, slots=True)
class Generated:
    """A definition, and what it cannot say.

    Attributes:
        definition: the CustomResourceDefinition, in wire form.
        notes: what works otherwise on the server than in Python.
        validators: Pydantic's validators, which run in Python only, until an admission webhook serves them.
    """

    definition: dict[str, Any]
    notes: tuple[Note, ...] = ()
    validators: tuple[Validator, ...] = ()


def custom_resource_definition(
    model: type[CustomResource], *versions: type[CustomResource], max_description: int | None = None
) -> dict[str, Any]:
    """The definition that makes a server serve this kind; a new dict, ready to be applied or written.

    The same classes give the same dict, key for key in the same order.

    Args:
        model: the kind.
        versions: more versions of it. Those that conversions lead to are added by themselves.
        max_description: the longest description in characters; 0 for none, None for all as they are.

    Raises:
        ConfigurationError: the class is not a kind, a class keyword is unknown, versions do not go together,
            a rule in CEL is wrong or too dear, or something in the model cannot be said in a structural
            schema; names the model, the field and a way out.
    """
    (generated,) = generate([model, *versions], max_description=max_description)
    return generated.definition


def generate(
    models: Iterable[type[CustomResource]], *, max_description: int | None = None
) -> list[Generated]:
    """The definitions of classes, those of one group and kind together; in the order of group and plural.

    Raises:
        ConfigurationError: as `custom_resource_definition`; or names of two kinds clash.
    """
    return [_generate(kind, max_description) for kind in kinds_of(models)]


def _generate(kind: VersionedKind, max_description: int | None) -> Generated:
    notes: list[Note] = list(kind.notes)
    resource = kind.resource
    names: dict[str, Any] = {
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
        "plural": resource.plural,
        "singular": kind.said("singular") or resource.kind.lower(),
    }
    if kind.said("short_names"):
        names["shortNames"] = list(kind.said("short_names"))
    if kind.said("categories"):
        names["categories"] = list(kind.said("categories"))
    metadata: dict[str, Any] = {"name": f"{resource.plural}.{resource.group}"}
    for key in ("labels", "annotations"):
        if kind.said(key):
            metadata[key] = dict(sorted(kind.said(key).items()))
    spec: dict[str, Any] = {
        "group": resource.group,
        "names": names,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "versions": [_version(model, kind, notes, max_description) for model in kind.versions],
    }
    if kind.said("conversion") is not None:
        spec["conversion"] = kind.said("conversion").to_wire()
    elif len({str(version["schema"]) for version in spec["versions"]}) > 1:
        text = (
            "its versions differ and nothing converts between them: the server changes apiVersion alone; "
            "give one of them conversion=WebhookConversion(…)"
        )
        notes.append(Note(kind.versions[0].__name__, "", text))
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }
    validators = [each for model in kind.versions for each in validators_of(model)]
    return Generated(definition, tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(validators)))


def _version(
    model: type[CustomResource], kind: VersionedKind, notes: list[Note], max_description: int | None
) -> dict[str, Any]:
    resource: ResourceType = model.__resource_type__
    options = model.__crd_options__
    schema = structural_schema(model, notes=notes)
    check_rules(model.__name__, schema)
    version: dict[str, Any] = {
        "name": resource.version,
        "served": options.get("served", True),
        "storage": model is kind.storage,
    }
    deprecated = options.get("deprecated")
    if deprecated:
        version["deprecated"] = True
        if isinstance(deprecated, str):
            version["deprecationWarning"] = deprecated
    written = schema if max_description is None else cut_descriptions(schema, max_description)
    version["schema"] = {"openAPIV3Schema": written}
    subresources = _subresources(model, schema, notes)
    if subresources:
        version["subresources"] = subresources
    columns = _columns(model, options.get("printer_columns") or (), schema, notes)
    if columns:
        version["additionalPrinterColumns"] = columns
    if options.get("selectable_fields"):
        version["selectableFields"] = _selectable(model, options["selectable_fields"], schema)
    return version


def _subresources(
    model: type[CustomResource], schema: Mapping[str, Any], notes: list[Note]
) -> dict[str, Any]:
    options = model.__crd_options__
    found: dict[str, Any] = {}
    if options.get("status", "status" in schema["properties"]):
        found["status"] = {}
        if "status" in schema.get("required", ()):
            raise ConfigurationError(
                f"model {model.__name__}, field status: it is required, and the server drops what a create "
                "says of it; make it optional (`status: … | None = None`)"
            )
    scale = options.get("scale")
    if scale is None:
        return found
    if not isinstance(scale, Scale):
        raise ConfigurationError(f"class {model.__name__}: scale= takes a Scale(…), got {scale!r}")
    wire = scale.to_wire()
    for name, path in wire.items():
        starts = (".spec.",) if name == "specReplicasPath" else (".status.", ".spec.")
        if name == "statusReplicasPath":
            starts = (".status.",)
        if not path.startswith(starts) or "[" in path:
            raise ConfigurationError(
                f"class {model.__name__}: scale=: the path {path!r} is none below {starts[0][:-1]} without "
                "brackets, which is what the server takes"
            )
        field = field_at(schema, path)
        if field is None:
            text = "the scale subresource names it; it is no field"
            notes.append(Note(model.__name__, path.lstrip("."), text))
        elif name == "specReplicasPath" and field.get("minimum", -1) < 0:
            text = "the scale subresource takes no negative number; say so in Python too: Field(ge=0)"
            notes.append(Note(model.__name__, path.lstrip("."), text))
    found["scale"] = wire
    return found


def _columns(
    model: type[CustomResource], columns: Iterable[Any], schema: Mapping[str, Any], notes: list[Note]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for column in columns:
        if not isinstance(column, PrinterColumn):
            raise ConfigurationError(
                f"class {model.__name__}: printer_columns= takes PrinterColumn(…), got {column!r}"
            )
        if field_at(schema, column.path) is None:
            text = f"the column {column.name!r} shows it; it is no field"
            notes.append(Note(model.__name__, column.path.lstrip("."), text))
        found.append(column.to_wire())
    return found


def _selectable(
    model: type[CustomResource], paths: Sequence[str], schema: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if len(paths) > _MOST_SELECTABLE:
        raise ConfigurationError(
            f"class {model.__name__}: selectable_fields= has {len(paths)} paths; the server takes "
            f"{_MOST_SELECTABLE} at most"
        )
    for path in paths:
        field = field_at(schema, path)
        if not field or field.get("type") not in _SELECTABLE:
            what = "no field" if field is None else "no text, whole number or boolean"
            raise ConfigurationError(
                f"class {model.__name__}: selectable_fields=: {path!r} is {what}; "
                "name a scalar field of the model by a path such as .spec.size"
            )
    return [{"jsonPath": path} for path in paths]
