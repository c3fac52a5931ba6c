"""From a checked tree to closures that evaluate it and count what that costs.

What counts, and what is worked out beforehand (literals of constants, conversions of them, membership in
them), is as in cel-go with `OptOptimize` and `OptTrackCost`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from reconcile.cel.attributes import Attribute, Frame, Qualifier, Run
from reconcile.cel.checker import Checked
from reconcile.cel.declarations import functions_with, type_names
from reconcile.cel.errors import CelTypeError, Issue
from reconcile.cel.estimates import LIST_COST, MAP_COST
from reconcile.cel.failure import Cancelled, Failure, no_such_overload
from reconcile.cel.folds import fold
from reconcile.cel.libraries.mappings import insert
from reconcile.cel.library_costs import tracker
from reconcile.cel.limits import PER_CALL_LIMIT
from reconcile.cel.operators import binary, equality, inequality, logical_and, logical_or, unary, variadic
from reconcile.cel.re2 import PatternError, compile_re2
from reconcile.cel.structs import STRUCT_COST, make, struct_type
from reconcile.cel.syntax import (
    ACCUMULATOR,
    Call,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
)
from reconcile.cel.types import Kind, Type
from reconcile.cel.values import ListValue, MapValue, Optional, UInt, go_name, key_of, shown

_CONVERSIONS = frozenset(
    {"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"}
)
_PATTERNS = frozenset({"matches", "find", "findAll"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How a part is evaluated.

    Attributes:
        run: evaluates it.
        constant: its value in a tuple of one, where it is known beforehand.
        attribute: the way into a value that it is, where it is one.
    """

    run: Run
    constant: tuple[Any] | None = None
    attribute: Attribute | None = None


class Compiled:
    """An expression ready to be evaluated. Evaluations don't know of each other."""

    def __init__(self, checked: Checked) -> None:
        compiler = Compiler(checked)
        self._run = compiler.plan(checked.tree.root).run
        self._slots = compiler.variables
        self._size = compiler.size

    def evaluate(self, variables: dict[str, Any], *, limit: int = PER_CALL_LIMIT) -> tuple[Any, int]:
        """The value and what it cost.

        Raises:
            Failed: no value; the cost is in it.
        """
        frame: Frame = [None] * self._size
        frame[0] = 0
        frame[1] = limit
        for name, slot in self._slots.items():
            frame[slot] = variables.get(name)
        try:
            value = self._run(frame)
        except Failure as failure:
            if frame[0] > limit:
                raise Failed(CANCELLED, frame[0], cancelled=True) from None
            raise Failed(failure.message, frame[0]) from None
        except Cancelled:
            raise Failed(CANCELLED, frame[0], cancelled=True) from None
        if frame[0] > limit:
            raise Failed(CANCELLED, frame[0], cancelled=True)
        return value, frame[0]


CANCELLED = "operation cancelled: actual cost limit exceeded"


