"""A built-in kind's body, read and written again as kube-apiserver's Go types do.

Decoding into a Go struct and encoding it again is not the identity: unknown fields go, a null is as good
as nothing, zero values that are marked `omitempty` disappear, those that are not appear, quantities
become canonical, an empty list or map is no list or map once it was stored. One decoder a Go type,
compiled on first use, does all of this in one walk.

The first value that does not fit ends in a 400 in the words of Go's decoder.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.schemas.catalog import Catalog, FieldType, TypeExpression
from reconcile.objects.quantities import canonical

Decoder = Callable[[Any, list[str]], Any]
"""Value and list of strict findings (paths relative to the value) → value as it is encoded again."""


class MismatchError(Exception):
    """A value does not fit; `path` grows while the error travels up through the structs."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(found, wanted)
        self.found = found
        self.wanted = wanted
        self.struct = ""
        self.path: list[str] = []

    @property
    def text(self) -> str:
        if not self.struct:
            return f"json: cannot unmarshal {self.found} into Go value of type {self.wanted}"
        place = f"{self.struct}.{'.'.join(self.path)}"
        return f"json: cannot unmarshal {self.found} into Go struct field {place} of type {self.wanted}"


class UnreadableError(Exception):
    """A value of the right JSON type that its Go type cannot read; the text is the whole message."""


