"""Comprehensions as loops. `all` and `exists` have loops of their own; the others go by their parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reconcile.cel.attributes import Frame, Run
from reconcile.cel.failure import Cancelled, Failure, no_such_overload
from reconcile.cel.syntax import ACCUMULATOR, Call, Comprehension, Ident, Literal
from reconcile.cel.values import ListValue, MapValue, go_name

if TYPE_CHECKING:
    from reconcile.cel.compiler import Compiler, Plan


class _Unset:
    """In the place of a value that was not asked for yet."""


_UNSET = _Unset()


def fold(compiler: Compiler, expr: Comprehension) -> Plan:
    from reconcile.cel.compiler import Plan

    initial = compiler.plan(expr.initial)
    over = compiler.plan(expr.range).run
    accumulator = compiler.slot()
    first = compiler.slot()
    second = compiler.slot() if expr.variable2 else 0
    compiler.scopes.append({expr.accumulator: _running(accumulator, initial.run)})
    loop: dict[str, Run | int] = {expr.variable: first}
    if second:
        loop[expr.variable2] = second
    compiler.scopes.append(loop)
    quantified = _quantified(expr)
    if quantified is not None:
        kind, body = quantified
        predicate = compiler.plan(body).run
        compiler.scopes.pop()
        compiler.scopes.pop()
        make = _all if kind == "all" else _exists
        return Plan(make(over, predicate, first, second))
    condition = compiler.plan(expr.condition)
    step = compiler.plan(expr.step).run
    compiler.scopes.pop()
    result = compiler.plan(expr.result).run
    compiler.scopes.pop()
    fresh = _fresh(initial)
    never = condition.constant is not None and condition.constant[0] is True
    test = None if never else condition.run
    return Plan(_loop(over, accumulator, fresh, (first, second), test, step, result))


def _running(slot: int, initial: Run) -> Run:
    """Reads the value so far: made when it is first asked for, and a failure if a step failed."""

    def read(frame: Frame) -> Any:
        value = frame[slot]
        if value is _UNSET:
            value = frame[slot] = initial(frame)
        if type(value) is Failure:
            raise value
        return value

    return read


def _fresh(initial: Plan) -> Any:
    """What the value begins as, anew for each loop: lists and maps grow in place."""
    if initial.constant is None:
        return lambda: _UNSET
    value = initial.constant[0]
    if type(value) is ListValue:
        return lambda: ListValue(list(value.items))
    if type(value) is MapValue:
        return lambda: MapValue(dict(value.entries))
    return lambda: value


def _loop(
    over: Run,
    accumulator: int,
    fresh: Any,
    slots: tuple[int, int],
    condition: Run | None,
    step: Run,
    result: Run,
) -> Run:
    first, second = slots

    def run(frame: Frame) -> Any:
        items = _items(over(frame), bool(second))
        limit = frame[1]
        # A loop within a loop of the same expression begins anew each time.
        frame[accumulator] = fresh()
        for item in items:
            if second:
                frame[first], frame[second] = item
            else:
                frame[first] = item
            if condition is not None and _ends(condition, frame):
                break
            try:
                frame[accumulator] = step(frame)
            except Failure as failure:
                frame[accumulator] = failure
            if frame[0] > limit:
                raise Cancelled
        return result(frame)

    return run


def _ends(condition: Run, frame: Frame) -> bool:
    try:
        return condition(frame) is False
    except Failure:
        return False


def _quantified(expr: Comprehension) -> tuple[str, Any] | None:
    """The predicate of `all` or `exists`, when it is one of them."""
    step, initial = expr.step, expr.initial
    if (
        expr.accumulator != ACCUMULATOR
        or not isinstance(step, Call)
        or not isinstance(initial, Literal)
        or not isinstance(expr.result, Ident)
        or not step.args
        or not isinstance(step.args[0], Ident)
        or step.args[0].name != ACCUMULATOR
    ):
        return None
    if step.function == "_&&_" and initial.value is True:
        return "all", step.args[1]
    if step.function == "_||_" and initial.value is False:
        return "exists", step.args[1]
    return None


_ALL_ROUND = 3
"""`all`, each round: the value so far read twice, and tested."""
_EXISTS_ROUND = 4
"""`exists`, each round: the same, and negated."""


def _all(over: Run, predicate: Run, first: int, second: int) -> Run:
    return _search(over, predicate, first, second, stop=False, round_cost=_ALL_ROUND)


def _exists(over: Run, predicate: Run, first: int, second: int) -> Run:
    return _search(over, predicate, first, second, stop=True, round_cost=_EXISTS_ROUND)


def _search(over: Run, predicate: Run, first: int, second: int, *, stop: bool, round_cost: int) -> Run:
    """Goes on until the predicate is `stop`; a failure counts only if it never is."""

    def run(frame: Frame) -> bool:
        items = iter(_items(over(frame), bool(second)))
        limit = frame[1]
        failed: Failure | None = None
        for item in items:
            if second:
                frame[first], frame[second] = item
            else:
                frame[first] = item
            frame[0] += round_cost
            try:
                found = predicate(frame)
            except Failure as failure:
                failed = failed or failure
            else:
                if found is stop:
                    # The value is tested once more where another element would follow.
                    frame[0] += 1
                    for _ in items:
                        frame[0] += round_cost - 1
                        break
                    return stop
                if type(found) is not bool:
                    failed = failed or no_such_overload()
            if frame[0] > limit:
                raise Cancelled
        frame[0] += 1
        if failed is not None:
            raise failed
        return not stop

    return run


def _items(value: Any, pairs: bool) -> Iterable[Any]:
    """What a loop goes over: elements, keys, or pairs."""
    if isinstance(value, ListValue):
        return enumerate(value) if pairs else value
    if isinstance(value, MapValue):
        return [(key, (value.find(key) or (None,))[0]) for key in value] if pairs else value
    name = go_name(value)
    if pairs:
        raise Failure(f"unsupported comprehension range type: {name}")
    raise Failure(f"got '{name}', expected iterable type")
