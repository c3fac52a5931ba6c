"""The rules of a schema on an object: which are broken, where, and what is said of it.

The order, the budget, which rules run on an update, and the words are those of apiextensions'
`pkg/apiserver/schema/cel/validation.go`.
"""

from __future__ import annotations

from typing import Any

from reconcile.cel.compiler import Failed
from reconcile.cel.correlation import Correlation, OldItems
from reconcile.cel.failure import Failure
from reconcile.cel.limits import MAX_MESSAGE_BYTES, PER_CALL_LIMIT
from reconcile.cel.programs import Expression
from reconcile.cel.results import Reason, Verdict, Violation
from reconcile.cel.rules import REASONS, CompiledRule, RuleNode, compile_message, old_value
from reconcile.cel.schema_types import with_type_and_meta
from reconcile.cel.schema_values import ValueSchema

_BUDGET = "failed due to running out of cost budget, no further validation rules will be run"
_OUT_OF_BUDGET = f"validation {_BUDGET}"
_MESSAGE_OUT_OF_BUDGET = f"messageExpression evaluation {_BUDGET}"


class _Stopped(Exception):
    """No further rule is run."""


class _Place:
    """Where an evaluation stands among what an update changed."""

    __slots__ = ("correlation", "nearest")

    def __init__(self, correlation: Correlation | None = None, nearest: Correlation | None = None) -> None:
        self.correlation = correlation
        self.nearest = nearest

    @property
    def unchanged(self) -> bool:
        """Whether the part, or the nearest above it that can be told, is what it was."""
        found = self.correlation or self.nearest
        return found is not None and found.unchanged

    def key(self, name: str) -> _Place:
        if self.correlation is None:
            return self
        if self.nearest is None and name in ("apiVersion", "kind"):
            return _Place()
        return _Place(self.correlation.key(name), self.correlation)

    def index(self, place: int) -> _Place:
        return self if self.correlation is None else _Place(self.correlation.index(place), self.correlation)


