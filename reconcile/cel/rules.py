"""`x-kubernetes-validations` of a schema: each rule compiled as kube-apiserver compiles it when a definition
is written, with what it would refuse."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from reconcile.cel import types
from reconcile.cel.errors import CelError, CelSyntaxError, Issue
from reconcile.cel.field_paths import FieldPathError, normalized_field_path
from reconcile.cel.limits import (
    MAX_REQUEST_BYTES,
    PER_EXPRESSION_ESTIMATE_LIMIT,
    PER_SCHEMA_ESTIMATE_LIMIT,
    UNBOUNDED,
)
from reconcile.cel.programs import Expression
from reconcile.cel.results import Reason, RuleCost, RuleProblem
from reconcile.cel.schema_types import Declared, Schema, declare
from reconcile.cel.values import Optional

RULES = "x-kubernetes-validations"
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_UNDECLARED = (
    f"Internal error: internal error: failed to construct type information for {RULES} rules: "
    "unable to convert structural schema to CEL declarations"
)
_LOST = "Internal error: failed to convert to declType for CEL validation rules"
_LINES = re.compile(r"[\n\r]+")
_TOTAL = "estimated rule cost total"
_HINT = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and "
    "strings are declared)"
)


@dataclass(slots=True)
class CompiledRule:
    """One rule.

    Attributes:
        rule: it, as in the schema.
        program: the rule; None where it does not compile.
        message: the messageExpression, if there is one.
        field_path: the fieldPath, as errors report it.
        error: why it does not compile.
    """

    rule: Mapping[str, Any]
    program: Expression | None = None
    message: Expression | None = None
    field_path: str = ""
    error: CelError | None = None
    message_error: CelError | None = None

    @property
    def optional_old(self) -> bool:
        return bool(self.rule.get("optionalOldSelf"))

    @property
    def uses_old(self) -> bool:
        return self.program is not None and self.program.uses("oldSelf")


def compile_one(rule: Mapping[str, Any], schema: Schema, declared: Declared) -> CompiledRule:
    """Compile a rule against the type that its schema declares; what is wrong is in the result."""
    made = CompiledRule(rule)
    text = rule.get("rule") or ""
    if not text.strip():
        return made
    variables = self_variables(declared, optional_old=bool(rule.get("optionalOldSelf")))
    try:
        made.program = _expression(text, variables, types.BOOL, "cel expression must evaluate to a bool")
    except CelError as error:
        made.error = error
        return made
    message = rule.get("messageExpression")
    if message:
        wrong = "messageExpression must evaluate to a string"
        try:
            made.message = _expression(message, variables, types.STRING, wrong)
        except CelError as error:
            made.message_error = error
            return made
    if rule.get("fieldPath"):
        with contextlib.suppress(FieldPathError):
            made.field_path = normalized_field_path(rule["fieldPath"], schema)
    return made


def _expression(text: str, variables: Mapping[str, Declared], wanted: types.Type, wrong: str) -> Expression:
    expression = Expression(text, variables)
    if expression.type != wanted:
        from reconcile.cel.errors import CelTypeError

        raise CelTypeError(wrong, expression=text, issues=[Issue(wrong)])
    return expression


def self_variables(declared: Declared, *, optional_old: bool = False) -> dict[str, Declared]:
    """`self` and `oldSelf` of a schema."""
    named = declared.named("selfType")
    old = replace(named, type=types.optional_of(named.type)) if optional_old else named
    return {"self": named, "oldSelf": old}


def old_value(value: Any, *, present: bool, optional: bool) -> Any:
    """`oldSelf` as a rule sees it."""
    if not optional:
        return value
    return Optional(value) if present else Optional()


@dataclass(slots=True)
class RuleNode:
    """A schema with rules, or with rules below it.

    Attributes:
        resource: it is the schema of a resource, at the root or embedded.
    """

    schema: Schema
    resource: bool
    rules: list[CompiledRule] = field(default_factory=list[CompiledRule])
    properties: dict[str, RuleNode] = field(default_factory=dict[str, "RuleNode"])
    additional: RuleNode | None = None
    items: RuleNode | None = None

    @property
    def empty(self) -> bool:
        return not (self.rules or self.properties or self.additional or self.items)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a schema stands in the one that is compiled.

    Attributes:
        path: with a dot at its end, but for the whole.
        resource: it is the schema of a resource, at the root or embedded.
        cardinality: how often values of it can be; None: without end.
        uncorrelated: the path of what around it has no old values; None: nothing has.
        ruled: what it stands in has rules, or stands in what has.
        lost: it is declared by what it stands in, which has no elements.
    """

    path: str = ""
    resource: bool = False
    cardinality: int | None = 1
    uncorrelated: str | None = None
    ruled: bool = False
    lost: bool = False

    def at(self, schema: Schema, step: str, *, lost: bool = False) -> _Place:
        resource = bool(schema.get("x-kubernetes-embedded-resource"))
        return replace(self, path=f"{self.path}{step}", resource=resource, lost=lost)


