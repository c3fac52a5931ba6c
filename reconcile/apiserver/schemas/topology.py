"""The shape of values as patches and server-side apply see it: atoms, maps and lists with their keys.

Built-in kinds get theirs from the data file, custom resources from their schema; `Shape` is what both
become. A shape says how a value merges, never whether it is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconcile.apiserver.schemas.catalog import Catalog, FieldType, TypeExpression

Kind = Literal["scalar", "struct", "map", "list", "untyped"]


@dataclass(slots=True, eq=False)
class Shape:
    """How one value merges.

    Attributes:
        kind: `struct` has named fields, `map` any keys with one element shape; `untyped` values are merged by
            what they turn out to be (maps deeply, lists as one).
        atomic: the value is replaced as a whole.
        fields: of a struct.
        element: of a map or list; for a struct, that of keys without a field (preserved unknown ones).
        keys: of a list whose items are told apart by these fields.
        set: a list of distinct scalars.
        defaults: of the keys of a list.
        patch_strategy, merge_key: of strategic merge patch.
        scalar: what a scalar must be: `string`, `boolean`, `numeric` or `any`; empty: decoding tells.
    """

    kind: Kind
    atomic: bool = False
    fields: Mapping[str, Callable[[], Shape]] = field(default_factory=dict[str, Callable[[], "Shape"]])
    element: Callable[[], Shape] | None = None
    keys: tuple[str, ...] = ()
    set: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    patch_strategy: tuple[str, ...] = ()
    merge_key: str = ""
    scalar: str = ""
    _children: dict[str, Shape] = field(default_factory=dict[str, "Shape"], init=False, repr=False)
    _items: Shape | None = field(default=None, init=False, repr=False)

    def child(self, name: str) -> Shape:
        """The shape of a field of a struct, or of a map's value."""
        found = self._children.get(name)
        if found is None:
            make = self.fields.get(name)
            if make is None:
                return self.items
            found = self._children[name] = make()
        return found

    @property
    def items(self) -> Shape:
        """The shape of what a map or list holds."""
        if self._items is None:
            self._items = self.element() if self.element is not None else UNTYPED
        return self._items


SCALAR = Shape("scalar")
UNTYPED = Shape("untyped")
UNTYPED.element = lambda: UNTYPED
ATOMIC = Shape("untyped", atomic=True)


# Its name may be left out and is then empty.
_REFERENCE = "io.k8s.api.core.v1.LocalObjectReference"
_ZEROS: Mapping[str, Any] = {"string": "", "int32": 0, "int64": 0, "bool": False}


def _default_of(field: FieldType) -> Any:
    """What a field that is left out is taken for: a field that Go always writes has its type's zero."""
    if field.default is not None:
        return field.default
    if field.omit_empty or field.type.shape != "scalar":
        return None
    return _ZEROS.get(field.type.name, "")


class Shapes:
    """Shapes of Go structs, built when first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._structs: dict[tuple[str, bool], Shape] = {}

    def for_struct(self, name: str, *, atomic: bool = False) -> Shape:
        found = self._structs.get((name, atomic))
        if found is None:
            struct = self._catalog.struct(name)
            found = self._structs[name, atomic] = Shape(
                "struct",
                atomic or struct.map_type == "atomic",
                {key: self._later(value) for key, value in struct.fields.items()},
            )
        return found

    def _later(self, field: FieldType) -> Callable[[], Shape]:
        made: Shape | None = None

        def make() -> Shape:
            nonlocal made
            if made is None:
                made = self._for_field(field)
            return made

        return make

    def _for_field(self, field: FieldType) -> Shape:
        type = field.type.inner
        strategy = tuple(part for part in field.patch_strategy.split(",") if part)
        if type.shape == "list" and type.element is not None:
            element = type.element
            defaults: dict[str, Any] = {}
            if element.inner.shape == "struct" and field.keys:
                fields = self._catalog.struct(element.inner.name).fields
                for key in field.keys:
                    if key in fields and (default := _default_of(fields[key])) is not None:
                        defaults[key] = default
                if element.inner.name == _REFERENCE:
                    defaults["name"] = ""
            return Shape(
                "list",
                atomic=field.list_type not in ("map", "set"),
                element=lambda: self._for_type(element),
                keys=field.keys if field.list_type == "map" else (),
                set=field.list_type == "set",
                defaults=defaults,
                patch_strategy=strategy,
                merge_key=field.merge_key,
            )
        if type.shape == "struct":
            shape = self.for_struct(type.name)
            atomic = shape.atomic if not field.map_type else field.map_type == "atomic"
            if atomic != shape.atomic or strategy:
                return Shape("struct", atomic, shape.fields, shape.element, patch_strategy=strategy)
            return shape
        if type.shape == "map" and type.element is not None:
            element = type.element
            return Shape(
                "map",
                field.map_type == "atomic",
                element=lambda: self._for_type(element),
                patch_strategy=strategy,
            )
        return self._for_type(type)

    def _for_type(self, type: TypeExpression) -> Shape:
        type = type.inner
        match type.shape:
            case "struct":
                return self.for_struct(type.name)
            case "list":
                element = type.element
                return Shape(
                    "list", atomic=True, element=lambda: self._for_type(element) if element else UNTYPED
                )
            case "map":
                element = type.element
                return Shape("map", element=lambda: self._for_type(element) if element else UNTYPED)
            case "special":
                if type.name in ("Time", "MicroTime", "Quantity", "IntOrString", "Duration"):
                    return SCALAR
                # JSON of any form is one value where it stands for an object of another kind.
                return ATOMIC if type.name == "RawExtension" else UNTYPED
            case _:
                return SCALAR
