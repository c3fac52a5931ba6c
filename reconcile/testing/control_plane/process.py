"""Processes that never outlive the one that started them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconcile.testing.control_plane import launch
from reconcile.testing.control_plane.errors import ComponentFailedError, ControlPlaneError

_POLL_SECONDS = 0.03
_LOG_TAIL_LINES = 20
_LOG_TAIL_BYTES = 64 * 1024


class Spawner:
    """Starts processes from one thread that lives as long as they may.

    Linux ties a child to the thread that started it, not to the process: a child started from a pool's worker
    would die with that worker. `close` ends the thread, and with it every child that still runs.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="control-plane-spawner")

    def spawn(self, name: str, command: Sequence[str], log: Path) -> "ComponentProcess":
        """Starts `command` (its first item an absolute path); output is appended to `log`."""
        log_start = log.stat().st_size if log.exists() else 0
        return ComponentProcess(name, self._thread.submit(_popen, command, log).result(), log, log_start)

    def close(self) -> None:
        """Ends the thread; idempotent."""
        self._thread.shutdown()


class ComponentProcess:
    """One running component and its log."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path, log_start: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._log_start = log_start

    @property
    def pid(self) -> int:
        """The operating system's number of the process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    def log_tail(self) -> list[str]:
        """The last lines that this process wrote, oldest first."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return []
        return text.splitlines()[-_LOG_TAIL_LINES:]

    def failed(self, problem: str) -> ComponentFailedError:
        """An error about this component with its last lines."""
        return ComponentFailedError(self.name, problem, self.log_tail())

    def wait_until_ready(self, ready: Callable[[], bool], timeout: float, aborted: threading.Event) -> None:
        """Asks `ready` again and again until it holds.

        Raises `ComponentFailedError` if the process ends, or is not ready within `timeout` seconds, and
        `ControlPlaneError` if `aborted` is set meanwhile.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if (status := self.returncode) is not None:
                raise self.failed(f"ended with status {status}")
            if time.monotonic() > deadline:
                raise self.failed(f"was not ready within {timeout:g} s")
            if aborted.wait(_POLL_SECONDS):
                raise ControlPlaneError(f"the control plane was stopped while {self.name} started")

    def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds (0: SIGKILL at once). Returns when it has ended."""
        if grace > 0:
            self._process.terminate()
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                pass
            else:
                return
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal: SIGSTOP and SIGCONT freeze and thaw a component, as a stalled machine would."""
        self._process.send_signal(number)


def _popen(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    launcher = [sys.executable, "-I", "-S", str(launch.__file__), str(os.getpid())]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Control-C at a terminal reaches the foreground's whole group; the components must outlast the
            # test that is being interrupted, which stops them itself.
            start_new_session=True,
        )
