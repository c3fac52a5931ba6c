# ruff: noqa: E501 (schemas are one to a line)
"""CustomResourceDefinitions good and bad, rule by rule: schemas written by hand, and drawn ones.

part of a schema ──▶ property of a definition's spec ──▶ created as a dry run on both servers
drawn schema     ──▶
definition       ──edit──▶ created; or put in the place of one that is established
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import yaml

Body = dict[str, Any]

_PARTS = """
plain: {type: string}
no type: {}
description alone: {description: d}
unknown type: {type: text}
null type: {type: 'null'}
array: {type: array, items: {type: string}}
array without items: {type: array}
array without item type: {type: array, items: {}}
items a list: {type: array, items: [{type: string}, {type: integer}]}
items an empty list: {type: array, items: []}
nullable: {type: string, nullable: true, default: null}
properties: {type: object, properties: {a: {type: string}, b: {}}}
additional: {type: object, additionalProperties: {type: string}}
additional untyped: {type: object, additionalProperties: {}}
additional true: {type: object, additionalProperties: true}
additional false: {type: object, additionalProperties: false}
additional and properties: {type: object, additionalProperties: {type: string}, properties: {a: {type: string}}}
additional true and properties: {type: object, additionalProperties: true, properties: {a: {type: string}}}
additional false and properties: {type: object, additionalProperties: false, properties: {a: {type: string}}}
unique: {type: array, uniqueItems: true, items: {type: string}}
id: {type: string, id: x}
schema keyword: {type: string, $schema: x}
schema keyword and more: {type: string, $schema: x, id: y}
ref: {$ref: '#/x'}
pattern properties: {type: object, patternProperties: {a: {type: string}}}
dependencies: {type: object, dependencies: {a: [b]}}
dependencies schema: {type: object, dependencies: {a: {type: string, uniqueItems: true}}}
additional items: {type: array, items: {type: string}, additionalItems: true}
additional items false: {type: array, items: {type: string}, additionalItems: false}
definitions: {type: object, definitions: {a: {type: text}}}
pattern: {type: string, pattern: '^a+$'}
bad pattern: {type: string, pattern: '('}
lookahead: {type: string, pattern: '(?=a)'}
format: {type: string, format: date-time}
unknown format: {type: string, format: nonsense}
enum: {type: string, enum: [a, b]}
enum of numbers: {type: string, enum: [1, 2]}
bounds: {type: integer, minimum: 1, maximum: 5, exclusiveMaximum: true, multipleOf: 2}
example: {type: string, example: a, title: t, externalDocs: {url: x, description: d}}
int or string: {x-kubernetes-int-or-string: true}
int or string typed: {type: string, x-kubernetes-int-or-string: true}
int or string any: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
int or string any the other way: {x-kubernetes-int-or-string: true, anyOf: [{type: string}, {type: integer}]}
int or string all: {x-kubernetes-int-or-string: true, allOf: [{anyOf: [{type: integer}, {type: string}]}, {pattern: a}]}
int or string all second: {x-kubernetes-int-or-string: true, allOf: [{pattern: a}, {anyOf: [{type: integer}, {type: string}]}]}
int or string preserving: {x-kubernetes-int-or-string: true, x-kubernetes-preserve-unknown-fields: true}
int or string embedded: {x-kubernetes-int-or-string: true, x-kubernetes-embedded-resource: true}
any of types: {type: string, anyOf: [{type: integer}, {type: string}]}
preserving: {x-kubernetes-preserve-unknown-fields: true}
preserving object: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}
not preserving: {type: object, x-kubernetes-preserve-unknown-fields: false}
embedded: {type: object, x-kubernetes-embedded-resource: true}
embedded preserving: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
embedded untyped: {x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
embedded text: {type: string, x-kubernetes-embedded-resource: true}
embedded with additional: {type: object, x-kubernetes-embedded-resource: true, additionalProperties: {type: string}}
embedded with fields: {type: object, x-kubernetes-embedded-resource: true, properties: {kind: {type: integer}, apiVersion: {}, metadata: {type: string}, spec: {type: object}}}
embedded with metadata: {type: object, x-kubernetes-embedded-resource: true, properties: {metadata: {type: object, properties: {name: {type: string, default: a/b}, labels: {type: object, additionalProperties: {type: string, default: x}}}}}}
embedded in metadata: {type: object, x-kubernetes-embedded-resource: true, properties: {metadata: {type: object, x-kubernetes-embedded-resource: true, properties: {a: {type: string}}}}}
embedded default: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, default: {apiVersion: v1, kind: A, metadata: {name: a}}}
embedded default without kind: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, default: {apiVersion: a/b/c, metadata: {name: a/b}}}
embedded default of bad types: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, default: {apiVersion: 5, kind: A}}
embedded default of bad metadata: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, default: {apiVersion: v1, kind: A, metadata: {name: 5}}}
embedded default of bad labels: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, default: {apiVersion: v1, kind: 'A b', metadata: {labels: {'Bad Key!': x}}}}
default: {type: string, default: a}
default of another type: {type: string, default: 5}
default too long: {type: string, maxLength: 2, default: abc}
default null: {type: string, default: null}
default object: {type: object, default: {}, properties: {a: {type: string, default: b}}}
default unknown field: {type: object, default: {b: c}, properties: {a: {type: string}}}
default lacking: {type: object, default: {}, required: [a], properties: {a: {type: string}}}
default list: {type: array, default: [a, 5], items: {type: string}}
default deep: {type: object, default: {a: [{b: 5, x: y}]}, properties: {a: {type: array, items: {type: object, properties: {b: {type: string}}}}}}
default in items: {type: array, items: {type: string, default: 5}}
default in additional: {type: object, additionalProperties: {type: string, default: 5}}
default against rule: {type: integer, default: 3, x-kubernetes-validations: [{rule: self > 5}]}
default with rule: {type: integer, default: 7, x-kubernetes-validations: [{rule: self > 5}]}
default against transition: {type: integer, default: 7, x-kubernetes-validations: [{rule: self > oldSelf}]}
default against optional transition: {type: integer, default: 7, x-kubernetes-validations: [{rule: oldSelf.hasValue(), optionalOldSelf: true}]}
default against rule below: {type: object, default: {a: 1}, properties: {a: {type: integer, x-kubernetes-validations: [{rule: self > 5, message: m}]}}}
map type: {type: object, x-kubernetes-map-type: atomic}
map type unknown: {type: object, x-kubernetes-map-type: other}
map type of text: {type: string, x-kubernetes-map-type: atomic}
map type untyped: {x-kubernetes-preserve-unknown-fields: true, x-kubernetes-map-type: granular}
list type: {type: array, items: {type: string}, x-kubernetes-list-type: atomic}
list type unknown: {type: array, items: {type: string}, x-kubernetes-list-type: other}
list type of object: {type: object, x-kubernetes-list-type: set}
list type untyped: {x-kubernetes-preserve-unknown-fields: true, x-kubernetes-list-type: set}
set: {type: array, items: {type: string}, x-kubernetes-list-type: set}
set of objects: {type: array, items: {type: object}, x-kubernetes-list-type: set}
set of atomic objects: {type: array, items: {type: object, x-kubernetes-map-type: atomic}, x-kubernetes-list-type: set}
set of granular objects: {type: array, items: {type: object, x-kubernetes-map-type: granular}, x-kubernetes-list-type: set}
set of lists: {type: array, items: {type: array, items: {type: string}}, x-kubernetes-list-type: set}
set of sets: {type: array, items: {type: array, x-kubernetes-list-type: set, items: {type: string}}, x-kubernetes-list-type: set}
set of nullables: {type: array, items: {type: string, nullable: true}, x-kubernetes-list-type: set}
keys without list type: {type: array, items: {type: string}, x-kubernetes-list-map-keys: [a]}
keys of a set: {type: array, items: {type: string}, x-kubernetes-list-type: set, x-kubernetes-list-map-keys: [a]}
map: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: object, required: [a], properties: {a: {type: string}}}}
map without keys: {type: array, x-kubernetes-list-type: map, items: {type: object, properties: {a: {type: string}}}}
map without items: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]}
map of lists: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: [{type: object}]}
map of texts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: string}}
map of untyped: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {x-kubernetes-preserve-unknown-fields: true}}
map by unknown keys: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [b, c], items: {type: object, required: [a], properties: {a: {type: string}}}}
map by the same key: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a, a], items: {type: object, required: [a], properties: {a: {type: string}}}}
map by an object: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: object, required: [a], properties: {a: {type: object}}}}
map by an optional key: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: object, properties: {a: {type: string}}}}
map by a key with a default: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: object, properties: {a: {type: string, default: x}}}}
map by a nullable key: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: object, nullable: true, required: [a], properties: {a: {type: string, nullable: true}}}}
all of: {type: object, properties: {a: {type: string}}, allOf: [{required: [a]}, {properties: {a: {maxLength: 5}}}]}
all of unknown: {type: object, allOf: [{properties: {a: {maxLength: 5}}}]}
any of unknown below: {type: object, properties: {a: {type: object}}, anyOf: [{properties: {a: {properties: {b: {minLength: 1}}}}}]}
one of items: {type: object, properties: {a: {type: string}}, oneOf: [{items: {minLength: 1}}]}
not items: {type: array, items: {type: string}, not: {items: {minLength: 1}}}
not typed: {type: string, not: {type: string}}
values with everything: {type: object, properties: {a: {type: string}}, allOf: [{type: object, default: {}, title: t, description: d, nullable: true, x-kubernetes-preserve-unknown-fields: true, x-kubernetes-embedded-resource: true, x-kubernetes-int-or-string: true, x-kubernetes-list-map-keys: [a], x-kubernetes-list-type: map, x-kubernetes-map-type: atomic, x-kubernetes-validations: [{rule: 'true'}]}]}
values with additional: {type: object, allOf: [{additionalProperties: {type: string}}], anyOf: [{additionalProperties: true}], oneOf: [{additionalProperties: false}]}
values with metadata: {type: object, properties: {metadata: {type: object}}, anyOf: [{properties: {metadata: {minProperties: 1}}}]}
values with a bad pattern: {type: string, anyOf: [{pattern: '('}, {pattern: 'a'}]}
values nested: {type: string, allOf: [{anyOf: [{not: {type: string, uniqueItems: true}}]}]}
values of unknown type: {type: string, allOf: [{type: text}]}
values by reference: {type: string, allOf: [{$ref: x}], not: {id: x}}
values with a rule of no form: {type: string, anyOf: [{x-kubernetes-validations: [{rule: ''}]}]}
additional with properties in values: {type: object, additionalProperties: {type: string}, allOf: [{properties: {a: {maxLength: 5}}}]}
rule: {type: string, x-kubernetes-validations: [{rule: self == 'a'}]}
rule empty: {type: string, x-kubernetes-validations: [{rule: ' '}]}
rule of no form: {type: string, x-kubernetes-validations: [{rule: self ==}]}
rule of another type: {type: string, x-kubernetes-validations: [{rule: self + 'a'}]}
rule of unknown names: {type: string, x-kubernetes-validations: [{rule: foo == self}]}
rule on unknown fields: {type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: self.b == 'x'}]}
rule with lines: {type: string, x-kubernetes-validations: [{rule: "self == 'a'\\n && true"}]}
rule with lines and message: {type: string, x-kubernetes-validations: [{rule: "self == 'a'\\n && true", message: m}]}
message empty: {type: string, x-kubernetes-validations: [{rule: 'true', message: '  '}]}
message with lines: {type: string, x-kubernetes-validations: [{rule: 'true', message: "a\\nb"}]}
message expression: {type: string, x-kubernetes-validations: [{rule: 'true', messageExpression: "'a' + self"}]}
message expression empty: {type: string, x-kubernetes-validations: [{rule: 'true', messageExpression: ' '}]}
message expression of another type: {type: string, x-kubernetes-validations: [{rule: 'true', messageExpression: '5'}]}
message expression of no form: {type: string, x-kubernetes-validations: [{rule: 'true', messageExpression: 'a b'}]}
message expression dear: {type: array, items: {type: string}, x-kubernetes-validations: [{rule: 'true', messageExpression: "self.all(x, self.all(y, x + y == 'a')) ? 'a' : 'b'"}]}
reason: {type: string, x-kubernetes-validations: [{rule: 'true', reason: FieldValueForbidden}]}
reason unknown: {type: string, x-kubernetes-validations: [{rule: 'true', reason: Other}]}
field path: {type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: 'true', fieldPath: .a}]}
field path unknown: {type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: 'true', fieldPath: .b}]}
field path empty: {type: object, x-kubernetes-validations: [{rule: 'true', fieldPath: ' '}]}
field path with lines: {type: object, x-kubernetes-validations: [{rule: 'true', fieldPath: ".a\\n"}]}
field path quoted: {type: object, properties: {a-b: {type: string}}, x-kubernetes-validations: [{rule: 'true', fieldPath: "['a-b']"}]}
field path of a list: {type: array, items: {type: string}, x-kubernetes-validations: [{rule: 'true', fieldPath: '[0]'}]}
rule and bad schema below: {type: object, properties: {a: {type: array, uniqueItems: true, items: {type: string}}}, x-kubernetes-validations: [{rule: self.nothing}]}
rule beside a bad schema: {type: object, properties: {a: {type: array, uniqueItems: true, items: {type: string}}, b: {type: string, x-kubernetes-validations: [{rule: self.nothing}]}}}
transition: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}
transition in a list: {type: array, items: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}}
transition in a set: {type: array, x-kubernetes-list-type: set, items: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}}
transition in a map: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a], items: {type: object, required: [a], properties: {a: {type: string}}, x-kubernetes-validations: [{rule: self == oldSelf}]}}
transition in an atomic map: {type: object, x-kubernetes-map-type: atomic, properties: {a: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}}}
optional transition: {type: string, x-kubernetes-validations: [{rule: 'oldSelf.hasValue() ? self == oldSelf.value() : true', optionalOldSelf: true}]}
optional without transition: {type: string, x-kubernetes-validations: [{rule: 'true', optionalOldSelf: true}]}
optional false without transition: {type: string, x-kubernetes-validations: [{rule: 'true', optionalOldSelf: false}]}
dear rule: {type: array, items: {type: string}, x-kubernetes-validations: [{rule: 'self.all(x, self.all(y, self.all(z, x == y && y == z)))'}]}
dear rule bounded: {type: array, maxItems: 10, items: {type: string, maxLength: 10}, x-kubernetes-validations: [{rule: 'self.all(x, self.all(y, self.all(z, x == y && y == z)))'}]}
dear rule repeated: {type: array, items: {type: array, items: {type: string, x-kubernetes-validations: [{rule: self.matches('a*b*c*')}]}}}
dear in sum: {type: array, maxItems: 300, items: {type: object, x-kubernetes-validations: [{rule: 'self.a.matches("a*")'}, {rule: 'self.a.contains("b")'}, {rule: self.a.size() > 3}, {rule: 'self.a.matches("b*")'}, {rule: 'self.a.matches("c*")'}, {rule: 'self.a.matches("d*")'}], properties: {a: {type: string, maxLength: 30000}}}}
rule on untyped: {x-kubernetes-preserve-unknown-fields: true, x-kubernetes-validations: [{rule: self == 5}]}
rule on int or string: {x-kubernetes-int-or-string: true, x-kubernetes-validations: [{rule: 'type(self) == string || self > 5'}]}
rule on embedded: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, x-kubernetes-validations: [{rule: self.metadata.name == 'a'}]}
rule on a date: {type: string, format: date-time, x-kubernetes-validations: [{rule: self.getFullYear() > 2000}]}
rule on reserved names: {type: object, properties: {namespace: {type: string}, a-b: {type: string}}, x-kubernetes-validations: [{rule: self.__namespace__ == self.a__dash__b}]}
long names: {type: object, properties: {XXX: {type: string}}}
"""
_ROOTS = """
plain: {type: object}
untyped: {}
text: {type: string}
nullable: {type: object, nullable: true}
preserving: {type: object, x-kubernetes-preserve-unknown-fields: true}
additional: {type: object, additionalProperties: {type: string}}
default: {type: object, default: {}}
default whole: {type: object, default: {apiVersion: v1, kind: A}}
required: {type: object, required: [spec]}
enum: {type: object, enum: [{}]}
max properties: {type: object, maxProperties: 5}
all of: {type: object, allOf: [{required: [spec]}]}
title: {type: object, title: t, description: d, example: {}, externalDocs: {url: x}}
map type: {type: object, x-kubernetes-map-type: atomic}
embedded: {type: object, x-kubernetes-embedded-resource: true}
metadata: {type: object, properties: {metadata: {type: object}}}
metadata untyped: {type: object, properties: {metadata: {}}}
metadata text: {type: object, properties: {metadata: {type: string}}}
metadata described: {type: object, properties: {metadata: {type: object, description: d}}}
metadata name: {type: object, properties: {metadata: {type: object, properties: {name: {type: string, pattern: a, maxLength: 5}}}}}
metadata names: {type: object, properties: {metadata: {type: object, properties: {name: {type: string}, generateName: {type: string}}}}}
metadata labels: {type: object, properties: {metadata: {type: object, properties: {labels: {type: object}}}}}
metadata required: {type: object, properties: {metadata: {type: object, required: [name]}}}
metadata default: {type: object, properties: {metadata: {type: object, default: {name: a}}}}
metadata name default: {type: object, properties: {metadata: {type: object, properties: {name: {type: string, default: a}}}}}
metadata rule: {type: object, properties: {metadata: {type: object, x-kubernetes-validations: [{rule: 'true'}]}}}
kind: {type: object, properties: {kind: {type: string, enum: [A]}, apiVersion: {type: string}}}
kind number: {type: object, properties: {kind: {type: integer}, apiVersion: {type: object}}}
kind untyped: {type: object, properties: {kind: {}, apiVersion: {x-kubernetes-preserve-unknown-fields: true}}}
kind default: {type: object, properties: {kind: {type: string, default: A}, apiVersion: {type: string, default: 5}}}
rule: {type: object, properties: {spec: {type: object}}, x-kubernetes-validations: [{rule: has(self.spec) && self.metadata.name != ''}]}
rule on labels: {type: object, x-kubernetes-validations: [{rule: 'has(self.metadata.labels)'}]}
values with metadata: {type: object, properties: {spec: {type: object}}, anyOf: [{properties: {metadata: {properties: {name: {pattern: a}}}}}]}
"""
_SPECS = """
scale: {subresources: {scale: {specReplicasPath: .spec.a, statusReplicasPath: .status.b}}}
scale bad: {subresources: {scale: {specReplicasPath: spec.a, statusReplicasPath: .spec.b, labelSelectorPath: .metadata.x}}}
scale short: {subresources: {scale: {specReplicasPath: .spec, statusReplicasPath: ., labelSelectorPath: x}}}
columns: {additionalPrinterColumns: [{name: A, type: string, jsonPath: .spec.a}, {name: A, type: date, jsonPath: .metadata.creationTimestamp}]}
columns bad: {additionalPrinterColumns: [{name: A, type: text, jsonPath: spec.a, format: x}, {name: '', type: '', jsonPath: ''}]}
columns odd: {additionalPrinterColumns: [{name: A, type: string, jsonPath: '.spec[?(@.x)]'}, {name: B, type: string, jsonPath: '.['}, {name: C, type: string, jsonPath: '.{'}]}
selectable: {selectableFields: [{jsonPath: .spec.a}]}
selectable odd: {selectableFields: [{jsonPath: spec.a}, {jsonPath: .spec.nothing}, {jsonPath: .metadata.name}, {jsonPath: .spec}, {jsonPath: ''}, {jsonPath: '.spec["a"]'}]}
selectable twice: {selectableFields: [{jsonPath: .spec.a}, {jsonPath: .spec.a}]}
selectable list: {selectableFields: [{jsonPath: .spec.l}, {jsonPath: '.spec.l[0]'}, {jsonPath: .spec.n}, {jsonPath: .spec.i}, {jsonPath: .spec.x}, {jsonPath: '.spec.m.b'}]}
selectable ends: {selectableFields: [{jsonPath: .spec.}, {jsonPath: .}, {jsonPath: ..spec.a}, {jsonPath: .spec.a.b}]}
warning: {deprecated: true, deprecationWarning: w}
warning of no use: {deprecationWarning: w}
warning empty: {deprecated: true, deprecationWarning: ''}
warning long: {deprecated: true, deprecationWarning: LONG}
warning odd: {deprecated: true, deprecationWarning: "a\\tb"}
not served: {served: false}
"""
_EDITS = """
names upper: {names: {plural: Things, kind: thing, singular: THING}}
names equal: {names: {kind: Thing, listKind: Thing}}
names odd: {names: {shortNames: [A, b c, ''], categories: [All, x/y], kind: '5a', listKind: 'a b'}}
names long: {names: {singular: LONG, kind: LONG}}
short names twice: {names: {shortNames: [a, a], categories: [b, b]}}
group odd: {group: Example}
group plain: {group: example}
scope odd: {scope: Other}
no conversion: {conversion: {strategy: None}}
conversion odd: {conversion: {strategy: Other}}
conversion with webhook: {conversion: {strategy: None, webhook: {conversionReviewVersions: [v1], clientConfig: {url: 'https://a'}}}}
webhook lacking: {conversion: {strategy: Webhook}}
webhook of nothing: {conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [], clientConfig: {}}}}
webhook both: {conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1, v1, x], clientConfig: {url: 'https://a', service: {namespace: a, name: b}}}}}
webhook address: {conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v2, V1], clientConfig: {url: 'http://a:b@c?d#e'}}}}
webhook service: {conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1beta1], clientConfig: {service: {namespace: '', name: '', path: 'a//b', port: 70000}}}}}
webhook authority: {conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {caBundle: YWJj, url: 'https://a'}}}}
webhook authority empty: {conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {caBundle: '', url: 'https://a'}}}}
preserving: {preserveUnknownFields: true}
preserving and converting: {preserveUnknownFields: true, conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: 'https://a'}}}}
versions none: {versions: []}
version named oddly: {versions: [{name: V1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}
versions twice: {versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}, {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}
versions unlike: {versions: [{name: v1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}, {name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: text}}}}}]}
versions lacking schema: {versions: [{name: v1, served: true, storage: true}, {name: v2, served: false, storage: false, schema: {}}]}
versions of one schema: {versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: text}}}, {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: text}}}]}
versions of which one has a status: {versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, enum: [{}]}}}, {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: object, enum: [{}]}}}]}
"""


def _read(text: str) -> dict[str, Body]:
    return yaml.safe_load(text.replace("LONG", "x" * 300).replace("XXX", "x" * 300))


_FIELDS: Body = {
    "a": {"type": "string"}, "l": {"type": "array", "items": {"type": "string"}}, "n": {"type": "number"},
    "i": {"type": "integer"}, "x": {"x-kubernetes-int-or-string": True},
    "m": {"type": "object", "additionalProperties": {"type": "string"}},
}  # fmt: skip


def definition(name: str, schema: Body, **version: Any) -> Body:
    """A definition of this schema; `version` is the rest of its version."""
    group = f"{name}.example.com"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    **version,
                }
            ],
        },
    }


def with_part(name: str, part: Body, **version: Any) -> Body:
    """A definition with this schema at `spec.x`."""
    properties = {"spec": {"type": "object", "properties": {"x": part}}}
    return definition(name, {"type": "object", "properties": properties}, **version)


def definitions() -> dict[str, Body]:
    """Definitions by what they are about; most of them are bad."""
    found: dict[str, Body] = {}
    for name, part in _read(_PARTS).items():
        found[name] = with_part("part", part)
        in_list = {"type": "array", "items": part}
        found[f"{name}, in a list"] = with_part("part", in_list, subresources={"status": {}})
        found[f"{name}, in a map"] = with_part("part", {"type": "object", "additionalProperties": part})
    for name, root in _read(_ROOTS).items():
        found[f"root: {name}"] = definition("root", root)
        found[f"root with status: {name}"] = definition("root", root, subresources={"status": {}})
    spec = {"type": "object", "properties": {"spec": {"type": "object", "properties": _FIELDS}}}
    for name, version in _read(_SPECS).items():
        found[f"version: {name}"] = definition("version", spec, **version)
    for name, edit in _read(_EDITS).items():
        found[f"spec: {name}"] = _edited(definition("edited", spec), edit)
    return found


def _edited(obj: Body, edit: Body) -> Body:
    made = copy.deepcopy(obj)
    for key, value in edit.items():
        made["spec"][key] = {**made["spec"][key], **value} if key == "names" else value
    made["metadata"]["name"] = f"{made['spec']['names']['plural']}.{made['spec']['group']}"
    return made


_RULES = (
    "self == oldSelf", "true", "self.a == 'x'", "size(self) > 1", "self.all(x, x == x)", "has(self.a)", "1", "self.",
    "self.exists(k, k == 'a')", "type(self) == string", "oldSelf.hasValue()", "self > 1",
)  # fmt: skip
_DEFAULTS: tuple[Any, ...] = ("a", 1, True, 1.5, [], ["a"], {}, {"a": "x"}, {"b": {}}, None, [{}])
_TYPES = ("string", "integer", "number", "boolean", "object", "array", "object", "array", "text", None)


def drawn_definitions(count: int, seed: int) -> Iterator[tuple[str, Body]]:
    """Definitions of schemas that are drawn: a fifth of the keywords is of no sense where it stands."""
    for number in range(count):
        dice = Random(f"{seed}/{number}")
        status = {"subresources": {"status": {}}} if dice.random() < 0.3 else {}
        yield f"drawn {seed}/{number}", with_part("drawn", _drawn(dice, 0), **status)


def _drawn(dice: Random, depth: int, *, values: bool = False) -> Body:
    schema: Body = {}
    kind = dice.choice(_TYPES[: 8 if dice.random() < 0.95 else 10])
    if kind is not None and (not values or dice.random() < 0.1):
        schema["type"] = kind
    odd = dice.random() < 0.2
    deeper = depth < 3
    if deeper and (kind == "object" or odd):
        if dice.random() < 0.7:
            names = dice.sample(("a", "b", "metadata", "kind"), dice.choice((1, 1, 2, 2, 3)))
            schema["properties"] = {name: _drawn(dice, depth + 1, values=values) for name in names}
            if dice.random() < 0.4:
                schema["required"] = dice.sample(("a", "b"), 1)
        if dice.random() < (0.1 if schema.get("properties") else 0.5):
            choices: tuple[Any, ...] = (True, False, None, None, None)
            chosen = dice.choice(choices)
            schema["additionalProperties"] = (
                _drawn(dice, depth + 1, values=values) if chosen is None else chosen
            )
        if dice.random() < 0.15:
            schema["x-kubernetes-map-type"] = dice.choice(("atomic", "granular", "other"))
        if dice.random() < 0.1:
            schema["x-kubernetes-embedded-resource"] = True
    if deeper and (kind == "array" or odd) and dice.random() < 0.95:
        schema["items"] = _drawn(dice, depth + 1, values=values)
        if dice.random() < 0.5:
            schema["x-kubernetes-list-type"] = dice.choice(("map", "set", "atomic", "map", "other"))
            if schema["x-kubernetes-list-type"] == "map" or dice.random() < 0.1:
                schema["x-kubernetes-list-map-keys"] = dice.sample(("a", "b"), dice.choice((1, 1, 2)))
        if dice.random() < 0.2:
            schema["maxItems"] = dice.choice((1, 10, 1000))
    for key, chance, choices in (
        ("default", 0.12, _DEFAULTS),
        ("nullable", 0.08, (True, False)),
        ("x-kubernetes-preserve-unknown-fields", 0.08, (True, True, True, False)),
        ("x-kubernetes-int-or-string", 0.05, (True,)),
        ("uniqueItems", 0.02, (True, False)),
        ("maxLength", 0.1, (2, 100)),
        ("pattern", 0.05, ("^a", "(", "a{2,1}")),
        ("enum", 0.05, (["a"], [1, "b"], [{}])),
        ("minimum", 0.05, (0, 5)),
        ("format", 0.05, ("date", "int32", "nonsense", "date-time")),
        ("description", 0.05, ("d",)),
        ("id", 0.01, ("x",)),
        ("$ref", 0.01, ("x",)),
        ("definitions", 0.01, ({"a": {"type": "string"}},)),
    ):
        if dice.random() < chance:
            schema[key] = copy.deepcopy(dice.choice(choices))
    foreign = {"string": (), "array": ("items",), "object": ("properties", "additionalProperties")}
    strange = {"items", "properties", "additionalProperties"} - {*foreign.get(kind or "", ())}
    # Upstream's own words for what is inside of a value that has no inside are not asked for.
    if dice.random() < 0.2 and not strange & {*schema}:
        rule: Body = {"rule": dice.choice(_RULES)}
        for key, chance, choices in (
            ("message", 0.3, ("m", " ", "a\nb")),
            ("messageExpression", 0.2, ("'a'", "1", "self")),
            ("reason", 0.2, ("FieldValueInvalid", "Odd")),
            ("fieldPath", 0.2, (".a", ".b", "['a']", ".")),
            ("optionalOldSelf", 0.2, (True, False)),
        ):
            if dice.random() < chance:
                rule[key] = dice.choice(choices)
        schema["x-kubernetes-validations"] = [rule]
    if deeper and dice.random() < 0.15:
        junctor = dice.choice(("allOf", "anyOf", "oneOf", "not"))
        inner = [_drawn(dice, max(depth + 1, 2), values=True) for _ in range(dice.choice((1, 2)))]
        schema[junctor] = inner[0] if junctor == "not" else inner
    return schema
