"""Custom kinds as Pydantic models.

class DatabaseSpec(Model):
    size: Literal["small", "medium", "large"]

class Database(CustomResource, group="example.com", version="v1", short_names=["db"]):
    spec: DatabaseSpec
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from reconcile.errors import ConfigurationError
from reconcile.objects.identity import ResourceType
from reconcile.objects.meta import ObjectMeta, TypedKind

_OF_A_VERSION: Final = ("served", "storage", "deprecated", "skip")


def _with_base64(schema: Any, *, outermost: bool = True) -> Any:
    """The schema with its bytes written in the base64 that servers read; Pydantic's own is that of URLs."""
    if isinstance(schema, list):
        return [_with_base64(each, outermost=False) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = cast("dict[str, Any]", schema)
    if found.get("type") == "bytes" and "serialization" not in found:
        written = core_schema.plain_serializer_function_ser_schema(_base64, when_used="json")
        return {**found, "serialization": written}
    if found.get("type") == "model" and not outermost:
        # A model has done that for itself.
        return found
    changed: dict[str, Any] = {}
    for key in _NESTED & found.keys():
        if key in ("fields", "choices") and isinstance(found[key], dict):
            changed[key] = {name: _with_base64(each, outermost=False) for name, each in found[key].items()}
        else:
            below = found.get("type") in _WRAPPERS
            changed[key] = _with_base64(found[key], outermost=outermost and below)
    return {**found, **changed}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_WRAPPERS: Final = ("definitions", "function-before", "function-after", "function-wrap")
_NESTED: Final = frozenset(
    {
        "schema",
        "fields",
        "items_schema",
        "keys_schema",
        "values_schema",
        "choices",
        "steps",
        "definitions",
        "lax_schema",
        "strict_schema",
        "json_schema",
        "python_schema",
    }
)
"""Where a core schema has others below it."""


class Model(BaseModel):
    """Base of the parts of a custom kind: its spec, its status and what is in them.

    Attributes are snake_case, wire names camelCase (`Field(alias=…)` overrides one). Types are strict:
    a string is not read as a number. None means absent and is not written. Fields that the model does
    not know are ignored on read and kept on write. `bytes` are base64 on the wire, as in the built-in kinds.

    Class attributes:
        __list_keys__: wire name of a list field → wire names of the fields that identify an item, so
            that a write keeps unknown fields with their item through inserts and reorders.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        strict=True,
        extra="ignore",
        validate_assignment=True,
        val_json_bytes="base64",
    )

    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return _with_base64(handler(source))


class CustomResource(TypedKind, Model):
    """Base of a custom kind, declared by class keywords.

    Args:
        group: API group, such as `example.com`.
        version: API version, such as `v1`.
        kind: the kind; default: the class's name.
        plural: the name in URLs; default: the kind in lower case, in the English plural.
        namespaced: whether its objects live in namespaces; default: True.

    Further keywords (`short_names`, `categories`, `scale`, …) are kept in `__crd_options__` for the
    generator of CustomResourceDefinitions. A subclass without `group` is a base of other kinds; a
    subclass of a kind inherits keywords that it does not give, except kind and plural, and, where it gives a
    version, what belongs to a version (`served`, `storage`, `deprecated`, `skip`).
    """

    __resource_type__: ClassVar[ResourceType]
    __crd_options__: ClassVar[Mapping[str, Any]] = {}

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)

    def __init_subclass__(cls, **options: Any) -> None:
        # Pydantic's metaclass passes the keywords here and to __pydantic_init_subclass__; object's own
        # __init_subclass__ takes none.
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__()
        own = {"kind", "plural", *(_OF_A_VERSION if "version" in options else ())}
        inherited = {key: value for key, value in cls.__crd_options__.items() if key not in own}
        merged = {**inherited, **options}
        cls.__crd_options__ = merged
        if "group" not in merged:
            return
        if "version" not in merged:
            raise ConfigurationError(f"class {cls.__name__}: the keyword version= is missing")
        kind = merged.get("kind") or cls.__name__
        cls.__resource_type__ = ResourceType(
            group=merged["group"],
            version=merged["version"],
            kind=kind,
            plural=merged.get("plural") or plural_of(kind),
            namespaced=merged.get("namespaced", True),
        )


def plural_of(kind: str) -> str:
    """The usual plural of a kind in lower case.

    >>> [plural_of(kind) for kind in ("Database", "Policy", "Gateway", "Ingress", "Box")]
    ['databases', 'policies', 'gateways', 'ingresses', 'boxes']
    """
    word = kind.lower()
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word + "s"


def differences_from_custom_resource(model: type[BaseModel]) -> str:
    """What a reader of `model` must know that would not be so with a CustomResource; empty if nothing."""
    if issubclass(model, CustomResource):
        return ""
    config = model.model_config
    found: list[str] = []
    if config.get("alias_generator") is None:
        found.append("wire names are the attribute names as written, not camelCase, unless aliases are given")
    if not config.get("strict"):
        found.append("values are coerced, such as the string '3' to the number 3")
    if config.get("extra") == "forbid":
        found.append("an unknown field makes an object undecodable")
    found.append("None is not written, as everywhere in this library")
    return (
        f"{model.__name__} is a plain Pydantic model and not a reconcile.CustomResource: "
        + "; ".join(found)
        + ". Derive it from CustomResource and its parts from reconcile.Model to have one rule everywhere"
    )
