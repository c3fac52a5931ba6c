"""What the functions of the libraries cost: estimated, and tracked. The rules are those of k8s.io/apiserver's
`pkg/cel/library/cost.go` and of cel-go's `ext` for sets and lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reconcile.cel.estimates import LIST_COST, ONE, REGEX_FACTOR, STRING_FACTOR, Range, exactly
from reconcile.cel.limits import UNBOUNDED
from reconcile.cel.standard_costs import Tracker, read_cost, standard_tracker
from reconcile.cel.syntax import Literal
from reconcile.cel.types import CIDR, FORMAT, IP, QUANTITY, SEMVER, URL, Kind
from reconcile.cel.values import ListValue, MapValue, Opaque, size_of

if TYPE_CHECKING:
    from reconcile.cel.cost_estimate import CallCost, Estimator, Node

_FORMAT_PATTERN = 128
_FORMAT_SIZE = 64
# What asking the authorizer costs: as much as reading a third of the largest request.
_CHECK = 350000

_NOMINAL = frozenset(
    {
        "masked", "prefixLength", "family", "isUnspecified", "isLoopback", "isLinkLocalMulticast",
        "isLinkLocalUnicast", "isGlobalUnicast", "format.named", "sign", "asInteger", "isInteger",
        "asApproximateFloat", "isGreaterThan", "isLessThan", "compareTo", "add", "sub", "major", "minor",
        "patch", "getScheme", "getHostname", "getHost", "getPort", "getEscapedPath", "getQuery",
        "serviceAccount", "path", "group", "resource", "subresource", "namespace", "name", "allowed",
        "reason", "error", "errored",
    }
)  # fmt: skip
_TRAVERSALS = frozenset({"isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"})
_PARSED = frozenset({"cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"})
_READ = frozenset({"lowerAscii", "upperAscii", "substring", "trim"})


# Estimates


def estimate_call(
    estimator: Estimator, function: str, overload: str, target: Node | None, args: Sequence[Node]
) -> CallCost | None:
    """The estimate for one overload, without its arguments' costs; None where the standard rules hold."""
    from reconcile.cel.cost_estimate import CallCost

    found = _estimate_sequence(estimator, overload, target, args)
    if found is not None:
        return found
    size = estimator.size_of_node
    if function == "check":
        return CallCost(exactly(_CHECK))
    if function in _NOMINAL or overload == "cidr_ip":
        return CallCost(ONE)
    if function in _TRAVERSALS and target is not None:
        return CallCost(_traversal(estimator, target))
    if function == "url" and len(args) == 1:
        text = size(args[0])
        return CallCost(text.times(STRING_FACTOR), text)
    if (function in _PARSED or function == "ip") and args:
        return CallCost(size(args[0]).times(STRING_FACTOR))
    if function == "ip.isCanonical" and args:
        return CallCost(size(args[0]).times(2 * STRING_FACTOR))
    if function in ("containsIP", "containsCIDR") and args:
        return CallCost(_contains(estimator, function, overload, args[0]))
    if function == "validate" and args:
        return CallCost(size(args[0]).times(STRING_FACTOR).times(_FORMAT_PATTERN * REGEX_FACTOR))
    if function == "_==_" and len(args) == 2:
        return _estimate_equality(args[0], args[1])
    return None if target is None else _estimate_text(estimator, function, target, args)


def _estimate_text(
    estimator: Estimator, function: str, target: Node, args: Sequence[Node]
) -> CallCost | None:
    from reconcile.cel.cost_estimate import CallCost

    text = estimator.size_of_node(target)
    if function in _READ:
        return CallCost(text.times(STRING_FACTOR), text)
    if function == "replace" and len(args) >= 2:
        size = _replaced(text, estimator.size_of_node(args[0]), estimator.size_of_node(args[1]))
        return CallCost(text.times(2 * STRING_FACTOR), size)
    if function == "split":
        most = text.max
        if len(args) > 1 and isinstance(args[1].expr, Literal) and type(args[1].expr.value) is int:
            most = args[1].expr.value & UNBOUNDED
        return CallCost(text.times(2 * STRING_FACTOR), Range(0, most))
    if function == "join":
        size = _joined(estimator, target, text, args)
        return CallCost(size.times(STRING_FACTOR), size)
    if function in ("find", "findAll") and args:
        pattern = estimator.size_of_node(args[0]).times(REGEX_FACTOR)
        return CallCost((text + ONE).times(STRING_FACTOR) * pattern, Range(0, text.max))
    return None


