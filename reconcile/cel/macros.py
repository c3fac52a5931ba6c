"""What the parser writes out: has, all, exists, exists_one, map, filter, those of optionals, of two variables
and sortBy, as the environment of Kubernetes 1.36 has them. `cel.bind` is not among them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from reconcile.cel.syntax import (
    ACCUMULATOR,
    UNUSED,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    descendants,
)


class MacroError(Exception):
    """A macro's arguments are not what it takes."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class MacroHelper:
    """Makes nodes that stand where the macro is called."""

    def __init__(self, number: Callable[[int], int], offset: int, offsets: dict[int, int]) -> None:
        self._number = number
        self._offset = offset
        self._offsets = offsets

    def id(self) -> int:
        return self._number(self._offset)

    def literal(self, value: Any) -> Expr:
        return Literal(self.id(), value)

    def call(self, function: str, *args: Expr) -> Expr:
        return Call(self.id(), function, list(args))

    def member(self, function: str, target: Expr, *args: Expr) -> Expr:
        return Call(self.id(), function, list(args), target)

    def running(self) -> Expr:
        """The comprehension's value so far."""
        return Ident(self.id(), ACCUMULATOR)

    def ident(self, name: str) -> Expr:
        return Ident(self.id(), name)

    def list_of(self, *elements: Expr) -> Expr:
        return ListExpr(self.id(), list(elements))

    def empty_map(self) -> Expr:
        return MapExpr(self.id(), [])

    def comprehension(
        self,
        over: Expr,
        variables: tuple[str, str],
        initial: Expr,
        condition: Expr,
        step: Expr,
        result: Expr,
        accumulator: str = ACCUMULATOR,
    ) -> Expr:
        first, second = variables
        number = self.id()
        return Comprehension(number, over, first, second, accumulator, initial, condition, step, result)

    def copy(self, expr: Expr) -> Expr:
        """The same expression as nodes of its own."""
        made = copy.deepcopy(expr)
        for node in descendants(made):
            node.id = self._number(self._offsets[node.id])
            if isinstance(node, MapExpr):
                for entry in node.entries:
                    entry.id = self._number(self._offsets[entry.id])
        return made

    def wrong(self, at: Expr, message: str) -> MacroError:
        return MacroError(self._offsets[at.id], message)


Macro = Callable[[MacroHelper, Expr | None, list[Expr]], Expr | None]


