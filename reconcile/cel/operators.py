"""Calls as closures: their arguments, their work, their cost. A call whose argument failed costs too, where
cel-go counts it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from reconcile.cel.attributes import Frame, Run
from reconcile.cel.equality import equal
from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.library_costs import tracker
from reconcile.cel.standard_costs import Tracker


class _Failed:
    """In the place of a value that there is none of; it counts as one element."""


_FAILED = _Failed()


def unary(arg: Run, work: Callable[..., Any], track: Tracker | None) -> Run:
    if track is None:

        def simple(frame: Frame) -> Any:
            frame[0] += 1
            return work(arg(frame))

        return simple

    def run(frame: Frame) -> Any:
        try:
            value = arg(frame)
        except Failure:
            frame[0] += _tracked(track, (_FAILED,), _FAILED)
            raise
        return _worked(frame, work, (value,), track)

    return run


def binary(left: Run, right: Run, work: Callable[..., Any], track: Tracker | None) -> Run:
    if track is None:

        def simple(frame: Frame) -> Any:
            frame[0] += 1
            try:
                one = left(frame)
            except Failure:
                with contextlib.suppress(Failure):
                    right(frame)
                raise
            return work(one, right(frame))

        return simple

    def run(frame: Frame) -> Any:
        return _worked(frame, work, _both(frame, left, right, track), track)

    return run


def _both(frame: Frame, left: Run, right: Run, track: Tracker) -> tuple[Any, Any]:
    """Both sides; where one fails the other is evaluated all the same, and counted."""
    try:
        one = left(frame)
    except Failure:
        other: Any = _FAILED
        with contextlib.suppress(Failure):
            other = right(frame)
        frame[0] += _tracked(track, (_FAILED, other), _FAILED)
        raise
    try:
        return one, right(frame)
    except Failure:
        frame[0] += _tracked(track, (one, _FAILED), _FAILED)
        raise


def variadic(args: Sequence[Run], work: Callable[..., Any], track: Tracker | None) -> Run:
    """A call that ends at the first argument that fails; it costs something only if that was the last."""

    def run(frame: Frame) -> Any:
        values: list[Any] = []
        try:
            values.extend(arg(frame) for arg in args)
        except Failure:
            if len(values) + 1 == len(args):
                values.append(_FAILED)
                frame[0] += 1 if track is None else _tracked(track, values, _FAILED)
            raise
        return _worked(frame, work, values, track)

    return run


def _worked(frame: Frame, work: Callable[..., Any], values: Sequence[Any], track: Tracker | None) -> Any:
    try:
        result = work(*values)
    except Failure:
        frame[0] += 1 if track is None else _tracked(track, values, _FAILED)
        raise
    frame[0] += 1 if track is None else track(values, result)
    return result


def _tracked(track: Tracker, values: Sequence[Any], result: Any) -> int:
    try:
        return track(values, result)
    except (TypeError, AttributeError):
        return 1


def equality(left: Run, right: Run) -> Run:
    track = tracker("_==_", "equals")
    assert track is not None

    def run(frame: Frame) -> bool:
        one, other = _both(frame, left, right, track)
        frame[0] += track((one, other), None)
        return equal(one, other)

    return run


def inequality(left: Run, right: Run) -> Run:
    track = tracker("_!=_", "not_equals")
    assert track is not None

    def run(frame: Frame) -> bool:
        one, other = _both(frame, left, right, track)
        frame[0] += track((one, other), None)
        try:
            return not equal(one, other)
        except Failure:
            return True

    return run


def logical_and(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        failed: Failure | None = None
        try:
            one = left(frame)
            if one is False:
                return False
            if one is not True:
                failed = no_such_overload()
        except Failure as failure:
            failed = failure
        try:
            other = right(frame)
        except Failure as failure:
            raise failed or failure from None
        if other is False:
            return False
        if failed is not None:
            raise failed
        if other is not True:
            raise no_such_overload()
        return True

    return run


def logical_or(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> bool:
        failed: Failure | None = None
        try:
            one = left(frame)
            if one is True:
                return True
            if one is not False:
                failed = no_such_overload()
        except Failure as failure:
            failed = failure
        try:
            other = right(frame)
        except Failure as failure:
            raise failed or failure from None
        if other is True:
            return True
        if failed is not None:
            raise failed
        if other is not False:
            raise no_such_overload()
        return False

    return run
