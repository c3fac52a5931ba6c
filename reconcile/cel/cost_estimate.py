"""What an expression can cost, by the sizes that its variables' types allow.

A port of the rules of cel-go's `checker/cost.go`: a cost limit that differs from the server's is of no use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconcile.cel.checker import Checked
from reconcile.cel.estimates import (
    EMPTY_UNION,
    LIST_COST,
    MAP_COST,
    NOTHING,
    ONE,
    STRUCT_COST,
    UNKNOWN,
    Range,
    exactly,
)
from reconcile.cel.results import CostEstimate
from reconcile.cel.schema_types import Declared
from reconcile.cel.syntax import (
    ACCUMULATOR,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
)
from reconcile.cel.types import ANY, Kind, Type
from reconcile.cel.values import Duration, Timestamp

Path = tuple[str, ...]
_SCALARS = frozenset({Kind.BOOL, Kind.DOUBLE, Kind.DURATION, Kind.INT, Kind.TIMESTAMP, Kind.UINT})


def estimate(checked: Checked) -> CostEstimate:
    """The estimate for a checked expression."""
    found = Estimator(checked).cost(checked.tree.root)
    return CostEstimate(found.min, found.max)


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the expression as the costs of functions see it.

    Attributes:
        type: its type.
        path: where it stands in a variable's type: the variable, then fields, `@items`, `@keys`, `@values`.
        size: its size, where the expression itself says it.
        expr: the part; None for the elements of a list.
    """

    type: Type
    path: Path = ()
    size: Range | None = None
    expr: Expr | None = None


@dataclass(frozen=True, slots=True)
class _Entries:
    """The sizes of a container's keys and values."""

    kind: Kind
    key: Range
    value: Range


@dataclass(frozen=True, slots=True)
class _Local:
    path: Path
    size: Range | None
    entries: _Entries | None


@dataclass(frozen=True, slots=True)
class CallCost:
    """What a call costs, without its arguments, and the size of its result where that is known."""

    cost: Range
    size: Range | None = None