def _has(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
    selected = args[0]
    if not isinstance(selected, Select):
        raise helper.wrong(selected, "invalid argument to has() macro")
    return Select(helper.id(), selected.operand, selected.field, True)


def _variables(helper: MacroHelper, args: list[Expr], count: int, wrong: str) -> tuple[str, str]:
    names: list[str] = []
    for arg in args[:count]:
        if not isinstance(arg, Ident):
            raise helper.wrong(arg, wrong)
        names.append(arg.name)
    if count == 2 and names[0] == names[1]:
        raise helper.wrong(args[1], f"duplicate variable name: {names[0]}")
    for arg, name in zip(args, names, strict=False):
        if name in (ACCUMULATOR, "__result__"):
            raise helper.wrong(arg, "iteration variable overwrites accumulator variable")
    return names[0], names[1] if count == 2 else ""


_NAME = "argument must be a simple name"


def _all(count: int) -> Macro:
    def expand(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
        assert target is not None
        variables = _variables(helper, args, count, _NAME)
        initial = helper.literal(True)
        condition = helper.call("@not_strictly_false", helper.running())
        step = helper.call("_&&_", helper.running(), args[count])
        return helper.comprehension(target, variables, initial, condition, step, helper.running())

    return expand


def _exists(count: int) -> Macro:
    def expand(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
        assert target is not None
        variables = _variables(helper, args, count, _NAME)
        initial = helper.literal(False)
        condition = helper.call("@not_strictly_false", helper.call("!_", helper.running()))
        step = helper.call("_||_", helper.running(), args[count])
        return helper.comprehension(target, variables, initial, condition, step, helper.running())

    return expand


def _exists_one(count: int) -> Macro:
    def expand(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
        assert target is not None
        variables = _variables(helper, args, count, _NAME)
        initial = helper.literal(0)
        condition = helper.literal(True)
        grown = helper.call("_+_", helper.running(), helper.literal(1))
        step = helper.call("_?_:_", args[count], grown, helper.running())
        result = helper.call("_==_", helper.running(), helper.literal(1))
        return helper.comprehension(target, variables, initial, condition, step, result)

    return expand


def _collect(
    helper: MacroHelper, target: Expr, variables: tuple[str, str], kept: Expr | None, value: Expr
) -> Expr:
    """A list of `value` of each element that `kept` holds for."""
    initial, condition = helper.list_of(), helper.literal(True)
    step = helper.call("_+_", helper.running(), helper.list_of(value))
    if kept is not None:
        step = helper.call("_?_:_", kept, step, helper.running())
    return helper.comprehension(target, variables, initial, condition, step, helper.running())


def _map(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
    assert target is not None
    variables = _variables(helper, args, 1, "argument is not an identifier")
    return _collect(helper, target, variables, args[1] if len(args) == 3 else None, args[-1])


def _filter(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
    assert target is not None
    variables = _variables(helper, args, 1, "argument is not an identifier")
    return _collect(helper, target, variables, args[1], args[0])


def _transform_list(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
    assert target is not None
    variables = _variables(helper, args, 2, _NAME)
    return _collect(helper, target, variables, args[2] if len(args) == 4 else None, args[-1])


def _transform_map(entry: bool) -> Macro:
    def expand(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
        assert target is not None
        variables = _variables(helper, args, 2, _NAME)
        keys = () if entry else (helper.ident(variables[0]),)
        step = helper.call("cel.@mapInsert", helper.running(), *keys, args[-1])
        if len(args) == 4:
            step = helper.call("_?_:_", args[2], step, helper.running())
        initial, condition = helper.empty_map(), helper.literal(True)
        return helper.comprehension(target, variables, initial, condition, step, helper.running())

    return expand


def _bind(helper: MacroHelper, name: str, value: Expr, result: Expr) -> Expr:
    """`result` where `name` is `value`: a comprehension over nothing."""
    nothing, never = helper.list_of(), helper.literal(False)
    return helper.comprehension(nothing, (UNUSED, ""), value, never, helper.ident(name), result, name)


def _cel_bind(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr | None:
    if not isinstance(target, Ident) or target.name != "cel":
        return None
    variable = args[0]
    if not isinstance(variable, Ident):
        raise helper.wrong(variable, "cel.bind() variable names must be simple identifiers")
    return _bind(helper, variable.name, args[1], args[2])


def _opt_map(wraps: bool) -> Macro:
    name = "optMap" if wraps else "optFlatMap"

    def expand(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
        assert target is not None
        variable = args[0]
        if not isinstance(variable, Ident):
            raise helper.wrong(variable, f"{name}() variable name must be a simple identifier")
        present = helper.member("hasValue", target)
        value = helper.member("value", helper.copy(target))
        found = _bind(helper, variable.name, value, args[1])
        if wraps:
            found = helper.call("optional.of", found)
        return helper.call("_?_:_", present, found, helper.call("optional.none"))

    return expand


def _sort_by(helper: MacroHelper, target: Expr | None, args: list[Expr]) -> Expr:
    assert target is not None
    if not isinstance(target, ListExpr | Select | Ident | Comprehension | Call):
        raise helper.wrong(
            target,
            "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
        )
    name = "@__sortBy_input__"
    keys = _map(helper, helper.ident(name), args)
    return _bind(helper, name, target, helper.member("@sortByAssociatedKeys", helper.ident(name), keys))


MACROS: dict[tuple[str, int, bool], Macro] = {
    ("has", 1, False): _has,
    ("all", 2, True): _all(1),
    ("exists", 2, True): _exists(1),
    ("exists_one", 2, True): _exists_one(1),
    ("map", 2, True): _map,
    ("map", 3, True): _map,
    ("filter", 2, True): _filter,
    ("all", 3, True): _all(2),
    ("exists", 3, True): _exists(2),
    ("exists_one", 3, True): _exists_one(2),
    ("existsOne", 3, True): _exists_one(2),
    ("transformList", 3, True): _transform_list,
    ("transformList", 4, True): _transform_list,
    ("transformMap", 3, True): _transform_map(entry=False),
    ("transformMap", 4, True): _transform_map(entry=False),
    ("transformMapEntry", 3, True): _transform_map(entry=True),
    ("transformMapEntry", 4, True): _transform_map(entry=True),
    ("optMap", 2, True): _opt_map(wraps=True),
    ("optFlatMap", 2, True): _opt_map(wraps=False),
    ("sortBy", 2, True): _sort_by,
}
"""By name, number of arguments, and whether it is called on something."""

BINDINGS: dict[tuple[str, int, bool], Macro] = {("bind", 3, True): _cel_bind}
"""`cel.bind`, for environments that have it."""
