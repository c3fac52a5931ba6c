"""How functions are declared: overloads by type, each with what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from reconcile.cel import types
from reconcile.cel.failure import Failure
from reconcile.cel.types import Kind, Type
from reconcile.cel.values import ListValue, MapValue, type_name, type_of_value

Implementation = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature of a function.

    Attributes:
        id: cel-go's or Kubernetes' name of it; costs go by it.
        args: the types of the arguments, of a member's target first.
        result: the type of the result.
        run: what it does, given the values of the arguments; None where the function's own is used.
        member: whether it is called as `target.function(…)`.
    """

    id: str
    args: tuple[Type, ...]
    result: Type
    run: Implementation | None = None
    member: bool = False

    @property
    def parameters(self) -> frozenset[str]:
        """The type parameters in it."""
        found: set[str] = set()

        def walk(type: Type) -> None:
            if type.kind is Kind.PARAMETER:
                found.add(type.name)
            for inner in type.parameters:
                walk(inner)

        for each in (*self.args, self.result):
            walk(each)
        return frozenset(found)


@dataclass(slots=True)
class Function:
    """A function with its overloads, in the order in which they are tried.

    Attributes:
        run: one implementation for all overloads, which looks at the values itself.
        guarded: whether the types of values are compared with the overload's before it runs.
    """

    name: str
    overloads: list[Overload] = field(default_factory=list[Overload])
    run: Implementation | None = None
    guarded: bool = True

    def implementation(self, overload_ids: Iterable[str], *, trusted: bool) -> Implementation:
        """What a call runs whose type check left these overloads.

        Args:
            trusted: the values have the types that were checked: no look at them is needed.
        """
        if self.run is not None:
            return self.run
        ids = list(overload_ids)
        if len(ids) != 1:
            return self._dispatch
        overload = next(each for each in self.overloads if each.id == ids[0])
        run = overload.run
        assert run is not None, overload.id
        if trusted or not self.guarded:
            return run

        def guard(*values: Any) -> Any:
            for type, value in zip(overload.args, values, strict=True):
                if not fits(type, value):
                    raise self.misfit(values)
            return run(*values)

        return guard

    def _dispatch(self, *values: Any) -> Any:
        for overload in self.overloads:
            if overload.run is None or len(overload.args) != len(values):
                continue
            if not self.guarded or all(
                fits(type, value) for type, value in zip(overload.args, values, strict=True)
            ):
                return overload.run(*values)
        raise self.misfit(values)

    def misfit(self, values: Iterable[Any]) -> Failure:
        return Failure(f"no such overload: {self.name}({', '.join(type_name(value) for value in values)})")


def fits(type: Type, value: Any) -> bool:
    """Whether a value can be passed for a type; of lists and maps, the first element decides."""
    if type.kind in (Kind.DYN, Kind.PARAMETER):
        return True
    if type.name != type_of_value(value).name:
        return False
    if isinstance(value, ListValue):
        return not len(value) or not type.parameters or fits(type.parameters[0], value.at(0))
    if isinstance(value, MapValue):
        if not len(value) or not type.parameters:
            return True
        key = next(iter(value))
        found = value.find(key)
        return fits(type.parameters[0], key) and (found is None or fits(type.parameters[1], found[0]))
    return True


@cache
def functions() -> Mapping[str, Function]:
    """All functions of the environment that Kubernetes 1.36 compiles rules in, by name."""
    from reconcile.cel.libraries import LIBRARIES

    found: dict[str, Function] = {}
    for library in LIBRARIES:
        for function in library():
            held = found.get(function.name)
            if held is None:
                found[function.name] = function
            else:
                held.overloads += function.overloads
    return found


@cache
def functions_with(*, structs: bool) -> Mapping[str, Function]:
    """The same, with those that come with structs."""
    if not structs:
        return functions()
    from reconcile.cel.structs import functions as struct_functions

    return {**functions(), **struct_functions()}


@cache
def type_names() -> Mapping[str, Type]:
    """The types that expressions can name."""
    return {
        "bool": types.BOOL,
        "bytes": types.BYTES,
        "double": types.DOUBLE,
        "google.protobuf.Duration": types.DURATION,
        "int": types.INT,
        "list": types.list_of(types.parameter("A")),
        "map": types.map_of(types.parameter("A"), types.parameter("B")),
        "null_type": types.NULL,
        "string": types.STRING,
        "google.protobuf.Timestamp": types.TIMESTAMP,
        "type": types.TYPE,
        "uint": types.UINT,
        "optional_type": types.OPTIONAL,
        "net.IP": types.IP,
        "net.CIDR": types.CIDR,
    }
