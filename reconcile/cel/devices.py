"""Expressions on devices, as selectors of DeviceClasses and ResourceClaims have them.

The variable `device` has `driver`, `attributes` and `capacity` (each by domain and name) and
`allowMultipleAllocations`; beside the functions that rules have there is `cel.bind`. The rules are those of
k8s.io/dynamic-resource-allocation's `cel` package.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from reconcile.cel import types
from reconcile.cel.compiler import Failed
from reconcile.cel.errors import CelBudgetError, CelEvaluationError, CelTypeError
from reconcile.cel.failure import Failure
from reconcile.cel.libraries.quantities import quantity_value
from reconcile.cel.libraries.semvers import strict_semver_value
from reconcile.cel.programs import Expression
from reconcile.cel.schema_types import Declared
from reconcile.cel.types import Kind, Type
from reconcile.cel.values import MapValue, type_name

COST_LIMIT: Final = 1_000_000
"""What one evaluation may cost; resource.k8s.io's CELSelectorExpressionMaxCost."""

_MOST: Final = 32


class DeviceSelector:
    """A compiled selector.

    Attributes:
        text: the expression.
    """

    def __init__(self, text: str) -> None:
        """
        Raises:
            CelSyntaxError: it does not parse.
            CelTypeError: it does not fit `device`, or says neither yes nor no.
        """
        self.text = text
        self._expression = Expression(text, {"device": _device()}, bindings=True)
        if self._expression.type not in (types.BOOL, types.ANY):
            raise CelTypeError(
                f"must evaluate to bool or the unknown type, not {self._expression.type}", expression=text
            )

    @property
    def most(self) -> int:
        """The most that one evaluation can cost."""
        return self._expression.cost.max

    def matches(
        self,
        *,
        driver: str,
        attributes: Mapping[str, bool | int | str | Version],
        capacity: Mapping[str, str | int | float],
        allow_multiple_allocations: bool = False,
    ) -> bool:
        """Whether a device is selected.

        Args:
            driver: whose device it is; the domain of names that have none.
            attributes: by name, with or without `domain/`.
            capacity: quantities, by name in the same way.

        Raises:
            CelEvaluationError: neither yes nor no; CelBudgetError when it cost more than the limit.
        """
        try:
            device = MapValue.of(
                [
                    ("driver", driver),
                    ("allowMultipleAllocations", allow_multiple_allocations),
                    (
                        "attributes",
                        _by_domain(driver, {name: _value(name, v) for name, v in attributes.items()}),
                    ),
                    (
                        "capacity",
                        _by_domain(driver, {n: quantity_value(str(v)) for n, v in capacity.items()}),
                    ),
                ]
            )
            found, _ = self._expression.run({"device": device}, limit=COST_LIMIT)
        except Failure as failure:
            raise CelEvaluationError(failure.message) from None
        except Failed as failed:
            kind = CelBudgetError if failed.cancelled else CelEvaluationError
            raise kind(failed.message) from None
        if not isinstance(found, bool):
            raise CelEvaluationError(
                f"CEL result of type {type_name(found)} could not be converted to bool: "
                f"type conversion error from '{type_name(found)}' to 'bool'"
            )
        return found


class Version(str):
    """The value of a version attribute."""

    __slots__ = ()


class _Domains(MapValue):
    """A domain that no attribute has is an empty map, not a failure; it is not `in` the map either."""

    __slots__ = ()

    def find(self, key: Any) -> tuple[Any]:
        return super().find(key) or (MapValue.of([]),)

    def contains(self, key: Any) -> bool:
        return super().find(key) is not None


def _by_domain(driver: str, values: Mapping[str, Any]) -> _Domains:
    domains: dict[str, list[tuple[str, Any]]] = {}
    for name, value in values.items():
        domain, _, plain = name.rpartition("/")
        domains.setdefault(domain or driver, []).append((plain, value))
    return _Domains({domain: (domain, MapValue.of(pairs)) for domain, pairs in domains.items()})


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, Version):
        return value
    try:
        return strict_semver_value(value)
    except Failure as failure:
        raise Failure(f"attribute {name}: parse semantic version: {failure.message}") from None


@cache
def _device() -> Declared:
    domain, name = Declared(types.STRING, 63, 2), Declared(types.STRING, 32, 2)

    def two_levels(value: Declared) -> Declared:
        inner = Declared(types.map_of(types.STRING, value.type), _MOST, 2, key=name, element=value)
        return Declared(types.map_of(types.STRING, inner.type), _MOST, 2, key=domain, element=inner)

    fields = {
        "driver": domain,
        "allowMultipleAllocations": Declared(types.BOOL, 1, 4),
        "attributes": two_levels(Declared(types.ANY, 64, 1)),
        "capacity": two_levels(Declared(types.QUANTITY, 64, 1)),
    }
    return Declared(Type(Kind.STRUCT, "kubernetes.DRADevice"), 0, 2, fields=fields)
