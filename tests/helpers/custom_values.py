# ruff: noqa: E501 (a cause is one line)
"""Values against schemas, and what a real kube-apiserver says of them: its order and its words.

Each value stands at `spec.x`; with an `old` one it takes its place. A cause is reason, field and text. The tests
of control planes ask a server whether it still says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

_TABLE = r"""
the type first, then the rest in order:
  schema: {"type": "string", "minimum": 3, "not": {"maximum": 5}, "enum": ["a"]}
  value: 2
  causes:
  - 'FieldValueTypeInvalid spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must not validate the schema (not)'
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be greater than or equal to 3'
  - 'FieldValueNotSupported spec.x: Unsupported value: 2: supported values: "a"'
items before their number, then the choices:
  schema: {"type": "array", "items": {"type": "string"}, "minItems": 3, "enum": ["a"]}
  value: [1]
  causes:
  - 'FieldValueTypeInvalid spec.x[0]: Invalid value: "integer": spec.x[0] in body must be of type string: "integer"'
  - 'FieldValueInvalid spec.x: Invalid value: 1: spec.x in body should have at least 3 items'
  - 'FieldValueNotSupported spec.x: Unsupported value: [1]: supported values: "a"'
the number of properties, then those, then what is required:
  schema: {"type": "object", "minProperties": 4, "maxProperties": 1, "properties": {"a": {"type": "string"}}, "required": ["b", "c"], "x-kubernetes-preserve-unknown-fields": true}
  value: {"a": 1, "d": 2}
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should have at least 4 properties'
  - 'FieldValueTooMany spec.x: Too many: 2: must have at most 1 item'
  - 'FieldValueTypeInvalid spec.x.a: Invalid value: "integer": spec.x.a in body must be of type string: "integer"'
  - 'FieldValueRequired spec.x.b: Required value'
  - 'FieldValueRequired spec.x.c: Required value'
the longest before the shortest before the pattern:
  schema: {"type": "string", "maxLength": 1, "minLength": 5, "pattern": "^a"}
  value: "bcd"
  causes:
  - 'FieldValueTooLong spec.x: Too long: may not be more than 1 byte'
