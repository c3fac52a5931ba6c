"""What the standard functions cost: estimated, and tracked. The rules are those of cel-go's `checker/cost.go`
and `interpreter/runtimecost.go`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reconcile.cel.estimates import ONE, REGEX_FACTOR, STRING_FACTOR, UNKNOWN, Range
from reconcile.cel.limits import UNBOUNDED
from reconcile.cel.values import tracked_size

if TYPE_CHECKING:
    from reconcile.cel.cost_estimate import CallCost, Node

Tracker = Callable[[Sequence[Any], Any], int]
"""What a call cost, by the values of its arguments and its result."""

_COMPARED = frozenset(
    {
        *(
            f"{relation}_{kind}"
            for relation in ("less", "greater", "less_equals", "greater_equals")
            for kind in ("string", "bytes")
        ),
        "equals",
        "not_equals",
    }
)


def estimate_standard(overload: str, target: Node | None, args: Sequence[Node]) -> CallCost:
    """The estimate for one overload, without its arguments' costs."""
    from reconcile.cel.cost_estimate import CallCost

    def size(node: Node) -> Range:
        return node.size or UNKNOWN

    if overload in _COMPARED:
        smallest = min(size(args[0]).max, size(args[1]).max)
        return CallCost(Range(1 if smallest else 0, smallest).times(STRING_FACTOR))
    if overload in ("add_string", "add_bytes", "add_list"):
        joined = size(args[0]) + size(args[1])
        return CallCost(ONE if overload == "add_list" else joined.times(STRING_FACTOR), joined)
    if overload == "in_list":
        return CallCost(size(args[1]).times(1))
    if overload in ("starts_with_string", "ends_with_string"):
        return CallCost(size(args[0]).times(STRING_FACTOR))
    if overload == "string_to_bytes":
        found = size(args[0])
        return CallCost(found.times(STRING_FACTOR), Range(found.min, _wrapped(found.max * 4)))
    if overload == "bytes_to_string":
        found = size(args[0])
        return CallCost(found.times(STRING_FACTOR), Range(found.min // 4, found.max))
    if overload == "strings_quote":
        found = size(args[0])
        quoted = Range(_wrapped(found.min + 2), _wrapped(found.max * 2 + 2))
        return CallCost(found.times(STRING_FACTOR), quoted)
    if target is not None:
        text = size(target)
        if overload == "string_format":
            return CallCost(text.times(STRING_FACTOR))
        if overload == "matches_string":
            # One more than the text, so that a pattern costs something with an empty one too.
            return CallCost((text + ONE).times(STRING_FACTOR) * size(args[0]).times(REGEX_FACTOR))
        if overload == "contains_string":
            return CallCost(text.times(STRING_FACTOR) * size(args[0]).times(STRING_FACTOR))
    return CallCost(ONE)


def _wrapped(size: int) -> int:
    return size & UNBOUNDED


def read_cost(size: int) -> int:
    """Reading a string once."""
    return math.ceil(size * STRING_FACTOR)


def _compared(args: Sequence[Any], result: Any) -> int:
    return read_cost(min(tracked_size(args[0]), tracked_size(args[1])))


def _first(args: Sequence[Any], result: Any) -> int:
    return read_cost(tracked_size(args[0]))


def _in_list(args: Sequence[Any], result: Any) -> int:
    return tracked_size(args[1])


def _joined(args: Sequence[Any], result: Any) -> int:
    return read_cost(tracked_size(args[0]) + tracked_size(args[1]))


def _matched(args: Sequence[Any], result: Any) -> int:
    pattern = math.ceil(tracked_size(args[1]) * REGEX_FACTOR)
    return math.ceil((1.0 + tracked_size(args[0])) * STRING_FACTOR) * pattern


def _contained(args: Sequence[Any], result: Any) -> int:
    return read_cost(tracked_size(args[0])) * read_cost(tracked_size(args[1]))


_TRACKERS: dict[str, Tracker] = {
    **dict.fromkeys(_COMPARED, _compared),
    **dict.fromkeys(
        (
            "starts_with_string",
            "ends_with_string",
            "string_to_bytes",
            "bytes_to_string",
            "strings_quote",
            "string_format",
        ),
        _first,
    ),
    "in_list": _in_list,
    "add_string": _joined,
    "add_bytes": _joined,
    "matches_string": _matched,
    "contains_string": _contained,
}


def standard_tracker(overload: str) -> Tracker | None:
    """How a call of an overload is tracked; None where it costs 1."""
    return _TRACKERS.get(overload)