class Evaluator:
    """One validation of one object."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.left = budget
        self.violations: list[Violation] = []
        self.warnings: list[Violation] = []

    def run(self, node: RuleNode, new: Any, old: Any) -> Verdict:
        place = _Place(Correlation(new, old, node.schema)) if old is not None else _Place()
        try:
            self._validate(node, new, old, "", place)
        except _Stopped:
            self.left = -1
        return Verdict(tuple(self.violations), tuple(self.warnings), self.budget - self.left)

    def _validate(self, node: RuleNode, new: Any, old: Any, path: str, place: _Place) -> None:
        if new is None:
            return
        self._rules(node, new, old, path, place)
        if isinstance(new, list):
            self._list(node, new, old, path, place)
        elif isinstance(new, dict):
            self._map(node, new, old if isinstance(old, dict) else {}, path, place)

    def _list(self, node: RuleNode, new: list[Any], old: Any, path: str, place: _Place) -> None:
        if node.items is None:
            return
        before = OldItems(node.schema, old)
        for index, item in enumerate(new):
            self._validate(node.items, item, before.find(item), f"{path}[{index}]", place.index(index))

    def _map(
        self, node: RuleNode, new: dict[str, Any], old: dict[str, Any], path: str, place: _Place
    ) -> None:
        if node.additional is not None:
            for name, value in new.items():
                self._validate(node.additional, value, old.get(name), f"{path}[{name}]", place.key(name))
        for name, value in new.items():
            inner = node.properties.get(name)
            if inner is not None:
                inner_path = f"{path}.{name}" if path else name
                self._validate(inner, value, old.get(name), inner_path, place.key(name))

    # One schema's rules

    def _rules(self, node: RuleNode, new: Any, old: Any, path: str, place: _Place) -> None:
        if not node.rules:
            return
        if self.left <= 0:
            raise self._stop(node, path, _OUT_OF_BUDGET)
        values = ValueSchema(with_type_and_meta(node.schema) if node.resource else node.schema)
        variables = _Variables(values, new, old)
        for rule in node.rules:
            self._rule(rule, node, variables, path, place)

    def _report(self, node: RuleNode, path: str, message: str, rule: CompiledRule | None = None) -> None:
        text = rule.rule.get("rule", "") if rule is not None else ""
        kind = node.schema.get("type") or ""
        self.violations.append(Violation(path, "FieldValueInvalid", message, kind, rule=text))

    def _stop(self, node: RuleNode, path: str, message: str, rule: CompiledRule | None = None) -> _Stopped:
        self._report(node, path, message, rule)
        return _Stopped()

    def _rule(
        self, rule: CompiledRule, node: RuleNode, variables: _Variables, path: str, place: _Place
    ) -> None:
        if rule.error is not None:
            self._report(node, path, f"rule compile error: {compile_message(rule.error)}", rule)
            return
        if rule.program is None:
            return
        if rule.uses_old and not variables.has_old and not rule.optional_old:
            return
        shown = (rule.rule.get("message") or rule.rule.get("rule") or "").strip()
        unreadable = variables.unreadable_in(rule.program)
        if unreadable:
            self._report(node, path, f"{unreadable} evaluating rule: {shown}", rule)
            return
        try:
            value, cost = rule.program.run(variables.of(rule))
        except Failed as failed:
            self._spend(failed.cost, node, path)
            if failed.cancelled:
                wrong = "no further validation rules will be run due to call cost exceeds limit for rule"
                raise self._stop(node, path, f"'{failed.message}': {wrong}: {shown}", rule) from None
            if failed.message.startswith("no such overload"):
                wrong = (
                    "call arguments did not match a supported operator, function or macro signature for rule"
                )
                self._report(node, path, f"'{failed.message}': {wrong}: {shown}", rule)
            else:
                self._report(node, path, f"{failed.message} evaluating rule: {shown}", rule)
            return
        self._spend(cost, node, path)
        if value is True:
            return
        if rule.field_path:
            path = f"{path}.{rule.field_path}" if path else rule.field_path
        self._broken(rule, node, variables, path, place)

    def _spend(self, cost: int, node: RuleNode, path: str) -> None:
        if cost > self.left:
            raise self._stop(node, path, _OUT_OF_BUDGET)
        self.left -= cost

    def _broken(
        self, rule: CompiledRule, node: RuleNode, variables: _Variables, path: str, place: _Place
    ) -> None:
        detail = self._message(rule, node, variables, path, place)
        if detail is None:
            message = rule.rule.get("message") or ""
            detail = message.strip() if message else f"failed rule: {(rule.rule.get('rule') or '').strip()}"
        shows = node.schema.get("type") not in ("object", "array")
        reason: Reason = rule.rule.get("reason") or "FieldValueInvalid"
        if reason not in REASONS:
            reason = "FieldValueInvalid"
        value = variables.new if shows else None
        if reason in ("FieldValueForbidden", "FieldValueRequired"):
            shows = False
        elif reason == "FieldValueDuplicate":
            # The server has no words for it.
            detail = ""
        self._add(rule, place, Violation(path, reason, detail, value, shows, rule.rule.get("rule", "")))

    def _add(self, rule: CompiledRule, place: _Place, violation: Violation) -> None:
        if not rule.uses_old and place.unchanged:
            self.warnings.append(violation)
        else:
            self.violations.append(violation)

    def _message(
        self, rule: CompiledRule, node: RuleNode, variables: _Variables, path: str, place: _Place
    ) -> str | None:
        """The message that its expression gives; None where it gives none that can be shown."""
        if rule.message is None:
            return None
        kind = node.schema.get("type") or ""

        def stop(message: str) -> _Stopped:
            text = rule.rule.get("rule", "")
            self._add(rule, place, Violation(path, "FieldValueInvalid", message, kind, rule=text))
            return _Stopped()

        try:
            value, cost = rule.message.run(variables.of(rule), limit=PER_CALL_LIMIT)
        except Failed as failed:
            if failed.cost > self.left:
                raise stop(_MESSAGE_OUT_OF_BUDGET) from None
            if failed.cancelled:
                wrong = "no further validation rules will be run due to call cost exceeds limit for"
                raise stop(f'{wrong} messageExpression: "{rule.message.text}"') from None
            self.left -= failed.cost
            return None
        if cost > self.left:
            raise stop(_MESSAGE_OUT_OF_BUDGET)
        self.left -= cost
        if not isinstance(value, str):
            return None
        text = value.strip()
        if not text or len(text.encode()) > MAX_MESSAGE_BYTES or "\n" in text:
            return None
        return text


class _Variables:
    """`self` and `oldSelf` of one schema's rules."""

    def __init__(self, values: ValueSchema, new: Any, old: Any) -> None:
        self.new = new
        self.has_old = old is not None
        self._wrong: dict[str, str] = {}
        self._self = self._read("self", values, new)
        self._old = self._read("oldSelf", values, old) if self.has_old else None

    def _read(self, name: str, values: ValueSchema, value: Any) -> Any:
        try:
            return values.convert(value)
        except Failure as failure:
            self._wrong[name] = failure.message
            return None

    def unreadable_in(self, program: Expression) -> str:
        """Why what an expression reads has not the form that its schema says; empty if it has."""
        return next((wrong for name, wrong in self._wrong.items() if program.uses(name)), "")

    def of(self, rule: CompiledRule) -> dict[str, Any]:
        old = old_value(self._old, present=self.has_old, optional=rule.optional_old)
        return {"self": self._self, "oldSelf": old}