the shortest before the pattern:
  schema: {"type": "string", "minLength": 5, "pattern": "^a"}
  value: "bcd"
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: "bcd": spec.x in body should be at least 5 chars long'
the pattern, and then the format:
  schema: {"type": "string", "pattern": "^a", "format": "date"}
  value: "bcd"
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: "bcd": spec.x in body should match ''^a'''
  - 'FieldValueTypeInvalid spec.x: Invalid value: "bcd": spec.x in body must be of type date: "bcd"'
a factor, the least, the most:
  schema: {"type": "number", "multipleOf": 2, "minimum": 10, "maximum": 5}
  value: 7
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 7: spec.x in body should be a multiple of 2'
  - 'FieldValueInvalid spec.x: Invalid value: 7: spec.x in body should be greater than or equal to 10'
  - 'FieldValueInvalid spec.x: Invalid value: 7: spec.x in body should be less than or equal to 5'
bounds that are left out:
  schema: {"type": "integer", "minimum": 5, "maximum": 5, "exclusiveMinimum": true, "exclusiveMaximum": true}
  value: 5
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 5: spec.x in body should be greater than 5'
  - 'FieldValueInvalid spec.x: Invalid value: 5: spec.x in body should be less than 5'
an integer with a fraction:
  schema: {"type": "integer", "maximum": 1}
  value: 1.5
  causes:
  - 'FieldValueTypeInvalid spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"'
  - 'FieldValueInvalid <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x'
  - 'FieldValueInvalid spec.x: Invalid value: 1.5: spec.x in body should be less than or equal to 1'
a number beyond int32:
  schema: {"type": "integer", "format": "int32"}
  value: 2147483648
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.x'
a bound that no integer holds:
  schema: {"type": "integer", "minimum": 2.5}
  value: 2
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": Minimum boundary value must be of type integer (default format) in spec.x'
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be greater than or equal to 2.5'
a factor that is cut off:
  schema: {"type": "number", "multipleOf": 0.5}
  value: 3
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 0: factor MultipleOf declared for spec.x must be positive: 0'
a factor of floats:
  schema: {"type": "number", "multipleOf": 0.5}
  value: 1.25
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 1.25: spec.x in body should be a multiple of 0.5'
a float beyond 32 bits:
  schema: {"type": "number", "format": "float"}
  value: 3.5e+38
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": Checked value must be of type number with format float in spec.x'
a large float:
  schema: {"type": "number", "maximum": 1000000}
  value: 12345678.5
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 1.23456785e+07: spec.x in body should be less than or equal to 1e+06'
a format of another type:
  schema: {"type": "string", "format": "date"}
  value: 5
  causes:
  - 'FieldValueTypeInvalid spec.x: Invalid value: "int64": spec.x in body must be of type date: "int64"'
a format of numbers:
  schema: {"type": "integer", "format": "int32"}
  value: true
  causes:
  - 'FieldValueTypeInvalid spec.x: Invalid value: "": spec.x in body must be of type int32: ""'
a format that is ignored:
  schema: {"type": "boolean", "format": "date"}
  value: "a"
  causes:
  - 'FieldValueTypeInvalid spec.x: Invalid value: "string": spec.x in body must be of type boolean: "string"'
a null in a list:
  schema: {"type": "array", "items": {"type": "string", "enum": ["a"], "minLength": 2}}
  value: [null]
  causes:
  - 'FieldValueTypeInvalid spec.x[0]: Invalid value: "null": spec.x[0] in body must be of type string: "null"'
  - 'FieldValueNotSupported spec.x[0]: Unsupported value: null: supported values: "a"'
choices of every type:
  schema: {"enum": ["a", 1, 1.5, true, null, {"b": 1, "a": [2.0]}], "x-kubernetes-preserve-unknown-fields": true}
  value: {"c": 1, "a": 1.0}
  causes:
  - 'FieldValueNotSupported spec.x: Unsupported value: {"a":1,"c":1}: supported values: "a", "1", "1.5", "true", "null", "{\"a\":[2],\"b\":1}"'
a choice after it was cut off:
  schema: {"type": "number", "enum": [1]}
  value: 1.5
a number that is a letter:
  schema: {"x-kubernetes-preserve-unknown-fields": true, "enum": ["A"]}
  value: 65
neither integer nor string:
  schema: {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}
  value: 1.5
  causes:
  - 'FieldValueTypeInvalid spec.x: Invalid value: "number": spec.x in body must be of type integer,string: "number"'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)'
  - 'FieldValueTypeInvalid spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"'
  - 'FieldValueInvalid <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x'
what is forbidden:
  schema: {"type": "object", "additionalProperties": false}
  value: {"a": 1}
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: "a": spec.x.a in body is a forbidden property'
entries of a map:
  schema: {"type": "object", "additionalProperties": {"type": "object", "required": ["c"], "properties": {"d": {"type": "string"}}}}
  value: {"a.b": {"d": 1}}
  causes:
  - 'FieldValueTypeInvalid spec.x.a.b.d: Invalid value: "integer": spec.x.a.b.d in body must be of type string: "integer"'
  - 'FieldValueRequired spec.x.a.b.c: Required value'
"any of: nothing of the others once one fits":
  schema: {"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": 2}]}
  value: 1
"any of: what the one says that has most in order":
  schema: {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "anyOf": [{"required": ["c"]}, {"properties": {"a": {"minimum": 1}, "b": {"minimum": 5}}}]}
  value: {"a": 1, "b": 1}
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)'
  - 'FieldValueInvalid spec.x.b: Invalid value: 1: spec.x.b in body should be greater than or equal to 5'
"any of: of equals the first":
  schema: {"type": "integer", "anyOf": [{"minimum": 5}, {"minimum": 6}]}
  value: 1
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)'
  - 'FieldValueInvalid spec.x: Invalid value: 1: spec.x in body should be greater than or equal to 5'
"one of: none":
  schema: {"type": "string", "oneOf": [{"minLength": 3}, {"pattern": "^b"}]}
  value: "a"
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid'
  - 'FieldValueInvalid spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long'
"one of: two":
  schema: {"type": "string", "oneOf": [{"minLength": 1}, {"pattern": "^a"}, {"maxLength": 0}]}
  value: "a"
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives'
"all of: some":
  schema: {"type": "string", "allOf": [{"minLength": 3}, {"pattern": "^a"}, {"maxLength": 0}]}
  value: "a"
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long'
  - 'FieldValueTooLong spec.x: Too long: may not be more than 0 bytes'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)'
"all of: none":
  schema: {"type": "string", "allOf": [{"minLength": 3}, {"pattern": "^b"}]}
  value: "a"
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long'
  - 'FieldValueInvalid spec.x: Invalid value: "a": spec.x in body should match ''^b'''
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated'
"all of: once in the same words":
  schema: {"type": "string", "minLength": 3, "allOf": [{"minLength": 3}, {}]}
  value: "a"
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)'
not:
  schema: {"type": "string", "not": {"minLength": 1}}
  value: "a"
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must not validate the schema (not)'
combinations in their order, before the rest:
  schema: {"type": "integer", "minimum": 9, "not": {"minimum": 1}, "allOf": [{"minimum": 7}], "oneOf": [{"minimum": 6}], "anyOf": [{"minimum": 5}]}
  value: 2
  causes:
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)'
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be greater than or equal to 5'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid'
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be greater than or equal to 6'
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be greater than or equal to 7'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must not validate the schema (not)'
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be greater than or equal to 9'
a part that stayed:
  schema: {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
  value: {"a": "x", "b": "z"}
  old: {"a": "x", "b": "y"}
  causes:
  - 'FieldValueTypeInvalid spec.x.b: Invalid value: "string": spec.x.b in body must be of type integer: "string"'
the number of what changed:
  schema: {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer"}}
  value: {"a": "x", "b": 1, "c": 1}
  old: {"a": "x", "b": 1}
  causes:
  - 'FieldValueTooMany spec.x: Too many: 3: must have at most 1 item'
what is required stays required:
  schema: {"type": "object", "required": ["c"], "properties": {"a": {"type": "string"}, "c": {"type": "string"}}}
  value: {"a": "y"}
  old: {"a": "x"}
  causes:
  - 'FieldValueRequired spec.x.c: Required value'
items of a map by key:
  schema: {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}}
  value: [{"k": "new", "v": "z"}, {"k": "b", "v": "y"}]
  old: [{"k": "b", "v": "y"}, {"k": "a", "v": "x"}]
  causes:
  - 'FieldValueTypeInvalid spec.x[0].v: Invalid value: "string": spec.x[0].v in body must be of type integer: "string"'
a map by key in another order:
  schema: {"type": "array", "maxItems": 1, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}}}
  value: [{"k": "a"}, {"k": "b"}]
  old: [{"k": "b"}, {"k": "a"}]
