"""What a user did wrong, or met, is one clear line on standard error and a status; never a traceback.

    0   it worked
    1   it did not: the cluster, a step, a file
    2   it could not be tried: options, names, files that are wrong

A programming error keeps its traceback: it is ours.
"""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, cast

import click

from reconcile.errors import APIError, ConfigurationError, ReconcileError, TransportError

P = ParamSpec("P")


class CommandError(Exception):
    """A command cannot go on; the text is the line that the user reads."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def explained(command: Callable[P, int]) -> Callable[P, None]:
    """Turn a command's exceptions into a line and a status, and its result into the exit status."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
        except KeyboardInterrupt:
            status = 130
        except ExceptionGroup as group:
            status = _tell(_first(group))
        except Exception as error:
            status = _tell(error)
        # click's own exit: flushes, and is what its test runner understands.
        click.get_current_context().exit(status)

    return wrapper


def _first(group: ExceptionGroup[Exception]) -> Exception:
    first: Exception | ExceptionGroup[Exception] = group
    while isinstance(first, ExceptionGroup):
        first = cast("ExceptionGroup[Exception]", first).exceptions[0]
    return first


def _tell(error: BaseException) -> int:
    explanation = explain(error)
    if explanation is None:
        raise error
    message, status = explanation
    print(f"reconcile: {message}", file=sys.stderr)
    return status


def explain(error: BaseException) -> tuple[str, int] | None:
    """The line and the status for an error; None for one that is a defect of this program."""
    if isinstance(error, CommandError):
        return str(error), error.status
    if isinstance(error, ConfigurationError):
        return str(error), 2
    if isinstance(error, TransportError):
        return f"the cluster cannot be reached: {error}", 1
    if isinstance(error, APIError):
        return str(error), 1
    if isinstance(error, ReconcileError):
        return str(error), 1
    if isinstance(error, OSError) and error.errno is not None:
        return _os_error(error), 1
    return None


def _os_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}no space left on the disk"
    return f"{where}{error.strerror}"