class Estimator:
    """One walk over one expression."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.paths: dict[int, Path] = {}
        self.sizes: dict[int, Range] = {}
        self.entries: dict[int, _Entries] = {}
        self.locals: dict[str, list[_Local]] = {}

    # Sizes

    def declared_size(self, path: Path) -> Range | None:
        """What the types of the variables say of the size at a path."""
        if not path:
            return None
        return size_at(self.checked.variables, path)

    def size_of_node(self, node: Node) -> Range:
        """The size of a part, or all that it could be."""
        if node.size is not None:
            return node.size
        return self.declared_size(node.path) or UNKNOWN

    def path(self, expr: Expr) -> Path:
        if isinstance(expr, Ident):
            local = self._local(expr.name)
            if local is not None:
                return local.path
        return self.paths.get(expr.id, ())

    def _local(self, name: str) -> _Local | None:
        held = self.locals.get(name)
        return held[-1] if held else None

    def node(self, expr: Expr) -> Node:
        path = self.path(expr)
        if path and path[0] in ("__result__", ACCUMULATOR):
            path = ()
        return Node(self.checked.types[expr.id], path, self.size(expr), expr)

    def size(self, expr: Expr) -> Range | None:
        """The size of a part as far as it can be told."""
        held = self.sizes.get(expr.id)
        if held is not None:
            return held
        written = _written_size(expr)
        if written is not None:
            return written
        declared = self.declared_size(self.path(expr))
        if declared is not None:
            self.sizes[expr.id] = declared
            return declared
        if _is_scalar(self.checked.types[expr.id]):
            return ONE
        if isinstance(expr, Ident):
            local = self._local(expr.name)
            if local is not None:
                return local.size
        return None

    def _size_or_unknown(self, expr: Expr) -> Range:
        return self.size(expr) or UNKNOWN

    def _entries(self, expr: Expr) -> _Entries | None:
        held = self.entries.get(expr.id)
        if held is not None:
            return held
        if isinstance(expr, Ident):
            local = self._local(expr.name)
            if local is not None:
                return local.entries
        return None

    def _copy_sizes(self, to: Expr, source: Expr) -> None:
        size = self.size(source)
        if size is not None:
            self.sizes[to.id] = size
        entries = self._entries(source)
        if entries is not None:
            self.entries[to.id] = entries

    # Costs

    def cost(self, expr: Expr) -> Range:
        if isinstance(expr, Literal):
            return NOTHING
        if isinstance(expr, Ident):
            local = self._local(expr.name)
            self.paths[expr.id] = local.path if local is not None else (self._name(expr),)
            return ONE
        if isinstance(expr, Select):
            return self._select(expr)
        if isinstance(expr, Call):
            return self._call(expr)
        if isinstance(expr, ListExpr):
            return self._list(expr)
        if isinstance(expr, MapExpr):
            return self._map(expr)
        if isinstance(expr, Comprehension):
            return self._bind(expr) if _is_bind(expr) else self._comprehension(expr)
        total = NOTHING
        for each in expr.fields:
            total += self.cost(each.value)
        return total + exactly(STRUCT_COST)

    def _name(self, expr: Ident) -> str:
        return self.checked.names.get(expr.id, expr.name)

    def _select(self, expr: Select) -> Range:
        if expr.id in self.checked.names:
            # A qualified name: one identifier.
            self.paths[expr.id] = (self.checked.names[expr.id],)
            return ONE
        total = self.cost(expr.operand)
        if expr.test:
            # Presence costs nothing in Kubernetes.
            return total
        if self.checked.types[expr.operand.id].kind in (Kind.MAP, Kind.STRUCT, Kind.PARAMETER):
            total += ONE
        self.paths[expr.id] = (*self.path(expr.operand), expr.field)
        return total

    def _call(self, expr: Call) -> Range:
        if expr.function == "dyn":
            inner = self.cost(expr.args[0])
            self._copy_sizes(expr, expr.args[0])
            return ONE + inner
        costs: list[Range] = []
        nodes: list[Node] = []
        for arg in expr.args:
            costs.append(self.cost(arg))
            nodes.append(self.node(arg))
        total = NOTHING
        target: Node | None = None
        if expr.target is not None:
            total = self.cost(expr.target)
            target = self.node(expr.target)
        own = EMPTY_UNION
        size: Range | None = None
        for overload in self.checked.overloads[expr.id]:
            cost, found = self._overload(expr, overload, target, nodes, costs)
            own |= cost
            if found is not None:
                size = found if size is None else size | found
            if overload in ("index_list", "index_map"):
                entries = self._entries(expr.args[0])
                size = entries.value if entries is not None else None
                step = "@items" if overload == "index_list" else "@values"
                self.paths[expr.id] = (*self.path(expr.args[0]), step)
            if size is None:
                size = self.size(expr)
        if size is not None:
            self.sizes[expr.id] = size
        return total + own

    def _overload(
        self, expr: Call, overload: str, target: Node | None, args: list[Node], costs: list[Range]
    ) -> tuple[Range, Range | None]:
        from reconcile.cel.library_costs import estimate_call

        total = NOTHING
        for cost in costs:
            total += cost
        known = estimate_call(self, expr.function, overload, target, args)
        if known is not None:
            return known.cost + total, known.size
        if overload in ("logical_and", "logical_or"):
            return Range(costs[0].min, (costs[0] + costs[1]).max), None
        if overload == "conditional":
            size = self._size_or_unknown(expr.args[1]) | self._size_or_unknown(expr.args[2])
            self._join_entries(expr, expr.args[1], expr.args[2])
            return costs[0] + (costs[1] | costs[2]), size
        if overload in ("add_string", "add_bytes", "add_list") and len(args) == 2:
            self._join_entries(expr, expr.args[0], expr.args[1])
        from reconcile.cel.standard_costs import estimate_standard

        own = estimate_standard(overload, target, args)
        return own.cost + total, own.size

    def _join_entries(self, expr: Expr, one: Expr, other: Expr) -> None:
        left, right = self._entries(one), self._entries(other)
        if left is not None and right is not None:
            self.entries[expr.id] = _Entries(left.kind, left.key | right.key, left.value | right.value)

    def _list(self, expr: ListExpr) -> Range:
        total, item = NOTHING, EMPTY_UNION if expr.elements else NOTHING
        for element in expr.elements:
            total += self.cost(element)
            item |= self._size_or_unknown(element)
        self.entries[expr.id] = _Entries(Kind.LIST, ONE, item)
        return total + exactly(LIST_COST)

    def _map(self, expr: MapExpr) -> Range:
        start = EMPTY_UNION if expr.entries else NOTHING
        total, key, value = NOTHING, start, start
        for entry in expr.entries:
            total += self.cost(entry.key)
            total += self.cost(entry.value)
            key |= self._size_or_unknown(entry.key)
            value |= self._size_or_unknown(entry.value)
        self.entries[expr.id] = _Entries(Kind.MAP, key, value)
        return total + exactly(MAP_COST)

    # Loops

    def _push(self, name: str, local: _Local) -> None:
        self.locals.setdefault(name, []).append(local)

    def _push_value(self, name: str, expr: Expr) -> None:
        self._push(name, _Local(self.path(expr), self.size(expr), self._entries(expr)))

    def _push_element(self, name: str, over: Expr, part: str) -> None:
        """A loop's variable: a key or index, a value, or what one variable goes over."""
        entries = self._entries(over)
        kind = entries.kind if entries is not None else self.checked.types[over.id].kind
        is_list = kind is Kind.LIST
        if part == "single":
            part = "value" if is_list else "key"
        step = {"key": ("@keys", "@indices"), "value": ("@values", "@items")}[part][is_list]
        size = None if entries is None else entries.value if part == "value" else entries.key
        self._push(name, _Local((*self.path(over), step), size, None))

    def _comprehension(self, expr: Comprehension) -> Range:
        total = self.cost(expr.range) + self.cost(expr.initial)
        self._push_value(expr.accumulator, expr.initial)
        if expr.variable2:
            self._push_element(expr.variable, expr.range, "key")
            self._push_element(expr.variable2, expr.range, "value")
        else:
            self._push_element(expr.variable, expr.range, "single")
        loop = self.cost(expr.condition)
        step = self.cost(expr.step)
        self.locals[expr.variable].pop()
        if expr.variable2:
            self.locals[expr.variable2].pop()
        total += self.cost(expr.result)
        self.locals[expr.accumulator].pop()
        count = self._size_or_unknown(expr.range)
        total += count * (step + loop)
        if isinstance(expr.initial, Literal):
            size = self.size(expr.initial)
            if size is not None:
                self.sizes[expr.id] = size
        elif isinstance(expr.initial, ListExpr | MapExpr):
            self.sizes[expr.id] = count
            entries = self._entries(expr.step)
            if entries is not None:
                self.entries[expr.id] = entries
        return total

    def _bind(self, expr: Comprehension) -> Range:
        total = self.cost(expr.range) + self.cost(expr.initial)
        self._push_value(expr.accumulator, expr.initial)
        total += self.cost(expr.result)
        self.locals[expr.accumulator].pop()
        self._copy_sizes(expr, expr.result)
        return total


