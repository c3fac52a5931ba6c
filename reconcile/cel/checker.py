"""The type check: each expression's type, and which overloads each call can mean.

The rules, the order in which overloads are tried, and the words are those of cel-go's `checker`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconcile.cel import types
from reconcile.cel.declarations import Function, functions_with, type_names
from reconcile.cel.errors import CelTypeError, Issue
from reconcile.cel.inference import (
    Bindings,
    assignable,
    assignable_all,
    is_dyn,
    is_dyn_or_error,
    most_general,
    substitute,
)
from reconcile.cel.lexer import RESERVED
from reconcile.cel.schema_types import Declared
from reconcile.cel.structs import field_type, struct_type
from reconcile.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
    Tree,
    line_and_column,
)
from reconcile.cel.types import ANY, BOOL, DYN, ERROR, INT, Kind, Type
from reconcile.cel.values import type_of_value


@dataclass(slots=True)
class Checked:
    """A tree with its types.

    Attributes:
        types: of each node, by number.
        overloads: of each call, by number: what it can mean.
        names: what each identifier or qualified name refers to, by number.
        variables: the declared variables.
        structs: whether expressions can make structs (of `structs`).
    """

    tree: Tree
    types: dict[int, Type] = field(default_factory=dict[int, Type])
    overloads: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    names: dict[int, str] = field(default_factory=dict[int, str])
    variables: Mapping[str, Declared] = field(default_factory=dict[str, Declared])
    structs: bool = False

    @property
    def result(self) -> Type:
        return self.types[self.tree.root.id]


def check(tree: Tree, variables: Mapping[str, Declared], *, structs: bool = False) -> Checked:
    """Check a tree whose free variables have the declared types.

    Raises:
        CelTypeError: with all that was found.
    """
    checker = _Checker(tree, variables, structs=structs)
    checker.check(tree.root)
    for number, type in checker.types.items():
        checker.types[number] = substitute(checker.bindings, type, free_is_dyn=True)
    raise_issues(tree.text, checker.issues)
    return Checked(tree, checker.types, checker.overloads, checker.names, variables, structs)


def raise_issues(text: str, issues: list[Issue]) -> None:
    """One error for all that was found, in the order of the text; none for nothing.

    Raises:
        CelTypeError: something was found.
    """
    if not issues:
        return
    ordered = sorted(issues, key=lambda issue: (issue.line, issue.column))
    shown = [issue.shown(text) for issue in ordered[:100]]
    if len(ordered) > 100:
        shown.append(f"{len(ordered) - 100} more errors were truncated")
    raise CelTypeError("\n".join(shown), expression=text, issues=ordered)


def qualified_name(expr: Expr) -> str | None:
    """`a.b.c` of a chain of selections; None for anything else."""
    if isinstance(expr, Ident):
        return expr.name
    if isinstance(expr, Select) and not expr.test:
        prefix = qualified_name(expr.operand)
        return None if prefix is None else f"{prefix}.{expr.field}"
    return None


class _Checker:
    def __init__(self, tree: Tree, variables: Mapping[str, Declared], *, structs: bool) -> None:
        self.tree = tree
        self.structs = structs
        self.scopes: list[dict[str, Type]] = [{name: each.type for name, each in variables.items()}]
        self.objects: dict[str, Mapping[str, Declared]] = {}
        for each in variables.values():
            self.objects.update(each.objects())
        self.types: dict[int, Type] = {}
        self.overloads: dict[int, list[str]] = {}
        self.names: dict[int, str] = {}
        self.issues: list[Issue] = []
        self.bindings: Bindings = {}
        self.free = 0
        self.functions = functions_with(structs=structs)
        self.type_names = type_names()

    def report(self, number: int, message: str) -> None:
        offset = self.tree.offsets.get(number, 0)
        line, column = line_and_column(self.tree.text, offset)
        self.issues.append(Issue(message, line, column, offset))

    # Names

    def lookup(self, name: str) -> tuple[str, Type] | None:
        """What a name stands for: its own full name, and its type. A leading dot means the outermost."""
        scopes = self.scopes
        if name.startswith("."):
            name, scopes = name[1:], self.scopes[:1]
        for scope in reversed(scopes):
            if name in scope:
                return name, scope[name]
        named = self.type_names.get(name)
        return None if named is None else (name, types.type_of(named))

    def function(self, name: str) -> Function | None:
        return self.functions.get(name.removeprefix("."))

    def parameter(self) -> Type:
        self.free += 1
        return types.parameter(f"_var{self.free - 1}")

    # Expressions

    def check(self, expr: Expr) -> Type:
        if isinstance(expr, Literal):
            found = type_of_value(expr.value)
        elif isinstance(expr, Ident):
            found = self._ident(expr)
        elif isinstance(expr, Select):
            found = self._select(expr)
        elif isinstance(expr, Call):
            found = self._call(expr)
        elif isinstance(expr, ListExpr):
            found = self._list(expr)
        elif isinstance(expr, MapExpr):
            found = self._map(expr)
        elif isinstance(expr, StructExpr):
            found = self._struct(expr)
        else:
            found = self._comprehension(expr)
        self.types[expr.id] = found
        return found

    def _undeclared(self, number: int, name: str) -> Type:
        self.report(number, f"undeclared reference to '{name}' (in container '')")
        return ERROR

    def _ident(self, expr: Ident) -> Type:
        found = self.lookup(expr.name)
        if found is None:
            return self._undeclared(expr.id, expr.name)
        self.names[expr.id] = found[0]
        return found[1]

    def _select(self, expr: Select) -> Type:
        name = qualified_name(expr)
        if name is not None:
            found = self.lookup(name)
            if found is not None:
                self.names[expr.id] = found[0]
                return found[1]
        result = self._field(expr.id, expr.operand, expr.field, optional=False)
        return BOOL if expr.test else substitute(self.bindings, result)

    def _field(self, number: int, operand: Expr, name: str, *, optional: bool) -> Type:
        target = substitute(self.bindings, self.check(operand))
        unwrapped = target.parameters[0] if target.is_optional and target.parameters else target
        result = DYN
        if unwrapped.kind is Kind.MAP:
            result = unwrapped.parameters[1]
        elif unwrapped.kind is Kind.STRUCT:
            result = self._object_field(number, unwrapped, name)
        elif unwrapped.kind is Kind.PARAMETER:
            self._fits(DYN, unwrapped)
        elif not is_dyn_or_error(unwrapped):
            self.report(number, f"type '{unwrapped}' does not support field selection")
        return types.optional_of(result) if target.is_optional or optional else result

    def _object_field(self, number: int, object_type: Type, name: str) -> Type:
        fields = self.objects.get(object_type.name)
        if fields is None and self.structs and struct_type(object_type.name) is not None:
            return field_type(object_type, name) or self._no_field(number, name)
        if fields is None:
            self.report(number, f"unexpected failed resolution of '{object_type.name}'")
            return ERROR
        found = fields.get(name)
        if found is None and name in RESERVED:
            found = fields.get(f"__{name}__")
        return self._no_field(number, name) if found is None else found.type

    def _no_field(self, number: int, name: str) -> Type:
        self.report(number, f"undefined field '{name}'")
        return ERROR

    def _call(self, expr: Call) -> Type:
        if expr.function == "_?._":
            return self._optional_select(expr)
        for arg in expr.args:
            self.check(arg)
        if expr.target is None:
            function = self.function(expr.function)
            if function is None:
                return self._undeclared(expr.id, expr.function)
            expr.function = function.name
            return self._resolve(expr, function)
        prefix = qualified_name(expr.target)
        if prefix is not None:
            function = self.function(f"{prefix}.{expr.function}")
            if function is not None:
                expr.function, expr.target = function.name, None
                return self._resolve(expr, function)
        self.check(expr.target)
        function = self.function(expr.function)
        if function is None:
            return self._undeclared(expr.id, expr.function)
        return self._resolve(expr, function)

    def _optional_select(self, expr: Call) -> Type:
        operand, name = expr.args
        assert isinstance(name, Literal)
        self.types[name.id] = types.STRING
        result = self._field(expr.id, operand, name.value, optional=True)
        self.overloads[expr.id] = ["select_optional_field"]
        return substitute(self.bindings, result)

    def _resolve(self, expr: Call, function: Function) -> Type:
        parts = expr.args if expr.target is None else [expr.target, *expr.args]
        given = [self.types[part.id] for part in parts]
        if function.name in ("_&&_", "_||_"):
            wrong = False
            for part, type in zip(parts, given, strict=True):
                if not self._fits(type, BOOL):
                    self.report(part.id, f"expected type 'bool' but found '{type}'")
                    wrong = True
            if wrong:
                return ERROR
            self.overloads[expr.id] = [function.overloads[0].id]
            return BOOL
        matching: list[str] = []
        result: Type | None = None
        for overload in function.overloads:
            if overload.member != (expr.target is not None):
                continue
            wanted, returned = list(overload.args), overload.result
            names = overload.parameters
            if names:
                fresh: Bindings = {types.parameter(name): self.parameter() for name in sorted(names)}
                wanted = [substitute(fresh, each) for each in wanted]
                returned = substitute(fresh, returned)
            bound = assignable_all(self.bindings, given, wanted)
            if bound is None:
                continue
            self.bindings = bound
            matching.append(overload.id)
            returned = substitute(self.bindings, returned)
            if result is None:
                result = returned
            elif not is_dyn(result) and returned != result:
                result = DYN
        if result is None:
            shown = [substitute(self.bindings, each, free_is_dyn=True) for each in given]
            signature = types.shown_call(shown, expr.target is not None)
            self.report(expr.id, f"found no matching overload for '{function.name}' applied to '{signature}'")
            return ERROR
        self.overloads[expr.id] = matching
        return result

    def _fits(self, one: Type, other: Type) -> bool:
        bound = assignable(self.bindings, one, other)
        if bound is None:
            return False
        self.bindings = bound
        return True

    def _join(self, before: Type | None, type: Type) -> Type:
        """The common type of a literal's elements so far; that they are of one is checked afterwards."""
        if before is None:
            return type
        if self._fits(before, type):
            return most_general(before, type)
        return DYN

    def _unwrapped(self, expr: Expr, type: Type) -> Type:
        """The type in an optional element."""
        if type.is_optional:
            return type.parameters[0]
        if not is_dyn(type):
            self.report(expr.id, f"expected type '{types.optional_of(type)}' but found '{type}'")
        return type

    def _list(self, expr: ListExpr) -> Type:
        common: Type | None = None
        for index, element in enumerate(expr.elements):
            type = self.check(element)
            if index in expr.optional:
                type = self._unwrapped(element, type)
            common = self._join(common, type)
        return types.list_of(self.parameter() if common is None else common)

    def _map(self, expr: MapExpr) -> Type:
        key: Type | None = None
        value: Type | None = None
        for entry in expr.entries:
            key = self._join(key, self.check(entry.key))
            type = self.check(entry.value)
            if entry.optional:
                type = self._unwrapped(entry.value, type)
            value = self._join(value, type)
        if key is None or value is None:
            key, value = self.parameter(), self.parameter()
        return types.map_of(key, value)

    def _struct(self, expr: StructExpr) -> Type:
        made = struct_type(expr.type_name.removeprefix(".")) if self.structs else None
        if made is None:
            self._undeclared(expr.id, expr.type_name)
            for each in expr.fields:
                self.check(each.value)
            return ERROR
        for each in expr.fields:
            given = self.check(each.value)
            if each.optional:
                given = self._unwrapped(each.value, given)
            wanted = field_type(made, each.name)
            if wanted is None or not self._fits(wanted, given):
                shown = substitute(self.bindings, given, free_is_dyn=True)
                text = f"expected type of field '{each.name}' is '{wanted or ''}'"
                self.report(each.id, f"{text} but provided type is '{shown}'")
        return made

    def _comprehension(self, expr: Comprehension) -> Type:
        self.check(expr.range)
        accumulated = self.check(expr.initial)
        over = substitute(self.bindings, self.types[expr.range.id])
        first, second = DYN, DYN
        if over.kind is Kind.LIST:
            first = second = over.parameters[0]
            if expr.variable2:
                first = INT
        elif over.kind is Kind.MAP:
            first, second = over.parameters
        elif over.kind in (Kind.DYN, Kind.ERROR, Kind.PARAMETER) and over != ANY:
            self._fits(DYN, over)
        else:
            self.report(
                expr.range.id,
                f"expression of type '{over}' cannot be range of a comprehension "
                "(must be list, map, or dynamic)",
            )
            first = second = ERROR
        self.scopes.append({expr.accumulator: accumulated})
        loop = {expr.variable: first}
        if expr.variable2:
            loop[expr.variable2] = second
        self.scopes.append(loop)
        self.check(expr.condition)
        self._assert(expr.condition, BOOL)
        self.check(expr.step)
        self._assert(expr.step, accumulated)
        self.scopes.pop()
        result = self.check(expr.result)
        self.scopes.pop()
        return substitute(self.bindings, result)

    def _assert(self, expr: Expr, wanted: Type) -> None:
        found = self.types[expr.id]
        if not self._fits(wanted, found):
            self.report(expr.id, f"expected type '{wanted}' but found '{found}'")
