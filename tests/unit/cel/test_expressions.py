"""Single expressions: what they give, and what is said of those that are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.cel import (
    CelBudgetError,
    CelError,
    CelEvaluationError,
    CelSyntaxError,
    CelTypeError,
    compile_expression,
    compile_rule,
)

SPEC = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "port": {"x-kubernetes-int-or-string": True},
        "when": {"type": "string", "format": "date-time"},
        "blob": {"type": "string", "format": "byte"},
        "tags": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 5}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "a-b.c/d": {"type": "integer"},
        "__x": {"type": "integer"},
        "in": {"type": "integer"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "maybe": {"type": "string", "nullable": True},
        "pod": {"type": "object", "x-kubernetes-embedded-resource": True},
    },
}
VALUE = {
    "name": "web",
    "count": 3,
    "ratio": 2,
    "port": "http",
    "when": "2024-02-29T12:00:00Z",
    "blob": "aGk=",
    "tags": ["a", "b"],
    "set": ["p", "q"],
    "labels": {"app": "x"},
    "a-b.c/d": 1,
    "__x": 2,
    "in": 3,
    "free": {"any": 1},
    "maybe": None,
    "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}},
}


def evaluated(text: str, value: Any = VALUE) -> Any:
    return compile_expression(text, {"self": SPEC}).evaluate({"self": value})


def message(text: str) -> str:
    with pytest.raises(CelError) as error:
        compile_expression(text, {"self": SPEC})
    return str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "self.count == 3 && self.count < 3.5 && self.ratio == 2.0",
        "self.port == 'http' && type(self.port) == string",
        "self.when.getFullYear() == 2024 && self.when - timestamp('2024-02-28T12:00:00Z') == duration('24h')",
        "self.blob == b'hi' && size(self.blob) == 2",
        "self.tags == ['a', 'b'] && self.tags != ['b', 'a'] && self.set == ['q', 'p']",
        "self.set + ['p', 'z'] == ['p', 'q', 'z']",
        "self.a__dash__b__dot__c__slash__d == 1 && self.__underscores__x == 2 && self.__in__ == 3",
        "has(self.name) && !has(self.maybe) && 'app' in self.labels && self.labels.app == 'x'",
        "self.pod.kind == 'Pod' && self.pod.metadata.name == 'p'",
        "self.tags.all(t, t.matches('^[ab]$')) && self.tags.exists_one(t, t == 'b')",
        "self.labels.all(k, v, k + v == 'appx') && self.tags.transformMap(i, t, t) == {0: 'a', 1: 'b'}",
        "self.?maybe.orValue('none') == 'none' && optional.none().or(optional.of(1)).value() == 1",
        "quantity('1500m').isGreaterThan(quantity('1')) && quantity('1k').asInteger() == 1000",
        "ip('10.0.0.7').family() == 4 && cidr('10.0.0.0/24').containsIP('10.0.0.7')",
        "url('https://a.b:80/c?d=e').getHost() == 'a.b:80' && semver('1.2.3').isLessThan(semver('1.10.0'))",
        "format.dns1123Label().validate('no_') != optional.none() && sets.contains([1, 2], [2])",
        "[3, 1].sum() == 4 && ![3, 1].isSorted() && 'a1b22'.findAll('[0-9]+') == ['1', '22']",
        "'%s is %d (%.1f)'.format(['x', 1, 2.55]) == 'x is 1 (2.5)' && 'a,b'.split(',').join('-') == 'a-b'",
        "'wörld'.size() == 5 && 'wörld'.charAt(1) == 'ö' && r'\\d' == '\\\\d'",
        "(1 / 0 == 1 || true) && !(1 / 0 == 1 && false)",
    ],
)
def test_values(text: str) -> None:
    assert evaluated(text) is True


def test_a_result_is_json_where_it_can_be() -> None:
    assert evaluated("{'a': self.tags, 'n': []}") == {"a": ["a", "b"], "n": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("self.count == 'x'", "1:12: found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.nope", "1:5: undefined field 'nope'"),
        ("nope", "1:1: undeclared reference to 'nope' (in container '')"),
        ("self.name.nope()", "undeclared reference to 'nope'"),
        ("self.free.any", "undefined field 'any'"),
        ("cel.bind(x, 1, x)", "undeclared reference to 'bind'"),
        ("has(self)", "invalid argument to has() macro"),
        ("self.tags.all(t.x, true)", "argument must be a simple name"),
        ("self.name.matches('(')", "invalid matches argument"),
        ("timestamp('yesterday')", "invalid timestamp"),
    ],
)
def test_wrong_types_in_cel_gos_words(text: str, said: str) -> None:
    found = message(text)
    assert said in found
    assert f"\n | {text}\n | " in found


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("self.count ==", 1, 14),
        ("(1", 1, 3),
        ("1 +\n+ 2", 2, 1),
        ("'x", 1, 1),
        ("1e400", 1, 1),
        ("self..x", 1, 6),
    ],
)
def test_the_place_of_a_syntax_error(text: str, line: int, column: int) -> None:
    with pytest.raises(CelSyntaxError) as error:
        compile_expression(text, {"self": SPEC})
    assert (error.value.issues[0].line, error.value.issues[0].column) == (line, column)
    assert error.value.expression == text


def test_every_wrong_place_is_named() -> None:
    with pytest.raises(CelTypeError) as error:
        compile_expression("self.x == 1 && self.y == 2", {"self": SPEC})
    assert [issue.column for issue in error.value.issues] == [5, 20]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / (self.count - 3)", "division by zero"),
        ("self.tags[7]", "index out of bounds: 7"),
        ("self.labels['none']", "no such key: none"),
        ("9223372036854775807 + self.count", "integer overflow"),
        ("quantity(self.name)", "quantities must match the regular expression"),
        ("self.maybe", "no such key: maybe"),
        ("dyn(self.name) + 1", "no such overload"),
    ],
)
def test_evaluations_that_fail(text: str, said: str) -> None:
    with pytest.raises(CelEvaluationError, match=said):
        evaluated(text)


def test_an_evaluation_stops_at_its_limit() -> None:
    expression = compile_expression("self.all(x, self.all(y, x + y >= 0))", {"self": None})
    with pytest.raises(CelBudgetError):
        expression.evaluate({"self": list(range(100))}, limit=1000)


def test_depth_is_refused_and_not_suffered() -> None:
    with pytest.raises(CelSyntaxError):
        compile_expression("(" * 5000 + "1" + ")" * 5000, {})


def test_a_rule_must_be_a_bool() -> None:
    with pytest.raises(CelTypeError, match="cel expression must evaluate to a bool"):
        compile_rule({"type": "integer"}, "self + 1")


def test_a_rule_on_its_schema() -> None:
    program = compile_rule(SPEC, "self.count >= oldSelf.count")
    assert program.uses_old_self
    assert program.evaluate({"count": 2}, {"count": 1}) is True
    assert program.evaluate({"count": 1}, {"count": 2}) is False
    assert (program.cost.min, program.cost.max) == (5, 5)