def _element(target: Node) -> Node | None:
    """The elements of a list."""
    from reconcile.cel.cost_estimate import Node

    if not target.type.parameters:
        return None
    path = (*target.path, "@items") if target.path else ()
    return Node(target.type.parameters[0], path)


def _traversal(estimator: Estimator, target: Node) -> Range:
    size = estimator.size_of_node(target)
    element = _element(target)
    if element is None:
        return size.times(STRING_FACTOR)
    each = ONE
    if element.type.kind in (Kind.STRING, Kind.BYTES):
        each += estimator.size_of_node(element).times(STRING_FACTOR)
    return size * each


def _contains(estimator: Estimator, function: str, overload: str, other: Node) -> Range:
    address = Range(4, 16)
    cost = (address + address).times(STRING_FACTOR)
    if function == "containsCIDR":
        cost = cost + address.times(STRING_FACTOR) + ONE
    if overload in ("cidr_contains_ip_string", "cidr_contains_cidr_string"):
        cost += estimator.size_of_node(other).times(STRING_FACTOR)
    return cost


def _estimate_equality(left: Node, right: Node) -> CallCost | None:
    from reconcile.cel.cost_estimate import CallCost

    if left.type.name != right.type.name:
        return None
    if left.type in (IP, CIDR, QUANTITY, SEMVER):
        return CallCost(ONE)
    if left.type == FORMAT:
        return CallCost(Range(1, _FORMAT_SIZE).times(STRING_FACTOR))
    if left.type == URL:
        size = right.size or ONE
        return CallCost(Range(1, size.max).times(STRING_FACTOR))
    return None


def _replaced(text: Range, old: Range, new: Range) -> Range:
    """The size of a text with every `old` replaced by `new`."""
    count_max = count_min = kept_max = kept_min = 0
    if old.min == 0:
        # Nothing is replaced between all characters.
        count_max, kept_max = min(text.max + 1, UNBOUNDED), text.max
    elif new.max <= old.min:
        kept_max = text.max
    else:
        count_max = _over(text.max, old.min)
    if old.max == 0:
        count_min, kept_min = min(text.min + 1, UNBOUNDED), text.min
    elif old.max <= new.min:
        kept_min = text.min
    else:
        count_min = _over(text.min, old.max)
    return Range(count_min, count_max) * new + Range(kept_min, kept_max)


def _over(size: int, part: int) -> int:
    return min(math.ceil(float(size) / float(part)), UNBOUNDED)


def _joined(estimator: Estimator, target: Node, count: Range, args: Sequence[Node]) -> Range:
    element = _element(target)
    size = exactly(0) if element is None else count * estimator.size_of_node(element)
    if args:
        between = Range(max(count.min - 1, 0), max(count.max - 1, 0))
        size += estimator.size_of_node(args[0]) * between
    return size


def _estimate_sequence(
    estimator: Estimator, overload: str, target: Node | None, args: Sequence[Node]
) -> CallCost | None:
    """cel-go's sets and lists, which go by overload."""
    from reconcile.cel.cost_estimate import CallCost

    size = estimator.size_of_node
    if overload in _SETS and len(args) == 2:
        return CallCost((size(args[0]) * size(args[1])).times(_SETS[overload]) + ONE)

    def allocating(factor: float, found: Range) -> CallCost:
        return CallCost(found.times(factor) + ONE + exactly(LIST_COST), found)

    if overload == "lists_range" and len(args) == 1:
        return allocating(1, exactly(_literal_int(args[0], UNBOUNDED)))
    if target is None:
        return None
    if overload == "list_slice" and len(args) == 2:
        start, end = _literal_int(args[0], 0), _literal_int(args[1], size(target).max)
        return allocating(1, exactly((end - start) & UNBOUNDED))
    if overload == "list_reverse":
        return allocating(1, size(target))
    if overload in ("list_flatten", "list_flatten_int"):
        return allocating(_literal_int(args[0], UNBOUNDED) if args else 1, size(target))
    if overload == "list_distinct":
        return allocating(2, size(target) * size(target))
    if overload.endswith(("_sort", "_sortByAssociatedKeys")):
        found = size(target) if overload.endswith("_sort") else size(args[0])
        of_text = overload.startswith(("list_string_", "list_bytes_"))
        return allocating(2 + STRING_FACTOR if of_text else 2, found * found)
    return None


_SETS = {"list_sets_contains_list": 1, "list_sets_intersects_list": 1, "list_sets_equivalent_list": 2}


