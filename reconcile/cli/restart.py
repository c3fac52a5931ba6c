"""`reconcile run --dev`: the operator in a child process that is started anew when its files change."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CHILD = "RECONCILE_DEV_CHILD"
"""Set in the child's environment, so that it runs the operator and no child of its own."""

_LOOK = 0.5
_SETTLE = 0.2

Snapshot = Mapping[str, tuple[int, int]]


def run_restarting(directory: Path) -> int:
    """Run this very command as a child, again and again, until a signal or until it ends by itself well.

    A child that fails is not started again before a file changes: its message stands on the terminal.
    """
    print(f"watching {directory}: the operator restarts when a file changes", file=sys.stderr, flush=True)
    stop = _StopSignals()
    while not stop.wait(0):
        seen = files_in(directory)
        child = subprocess.Popen(
            [sys.executable, "-m", "reconcile.cli", *sys.argv[1:]],
            env={**os.environ, CHILD: "1"},
            start_new_session=True,
        )
        try:
            while not stop.wait(_LOOK) and files_in(directory) == seen:
                if child.poll() == 0:
                    return 0
            # An editor writes in steps: let it finish.
            stop.wait(_SETTLE)
        finally:
            _end(child)
        if not stop.wait(0):
            print("a file changed: restarting", file=sys.stderr, flush=True)
    return 130


def files_in(directory: Path) -> Snapshot:
    """Time and size of every Python file below a folder."""
    found: dict[str, tuple[int, int]] = {}
    for path in sorted(directory.rglob("*.py")):
        try:
            status = path.stat()
        except OSError:
            # It went between listing and looking.
            continue
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


class _StopSignals:
    """SIGINT and SIGTERM, waited for through a socket: they wake a wait at once, wherever they arrive."""

    def __init__(self) -> None:
        self._arrived, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: None)

    def wait(self, seconds: float) -> bool:
        """Whether one has arrived, within these seconds at the latest."""
        return bool(select.select([self._arrived], [], [], seconds)[0])


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=35)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