def json_type(value: Any) -> str:
    """The JSON type of a value in the words of Go's decoder."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"


_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int": (-(2**63), 2**63 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "uint8": (0, 255),
}


def _string(value: Any, findings: list[str]) -> Any:
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise MismatchError(json_type(value), "string")


def _named_string(name: str) -> Decoder:
    def decode(value: Any, findings: list[str]) -> Any:
        if type(value) is str:
            return value
        if value is None:
            return ""
        raise MismatchError(json_type(value), name)

    return decode


def _boolean(value: Any, findings: list[str]) -> Any:
    if value is True or value is False:
        return value
    if value is None:
        return False
    raise MismatchError(json_type(value), "bool")


def _integer(name: str, wanted: str) -> Decoder:
    low, high = _RANGES[name]

    def decode(value: Any, findings: list[str]) -> Any:
        if type(value) is int:
            if low <= value <= high:
                return value
            raise MismatchError(f"number {value}", wanted)
        if value is None:
            return 0
        if isinstance(value, float):
            raise MismatchError(f"number {value:g}", wanted)
        raise MismatchError(json_type(value), wanted)

    return decode


def _number(value: Any, findings: list[str]) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MismatchError(json_type(value), "float64")
    return value


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)")
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_LAYOUT_PARTS = (
    (r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T"),
    (r"\d\d", "15"), (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d", "05"),
)  # fmt: skip


def _unreadable_time(text: str, layout: str) -> UnreadableError:
    rest, part = text, ""
    for pattern, shown in _LAYOUT_PARTS:
        part = shown
        match = re.match(pattern, rest)
        if not match:
            break
        rest = rest[match.end() :]
    else:
        part = "Z07:00"
        if re.match(r"\.\d", rest):
            rest = rest.lstrip(".0123456789")
    return UnreadableError(
        f"parsing time {go_quote(text)} as {go_quote(layout)}: "
        f"cannot parse {go_quote(rest)} as {go_quote(part)}"
    )


def _time(value: Any, findings: list[str]) -> Any:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MismatchError(json_type(value), "string")
    match = _TIME.fullmatch(value)
    if not match:
        raise _unreadable_time(value, _LAYOUT)
    if value.endswith("Z") and match.group(7) is None:
        return value
    moment = datetime.fromisoformat(value.replace(",", "."))
    offset = moment.utcoffset()
    assert offset is not None
    moment = (moment - offset).replace(tzinfo=None)
    # The C library leaves the zeros of years before 1000 out.
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _micro_time(value: Any, findings: list[str]) -> Any:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MismatchError(json_type(value), "string")
    match = _TIME.fullmatch(value)
    if not match:
        raise _unreadable_time(value, _MICRO_LAYOUT)
    fraction = match.group(7)
    if fraction is None or len(fraction) != 6:
        rest = go_quote(value[19:])
        raise UnreadableError(
            f'parsing time {go_quote(value)} as {go_quote(_MICRO_LAYOUT)}: cannot parse {rest} as ".000000"'
        )
    moment = datetime.fromisoformat(value[:19] + ("+00:00" if match.group(8) == "Z" else match.group(8)))
    offset = moment.utcoffset()
    assert offset is not None
    moment = (moment - offset).replace(tzinfo=None)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z".rjust(27, "0")


_BAD_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def _quantity(value: Any, findings: list[str]) -> Any:
    if value is None:
        return "0"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnreadableError(_BAD_QUANTITY)
    try:
        return canonical(value)
    except ValueError:
        raise UnreadableError(_BAD_QUANTITY) from None


def _int_or_string(value: Any, findings: list[str]) -> Any:
    if type(value) is str:
        return value
    if value is None:
        return 0
    return _integer("int32", "int32")(value, findings)


def _anything(value: Any, findings: list[str]) -> Any:
    return value


def _bytes(value: Any, findings: list[str]) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise MismatchError(json_type(value), "[]uint8")
    try:
        return base64.b64encode(
            base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
        ).decode()
    except (binascii.Error, ValueError):
        good = re.match(r"[A-Za-z0-9+/]*", value)
        at = good.end() if good else 0
        raise UnreadableError(f"illegal base64 data at input byte {at}") from None


_SPECIAL: dict[str, Decoder] = {
    "Time": _time,
    "MicroTime": _micro_time,
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
}

_ZERO_SPECIAL: dict[str, Any] = {"Quantity": "0", "IntOrString": 0}


# Where a default is set for a list that is not given, and not for an empty one; or where it is shown so.
_KEPT_EMPTY = frozenset(
    {
        ("io.k8s.api.autoscaling.v2.HPAScalingRules", "policies"),
        (
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus",
            "conditions",
        ),
    }
)

# An empty list of these is shown, and owned, as such until it is stored.
EMPTY_UNTIL_STORED: dict[str, tuple[str, ...]] = {
    "io.k8s.api.rbac.v1.Role": ("rules",),
    "io.k8s.api.rbac.v1.ClusterRole": ("rules",),
    "io.k8s.api.discovery.v1.EndpointSlice": ("endpoints", "ports"),
    "io.k8s.api.core.v1.LimitRangeSpec": ("limits",),
    "io.k8s.api.storage.v1.CSINodeSpec": ("drivers",),
}


class Decoders:
    """The decoders of all Go types, each compiled when first needed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._structs: dict[str, Decoder] = {}

    def for_type(self, type: TypeExpression) -> Decoder:
        match type.shape:
            case "pointer":
                return self.for_type(type.inner)
            case "list":
                assert type.element is not None
                return self._list(type.element)
            case "map":
                assert type.element is not None
                return self._map(type.element)
            case "struct":
                return self.for_struct(type.name)
            case "special":
                if type.name in ("JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray"):
                    return self._schema_or_other()
                return _SPECIAL.get(type.name, _anything)
            case _:
                return self._scalar(type.name)

    def _scalar(self, name: str) -> Decoder:
        basic, _, named = name.partition(":")
        if basic == "string":
            return _named_string(f"v1.{named}") if named else _string
        if basic == "bool":
            return _boolean
        if basic == "bytes":
            return _bytes
        if basic in ("float64", "float32"):
            return _number
        if basic in _RANGES:
            return _integer(basic, f"v1.{named}" if named else basic)
        return _anything

    def _schema_or_other(self) -> Decoder:
        """`items` and `additionalProperties` of a CRD's schema: a schema, or a boolean or list."""
        name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
        decode_struct: Decoder | None = None

        def decode(value: Any, findings: list[str]) -> Any:
            nonlocal decode_struct
            if not isinstance(value, dict):
                return value
            if decode_struct is None:
                decode_struct = self.for_struct(name)
            # Types with a decoding of their own report no unknown fields.
            return decode_struct(value, [])

        return decode

    def _list(self, element: TypeExpression) -> Decoder:
        item = self.for_type(element)
        wanted = f"[]{self._go_name(element)}"
        pointers = element.shape == "pointer"

        def decode(value: Any, findings: list[str]) -> Any:
            if value is None:
                return None
            if not isinstance(value, list):
                raise MismatchError(json_type(value), wanted)
            result: list[Any] = []
            for index, each in enumerate(value):
                before = len(findings)
                result.append(None if each is None and pointers else item(each, findings))
                if len(findings) != before:
                    _prefix(findings, before, f"[{index}]")
            return result

        return decode

    def _map(self, element: TypeExpression) -> Decoder:
        item = self.for_type(element)
        wanted = f"map[string]{self._go_name(element)}"

        def decode(value: Any, findings: list[str]) -> Any:
            if value is None:
                return None
            if not isinstance(value, dict):
                raise MismatchError(json_type(value), wanted)
            result: dict[str, Any] = {}
            for key, each in value.items():
                before = len(findings)
                result[key] = item(each, findings)
                if len(findings) != before:
                    _prefix(findings, before, str(key))
            return result

        return decode

    def for_struct(self, name: str) -> Decoder:
        found = self._structs.get(name)
        if found is not None:
            return found

        struct = self._catalog.struct(name)
        go_name = struct.go.rpartition(".")[2]
        fields = struct.fields
        compiled: dict[str, tuple[Decoder, bool, bool, str]] = {}
        always = [
            field for field in fields.values() if not (field.omit_empty and not _is_value_struct(field))
        ]
        always = [field for field in always if not field.omit_zero]

        def compile_field(field: FieldType) -> tuple[Decoder, bool, bool, str]:
            pointer = field.type.shape == "pointer"
            entry = (self.for_type(field.type), pointer, field.omit_empty or field.omit_zero, field.embedded)
            compiled[field.name] = entry
            return entry

        def decode(value: Any, findings: list[str]) -> Any:
            if value is None:
                value = {}
            elif not isinstance(value, dict):
                raise MismatchError(json_type(value), struct.go)
            result: dict[str, Any] = {}
            for key, each in value.items():
                field = fields.get(key)
                if field is None:
                    findings.append(key)
                    continue
                if each is None:
                    continue
                entry = compiled.get(field.name) or compile_field(field)
                before = len(findings)
                try:
                    decoded = entry[0](each, findings)
                except MismatchError as error:
                    if not error.struct:
                        error.struct = go_name
                    error.path.insert(0, entry[3] + field.name)
                    raise
                if len(findings) != before:
                    _prefix(findings, before, field.name)
                if not entry[1]:
                    # An empty list or map is none at all once it has been stored.
                    if decoded == [] and (
                        (name, field.name) in _KEPT_EMPTY or field.name in EMPTY_UNTIL_STORED.get(name, ())
                    ):
                        result[field.name] = decoded
                        continue
                    if decoded == [] or (decoded == {} and not _is_value_struct(field)):
                        decoded = None
                    if (
                        entry[2]
                        and (
                            decoded is None
                            or (not decoded and (not isinstance(decoded, dict) or field.omit_zero))
                        )
                        and (field.type.shape != "special" or decoded is None)
                    ):
                        continue
                result[field.name] = decoded
            for field in always:
                if field.name not in result:
                    result[field.name] = self.zero(field.type)
            return result

        self._structs[name] = decode
        return decode

    def zero(self, type: TypeExpression) -> Any:
        match type.shape:
            case "struct":
                return self.for_struct(type.name)({}, [])
            case "special":
                return _ZERO_SPECIAL.get(type.name)
            case "scalar":
                basic = type.name.partition(":")[0]
                if basic == "string":
                    return ""
                if basic == "bool":
                    return False
                return None if basic in ("bytes", "any") else 0
            case _:
                return None

    def _go_name(self, type: TypeExpression) -> str:
        match type.shape:
            case "pointer":
                assert type.element is not None
                return "*" + self._go_name(type.element)
            case "list":
                assert type.element is not None
                return "[]" + self._go_name(type.element)
            case "map":
                assert type.element is not None
                return "map[string]" + self._go_name(type.element)
            case "struct":
                return self._catalog.struct(type.name).go
            case "special":
                return f"v1.{type.name}"
            case _:
                basic, _, named = type.name.partition(":")
                return f"v1.{named}" if named else basic


def _is_value_struct(field: FieldType) -> bool:
    """`omitempty` never leaves out a struct that is no pointer, nor a type that encodes itself."""
    return field.type.shape in ("struct", "special")


def _prefix(findings: list[str], start: int, prefix: str) -> None:
    for position in range(start, len(findings)):
        finding = findings[position]
        joint = "" if finding.startswith("[") else "."
        findings[position] = f"{prefix}{joint}{finding}"
