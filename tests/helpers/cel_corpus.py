"""Rules as people write them, and as they get them wrong: over one schema with every sort of field."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from helpers.cel_oracle import Question

_STRING = {"type": "string", "maxLength": 20}
_ITEM = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _STRING,
        "port": {"type": "integer"},
        "protocol": {"type": "string", "enum": ["TCP", "UDP"]},
        "ratio": {"type": "number"},
    },
}
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["name", "count"],
    "properties": {
        "name": {"type": "string", "maxLength": 63},
        "text": {"type": "string"},
        "size": {"type": "string", "enum": ["small", "medium", "large"]},
        "count": {"type": "integer", "format": "int32"},
        "big": {"type": "integer", "format": "int64"},
        "ratio": {"type": "number"},
        "on": {"type": "boolean"},
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "span": {"type": "string", "format": "duration"},
        "blob": {"type": "string", "format": "byte", "maxLength": 100},
        "maybe": {"type": "string", "nullable": True, "maxLength": 10},
        "tags": {"type": "array", "maxItems": 10, "items": _STRING},
        "numbers": {"type": "array", "maxItems": 20, "items": {"type": "integer"}},
        "unbounded": {"type": "array", "items": {"type": "string"}},
        "unique": {
            "type": "array",
            "maxItems": 10,
            "x-kubernetes-list-type": "set",
            "items": {"type": "string", "maxLength": 10},
        },
        "items": {
            "type": "array",
            "maxItems": 8,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": _ITEM,
        },
        "plain": {"type": "array", "maxItems": 8, "items": _ITEM},
        "matrix": {
            "type": "array",
            "maxItems": 5,
            "items": {"type": "array", "maxItems": 5, "items": {"type": "integer"}},
        },
        "labels": {
            "type": "object",
            "maxProperties": 10,
            "additionalProperties": {"type": "string", "maxLength": 30},
        },
        "amounts": {
            "type": "object",
            "maxProperties": 5,
            "additionalProperties": {
                "x-kubernetes-int-or-string": True,
                "anyOf": [{"type": "integer"}, {"type": "string"}],
            },
        },
        "nested": {
            "type": "object",
            "properties": {
                "a": _STRING,
                "deep": {"type": "object", "properties": {"b": {"type": "integer"}}},
            },
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "known": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"x": {"type": "integer"}},
        },
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "a-b": {"type": "integer"},
        "a.b": {"type": "integer"},
        "x/y": {"type": "integer"},
        "namespace": _STRING,
        "in": {"type": "integer"},
        "under__score": {"type": "integer"},
        "$odd": {"type": "integer"},
    },
}
FULL: dict[str, Any] = {
    "name": "web-1",
    "text": "Hello, wörld",
    "size": "small",
    "count": 3,
    "big": 9223372036854775807,
    "ratio": 0.5,
    "on": True,
    "port": 8080,
    "when": "2024-02-29T12:30:15.123Z",
    "day": "2024-02-29",
    "span": "1h30m",
    "blob": "aGVsbG8=",
    "maybe": None,
    "tags": ["a", "bb", "ccc"],
    "numbers": [1, 2, 3],
    "unbounded": ["x"],
    "unique": ["p", "q"],
    "items": [
        {"name": "http", "port": 80, "protocol": "TCP"},
        {"name": "dns", "port": 53, "protocol": "UDP", "ratio": 1.5},
    ],
    "plain": [{"name": "one", "port": 1}],
    "matrix": [[1, 2], [3]],
    "labels": {"app": "web", "tier": "front"},
    "amounts": {"cpu": "500m", "pods": 3},
    "nested": {"a": "x", "deep": {"b": 7}},
    "free": {"any": {"thing": 1}},
    "known": {"x": 1, "y": 2},
    "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}},
    "a-b": 1,
    "a.b": 2,
    "x/y": 3,
    "namespace": "ns",
    "in": 4,
    "under__score": 5,
    "$odd": 6,
}
SMALL: dict[str, Any] = {"name": "x", "count": 0}
OTHER: dict[str, Any] = {
    **FULL,
    "name": "web-2",
    "size": "large",
    "count": 10,
    "big": -1,
    "ratio": -2.5,
    "on": False,
    "port": "http",
    "maybe": "set",
    "tags": ["ccc", "bb", "a"],
    "numbers": [],
    "unique": ["q", "p"],
    "items": list(reversed(FULL["items"])),
    "labels": {"app": "api"},
    "amounts": {"cpu": "2", "pods": "nonsense"},
    "nested": {},
    "span": "90s",
}

RULES = """
self.count >= 0
self.count > 2 && self.on
self.count + self.big > 0
self.count / (self.count - 3) > 0
self.count % 2 == 1
-self.count < 0
self.big * 2 > 0
double(self.count) * self.ratio > 1.0
self.ratio < self.count
self.ratio == 0.5
int(self.ratio) == 0
self.name == 'web-1'
self.name != oldSelf.name
self.name.startsWith('web-')
self.name.endsWith('1') || self.name.contains('eb')
self.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')
self.name.matches('^(unclosed')
self.name.size() <= 63
size(self.text) == 12
self.text.size() < 20
self.text.lowerAscii() == 'hello, wörld'
self.text.upperAscii().startsWith('HELLO')
self.text.charAt(1) == 'e'
self.text.charAt(100) == ''
self.text.indexOf('o') == 4
self.text.lastIndexOf('l') == 10
self.text.substring(7) == 'wörld'
self.text.substring(2, 1) == ''
self.text.replace('l', 'L') != ''
self.text.replace('l', 'LL', 1).size() > 0
self.text.split(', ')[1] == 'wörld'
self.text.split('').size() == 12
self.text.trim() == self.text
self.text.find('[a-z]+') == 'ello'
self.text.findAll('[a-z]+').size() == 3
self.text.findAll('[a-z]', 2) == ['e', 'l']
self.text.find(self.name) == ''
'%s has %d'.format([self.name, self.count]) == 'web-1 has 3'
'%s'.format([self.nested]) != ''
'%d'.format([self.name]) != ''
'%.2f and %x'.format([self.ratio, self.count]) == '0.50 and 3'
strings.quote(self.name) == '"web-1"'
self.size in ['small', 'medium']
self.size == 'small' ? self.count < 5 : self.count >= 5
self.size in ['small'] ? true : self.on
!(self.size == 'tiny')
has(self.text)
!has(self.maybe)
has(self.nested.deep.b)
has(self.nested.deep) && self.nested.deep.b == 7
self.nested.deep.b == 7
has(self.nope)
self.nope == 1
self.nested.?deep.?b.orValue(0) == 7
self.?text.orValue('none') != 'none'
self.?text.hasValue()
self.?maybe.hasValue()
self.?nested.?deep.optMap(d, d.b).orValue(-1) >= 0
self.?nested.optFlatMap(n, n.?deep).hasValue()
optional.of(self.count).value() == self.count
optional.ofNonZeroValue(self.count).hasValue()
optional.none().or(self.?text).hasValue()
[self.?text, self.?maybe].size() == 2
{?'a': self.?text, 'b': self.name}.size() > 0
[?self.?text, self.name].size() == 2
self.tags[?0].orValue('') == 'a'
self.tags[0] == 'a'
self.tags[9] == 'a'
self.tags[-1] == 'a'
self.tags.size() > 0
self.tags.all(t, t.size() > 0)
self.tags.exists(t, t == 'bb')
self.tags.exists_one(t, t.startsWith('b'))
self.tags.existsOne(t, t.startsWith('b'))
self.tags.map(t, t + '!').size() == 3
self.tags.map(t, t != 'a', t.upperAscii()) == ['BB', 'CCC']
self.tags.filter(t, t.size() > 1) == ['bb', 'ccc']
self.tags.all(i, t, t != '' && i < 10)
self.tags.exists(i, t, i == 1 && t == 'bb')
self.tags.transformList(i, t, t + string(i)) == ['a0', 'bb1', 'ccc2']
self.tags.transformMap(i, t, t).size() == 3
self.labels.transformMap(k, v, v.size()).all(k, k != '')
self.labels.transformMapEntry(k, v, {v: k}).size() == self.labels.size()
self.tags + ['d'] == ['a', 'bb', 'ccc', 'd']
'a' in self.tags
!('zz' in self.tags)
self.tags.isSorted()
self.tags.join(',') == 'a,bb,ccc'
self.tags.indexOf('bb') == 1
self.tags.reverse()[0] == 'ccc'
self.tags.distinct().size() == self.tags.size()
self.tags.sort() == self.tags
self.tags.sortBy(t, t.size()).size() == 3
self.tags.slice(0, 2) == ['a', 'bb']
self.tags.slice(2, 9).size() == 0
self.tags.first().orValue('') == 'a' && self.tags.last().hasValue()
self.tags == oldSelf.tags
self.numbers.sum() == 6
self.numbers.min() == 1
self.numbers.max() > 2
self.numbers.isSorted()
self.numbers.exists(n, n / (n - 2) > 0)
self.numbers.all(n, n / (n - 2) > 0)
self.numbers.map(n, n * n).sum() == 14
self.matrix.all(row, row.all(n, n > 0))
self.matrix.flatten().sum() == 6
self.matrix.map(row, row.sum()).max() == 3
lists.range(3).all(i, i < 3)
self.unbounded.all(u, u.size() < 10)
self.unbounded.all(u, self.unbounded.exists(v, u == v))
self.unbounded.exists(u, u.matches('a+b+c'))
self.text.matches(self.text)
self.unbounded.map(u, u.replace('a', 'b')).size() > 0
self.unique == ['q', 'p']
self.unique == oldSelf.unique
self.unique + ['p', 'r'] == ['p', 'q', 'r']
sets.contains(self.unique, ['p'])
sets.equivalent(self.unique, ['q', 'p'])
sets.intersects(self.unique, ['z'])
self.items == oldSelf.items
self.items.all(i, i.port > 0 && i.port < 65536)
self.items.exists(i, i.name == 'http')
self.items.filter(i, i.protocol == 'TCP').size() == 1
self.items.map(i, i.name) == ['http', 'dns']
self.items.all(i, has(i.ratio))
self.items.all(i, self.items.exists_one(j, j.name == i.name))
self.items + [] == self.items
self.items[0].name == 'http'
self.items[0] == self.items[1]
self.items[0] in self.items
self.plain == oldSelf.plain
self.plain.all(i, i.port == 1)
self.labels['app'] == 'web'
self.labels.app == 'web'
self.labels['nope'] == 'x'
'app' in self.labels
!('nope' in self.labels)
has(self.labels.app)
self.labels.all(k, k.size() < 10 && self.labels[k].size() < 30)
self.labels.exists(k, k == 'tier')
self.labels.size() == 2
self.labels == oldSelf.labels
self.labels.map(k, k).size() == self.labels.size()
self.labels[?'app'].orValue('') == 'web'
self.port == 8080
self.port == 'http'
type(self.port) == int ? self.port < 65536 : self.port.matches('^[a-z]+$')
type(self.port) == string
self.port + 1 == 8081
self.port.size() > 0
int(self.port) > 0
string(self.port) != ''
self.amounts.all(k, type(self.amounts[k]) == int || isQuantity(self.amounts[k]))
quantity(self.amounts['cpu']).isLessThan(quantity('1'))
quantity('1Gi').add(quantity('1Mi')).isGreaterThan(quantity('1Gi'))
quantity('1k').asInteger() == 1000 && quantity('1k').isInteger()
quantity('500m').asApproximateFloat() == 0.5
quantity('1').compareTo(quantity('2')) == -1 && sign(quantity('-1')) == -1
quantity('nonsense').isInteger()
quantity('1') == quantity('1000m')
quantity('2') == quantity('1').add(quantity('1'))
quantity('1').add(quantity('1')) == quantity('2')
quantity('10').sub(3) == quantity('7')
self.when > timestamp('2024-01-01T00:00:00Z')
self.when.getFullYear() == 2024 && self.when.getMonth() == 1
self.when.getDayOfWeek() == 4 && self.when.getDayOfYear() == 59
self.when.getHours('America/New_York') == 7
self.when.getHours('+02:00') == 14
self.when.getHours('Not/AZone') == 0
self.when + duration('1h') > self.when
self.when - self.when == duration('0s')
self.when.getMilliseconds() == 123
self.day.getDate() == 29
self.day < self.when
string(self.when) == '2024-02-29T12:30:15.123Z'
self.span > duration('1h')
self.span.getMinutes() == 90
self.span + duration('30m') == duration('2h')
duration('1y') == self.span
timestamp('yesterday') < self.when
self.blob == b'hello'
self.blob.size() == 5
string(self.blob) == 'hello'
self.maybe == null
self.?maybe.orValue('x') == 'x'
type(self.maybe) == string
self.free.any.thing == 1
has(self.free.any)
self.free == oldSelf.free
self.known.x == 1
self.known.y == 2
self.known == oldSelf.known
self.template.kind == 'Pod'
self.template.metadata.name == 'p'
self.template.metadata.labels == {}
self.template.spec == {}
self.template == oldSelf.template
self.a__dash__b == 1 && self.a__dot__b == 2 && self.x__slash__y == 3
self.namespace == 'ns'
self.__namespace__ == 'ns'
self.__in__ == 4
self.in == 4
self.under__underscores__score == 5
self.under__score == 5
self == oldSelf
self.nested == oldSelf.nested
oldSelf.count <= self.count
!has(oldSelf.text) || has(self.text)
oldSelf.size == 'small' && self.size != 'large'
self.all(k, k != '')
self.map(k, k).size() > 0
self
1
'text'
true
false
null
self.count == '3'
self.count + '3' == 4
self.count == 3.0
self.count == 3u
self.count < 3u
dyn(self.count) == 3.0
dyn(self.name) + 1 == 2
dyn(self.count).size() > 0
dyn(self).count == 3
[1, 'a'].size() == 2
[1, 2, 3] == [1, 2, 3]
{'a': 1}['a'] == 1
{'a': 1, 'b': 'c'}.size() == 2
{1: 'a', 2: 'b'}[self.count - 2] == 'a'
{} == {}
[] == []
[self.count, 1].sum() > 0
[self.name].all(n, n != '')
[[self.count]].exists(l, l == [3])
isURL('https://example.com:80/a?b=c#d')
url('https://example.com:80/a?b=c#d').getHost() == 'example.com:80'
url('https://example.com:80/a%20b?b=c').getEscapedPath() == '/a%20b'
url('https://user@[::1]:80/').getHostname() == '::1'
url('https://example.com/?a=1&a=2&b').getQuery()['a'] == ['1', '2']
url('relative').getHost() == ''
isURL(self.text)
isIP('10.0.0.1') && !isIP('10.0.0.256') && !isIP('fe80::1%eth0')
ip('10.0.0.1').family() == 4 && ip('::1').isLoopback()
ip('10.0.0.1') == ip('10.0.0.1')
ip.isCanonical('0:0::1')
ip(self.name).family() == 4
cidr('10.0.0.0/8').containsIP('10.1.2.3')
cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))
cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')
cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')
cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && cidr('10.0.0.0/8').prefixLength() == 8
isCIDR('10.0.0.0/33') || isCIDR('10.0.0.0')
string(ip('::1')) == '::1' && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'
isSemver('1.2.3') && !isSemver('v1.2') && isSemver('v1.2', true)
semver('1.2.3').isLessThan(semver('1.10.0'))
semver('1.2.3-alpha.1').compareTo(semver('1.2.3')) == -1
semver('1.2.3').major() == 1 && semver('1.2.3').patch() == 3
semver(self.name).minor() == 0
format.dns1123Label().validate(self.name) == optional.none()
!format.dns1123Subdomain().validate(self.text).hasValue()
format.named('uuid').value().validate('no').value()[0] == 'does not match the UUID format'
format.named('nope').hasValue()
format.dns1123LabelPrefix().validate('a-') == optional.none()
format.qualifiedName().validate('a/b/c').hasValue()
format.labelValue().validate('ok').hasValue()
format.uri().validate('https://x').hasValue() || format.byte().validate('!').hasValue()
format.date().validate('2024-13-01').hasValue()
!format.datetime().validate('2024-01-01T00:00:00Z').hasValue()
self.count ==
self.count = 3
self.count === 3
(self.count
self.count)
self..count
self.count 3
'unterminated
"a" + 'b' == r'a\\d' + "b"
'\\u00e4\\x41\\101' == 'äAA'
'\\q' == 'q'
self.tags.all(t)
self.tags.all(1, true)
self.tags.all(t, 1)
has(self)
has(self.tags[0])
self.count.foo()
foo(self.count)
foo.bar
self.tags.exists(t, t.port == 1)
self.name.port
self.count.all(x, true)
self.count && true
!self.count
self.on ? 1 : 'a'
self.on ? self.name : self.text
(self.on ? self.items : self.plain).all(i, i.name != '')
(self.on ? self.items : self.plain)[0].name == 'http'
has((self.on ? self.nested : self.nested).deep)
self.on || self.nested.deep.b / 0 > 1
self.nested.deep.b / 0 > 1 || self.on
self.nested.deep.b / 0 > 1 && self.on
self.nested.deep.b / 0 > 1 && !self.on
as == 1
self.tags.exists(as, true)
cel.bind(x, self.count, x > 1)
math.greatest(1, 2) == 2
base64.encode(self.blob) == ''
google.protobuf.Timestamp == type(self.when)
type(self.span) == google.protobuf.Duration
type(self.items) == list && type(self.labels) == map
type(self) == map
type(type(self.count)) == type
bool('true') && !bool('f')
uint(self.count) == 3u
int('12') + int(duration('1s')) > 0
int('twelve') == 12
double('1e3') == 1000.0
bytes('ab') == b'ab'
string(1.5) + string(true) + string(2u) == '1.5true2'
timestamp(0) == timestamp('1970-01-01T00:00:00Z')
9223372036854775807 + self.count > 0
18446744073709551615u > 0u
9223372036854775808 > 0
-9223372036854775808 < 0
1e400 > 1.0
0x1F == 31
1.5e3 == 1500.0 && .5 == 0.5
// a comment
self.count > 0 // and one behind
  self.count   >   0