def _literal_int(node: Node, otherwise: int) -> int:
    if not isinstance(node.expr, Literal) or type(node.expr.value) is not int:
        return otherwise
    return max(node.expr.value, 0)


# Tracking


def tracker(function: str, overload: str) -> Tracker | None:
    """How a call is tracked as it is evaluated; None where it costs 1.

    Args:
        overload: the overload, or empty where several were possible.
    """
    found = _sequence_tracker(overload)
    if found is not None:
        return found
    if function == "check":
        return lambda args, result: _CHECK
    if function in _NOMINAL or overload == "cidr_ip":
        return None
    if function in _TRAVERSALS:
        return lambda args, result: _traversed(args[0])
    if function in _READ or function in _PARSED or function in ("url", "ip"):
        return lambda args, result: read_cost(size_of(args[0]))
    if function in ("replace", "split", "ip.isCanonical"):
        return lambda args, result: _read_twice(size_of(args[0]))
    if function == "join":
        return lambda args, result: _read_twice(size_of(result))
    if function in ("find", "findAll"):
        return _found
    if function == "containsIP":
        return _contained_ip(overload)
    if function == "containsCIDR":
        return _contained_cidr(overload)
    if function == "validate":
        return _validated
    if function == "_==_":
        return _equal
    return standard_tracker(overload)


def _read_twice(size: int) -> int:
    return math.ceil(size * 2 * STRING_FACTOR)


def _traversed(value: Any) -> int:
    if isinstance(value, str):
        return int(float(len(value.encode())) * STRING_FACTOR)
    if isinstance(value, bytes):
        return int(float(len(value)) * STRING_FACTOR)
    if isinstance(value, ListValue):
        return sum(_traversed(item) for item in value)
    if isinstance(value, MapValue):
        return sum(_traversed(key) + _traversed((value.find(key) or (None,))[0]) for key in value)
    return 1


def _found(args: Sequence[Any], result: Any) -> int:
    pattern = math.ceil(size_of(args[1]) * REGEX_FACTOR)
    return math.ceil((1.0 + size_of(args[0])) * STRING_FACTOR) * pattern


def _contained_ip(overload: str) -> Tracker:
    def track(args: Sequence[Any], result: Any) -> int:
        cost = read_cost(2 * size_of(args[0]))
        return cost + read_cost(size_of(args[1])) if overload == "cidr_contains_ip_string" else cost

    return track


def _contained_cidr(overload: str) -> Tracker:
    def track(args: Sequence[Any], result: Any) -> int:
        cost = read_cost(2 * size_of(args[0])) + read_cost(size_of(args[0])) + 1
        return cost + read_cost(size_of(args[1])) if overload == "cidr_contains_cidr_string" else cost

    return track


def _validated(args: Sequence[Any], result: Any) -> int:
    format, text = args
    if not isinstance(format, Opaque) or format.type != FORMAT:
        return 1
    pattern = math.ceil(format.value.pattern_size * REGEX_FACTOR)
    return math.ceil((1.0 + size_of(text)) * STRING_FACTOR) * pattern


def _equal(args: Sequence[Any], result: Any) -> int:
    left, right = args
    if isinstance(left, Opaque):
        return 1
    kind = type(left)
    if (kind is int or kind is bool) and type(right) is kind:
        return 1
    compared = standard_tracker("equals")
    assert compared is not None
    return compared(args, result)


def _sequence_tracker(overload: str) -> Tracker | None:
    if overload in _SETS:
        factor = _SETS[overload]
        return lambda args, result: 1 + size_of(args[0]) * size_of(args[1]) * factor
    if overload in ("list_slice", "lists_range", "list_reverse"):
        return lambda args, result: _allocated(1, size_of(result))
    if overload in ("list_flatten", "list_flatten_int"):
        return lambda args, result: _allocated(args[1] if len(args) == 2 else 1, size_of(args[0]))
    if overload.startswith("list_") and (overload.endswith("_sort") or overload == "list_distinct"):
        return lambda args, result: _self_compared(args[0])
    if overload.endswith("_sortByAssociatedKeys"):
        return lambda args, result: _self_compared(args[1])
    return None


def _allocated(factor: float, size: int) -> int:
    return int(float(size) * factor) + 1 + LIST_COST


def _self_compared(values: Any) -> int:
    size = size_of(values)
    if not isinstance(values, ListValue) or not size:
        return _allocated(2, 0)
    factor = 2 + STRING_FACTOR if isinstance(values.at(0), str | bytes) else 2
    return _allocated(factor, size * size)
