"""The schemas of the built-in kinds, as the handlers ask for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.data import data
from reconcile.apiserver.schemas.catalog import Catalog, ServedKind, catalog
from reconcile.apiserver.schemas.decoding import EMPTY_UNTIL_STORED, Decoders, MismatchError, UnreadableError
from reconcile.apiserver.schemas.defaulting import Defaulters
from reconcile.apiserver.schemas.topology import Shape, Shapes
from reconcile.apiserver.status import bad_request
from reconcile.objects.identity import GroupVersionKind

if TYPE_CHECKING:
    from reconcile.apiserver.field_errors import FieldError
    from reconcile.apiserver.interfaces import JSONObject, RequestContext


class BuiltinSchema:
    """The schema of one built-in kind in one version. Compiled at its first use."""

    def __init__(self, gvk: GroupVersionKind, name: str, source: BuiltinSchemas) -> None:
        self.gvk = gvk
        self.name = name
        self._source = source
        self._decode = source.decoders.for_struct(name)
        self._default = source.defaulters.for_struct(name)
        self._emptied = EMPTY_UNTIL_STORED.get(name, ())
        self._emptied_in_spec = EMPTY_UNTIL_STORED.get(f"{name}Spec", ())

    def check(self, obj: JSONObject, context: RequestContext | None = None) -> list[str]:
        """Bring the object into the form that the kind's Go type encodes; returns the unknown fields."""
        findings: list[str] = []
        try:
            decoded = self._decode(obj, findings)
        except MismatchError as error:
            raise self._cannot_be_handled(error.text) from None
        except UnreadableError as error:
            raise self._cannot_be_handled(str(error)) from None
        obj.clear()
        obj.update(decoded)
        return [f'unknown field "{finding}"' for finding in findings]

    def restoring_problem(self, obj: JSONObject) -> str | None:
        """Why the result of a strategic patch cannot be read; None where it can."""
        from reconcile.apiserver.schemas.restoring import Restoring

        return Restoring(self._source.catalog, self._source.decoders).problem(self.name, obj)

    @cached_property
    def empty(self) -> JSONObject:
        """The zero value of the kind's Go type; not to be changed."""
        zero: JSONObject = {"apiVersion": self.gvk.api_version, "kind": self.gvk.kind}
        self.check(zero)
        zero.setdefault("metadata", {})
        return zero

    def _cannot_be_handled(self, text: str) -> Exception:
        kind, version = self.gvk.kind, self.gvk.version
        return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {text}')

    def default(self, obj: JSONObject) -> None:
        """Set the defaults, and bring into form what the kind's internal type reads out of annotations."""
        if self._default is not None:
            try:
                self._default(obj)
            except UnreadableError as error:
                raise self._cannot_be_handled(str(error)) from None

    def settle(self, obj: JSONObject) -> None:
        """What storing the object makes of it: some empty lists are none."""
        for key in self._emptied:
            if obj.get(key) == []:
                obj[key] = None
        for key in self._emptied_in_spec:
            spec = obj.get("spec")
            if isinstance(spec, dict) and spec.get(key) == []:
                spec[key] = None

    def validate(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[FieldError]:
        """Nothing: beyond what decoding checks, the rules of built-in kinds are their strategies'."""
        return []

    @property
    def shape(self) -> Shape:
        """How the kind merges."""
        return self._source.shapes.for_struct(self.name)

    @property
    def patch_schema(self) -> Any | None:
        from reconcile.apiserver.patching.strategic_schema import ShapePatchSchema

        return ShapePatchSchema(self.shape)


class BuiltinSchemas:
    """Every built-in kind, its schema and the published OpenAPI; one instance a process is enough."""

    def __init__(self) -> None:
        from reconcile.apiserver.schemas.defaults import FUNCTIONS

        self.catalog: Catalog = catalog()
        self.decoders = Decoders(self.catalog)
        self.defaulters = Defaulters(self.catalog, FUNCTIONS)
        self.shapes = Shapes(self.catalog)
        self._schemas: dict[GroupVersionKind, BuiltinSchema] = {}
        self._openapi: dict[str, Any] | None = None

    @property
    def served(self) -> tuple[ServedKind, ...]:
        """The resources that a server serves by default, in the order of its discovery."""
        return self.catalog.resources

    def schema_for(self, gvk: GroupVersionKind) -> BuiltinSchema | None:
        found = self._schemas.get(gvk)
        if found is None:
            name = self.catalog.kinds.get(f"{gvk.api_version}/{gvk.kind}")
            if name is None:
                return None
            found = self._schemas[gvk] = BuiltinSchema(gvk, name, self)
        return found

    def _documents(self) -> dict[str, Any]:
        if self._openapi is None:
            import lzma

            self._openapi = msgspec.json.decode(lzma.decompress(data("schemas", "openapi.json.xz")))
        assert self._openapi is not None
        return self._openapi

    def openapi_v2(self) -> bytes:
        return msgspec.json.encode(self._documents()["v2"])

    def openapi_v3_groups(self) -> tuple[str, ...]:
        return tuple(self._documents()["v3"])

    def openapi_v3(self, path: str) -> bytes:
        """Raises KeyError for a path that is not among `openapi_v3_groups()`."""
        return msgspec.json.encode(self._documents()["v3"][path])
