"""The manager's logger: structlog without its global configuration, with the runtime's clock."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

from reconcile.controllers.logs import Logger, add_attribution
from reconcile.runtime import Runtime

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def make_logger(
    runtime: Runtime,
    *,
    format: Literal["auto", "json", "console"] = "auto",
    level: Literal["debug", "info", "warning", "error"] = "info",
    stream: TextIO | None = None,
) -> Logger:
    """A logger that writes one line an event to `stream` (standard error by default)."""
    import structlog
    import structlog.tracebacks

    out = sys.stderr if stream is None else stream
    if format == "auto":
        format = "console" if out.isatty() else "json"

    def add_time(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["time"] = runtime.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event

    processors: list[Any] = [add_attribution, structlog.processors.add_log_level, add_time]
    if format == "json":
        processors += [
            # Without the frames' variables: they may hold secrets, and would make kilobytes of every line.
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(sort_keys=False, default=str),
        ]
    else:
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(),
                timestamp_key="time",
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
    return structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        context_class=dict,
    )