"""
"""One a line; self is the spec."""

MESSAGES = """
'count is ' + string(self.count)
'%s: %d'.format([self.name, self.count])
self.nested.deep.b / 0 > 1 ? 'a' : 'b'
self.count
self.nope
''
'  '
'two\\nlines'
self.text + self.name
self.tags.join(', ')
"""
"""messageExpressions, one a line, of a rule that fails."""


def spec_schema(**changes: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {**SPEC, **changes}}}


def _question(schema: dict[str, Any], new: Any, old: Any = None) -> Question:
    question: Question = {"schema": schema, "object": {"spec": new}}
    if old is not None:
        question["oldObject"] = {"spec": old}
    return question


def rule_questions() -> Iterator[Question]:
    """Each rule of the corpus: created and updated, with much and with little."""
    for rule in RULES.strip("\n").split("\n"):
        schema = spec_schema(**{"x-kubernetes-validations": [{"rule": rule}]})
        yield _question(schema, FULL)
        yield _question(schema, SMALL)
        yield _question(schema, OTHER, FULL)
        yield _question(schema, FULL, FULL)


def message_questions() -> Iterator[Question]:
    for message in MESSAGES.strip("\n").split("\n"):
        message = message.replace("\\n", "\n") if "two" in message else message
        rule = {"rule": "self.count < 0", "messageExpression": message.replace("two\nlines", "two\\nlines")}
        yield _question(spec_schema(**{"x-kubernetes-validations": [rule]}), FULL)
        yield _question(spec_schema(**{"x-kubernetes-validations": [{**rule, "message": "plain"}]}), FULL)


def shape_questions() -> Iterator[Question]:
    """Rules in all places of a schema, and all that stands beside a rule."""
    for rule in (
        {"rule": "self.count < 0", "message": "  too many  "},
        {"rule": "self.count < 0", "message": "   "},
        {"rule": "self.count < 0", "message": "two\nlines"},
        {"rule": "self.count\n< 0"},
        {"rule": "self.count\n< 0", "message": "m"},
        {"rule": ""},
        {"rule": "  "},
        {"rule": "self.count < 0", "messageExpression": " "},
        {"rule": "self.count < 0", "reason": "FieldValueForbidden"},
        {"rule": "self.count < 0", "reason": "FieldValueRequired", "message": "m"},
        {"rule": "self.count < 0", "reason": "FieldValueDuplicate"},
        {"rule": "self.count < 0", "reason": "FieldValueInvalid"},
        {"rule": "self.count < 0", "reason": "Because"},
        {"rule": "self.count < 0", "fieldPath": ".count"},
        {"rule": "self.count < 0", "fieldPath": ".nested.deep.b"},
        {"rule": "self.count < 0", "fieldPath": "['a-b']"},
        {"rule": "self.count < 0", "fieldPath": ".labels['app']"},
        {"rule": "self.count < 0", "fieldPath": ".labels.app"},
        {"rule": "self.count < 0", "fieldPath": ".nope"},
        {"rule": "self.count < 0", "fieldPath": "count"},
        {"rule": "self.count < 0", "fieldPath": ".items[0]"},
        {"rule": "self.count < 0", "fieldPath": " "},
        {"rule": "self.count < 0", "fieldPath": ".a\n"},
        {"rule": "self.count < 0", "optionalOldSelf": True},
        {"rule": "self.count < 0", "optionalOldSelf": False},
        {"rule": "!oldSelf.hasValue() || oldSelf.value().count < 0", "optionalOldSelf": True},
        {"rule": "oldSelf.orValue(self).count < 0", "optionalOldSelf": True},
        {"rule": "oldSelf.?count.orValue(5) < 0", "optionalOldSelf": True},
        {"rule": "oldSelf.optMap(o, o.count < 0).orValue(false)", "optionalOldSelf": True},
        {"rule": "oldSelf.count < 0", "optionalOldSelf": True},
        {"rule": "oldSelf.count < 0", "optionalOldSelf": False},
    ):
        schema = spec_schema(**{"x-kubernetes-validations": [rule]})
        yield _question(schema, FULL)
        yield _question(schema, OTHER, FULL)
        yield _question(schema, FULL, FULL)
    for place, rule in (
        (("count",), "self < 0"),
        (("count",), "self < oldSelf"),
        (("count",), "self == oldSelf"),
        (("size",), "self == oldSelf"),
        (("when",), "self > timestamp('2030-01-01T00:00:00Z')"),
        (("port",), "self == 1"),
        (("maybe",), "self == 'x'"),
        (("tags",), "self.size() > 5"),
        (("tags",), "self == oldSelf"),
        (("tags", "items"), "self.size() > 2"),
        (("tags", "items"), "self == oldSelf"),
        (("unbounded", "items"), "self.matches('^a')"),
        (("unbounded", "items"), "self.size() < 3"),
        (("unique", "items"), "self == oldSelf"),
        (("items",), "self.all(i, i.port > 60)"),
        (("items", "items"), "self.port > 60"),
        (("items", "items"), "self.port == oldSelf.port"),
        (("items", "items", "properties", "port"), "self == oldSelf"),
        (("items", "items", "properties", "name"), "self != 'dns'"),
        (("plain", "items"), "self.port == oldSelf.port"),
        (("plain", "items", "properties", "port"), "self > 1"),
        (("labels",), "self.size() > 5"),
        (("labels", "additionalProperties"), "self != 'web'"),
        (("labels", "additionalProperties"), "self == oldSelf"),
        (("amounts", "additionalProperties"), "type(self) == int"),
        (("nested",), "has(self.deep)"),
        (("nested", "properties", "deep"), "self.b > 100"),
        (("template",), "self.metadata.name == 'q'"),
        (("template",), "self.kind == oldSelf.kind"),
        (("free",), "self == oldSelf"),
        (("known",), "self.x > 5"),
        (("a-b",), "self > 5"),
        (("$odd",), "self > 10"),
        (("matrix", "items", "items"), "self > 2"),
    ):
        schema = copy.deepcopy(spec_schema())
        here = schema["properties"]["spec"]["properties"]
        for step in place:
            here = here[step]
        here["x-kubernetes-validations"] = [{"rule": rule}]
        yield _question(schema, FULL)
        yield _question(schema, OTHER, FULL)
        yield _question(schema, FULL, OTHER)
        yield _question(schema, {**FULL, "on": False}, FULL)
    for rule in (
        "self.metadata.name == 'n'",
        "self.metadata.labels == {}",
        "self.kind == 'Thing' && self.apiVersion == 'example.com/v1'",
        "self.spec.count > 5",
        "self.metadata.generateName == ''",
        "has(self.metadata)",
        "self.spec == oldSelf.spec",
        "self.metadata == oldSelf.metadata",
    ):
        schema = spec_schema()
        schema["x-kubernetes-validations"] = [{"rule": rule}]
        question = _question(schema, FULL, FULL)
        for each in ("object", "oldObject"):
            question[each] |= {
                "apiVersion": "example.com/v1",
                "kind": "Thing",
                "metadata": {"name": "n", "labels": {"a": "b"}},
            }
        yield question
        yield {key: value for key, value in question.items() if key != "oldObject"}
    # Several rules of which one is dear, and many that are dear together.
    dear = "self.unbounded.all(u, self.unbounded.all(v, u != v))"
    for rules in (
        [{"rule": "self.count > 0"}, {"rule": dear}],
        [{"rule": "self.unbounded.all(u, u.contains('a'))"}] * 3,
        [{"rule": "self.text.contains(self.text)"}] * 2,
        [{"rule": "self.text.size() > 1", "messageExpression": "self.unbounded.map(u, u + u + u).join(',')"}],
        [{"rule": "self.tags.all(t, self.tags.all(u, self.tags.all(v, t + u + v != '')))"}] * 12,
    ):
        yield _question(spec_schema(**{"x-kubernetes-validations": rules}), FULL)


def budget_questions() -> Iterator[Question]:
    """Evaluations that cost more than they may."""
    many = {**FULL, "unbounded": ["a" * 40] * 2000}
    for rule in (
        "self.unbounded.all(u, self.unbounded.all(v, u == v))",
        "self.unbounded.all(u, u.contains('a'))",
        "self.unbounded.map(u, u + u).size() > 0",
    ):
        yield _question(spec_schema(**{"x-kubernetes-validations": [{"rule": rule}] * 12}), many)


PATTERNS = r"""
a|b|
(a|b)*c
^$
\bfoo\b
\d+\s\w
[[:alpha:]]+
[^[:space:]]
[[:^digit:]]
[[:nope:]]
(?i)hello
(?i:he)LLO
(?s).+
(?m)^b$
(?U)a+
(?P<name>a)
(?<name>a)
(?P<1 x>a)
(?=a)
(?!a)
(?<=a)b
(?>a)
\1
a**
a*?+
a{2,3}
a{,3}
a{2
a{1001}
(a{30}){40}
a{3,2}
*a
(a
a)
[a
[b-a]
[]a]
[^]a]
[a-]
[a\]b]
\Qa.b\E+
\z
\Z
\A
\C
\x41
\x{1F600}
\x{110000}
\xg
\07
\8
\p{L}+
\pN
\p{Greek}
\p{Nope}
\P{Lu}
\q
\_
\
.
a.c
x*
(x*)*
(|a)*
(?:a|ab)(?:c|bcd)
[\d\-x]
[^\D]
é+
(?i)É
[é-ü]
a$b
(?m)a$
"""
TEXTS = ("", "abc", "foo bar", "HELLO hello", "a\nb\n", "aaaa", "x1 y2", "É é ü", "a.b a.b", "foo-bar_baz")


def pattern_questions() -> Iterator[Question]:
    for pattern in PATTERNS.strip("\n").split("\n"):
        for text in TEXTS:
            yield {"pattern": pattern, "text": text}
