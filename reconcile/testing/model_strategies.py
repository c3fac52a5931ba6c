"""Objects of a custom kind for property tests, drawn by hypothesis from the Pydantic model's types.

    @given(objects_of(Database))
    def test_every_database_has_a_service(database: Database) -> None: ...

hypothesis is not installed with the library: `pip install hypothesis`, or the extra `test`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

import msgspec
from pydantic import AnyUrl, AwareDatetime, BaseModel, IPvAnyAddress, RootModel, ValidationError
from pydantic.fields import FieldInfo

from reconcile.crd.markers import ListType
from reconcile.errors import ConfigurationError
from reconcile.objects.custom import CustomResource
from reconcile.objects.meta import Condition, KubernetesObject, ObjectMeta, Struct
from reconcile.objects.shapes import fields_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

M = TypeVar("M", bound=BaseModel)

_INT64: Final = 2**63
_DEEPEST: Final = 4
_URLS: Final = ("https://example.com/", "http://a.example:8080/x?y=1", "https://10.0.0.1/")
_QUANTITIES: Final = ("0", "1", "500m", "2Gi", "1.5", "10k")
_ANY_OBJECT: Final = (dict, dict[str, Any], Any)
_LIMITS: Final = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")


def objects_of(
    model: type[M],
    *,
    overrides: Mapping[Any, SearchStrategy[Any]] | None = None,
    complete: bool = False,
    name: str = "drawn",
    namespace: str = "default",
) -> SearchStrategy[M]:
    """A strategy of valid instances of a model.

    Types and limits of fields decide what is drawn, and Pydantic's validators what is kept. Rules in CEL are
    not asked: filter with `model.validate_cel()`, or give strategies for what they restrict.

    Args:
        model: a kind, or a part of one.
        overrides: strategies by type, for types that this does not know or should draw otherwise.
        complete: every optional field is set, some levels deep; else some are, and some not.
        name, namespace: of the objects of a kind.

    Raises:
        ConfigurationError: hypothesis is not installed, or a type is not known; names it.
    """
    return _Drawer(overrides or {}, complete, name, namespace).model(model, 0)


class _Drawer:
    def __init__(
        self,
        overrides: Mapping[Any, SearchStrategy[Any]],
        complete: bool,
        name: str,
        namespace: str,
    ) -> None:
        try:
            from hypothesis import strategies
        except ImportError as error:
            raise ConfigurationError(
                "objects_of draws with hypothesis, which is not installed: pip install hypothesis"
            ) from error
        self._st = strategies
        self._overrides = overrides
        self._complete = complete
        self._metadata = ObjectMeta(name=name, namespace=namespace)
        self._text = strategies.text(
            strategies.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12
        )

    # -- objects -----------------------------------------------------------------------------------

    def model(self, model: type[M], depth: int) -> SearchStrategy[M]:
        fields: dict[str, SearchStrategy[Any]] = {}
        optional: dict[str, SearchStrategy[Any]] = {}
        for name, info in model.model_fields.items():
            if issubclass(model, CustomResource) and name == "metadata":
                continue
            if depth > _DEEPEST and not info.is_required():
                continue
            drawn = self.field(info, self._keys_of(model, name, info), depth + 1)
            (fields if info.is_required() or self._complete else optional)[name] = drawn
        if issubclass(model, RootModel):
            return fields["root"].map(cast("Any", model))
        return self._st.fixed_dictionaries(fields, optional=optional).flatmap(
            lambda values: self._valid(model, values)
        )

    def _valid(self, model: type[M], values: Mapping[str, Any]) -> SearchStrategy[M]:
        """The instance, or nothing where validators that no type shows refuse it."""
        given = dict(values)
        if issubclass(model, CustomResource):
            metadata = msgspec.structs.replace(self._metadata)
            if not model.__resource_type__.namespaced:
                metadata.namespace = ""
            given["metadata"] = metadata
        try:
            by_alias = {_wire(name, model.model_fields[name]): value for name, value in given.items()}
            return self._st.just(model.model_validate(by_alias))
        except ValidationError:
            return self._st.nothing()

    def _keys_of(self, model: type[BaseModel], name: str, info: FieldInfo) -> tuple[str, ...]:
        return fields_of(model)[_wire(name, info)].keys

    def field(self, info: FieldInfo, keys: tuple[str, ...], depth: int) -> SearchStrategy[Any]:
        return self.type(info.annotation, tuple(info.metadata), depth, keys)

    def _struct(self, struct: type[Struct], depth: int) -> SearchStrategy[Any]:
        """The required fields, and few others: built-in kinds have hundreds."""
        st = self._st
        if issubclass(struct, Condition):
            return st.builds(
                struct,
                type=st.sampled_from(["Ready", "Synced", "Stalled"]),
                status=st.sampled_from(["True", "False", "Unknown"]),
                reason=st.just("Drawn"),
                message=self._text,
                last_transition_time=st.just("2026-01-02T03:04:05Z"),
            )
        if issubclass(struct, ObjectMeta):
            labels = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["a", "b"]))
            return st.builds(struct, labels=labels)
        required: dict[str, SearchStrategy[Any]] = {}
        optional: list[str] = []
        annotations = typing.get_type_hints(struct, include_extras=True)
        for each in msgspec.structs.fields(struct):
            if each.required:
                required[each.name] = self.type(annotations[each.name], (), depth + 1, ())
            elif each.name != "metadata" or not issubclass(struct, KubernetesObject):
                optional.append(each.name)
        shapes = fields_of(struct)
        wire = {each.name: each.encode_name for each in msgspec.structs.fields(struct)}

        def with_some(names: list[str]) -> SearchStrategy[Any]:
            chosen = {
                name: self.type(annotations[name], (), depth + 1, shapes[wire[name]].keys) for name in names
            }
            return st.builds(struct, **required, **chosen)

        if depth > _DEEPEST or not optional:
            return st.builds(struct, **required)
        return st.lists(st.sampled_from(optional), max_size=3, unique=True).flatmap(with_some)

    # -- types -------------------------------------------------------------------------------------

    def type(
        self, annotation: Any, metadata: Sequence[Any], depth: int, keys: tuple[str, ...] = ()
    ) -> SearchStrategy[Any]:
        """What a type with its limits allows."""
        for each in (annotation, *metadata):
            if _hashable(each) and each in self._overrides:
                return self._overrides[each]
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.type(arguments[0], (*arguments[1:], *metadata), depth, keys)
        special = self._special(annotation, metadata) if type(None) not in arguments else None
        if special is not None:
            return special
        if isinstance(annotation, typing.ForwardRef | str):
            raise ConfigurationError(
                f"objects_of: the type {annotation!r} is not resolved; rebuild the model"
            )
        if origin in (Union, types.UnionType):
            return self._union(arguments, metadata, depth, keys)
        if origin is Literal:
            return self._st.sampled_from(list(arguments))
        limits = _limits_of(metadata)
        if annotation in (Any, object) or getattr(annotation, "__name__", "") == "JsonValue":
            return self._anything()
        found = self._scalar(annotation, limits)
        if found is None:
            found = self._collection(origin or annotation, arguments, limits, metadata, depth, keys)
        if found is None:
            raise ConfigurationError(
                f"objects_of: no values are known of the type {annotation!r}; give some by overrides="
            )
        return found

    def _special(self, annotation: Any, metadata: Sequence[Any]) -> SearchStrategy[Any] | None:
        names = {type(each).__name__ for each in metadata}
        if "_Quantity" in names:
            return self._st.sampled_from(_QUANTITIES) | self._st.integers(0, 1000)
        if "EmbeddedResource" in names and annotation in _ANY_OBJECT:
            whole = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "drawn"}}
            return self._anything().map(lambda value: {**whole, "data": value})
        if "_Duration" in names:
            return self._st.timedeltas(timedelta(), timedelta(days=400))
        return None

    def _union(
        self, members: Iterable[Any], metadata: Sequence[Any], depth: int, keys: tuple[str, ...]
    ) -> SearchStrategy[Any]:
        kinds = [member for member in members if member is not type(None)]
        if set(kinds) == {int, float, str}:
            return self._st.sampled_from(_QUANTITIES)
        return self._st.one_of(*(self.type(each, metadata, depth, keys) for each in kinds))

    def _anything(self) -> SearchStrategy[Any]:
        st = self._st
        scalars = st.booleans() | st.integers(-(2**53), 2**53) | self._text
        return st.recursive(
            scalars,
            lambda below: (
                st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), below)
            ),
            max_leaves=5,
        )

    def _scalar(self, annotation: Any, limits: Mapping[str, Any]) -> SearchStrategy[Any] | None:
        st = self._st
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return st.sampled_from(annotation)
        if isinstance(annotation, type) and issubclass(annotation, AnyUrl):
            return st.sampled_from(_URLS).map(annotation)
        if annotation is str:
            return self._texts(limits)
        if annotation is int:
            return self._integers(limits)
        if annotation in (float, Decimal):
            return self._fractions(annotation, limits)
        if annotation is bytes:
            # A server takes no empty text for base64.
            return st.binary(min_size=limits.get("min_length", 1), max_size=limits.get("max_length", 12))
        if annotation is UUID:
            return st.uuids(version=next((limits[key] for key in ("uuid_version",) if key in limits), 4))
        simple: dict[Any, Callable[[], SearchStrategy[Any]]] = {
            bool: st.booleans,
            datetime: lambda: st.datetimes(timezones=st.just(UTC)),
            AwareDatetime: lambda: st.datetimes(timezones=st.just(UTC)),
            date: st.dates,
            time: st.times,
            timedelta: lambda: st.timedeltas(timedelta(days=-900), timedelta(days=900)),
            IPv4Address: lambda: st.ip_addresses(v=4),
            IPv6Address: lambda: st.ip_addresses(v=6),
            IPvAnyAddress: st.ip_addresses,
            IPv4Network: lambda: st.sampled_from(["10.0.0.0/8", "0.0.0.0/0"]).map(IPv4Network),
            IPv6Network: lambda: st.sampled_from(["fd00::/8", "::/0"]).map(IPv6Network),
            IPv4Interface: lambda: st.just(IPv4Interface("10.0.0.1/8")),
            IPv6Interface: lambda: st.just(IPv6Interface("fd00::1/8")),
        }
        return simple[annotation]() if _hashable(annotation) and annotation in simple else None

    def _texts(self, limits: Mapping[str, Any]) -> SearchStrategy[str]:
        least, most = limits.get("min_length", 0), limits.get("max_length")
        pattern = limits.get("pattern")
        if pattern is None:
            characters = self._st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
            return self._st.text(
                characters, min_size=least, max_size=most if most is not None else least + 12
            )
        text = pattern if isinstance(pattern, str) else pattern.pattern
        # Python's `$` takes a line break before the end; that of the server and of Pydantic does not.
        drawn = self._st.from_regex(re.compile(re.sub(r"\$$", r"\\Z", text), re.ASCII))
        printable = drawn.filter(lambda value: value.isprintable())
        return printable.filter(lambda value: least <= len(value) <= (most if most is not None else 10**6))

    def _integers(self, limits: Mapping[str, Any]) -> SearchStrategy[int]:
        least, most = limits.get("ge", -_INT64), limits.get("le", _INT64 - 1)
        least = max(least, limits["gt"] + 1) if "gt" in limits else least
        most = min(most, limits["lt"] - 1) if "lt" in limits else most
        step = limits.get("multiple_of")
        if step is None:
            return self._st.integers(least, most)
        return self._st.integers(-(-least // step), most // step).map(lambda value: value * step)

    def _fractions(self, kind: Any, limits: Mapping[str, Any]) -> SearchStrategy[Any]:
        bounds: dict[str, Any] = {
            "min_value": limits.get("ge", limits.get("gt")),
            "max_value": limits.get("le", limits.get("lt")),
            "allow_nan": False,
            "allow_infinity": False,
        }
        if kind is Decimal:
            bounds["min_value"] = bounds["min_value"] if bounds["min_value"] is not None else -(10**9)
            bounds["max_value"] = bounds["max_value"] if bounds["max_value"] is not None else 10**9
            return self._st.decimals(**bounds, places=3)
        return self._st.floats(**bounds, exclude_min="gt" in limits, exclude_max="lt" in limits)

    def _collection(
        self,
        kind: Any,
        arguments: tuple[Any, ...],
        limits: Mapping[str, Any],
        metadata: Sequence[Any],
        depth: int,
        keys: tuple[str, ...],
    ) -> SearchStrategy[Any] | None:
        st: Any = self._st
        if not isinstance(kind, type):
            return None
        cls = cast("Any", kind)
        if issubclass(cls, Struct):
            return self._struct(cls, depth)
        if issubclass(cls, BaseModel):
            return self.model(cls, depth)
        if dataclasses.is_dataclass(cls):
            hints = typing.get_type_hints(cls, include_extras=True)
            drawn = {each.name: self.type(hints[each.name], (), depth) for each in dataclasses.fields(cls)}
            return st.builds(cls, **drawn)
        if typing.is_typeddict(cls) or hasattr(cls, "__required_keys__"):
            hints = typing.get_type_hints(cls, include_extras=True)
            return st.fixed_dictionaries({name: self.type(hint, (), depth) for name, hint in hints.items()})
        least = limits.get("min_length", 0)
        most = limits.get("max_length", least + 3)
        if issubclass(cls, Mapping):
            key, value = arguments or (str, Any)
            most = 0 if depth > _DEEPEST and not least else most
            return st.dictionaries(
                self.type(key, (), depth), self.type(value, (), depth), min_size=least, max_size=most
            )
        if cls is tuple and arguments and arguments[-1] is not Ellipsis:
            return st.tuples(*(self.type(each, (), depth) for each in arguments))
        if issubclass(cls, set | frozenset | Sequence) and cls is not str:
            most = 0 if depth > _DEEPEST and not least else most
            items = self.type(arguments[0], (), depth)
            unique = any(isinstance(each, ListType) and each.type == "set" for each in metadata)
            if issubclass(cls, set | frozenset):
                return st.lists(items, unique=True, min_size=least, max_size=most).map(cls)
            made = tuple if cls is tuple else list
            if keys:

                def same(item: Any) -> tuple[str, ...]:
                    return tuple(str(_at(item, key)) for key in keys)

                return st.lists(items, unique_by=same, min_size=least, max_size=most).map(made)
            return st.lists(items, unique=unique, min_size=least, max_size=most).map(made)
        return None


def _at(item: Any, wire: str) -> Any:
    """A field of an item, by its wire name."""
    if isinstance(item, Mapping):
        return cast("Mapping[str, Any]", item).get(wire)
    if isinstance(item, Struct):
        return getattr(item, next(f.name for f in msgspec.structs.fields(item) if f.encode_name == wire))
    fields: Mapping[str, FieldInfo] = type(cast("BaseModel", item)).model_fields
    return getattr(
        cast("object", item), next(name for name, info in fields.items() if _wire(name, info) == wire)
    )


def _limits_of(metadata: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in metadata:
        if isinstance(each, FieldInfo):
            found |= _limits_of(each.metadata)
            continue
        for name in (*_LIMITS, "uuid_version"):
            value = getattr(each, name, None)
            if value is not None:
                found[name] = value
    return found


def _wire(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return alias or name


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
