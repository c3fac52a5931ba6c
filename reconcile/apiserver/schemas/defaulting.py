"""Defaults of built-in kinds, by struct: a struct's own defaults first, then those of what it contains.

The functions are in `defaults/`, named by the OpenAPI name of their struct; the constants (`protocol: TCP`)
stand in the data file. The walk is compiled per struct and visits only what leads to a default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconcile.apiserver.schemas.catalog import Catalog, TypeExpression

Defaulter = Callable[[dict[str, Any]], None]


class Defaulters:
    """The compiled walks, one a struct."""

    def __init__(self, catalog: Catalog, functions: Mapping[str, Defaulter]) -> None:
        self._catalog = catalog
        self._functions = functions
        self._compiled: dict[str, Defaulter | None] = {}

    def for_struct(self, name: str) -> Defaulter | None:
        """The walk of a struct; None when neither it nor anything in it has a default."""
        if name in self._compiled:
            return self._compiled[name]
        # A struct that contains itself (a CRD's schema) has no defaults below the first level.
        self._compiled[name] = None
        struct = self._catalog.struct(name)
        own = self._functions.get(name)
        constants: list[tuple[str, Any]] = []
        children: list[tuple[str, Callable[[Any], None]]] = []
        for field in struct.fields.values():
            if field.default is not None and not isinstance(field.default, list | dict):
                constants.append((field.name, field.default))
            walk = self._walk(field.type)
            if walk is not None:
                children.append((field.name, walk))
        if own is None and not constants and not children:
            return None

        def default(obj: dict[str, Any]) -> None:
            if own is not None:
                own(obj)
            for key, value in constants:
                if obj.get(key) in (None, ""):
                    obj[key] = value
            for key, walk in children:
                inner = obj.get(key)
                if inner is not None:
                    walk(inner)

        self._compiled[name] = default
        return default

    def _walk(self, type: TypeExpression) -> Callable[[Any], None] | None:
        type = type.inner
        if type.shape == "struct":
            return self.for_struct(type.name)
        if type.shape not in ("list", "map") or type.element is None:
            return None
        inner = self._walk(type.element)
        if inner is None:
            return None
        if type.shape == "list":

            def walk_list(values: list[Any]) -> None:
                for value in values:
                    if value is not None:
                        inner(value)

            return walk_list

        def walk_map(values: dict[str, Any]) -> None:
            for value in values.values():
                if value is not None:
                    inner(value)

        return walk_map
