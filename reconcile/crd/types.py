"""Field types that Kubernetes has and Python has not.

class PoolSpec(Model):
    replicas: Int32 = 1
    memory: Quantity
    port: IntOrString
    grace_period: Duration = timedelta(seconds=30)
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field, PlainSerializer
from pydantic_core import core_schema

from reconcile.objects.quantities import Amount
from reconcile.objects.times import format_duration, parse_duration

_INT32: Final = 2**31
_INT64: Final = 2**63
_NUMBER: Final = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
QUANTITY_PATTERN: Final = rf"^(\+|-)?{_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_NUMBER}))?$"


class _Format:
    """A `format` of the schema."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "format": self._name}


class _Quantity:
    """Checks what only the server would; the value stays as it was written."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        def check(value: str | int) -> str | int:
            Amount.parse(value)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": True,
        }


class _Duration:
    """A timedelta that is written and read as Go writes durations."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        text = core_schema.no_info_after_validator_function(parse_duration, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.union_schema([core_schema.timedelta_schema(), text]),
            serialization=core_schema.plain_serializer_function_ser_schema(format_duration),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "duration"}


def _plain_number(value: int | str) -> int | str:
    return value


Int32: TypeAlias = Annotated[int, Field(ge=-_INT32, le=_INT32 - 1), _Format("int32")]
"""A whole number of 32 bits, as replicas and ports are in Go."""

Int64: TypeAlias = Annotated[int, Field(ge=-_INT64, le=_INT64 - 1), _Format("int64")]
"""A whole number of 64 bits; a plain `int` has this format too, and no bounds in Python."""

IntOrString: TypeAlias = Annotated[int | str, PlainSerializer(_plain_number)]
"""A number or a string, such as a port by number or name, or a percentage."""

Quantity: TypeAlias = Annotated[str | int, _Quantity()]
"""An amount such as `500m` or `2Gi`, kept as it is written; `reconcile.Amount` computes with it."""

Duration: TypeAlias = Annotated[timedelta, _Duration()]
"""A span of time, on the wire as Go writes it: `1h30m`. A plain `timedelta` is ISO 8601 there: `PT1H30M`."""
