"""cel-spec's conformance cases, read from the Go module that carries them, and asked of our own evaluator."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.cel_oracle import Question, module_folder
from helpers.textproto import Message, parse_textproto

from reconcile.cel import CelError, types
from reconcile.cel.compiler import Failed
from reconcile.cel.equality import equal
from reconcile.cel.failure import Failure
from reconcile.cel.programs import Expression
from reconcile.cel.schema_types import Declared
from reconcile.cel.types import Type
from reconcile.cel.values import Duration, ListValue, MapValue, Timestamp, UInt

MODULE = "cel.dev/expr@v0.25.1"

SKIPPED_FILES = {
    "bindings_ext": "cel.bind is not enabled by Kubernetes",
    "block_ext": "cel.block is not enabled by Kubernetes",
    "encoders_ext": "base64 is not enabled by Kubernetes",
    "enums": "enums of protobuf messages are not enabled by Kubernetes",
    "math_ext": "math.* is not enabled by Kubernetes",
    "proto2": "protobuf messages have no place in a schema",
    "proto2_ext": "protobuf messages have no place in a schema",
    "proto3": "protobuf messages have no place in a schema",
    "type_deduction": "the types of protobuf wrappers and flexible types: Kubernetes has neither",
    "unknowns": "partial evaluation is not used by Kubernetes (the file is empty)",
    "wrappers": "protobuf wrappers have no place in a schema",
}
"""Whole files left out, with the reason."""

_PRIMITIVES = {
    "BOOL": types.BOOL,
    "BYTES": types.BYTES,
    "DOUBLE": types.DOUBLE,
    "INT64": types.INT,
    "STRING": types.STRING,
    "UINT64": types.UINT,
}


class UnfitError(Exception):
    """A case that Kubernetes' environment has no room for; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Case:
    file: str
    section: str
    name: str
    test: Message

    @property
    def expression(self) -> str:
        return self.test["expr"][0].decode()

    def __str__(self) -> str:
        return f"{self.file}/{self.section}/{self.name}"


def conformance_folder() -> Path:
    """Where the module's cases are; Go fetches it into its own cache once."""
    return module_folder(MODULE) / "tests" / "simple" / "testdata"


def cases(folder: Path) -> Iterator[Case]:
    """All cases of the files that are not left out whole."""
    for path in sorted(folder.glob("*.textproto")):
        if path.stem in SKIPPED_FILES:
            continue
        file = parse_textproto(path.read_text())
        for section in file.get("section", ()):
            for test in section.get("test", ()):
                yield Case(path.stem, section["name"][0].decode(), test["name"][0].decode(), test)


def problem(case: Case) -> str | None:
    """How our answer differs from the case's; None when it does not.

    Raises:
        UnfitError: Kubernetes' environment has no room for the case.
    """
    test = case.test
    if "container" in test:
        raise UnfitError("containers (namespaces) are not used by Kubernetes")
    if "disable_macros" in test or ("disable_check" in test and "TestAllTypes" in case.expression):
        raise UnfitError("macros and type checks are always on in Kubernetes")
    for word in ("TestAllTypes", "google.protobuf.", "cel.expr.", "proto."):
        if word in case.expression and not case.expression.count("type("):
            raise UnfitError("protobuf messages have no place in a schema")
    variables = {entry["name"][0].decode(): _declared(entry) for entry in test.get("type_env", ())}
    values: dict[str, Any] = {}
    for binding in test.get("bindings", ()):
        name = binding["key"][0].decode()
        values[name] = _value(binding["value"][0]["value"][0])
        variables.setdefault(name, Declared(types.DYN))
    try:
        expression = Expression(case.expression, variables)
        found, _ = expression.run(values)
    except CelError as error:
        return _refused(case, str(error))
    except (Failed, Failure) as failed:
        return None if "eval_error" in test else f"failed: {failed}"
    if "eval_error" in test:
        return f"gave {found!r} instead of an error"
    if "value" not in test:
        # A result of true is left unsaid, here and there.
        wanted: Any = True
        if "typed_result" in test:
            result = test["typed_result"][0]
            if "result" not in result:
                return None
            wanted = _value(result["result"][0])
    else:
        wanted = _value(test["value"][0])
    return None if _same(found, wanted) else f"gave {found!r}, not {wanted!r}"


