"""What the driver and the process of a peer say to each other; the side of the peers written in Python.

The driver writes commands, a line each; the peer answers with a JSON object a line, which says what the
process has used so far: `cpu` (seconds, user and system, all threads), `rss` and `peak` (bytes), `events`
(calls of the handler), `version` (the newest resource version that the handler saw).

    (at first)   {"event": "ready"}: everything imported and configured, nothing asked of the server
    start        {"event": "synced", "seconds": …, "objects": …}: the handler has seen every object
    settle       {"event": "settled"}: garbage is collected and freed memory given back
    read         {"event": "read"}: every object of the cache was read in full, as its typed form, once
    until V      {"event": "reached"}: the handler has seen a resource version of at least V
    mark         {"event": "mark"}
    quit         (ends)
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def arguments() -> argparse.Namespace:
    """`--kubeconfig` and `--objects` (how many there are), as every peer gets them, and `--mode`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--objects", type=int, required=True)
    parser.add_argument("--mode", default="")
    return parser.parse_args()


class Peer:
    """Counts what a handler sees and answers the driver, from a thread that otherwise sleeps.

    Attributes:
        read: reads every object in full; called in the thread that answers. None: the peer cannot.
    """

    def __init__(self) -> None:
        self.read: Callable[[], object] | None = None
        self._events = 0
        self._version = 0
        self._until = 0
        self._start_time = 0.0
        self._output = threading.Lock()

    @property
    def events(self) -> int:
        """Calls of the handler so far."""
        return self._events

    def run(self, main: Callable[[], None]) -> None:
        """Waits for the driver's start, then calls `main` in this thread; ends when the driver says so."""
        started = threading.Event()
        self.serve(started.set)
        started.wait()
        main()
        threading.Event().wait()

    def serve(self, start: Callable[[], object]) -> None:
        """Answers the driver from a thread of its own, which calls `start` when the driver says so."""
        gc.collect()
        threading.Thread(target=self._serve, args=(start,), daemon=True).start()
        self._report("ready")

    def seen(self, version: int) -> None:
        """The handler was called with an object of this resource version."""
        self._events += 1
        if version <= self._version:
            return
        self._version = version
        if self._until and version >= self._until:
            self._arrived()

    def synced(self, objects: int) -> None:
        """The handler has seen all that there was at the start."""
        self._report("synced", seconds=time.perf_counter() - self._start_time, objects=objects)

    def _serve(self, start: Callable[[], object]) -> None:
        for line in sys.stdin:
            command, _, argument = line.strip().partition(" ")
            match command:
                case "start":
                    self._start_time = time.perf_counter()
                    start()
                case "settle":
                    gc.collect()
                    ctypes.CDLL(None).malloc_trim(0)
                    self._report("settled")
                case "read":
                    if self.read is not None:
                        self.read()
                    self._report("read")
                case "until":
                    self._until = int(argument)
                    if self._version >= self._until:
                        self._arrived()
                case "mark":
                    self._report("mark")
                case _:
                    break
        os._exit(0)

    def _arrived(self) -> None:
        # Both the handler's thread and the one that answers may come here; one of them reports.
        with self._output:
            if not self._until:
                return
            self._until = 0
        self._report("reached")

    def _report(self, event: str, **more: Any) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        line: dict[str, Any] = {
            "event": event,
            "events": self._events,
            "version": self._version,
            "cpu": used.ru_utime + used.ru_stime,
            **memory(),
            **more,
        }
        with self._output:
            print(json.dumps(line), flush=True)


def memory() -> dict[str, int]:
    """Resident memory now and at its highest, bytes."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        name: int(fields[field].split()[0]) * 1024 for name, field in (("rss", "VmRSS"), ("peak", "VmHWM"))
    }