class Failed(Exception):
    """An evaluation ended without a value."""

    def __init__(self, message: str, cost: int, *, cancelled: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.cost = cost
        self.cancelled = cancelled


class Compiler:
    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.functions = functions_with(structs=checked.structs)
        # Slot 0 holds the cost, slot 1 the limit.
        self.variables = {name: index for index, name in enumerate(checked.variables, start=2)}
        self.size = 2 + len(self.variables)
        self.scopes: list[dict[str, Run | int]] = [dict(self.variables)]

    def wrong(self, expr: Expr, message: str) -> CelTypeError:
        text = f"program instantiation failed: {message}"
        issue = Issue(message, 1, 1, self.checked.tree.offsets.get(expr.id, 0))
        return CelTypeError(text, expression=self.checked.tree.text, issues=[issue])

    def slot(self) -> int:
        self.size += 1
        return self.size - 1

    # Parts

    def plan(self, expr: Expr) -> Plan:
        if isinstance(expr, Literal):
            return _constant(expr.value)
        if isinstance(expr, Ident):
            return self._name(self.checked.names[expr.id])
        if isinstance(expr, Select):
            return self._select(expr)
        if isinstance(expr, Call):
            return self._call(expr)
        if isinstance(expr, ListExpr):
            return self._list(expr)
        if isinstance(expr, MapExpr):
            return self._map(expr)
        if isinstance(expr, StructExpr):
            return self._struct(expr)
        return fold(self, expr)

    def _name(self, name: str) -> Plan:
        for scope in reversed(self.scopes):
            found = scope.get(name)
            if found is not None:
                return _attribute(_variable(found))
        return _constant(type_names()[name])

    def attribute(self, plan: Plan) -> Attribute:
        """The way into a value, or the beginning of one."""
        return plan.attribute or Attribute(plan.run)

    def _select(self, expr: Select) -> Plan:
        name = self.checked.names.get(expr.id)
        if name is not None:
            return self._name(name)
        attribute = self.attribute(self.plan(expr.operand))
        if not expr.test:
            return _attribute(attribute.with_qualifier(Qualifier(expr.field)))
        tested = attribute.with_qualifier(Qualifier(expr.field, test=True))
        resolve = tested.resolver(tested.own_cost - 1)

        def run(frame: Frame) -> bool:
            found = resolve(frame)
            return found.present if type(found) is Optional else found

        return Plan(run)

    def _list(self, expr: ListExpr) -> Plan:
        plans = [self.plan(element) for element in expr.elements]
        optional = expr.optional
        runs = [plan.run for plan in plans]

        def build(frame: Frame) -> ListValue:
            items: list[Any] = []
            for index, run in enumerate(runs):
                item = run(frame)
                if index in optional:
                    if type(item) is not Optional:
                        raise Failure(
                            f"cannot initialize optional list element from non-optional value {shown(item)}"
                        )
                    if not item.present:
                        continue
                    item = item.value
                items.append(item)
            return ListValue(items)

        if all(plan.constant is not None for plan in plans):
            return _constant(build([0]))
        return Plan(_counted(build, LIST_COST))

    def _map(self, expr: MapExpr) -> Plan:
        plans = [(self.plan(entry.key), self.plan(entry.value), entry.optional) for entry in expr.entries]
        runs = [(key.run, value.run, optional) for key, value, optional in plans]

        def build(frame: Frame) -> MapValue:
            entries: dict[Any, tuple[Any, Any]] = {}
            for key_run, value_run, optional in runs:
                key = key_run(frame)
                value = value_run(frame)
                if optional:
                    if type(value) is not Optional:
                        raise Failure(
                            f"cannot initialize optional entry '{shown(key)}' from non-optional value "
                            f"{shown(value)}"
                        )
                    if not value.present:
                        entries.pop(key_of(key), None)
                        continue
                    value = value.value
                entries[key_of(key)] = (key, value)
            return MapValue(entries)

        if all(key.constant is not None and value.constant is not None for key, value, _ in plans):
            return _constant(build([0]))
        return Plan(_counted(build, MAP_COST))

    def _struct(self, expr: StructExpr) -> Plan:
        struct = struct_type(expr.type_name.removeprefix("."))
        if struct is None or not self.checked.structs:
            raise self.wrong(expr, f"unknown type: {expr.type_name}")
        runs = [(each.name, self.plan(each.value).run, each.optional) for each in expr.fields]

        def build(frame: Frame) -> Any:
            fields: dict[str, Any] = {}
            for name, run, optional in runs:
                value = run(frame)
                if optional:
                    if type(value) is not Optional:
                        raise Failure(
                            f"cannot initialize optional entry '{name}' from non-optional value "
                            f"{shown(value)}"
                        )
                    if not value.present:
                        continue
                    value = value.value
                fields[name] = value
            return make(struct, fields)

        return Plan(_counted(build, STRUCT_COST))

    # Calls

    def _call(self, expr: Call) -> Plan:
        name = expr.function
        if name in ("_[_]", "_[?_]", "_?._"):
            return self._index(expr, optional=name != "_[_]")
        growing = self._growing(expr)
        if growing is not None:
            return growing
        parts = expr.args if expr.target is None else [expr.target, *expr.args]
        plans = [self.plan(part) for part in parts]
        runs = [plan.run for plan in plans]
        if name == "_&&_":
            return Plan(logical_and(*runs))
        if name == "_||_":
            return Plan(logical_or(*runs))
        if name == "_?_:_":
            condition, then, otherwise = plans
            branches = (self.attribute(then), self.attribute(otherwise))
            return _attribute(Attribute(condition.run, branches=branches))
        if name == "_==_":
            return Plan(equality(*runs))
        if name == "_!=_":
            return Plan(inequality(*runs))
        if name == "@not_strictly_false":
            return Plan(_not_strictly_false(runs[0]))
        overloads = self.checked.overloads[expr.id]
        if overloads == ["optional_or_optional"] or overloads == ["optional_orValue_value"]:
            return Plan(_or_optional(*runs, unwrap=name == "orValue"))
        if overloads == ["in_list"] and plans[1].constant is not None:
            member = _membership(plans[0], plans[1].constant[0])
            if member is not None:
                return member
        return self._function(expr, plans, overloads)

    def _function(self, expr: Call, plans: list[Plan], overloads: list[str]) -> Plan:
        name = expr.function
        function = self.functions[name]
        parts = expr.args if expr.target is None else [expr.target, *expr.args]
        trusted = not any(_has_dyn(self.checked.types[part.id]) for part in parts)
        work = function.implementation(overloads, trusted=trusted)
        if name in _CONVERSIONS and len(plans) == 1 and plans[0].constant is not None:
            try:
                return _constant(work(plans[0].constant[0]))
            except Failure as failure:
                raise self.wrong(expr, failure.message) from None
        pattern = name in _PATTERNS and len(plans) > 1 and plans[1].constant is not None
        if pattern and plans[1].constant is not None and isinstance(plans[1].constant[0], str):
            try:
                compile_re2(plans[1].constant[0])
            except PatternError as error:
                raise self.wrong(expr, f"error parsing regexp: {error}") from None
        track = tracker(name, overloads[0] if len(overloads) == 1 else "")
        runs = [plan.run for plan in plans]
        dispatched = len(overloads) != 1 and function.run is None
        if len(runs) == 1 and not dispatched:
            return Plan(unary(runs[0], work, track))
        if len(runs) == 2 and not dispatched and not pattern and name != "format":
            return Plan(binary(runs[0], runs[1], work, track))
        return Plan(variadic(runs, work, track))

    def _index(self, expr: Call, *, optional: bool) -> Plan:
        operand, index = (self.plan(arg) for arg in expr.args)
        attribute = self.attribute(operand)
        if index.constant is not None:
            if type(index.constant[0]) not in (str, int, UInt, bool, float):
                raise self.wrong(expr, f"invalid qualifier type: {go_name(index.constant[0])}")
            qualifier = Qualifier(index.constant[0], optional=optional)
        else:
            # Used as an index, a way into a value costs its qualifiers and no more.
            run = self.attribute(index).resolver()
            qualifier = Qualifier(run=run, optional=optional)
        return _attribute(attribute.with_qualifier(qualifier))

    def _growing(self, expr: Call) -> Plan | None:
        """A loop's list or map with one more element: grown in place, since no one else holds it."""
        if not expr.args or not isinstance(expr.args[0], Ident) or expr.args[0].name != ACCUMULATOR:
            return None
        running = self.plan(expr.args[0]).run
        if expr.function == "_+_" and isinstance(expr.args[1], ListExpr):
            added = expr.args[1]
            if len(added.elements) == 1 and not added.optional:
                return Plan(_append(running, self.plan(added.elements[0])))
        if expr.function == "cel.@mapInsert" and len(expr.args) == 3:
            return Plan(_put(running, self.plan(expr.args[1]).run, self.plan(expr.args[2]).run))
        return None


def _constant(value: Any) -> Plan:
    return Plan(lambda frame: value, constant=(value,))


def _attribute(attribute: Attribute) -> Plan:
    return Plan(attribute.resolver(attribute.own_cost), attribute=attribute)


def _variable(found: Run | int) -> Attribute:
    if not isinstance(found, int):
        return Attribute(found)
    slot = found
    return Attribute(lambda frame: frame[slot], slot=slot)


def _counted(run: Run, cost: int) -> Run:
    def counted(frame: Frame) -> Any:
        try:
            return run(frame)
        finally:
            frame[0] += cost

    return counted


def _has_dyn(type: Type) -> bool:
    return type.kind in (Kind.DYN, Kind.PARAMETER) or any(_has_dyn(each) for each in type.parameters)


def _not_strictly_false(run: Run) -> Run:
    def evaluate(frame: Frame) -> bool:
        frame[0] += 1
        try:
            return run(frame) is not False
        except Failure:
            return True

    return evaluate


def _or_optional(left: Run, right: Run, *, unwrap: bool) -> Run:
    def evaluate(frame: Frame) -> Any:
        value = left(frame)
        if type(value) is not Optional:
            return value
        if value.present:
            return value.value if unwrap else value
        return right(frame)

    return evaluate


def _membership(plan: Plan, values: Any) -> Plan | None:
    """`x in [constants]`: looked up, and free; None where an element cannot be."""
    if not isinstance(values, ListValue):
        return None
    if not len(values):
        return _constant(False)
    kept: set[Any] = set()
    for value in values:
        if not isinstance(value, bool | int | float | str):
            return None
        kept.add(key_of(value))
    run = plan.run

    def evaluate(frame: Frame) -> bool:
        try:
            return key_of(run(frame)) in kept
        except TypeError:
            return False

    return Plan(evaluate)


def _append(running: Run, added: Plan) -> Run:
    item_run = added.run
    cost = 1 if added.constant is not None else 1 + LIST_COST

    def evaluate(frame: Frame) -> Any:
        try:
            values = running(frame)
        except Failure:
            with contextlib.suppress(Failure):
                item_run(frame)
            frame[0] += cost
            raise
        try:
            item = item_run(frame)
        finally:
            frame[0] += cost
        if type(values) is not ListValue:
            raise no_such_overload()
        items: Any = values.items
        items.append(item)
        return values

    return evaluate


def _put(running: Run, key_run: Run, value_run: Run) -> Run:
    def evaluate(frame: Frame) -> Any:
        values = running(frame)
        key = key_run(frame)
        try:
            value = value_run(frame)
        finally:
            frame[0] += 1
        if type(values) is not MapValue:
            return insert(values, key, value)
        if values.find(key) is not None:
            raise Failure(f"insert failed: key {shown(key)} already exists")
        values.entries[key_of(key)] = (key, value)
        return values

    return evaluate