def _holds_elements(schema: Schema) -> bool:
    if schema.get("x-kubernetes-int-or-string"):
        return False
    kind = schema.get("type")
    return kind == "array" or (kind == "object" and isinstance(schema.get("additionalProperties"), Mapping))


class SchemaCompiler:
    """Walks a schema once, compiling its rules and collecting what is wrong with them.

    `path` is the schema's own path; `unsound` the places of schemas (as `properties[spec].`, with the dot)
    whose rules are not judged, since something else is wrong there or below.
    """

    def __init__(self, path: str = "", unsound: Collection[str] = ()) -> None:
        self._path = path
        self._unsound = unsound
        self.rule_problems: list[RuleProblem] = []
        self.problems: list[RuleProblem] = []
        self.costs: list[RuleCost] = []

    def compile(self, schema: Schema, *, resource: bool = True) -> RuleNode:
        """The tree of rules below a schema, whose root is a resource or a part of one."""
        return self._node(schema, _Place(resource=resource))

    def all_problems(self) -> tuple[RuleProblem, ...]:
        """What is wrong, in the server's order."""
        found = [*self.rule_problems, *self.problems]
        total = sum(each.total for each in self.costs)
        if total > PER_SCHEMA_ESTIMATE_LIMIT:
            dear = [each for each in self.costs if each.total >= PER_SCHEMA_ESTIMATE_LIMIT // 100]
            for each in sorted(dear, key=lambda cost: -cost.total)[:4]:
                text = f"contributed to {_TOTAL} exceeding cost limit for entire OpenAPIv3 schema"
                found.append(_problem("cost", each.field, "FieldValueForbidden", text, each.expression))
            name = f"{RULES} {_TOTAL} for entire OpenAPIv3 schema"
            text = cost_message(name, min(total, UNBOUNDED), PER_SCHEMA_ESTIMATE_LIMIT)
            found.append(_problem("cost", "", "FieldValueForbidden", text))
        path = self._path
        if not path:
            return tuple(found)
        return tuple(replace(each, field=f"{path}.{each.field}" if each.field else path) for each in found)

    def _node(self, schema: Schema, place: _Place) -> RuleNode:
        node = RuleNode(schema, place.resource)
        path = place.path
        known_problems = len(self.rule_problems)
        self._children(node, place)
        rules: Sequence[Mapping[str, Any]] = schema.get(RULES) or ()
        if not rules:
            return node
        for index, rule in enumerate(rules):
            self.rule_problems += form_problems(rule, f"{path}{RULES}[{index}]", schema)
        declared = declare(schema, resource=place.resource)
        sound = len(self.rule_problems) == known_problems and path not in self._unsound
        if declared is None or place.lost:
            if not sound:
                return node
            text = _LOST if place.lost else _UNDECLARED
            self.problems.append(_problem("rule", f"{path}{RULES}", "InternalError", text))
            return node
        for index, rule in enumerate(rules):
            compiled = compile_one(rule, schema, declared)
            node.rules.append(compiled)
            if sound:
                # Of rules that are not well-formed, or that have such below them, no more is said.
                self._judge(compiled, f"{path}{RULES}[{index}]", declared, place)
        return node

    def _children(self, node: RuleNode, place: _Place) -> None:
        schema, path, uncorrelated = node.schema, place.path, place.uncorrelated
        inside = replace(
            place,
            cardinality=_inner_cardinality(schema, place.cardinality),
            ruled=place.ruled or bool(schema.get(RULES)),
            lost=False,
        )
        lost = inside.ruled and not _holds_elements(schema)
        additional, items = schema.get("additionalProperties"), schema.get("items")
        if isinstance(additional, Mapping):
            made = self._node(additional, inside.at(additional, "additionalProperties.", lost=lost))
            node.additional = None if made.empty else made
        odd_map = schema.get("x-kubernetes-map-type") not in (None, "granular", "atomic")
        within = replace(inside, uncorrelated=path if uncorrelated is None and odd_map else uncorrelated)
        for name, inner in (schema.get("properties") or {}).items():
            made = self._node(inner, within.at(inner, f"properties[{name}]."))
            if not made.empty:
                node.properties[name] = made
        if isinstance(items, Mapping):
            keyed = schema.get("x-kubernetes-list-type") == "map"
            within = replace(inside, uncorrelated=uncorrelated if keyed or uncorrelated is not None else path)
            made = self._node(items, within.at(items, "items.", lost=lost))
            node.items = None if made.empty else made

    def _judge(
        self,
        compiled: CompiledRule,
        path: str,
        declared: Declared,
        place: _Place,
    ) -> None:
        rule, text = compiled.rule, compiled.rule.get("rule") or ""
        cardinality, uncorrelated = place.cardinality, place.uncorrelated
        cost = compiled.program.cost.max if compiled.program is not None else 0
        often = MAX_REQUEST_BYTES // (declared.min_size + 1) if cardinality is None else cardinality
        total = min(cost * often, UNBOUNDED)
        if total > PER_EXPRESSION_ESTIMATE_LIMIT:
            wrong = cost_message("estimated rule cost", total, PER_EXPRESSION_ESTIMATE_LIMIT)
            self.problems.append(_problem("cost", f"{path}.rule", "FieldValueForbidden", wrong, text))
        if compiled.program is not None:
            self.costs.append(RuleCost(f"{path}.rule", text, cost, often, total))
        if compiled.error is not None:
            self._refuse(compiled.error, f"{path}.rule", _shown_rule(rule), "")
        if compiled.message_error is not None:
            shown = _shown_rule(rule)
            self._refuse(compiled.message_error, f"{path}.messageExpression", shown, "messageExpression ")
        elif compiled.message is not None:
            dear = compiled.message.cost.max
            expression = compiled.message.text
            if dear > PER_EXPRESSION_ESTIMATE_LIMIT:
                wrong = cost_message("estimated messageExpression cost", dear, PER_EXPRESSION_ESTIMATE_LIMIT)
                wordy = f"{path}.messageExpression"
                self.problems.append(_problem("cost", wordy, "FieldValueForbidden", wrong, expression))
            self.costs.append(RuleCost(f"{path}.messageExpression", expression, dear, 1, dear))
        if compiled.uses_old:
            if uncorrelated is not None:
                within = uncorrelated.removesuffix(".")
                if self._path:
                    within = f"{self._path}.{within}"
                wrong = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
                self.problems.append(
                    _problem("rule", f"{path}.rule", "FieldValueInvalid", wrong, text, value=text)
                )
        elif rule.get("optionalOldSelf") is not None:
            wrong = "may not be set if oldSelf is not used in rule"
            where, value = f"{path}.optionalOldSelf", rule["optionalOldSelf"]
            self.problems.append(_problem("rule", where, "FieldValueInvalid", wrong, text, value=value))

    def _refuse(self, error: CelError, path: str, value: Any, prefix: str) -> None:
        kind: Literal["syntax", "type"] = "syntax" if isinstance(error, CelSyntaxError) else "type"
        self.problems.append(
            RuleProblem(
                kind,
                path,
                "FieldValueInvalid",
                compile_message(error, prefix),
                value,
                error.expression,
                error.issues,
            )
        )


def form_problems(rule: Mapping[str, Any], path: str, schema: Schema) -> list[RuleProblem]:
    """What a rule (at this path, in this schema) must be like, whatever it says."""
    found: list[RuleProblem] = []
    text, message = rule.get("rule") or "", rule.get("message") or ""
    expression, field_path = rule.get("messageExpression") or "", rule.get("fieldPath") or ""

    def report(key: str, reason: Reason, wrong: str, value: Any = None) -> None:
        found.append(_problem("rule", f"{path}.{key}", reason, wrong, text, value=value))

    if not text.strip():
        report("rule", "FieldValueRequired", "rule is not specified")
    elif message and not message.strip():
        report("message", "FieldValueInvalid", "must be non-empty if specified", message)
    elif _LINES.search(message.strip()):
        report("message", "FieldValueInvalid", "must not contain line breaks", message)
    elif _LINES.search(text.strip()) and not message.strip():
        wrong = "message must be specified if rule contains line breaks"
        report("message", "FieldValueRequired", wrong)
    if expression and not expression.strip():
        wrong = "messageExpression must be non-empty if specified"
        report("messageExpression", "FieldValueRequired", wrong)
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        wrong = "supported values: " + ", ".join(f'"{each}"' for each in REASONS)
        report("reason", "FieldValueNotSupported", wrong, reason)
    if field_path and not field_path.strip():
        report("fieldPath", "FieldValueInvalid", "must be non-empty if specified", field_path)
    if _LINES.search(field_path):
        report("fieldPath", "FieldValueInvalid", "must not contain line breaks", field_path)
    if field_path:
        try:
            normalized_field_path(field_path, schema)
        except FieldPathError:
            report("fieldPath", "FieldValueInvalid", "must be a valid path", field_path)
    return found


def compile_message(error: CelError, prefix: str = "") -> str:
    """What the server says of an expression that does not compile."""
    text = str(error)
    return (
        f"{prefix}compilation failed: {text}"
        if text.startswith("ERROR: ")
        else (text.replace("program instantiation", "messageExpression instantiation") if prefix else text)
    )


def cost_message(name: str, cost: int, limit: int) -> str:
    """What the server says of a cost above its limit."""
    factor = float(cost) / float(limit)
    if factor > 100.0:
        shown = "more than 100x"
    elif factor < 1.5:
        shown = f"{factor:f}x"
    else:
        shown = f"{factor:.1f}x"
    return f"{name} exceeds budget by factor of {shown} {_HINT}"


def _problem(
    kind: Literal["syntax", "type", "cost", "rule"],
    path: str,
    reason: Reason,
    message: str,
    expression: str = "",
    *,
    value: Any = None,
) -> RuleProblem:
    return RuleProblem(kind, path, reason, message, value, expression)


def _shown_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as the server shows it with an error."""
    return {
        "Rule": rule.get("rule", ""),
        "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""),
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""),
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }


def _inner_cardinality(schema: Schema, cardinality: int | None) -> int | None:
    """How often what is in a value can be met, at most; None is without bound."""
    most: int | None = 1
    if schema.get("type") == "object" and schema.get("additionalProperties"):
        most = schema.get("maxProperties")
    elif schema.get("type") == "array":
        most = schema.get("maxItems")
    if cardinality is None or most is None:
        return None
    return min(cardinality * max(most, 0), UNBOUNDED)