items of other lists:
  schema: {"type": "array", "items": {"type": "integer"}}
  value: ["x", 1]
  old: ["x", 2]
  causes:
  - 'FieldValueTypeInvalid spec.x[0]: Invalid value: "string": spec.x[0] in body must be of type integer: "string"'
a list that stayed:
  schema: {"type": "array", "items": {"type": "integer"}}
  value: ["x", 1]
  old: ["x", 1]
what is not described has changed:
  schema: {"type": "object", "maxProperties": 0, "x-kubernetes-preserve-unknown-fields": true}
  value: {"a": 1}
  old: {"a": 1}
  causes:
  - 'FieldValueTooMany spec.x: Too many: 1: must have at most 0 items'
what all of it must be:
  schema: {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "allOf": [{"properties": {"a": {"maxLength": 1}}}]}
  value: {"a": "xx", "b": "z"}
  old: {"a": "xx", "b": "y"}
  causes:
  - 'FieldValueTooLong spec.x.a: Too long: may not be more than 1 byte'
  - 'FieldValueInvalid <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated'
a number of another type:
  schema: {"type": "number", "maximum": 1}
  value: 2.0
  old: 2
  causes:
  - 'FieldValueInvalid spec.x: Invalid value: 2: spec.x in body should be less than or equal to 1'
"""


@dataclass(frozen=True)
class CustomValue:
    """A value and what is said of it.

    Attributes:
        name: what it shows.
        schema: what it is checked against.
        value: it.
        old: what it takes the place of; None for a creation.
        causes: none where it is accepted.
    """

    name: str
    schema: dict[str, Any]
    value: Any
    old: Any = None
    causes: tuple[str, ...] = ()


def custom_values() -> list[CustomValue]:
    return [
        CustomValue(name, **{**each, "causes": tuple(each.get("causes") or ())})
        for name, each in yaml.safe_load(_TABLE).items()
    ]