def _refused(case: Case, text: str) -> str | None:
    if "eval_error" in case.test:
        return None
    for word in ("google.protobuf.", "cel.expr.", "TestAllTypes", "math.", "proto."):
        if word in text:
            raise UnfitError("protobuf messages have no place in a schema")
    return f"refused: {text}"


_SCHEMAS = {"STRING": "string", "INT64": "integer", "DOUBLE": "number", "BOOL": "boolean"}


def as_question(case: Case) -> Question | None:
    """The case as a question to the oracle; None where its variables are none that a schema can have."""
    types, variables = {}, {}
    for entry in case.test.get("type_env", ()):
        primitive = entry["ident"][0]["type"][0].get("primitive", [""])[0]
        if primitive not in _SCHEMAS:
            return None
        types[entry["name"][0].decode()] = {"type": _SCHEMAS[primitive]}
    for binding in case.test.get("bindings", ()):
        name = binding["key"][0].decode()
        if name not in types:
            return None
        variables[name] = _value(binding["value"][0]["value"][0])
    return {"expression": case.expression, "types": types, "variables": variables}


def _declared(entry: Message) -> Declared:
    if "ident" not in entry:
        raise UnfitError("functions declared by a test have nothing behind them")
    return Declared(_type(entry["ident"][0]["type"][0]))


def _type(given: Message) -> Type:
    if "primitive" in given:
        return _PRIMITIVES[given["primitive"][0]]
    if "list_type" in given:
        return types.list_of(_type(given["list_type"][0]["elem_type"][0]))
    if "map_type" in given:
        inner = given["map_type"][0]
        return types.map_of(_type(inner["key_type"][0]), _type(inner["value_type"][0]))
    if "dyn" in given:
        return types.DYN
    if given.get("well_known") == ["DURATION"]:
        return types.DURATION
    if given.get("well_known") == ["TIMESTAMP"]:
        return types.TIMESTAMP
    raise UnfitError("protobuf messages have no place in a schema")


def _value(given: Message) -> Any:
    (kind, values), *_ = given.items()
    value = values[0]
    match kind:
        case "null_value":
            return None
        case "bool_value":
            return value == "true"
        case "int64_value":
            return int(value, 0)
        case "uint64_value":
            return UInt(int(value, 0))
        case "double_value":
            return struct.unpack("d", struct.pack("d", float(value.replace("infinity", "inf"))))[0]
        case "string_value":
            return value.decode()
        case "bytes_value":
            return value
        case "type_value":
            return Type(types.Kind.TYPE, value.decode())
        case "list_value":
            return ListValue([_value(item) for item in value.get("values", ())])
        case "map_value":
            entries = [
                (_value(entry["key"][0]), _value(entry["value"][0])) for entry in value.get("entries", ())
            ]
            return MapValue.of(entries)
        case "object_value":
            return _object(value)
        case _:
            raise UnfitError("protobuf messages have no place in a schema")


def _object(value: Message) -> Any:
    (name, parts), *_ = value.items()
    part: Message = parts[0]
    nanos = int(part.get("seconds", ["0"])[0]) * 10**9 + int(part.get("nanos", ["0"])[0])
    if name.endswith("google.protobuf.Duration"):
        return Duration(nanos)
    if name.endswith("google.protobuf.Timestamp"):
        return Timestamp(nanos)
    raise UnfitError("protobuf messages have no place in a schema")


def _same(found: Any, wanted: Any) -> bool:
    """Equal, and of one type."""
    if isinstance(found, float) and isinstance(wanted, float) and found != found:
        return wanted != wanted
    if isinstance(found, Type) and isinstance(wanted, Type):
        return found.name == wanted.name
    if isinstance(found, ListValue) and isinstance(wanted, ListValue):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return type(found) is type(wanted) and equal(found, wanted)
