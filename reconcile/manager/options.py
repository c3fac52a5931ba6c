"""What can be set on a manager."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from reconcile.informers.options import InformerOptions


@dataclass(frozen=True, slots=True)
class ManagerOptions:
    """How a manager runs.

    Attributes:
        graceful_shutdown_timeout: seconds that reconciles and runnables have to end after a stop was
            asked for; then they are cancelled. Default 30; 0 cancels at once, None waits for ever.
        log_format: `json`, `console`, or `auto` (the default): console on a terminal, JSON elsewhere.
        log_level: lowest level that is written: `debug`, `info`, `warning` or `error`. Default `info`.
        connect_timeout: seconds within which the API server must answer a first request at the start; then
            `start` fails, naming the server. Default 10; None asks nothing and waits for the caches.
        event_flush_timeout: seconds that recorded events have to be written at the end. Default 5.
        read_your_writes: whether reads of the cache show this process's own writes at once, before the watch
            brings them. Default True; `cache.bare` reads without it.
        informers: how every informer lists, watches and backs off.
        use_uvloop: whether `run` takes uvloop's event loop when it is installed. Default True.
        collect_when_idle: whether `run`, and `reconcile run`, move full garbage collections, which stop
            everything for tens of milliseconds, to moments without work. Default True. Never touched by
            `start`: the collector belongs to the process.
    """

    graceful_shutdown_timeout: float | None = 30.0
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    connect_timeout: float | None = 10.0
    event_flush_timeout: float = 5.0
    read_your_writes: bool = True
    informers: InformerOptions = field(default_factory=InformerOptions)
    use_uvloop: bool = True
    collect_when_idle: bool = True
