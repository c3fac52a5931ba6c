"""The driver's side of a peer's process: commands in, reports out."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]

_TIMEOUT_SECONDS = 900.0


def end_at_sigterm() -> None:
    """From now on SIGTERM ends this program as an error does: what it has started ends with it."""

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


class BenchmarkError(RuntimeError):
    """A process of the benchmark ended or went silent; the message has the last lines that it wrote."""


@dataclass(frozen=True)
class Report:
    """What a process said, with what it had used until then: seconds and bytes."""

    event: str
    events: int = 0
    version: int = 0
    cpu: float = 0.0
    rss: int = 0
    peak: int = 0
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @staticmethod
    def parse(line: str) -> Report:
        values: dict[str, Any] = json.loads(line)
        known = {name: values.pop(name) for name in Report.__dataclass_fields__ if name in values}
        return Report(**known, more=values)


class Process:
    """A process that speaks `workers/protocol.py`; killed at the end of the `with` statement."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self._command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
        )
        self._reports: queue.Queue[Report | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def pause(self) -> None:
        """Stops it where it is, until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def send(self, line: str) -> None:
        """Writes one line to its standard input; does nothing if it has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
        except (BrokenPipeError, ValueError):
            return

    def wait_for(self, event: str) -> Report:
        """The next report of this name. Raises `BenchmarkError` if the process ends, or says nothing."""
        while True:
            try:
                report = self._reports.get(timeout=_TIMEOUT_SECONDS)
            except queue.Empty:
                raise self._failed(f"did not report {event!r} within {_TIMEOUT_SECONDS:g} s") from None
            if report is None:
                raise self._failed(f"ended before it reported {event!r}")
            if report.event == event:
                return report

    def ask(self, command: str, answer: str) -> Report:
        """Sends a command and waits for its answer."""
        self.send(command)
        return self.wait_for(answer)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith("{"):
                continue
            self._reports.put(Report.parse(line))
        self._reports.put(None)

    def _failed(self, problem: str) -> BenchmarkError:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        tail = self._errors.read().decode(errors="replace").splitlines()[-20:]
        return BenchmarkError("\n".join([f"{' '.join(self._command[:3])} {problem}; it wrote:", *tail]))
