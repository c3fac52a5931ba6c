"""A version's schema at work: shape, pruning, defaulting, validation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.customresources.embedded import has_resources, read_metadata, resource_errors
from reconcile.apiserver.customresources.list_types import list_type_errors
from reconcile.apiserver.customresources.rules import SchemaRules
from reconcile.apiserver.customresources.validation import Validator, within
from reconcile.apiserver.customresources.value_checks import narrowed
from reconcile.apiserver.field_errors import FieldError
from reconcile.apiserver.schemas import BuiltinSchemas
from reconcile.apiserver.schemas.topology import SCALAR, UNTYPED, Shape
from reconcile.apiserver.status import bad_request
from reconcile.objects.json_copy import copy_json

if TYPE_CHECKING:
    from reconcile.apiserver.customresources.scale_checks import ScaleChecks
    from reconcile.apiserver.interfaces import RequestContext
    from reconcile.cel.correlation import Correlation

JSONObject = dict[str, Any]

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_NOTHING: JSONObject = {}
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_TYPE_META = ("apiVersion", "kind", "metadata")


_ANY = Shape("scalar", scalar="any")
_NUMERIC = Shape("scalar", scalar="numeric")
_SCALARS = {
    "string": Shape("scalar", scalar="string"),
    "boolean": Shape("scalar", scalar="boolean"),
    "integer": _NUMERIC,
    "number": _NUMERIC,
}


class CustomSchema:
    """The schema of a custom resource in one version."""

    def __init__(
        self, schema: JSONObject, *, kind: str, preserve: bool = False, scale: ScaleChecks | None = None
    ) -> None:
        if _holds_float(schema):
            # Choices and defaults are read again, too.
            schema = copy_json(schema)
            _convert(schema, float, _read_again)
        self.schema = {**schema, _PRESERVE: True} if preserve else schema
        self.kind = kind
        self._scale = scale
        self._rules = SchemaRules(self.schema)

    @cached_property
    def _builtin(self) -> BuiltinSchemas:
        return BuiltinSchemas()

    def check(self, obj: JSONObject, context: RequestContext | None = None) -> list[str]:
        """Prune what the schema does not know; metadata is read as built-in kinds' metadata is.

        An integer of more than 64 bits becomes a float, as Go reads it.
        """
        findings: list[str] = []
        version = str(obj.get("apiVersion", "")).rpartition("/")[2]
        meta = obj.get("metadata")
        if meta is not None:
            from reconcile.apiserver.schemas.decoding import MismatchError, UnreadableError

            inner: list[str] = []
            try:
                obj["metadata"] = self._builtin.decoders.for_struct(_OBJECT_META)(meta, inner)
            except MismatchError as error:
                error.path.insert(0, "metadata")
                if not error.struct:
                    error.struct = "ObjectMeta"
                raise bad_request(
                    f'{self.kind} in version "{version}" cannot be handled as a {self.kind}: {error.text}'
                ) from None
            except UnreadableError as error:
                raise bad_request(
                    f'{self.kind} in version "{version}" cannot be handled as a {self.kind}: {error}'
                ) from None
            findings += [f"metadata.{finding}" for finding in inner]
        else:
            obj["metadata"] = {}
        _convert(obj, int, narrowed)
        unknown: list[str] = []
        _prune(obj, self.schema, "", unknown, root=True)
        findings += sorted(unknown)
        if self._has_resources:
            findings += sorted(read_metadata(obj, self.schema, "", resource=False))
        return [f'unknown field "{finding}"' for finding in findings]

    @cached_property
    def _has_resources(self) -> bool:
        return has_resources(self.schema)

    def prune(self, obj: JSONObject) -> None:
        """Take away what the schema does not know, nulls too; metadata is left as it is."""
        _prune(obj, self.schema, "", [], root=True)
        self.drop_nulls(obj)

    def drop_nulls(self, obj: JSONObject) -> None:
        """Take away nulls where the schema has none and no default either."""
        if not self.schema.get(_PRESERVE):
            _drop_nulls(obj, self.schema)

    def default(self, obj: JSONObject) -> None:
        _default(obj, self.schema)

    def settle(self, obj: JSONObject) -> None:
        """Floats become what they are read as again: without a fraction they are integers."""
        _convert(obj, float, _read_again)

    def validate(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[FieldError]:
        alone = context.subresource == "status"
        before = self._before(new, old)
        if not alone:
            errors = self._validator.errors(new, before)
        elif self._status is None or "status" not in new:
            errors = []
        else:
            # The status alone is looked at, as if it were the whole.
            status = before.key("status") if before is not None else None
            errors = within(self._status.errors(new["status"], status), "status")
        if self._scale is not None:
            errors += self._scale.of_status(new) if alone else self._scale.of_object(new)
        errors += [] if alone else resource_errors(new, self.schema, "", resource=False)
        if old is None or not list_type_errors(old, self.schema):
            errors += list_type_errors(new, self.schema)
        return errors + self._rules.check(new, old, errors, context.warnings)

    @cached_property
    def _validator(self) -> Validator:
        return Validator(self.schema)

    @cached_property
    def _status(self) -> Validator | None:
        schema = (self.schema.get("properties") or {}).get("status")
        return None if schema is None else Validator(schema)

    def _before(self, new: JSONObject, old: JSONObject | None) -> Correlation | None:
        if old is None:
            return None
        from reconcile.cel.correlation import Correlation

        return Correlation(new, old, self.schema)

    @cached_property
    def shape(self) -> Shape:
        meta = self._builtin.shapes.for_struct(_OBJECT_META)
        fields = {key: _lazy(value) for key, value in (self.schema.get("properties") or {}).items()}
        fields.update({"apiVersion": lambda: SCALAR, "kind": lambda: SCALAR, "metadata": lambda: meta})
        rest = (lambda: UNTYPED) if self.schema.get(_PRESERVE) else None
        return Shape("struct", fields=fields, element=rest)

    @property
    def patch_schema(self) -> None:
        return None


def _convert(container: Any, kind: type, convert: Callable[[Any], Any]) -> None:
    """Put something else in the place of each value of a kind, all the way down."""
    for place, value in container.items() if type(container) is dict else enumerate(container):
        found = type(value)
        if found is dict or found is list:
            _convert(value, kind, convert)
        elif found is kind:
            container[place] = convert(value)


def _holds_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float, value.values()))
    return any(map(_holds_float, value)) if isinstance(value, list) else isinstance(value, float)


def _read_again(value: float) -> float:
    """A float as Go reads it after it has written it."""
    if not value.is_integer() or abs(value) >= 2.0**63:
        return value
    from reconcile.cel.numerals import format_plain

    # What has more digits than a float tells apart is written with zeros after those.
    return narrowed(int(format_plain(value)))


def _lazy(schema: JSONObject) -> Any:
    made: list[Shape] = []

    def make() -> Shape:
        if not made:
            made.append(shape_of(schema))
        return made[0]

    return make


def shape_of(schema: JSONObject) -> Shape:
    """How values of a structural schema merge."""
    if schema.get("x-kubernetes-int-or-string"):
        return UNTYPED
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    kind = schema.get("type")
    if kind == "array":
        list_type = schema.get("x-kubernetes-list-type")
        items = schema.get("items") or {}
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        properties = items.get("properties") or {}
        defaults: JSONObject = {
            key: properties[key]["default"] for key in keys if "default" in properties.get(key, {})
        }
        return Shape(
            "list",
            atomic=list_type not in ("map", "set"),
            element=_lazy(items),
            keys=keys,
            set=list_type == "set",
            defaults=defaults,
        )
    if kind == "object" or "properties" in schema:
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            return Shape("map", atomic, element=_lazy(additional))
        properties = schema.get("properties") or {}
        if schema.get(_EMBEDDED):
            meta = {"type": "object", _PRESERVE: True}
            properties = {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": meta,
                **properties,
            }
        if not properties:
            return Shape("untyped", atomic, element=lambda: UNTYPED)
        rest = (lambda: UNTYPED) if schema.get(_PRESERVE) or additional is True else None
        return Shape("struct", atomic, {key: _lazy(value) for key, value in properties.items()}, rest)
    if kind == "string" and schema.get("format") not in (None, "", "byte"):
        return _ANY
    if kind in _SCALARS:
        return _SCALARS[kind]
    return UNTYPED


def unknown_fields(value: Any, schema: JSONObject, *, resource: bool) -> list[str]:
    """Take away what the schema does not know, and say what it was; `resource`: the value is a whole one."""
    found: list[str] = []
    _prune(value, schema, "", found, root=resource)
    return found


def _prune(
    value: Any, schema: JSONObject | None, path: str, findings: list[str], *, root: bool = False
) -> None:
    if isinstance(value, list):
        items = (schema or {}).get("items")
        if items is None and schema is not None and not schema.get(_PRESERVE):
            items = _NOTHING
        for index, item in enumerate(value):
            _prune(item, items, f"{path}[{index}]", findings)
        return
    if not isinstance(value, dict) or schema is None:
        return
    additional = schema.get("additionalProperties")
    properties: JSONObject = schema.get("properties") or {}
    preserve = schema.get(_PRESERVE)
    embedded = root or schema.get(_EMBEDDED)
    for key in list(value):
        where = f"{path}.{key}" if path else str(key)
        if embedded and key in _TYPE_META:
            continue
        if key in properties:
            _prune(value[key], properties[key], where, findings)
        elif additional is not None:
            # Any property may be there; of what is inside nothing is known, so that nothing stays.
            _prune(value[key], additional if isinstance(additional, dict) else _NOTHING, where, findings)
        elif preserve:
            continue
        else:
            findings.append(where)
            del value[key]


def _drop_nulls(value: Any, schema: JSONObject | None) -> None:
    if isinstance(value, dict):
        properties: JSONObject = (schema or {}).get("properties") or {}
        additional = (schema or {}).get("additionalProperties")
        rest = additional if isinstance(additional, dict) else None
        for key in list(value):
            inner = properties.get(key, rest)
            if value[key] is not None:
                _drop_nulls(value[key], inner)
            elif inner is not None and not inner.get("nullable") and "default" not in inner:
                del value[key]
    elif isinstance(value, list):
        items = (schema or {}).get("items")
        for item in value:
            _drop_nulls(item, items)


def _default(value: Any, schema: JSONObject) -> None:
    if isinstance(value, dict):
        properties: JSONObject = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, inner in properties.items():
            if "default" not in inner:
                # A null that is not allowed goes when there is a default to take its place only.
                continue
            if key not in value or (value[key] is None and not inner.get("nullable")):
                value[key] = copy_json(inner["default"])
        for key, inner in value.items():
            if key in properties:
                _default(inner, properties[key])
            elif isinstance(additional, dict):
                if inner is None and "default" in additional and not additional.get("nullable"):
                    value[key] = copy_json(additional["default"])
                _default(value[key], additional)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                if item is None and "default" in items and not items.get("nullable"):
                    value[index] = copy_json(items["default"])
                _default(value[index], items)