def size_at(variables: Mapping[str, Declared], path: Path) -> Range | None:
    """The size at a path, by the types of the variables."""
    # In Kubernetes every path is one into the type of self, a type's name too.
    here: Declared | None = variables.get(path[0]) or variables.get("self")
    for name in path[1:]:
        if here is None:
            return None
        if name in ("@items", "@values"):
            here = here.element
        elif name == "@keys":
            here = here.key
        elif here.element is not None and here.element.type == ANY:
            # Every attribute of a device is as large as any other.
            here = here.element
        else:
            here = (here.fields or {}).get(name)
    return None if here is None else Range(0, here.max_elements)


def _is_bind(expr: Comprehension) -> bool:
    return (
        isinstance(expr.range, ListExpr)
        and not expr.range.elements
        and isinstance(expr.condition, Literal)
        and expr.condition.value is False
        and expr.accumulator != "__result__"
    )


def _written_size(expr: Expr) -> Range | None:
    if isinstance(expr, Literal):
        value: Any = expr.value
        if isinstance(value, str | bytes):
            return exactly(len(value))
        if value is None or isinstance(value, bool | int | float | Duration | Timestamp):
            return ONE
        return None
    if isinstance(expr, ListExpr):
        return exactly(len(expr.elements))
    if isinstance(expr, MapExpr):
        return exactly(len(expr.entries))
    return None


def _is_scalar(type: Type) -> bool:
    if type.is_optional and type.parameters:
        return _is_scalar(type.parameters[0])
    return type.kind in _SCALARS
