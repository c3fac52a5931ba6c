"""Operator processes that start in a moment: forks of one process that has imported everything.

test ──a line of JSON──▶ this file, run as a program ──fork──▶ operator, operator, …
     ◀─started, ended──
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from helpers.leadership_operator import OperatorConfig

_PR_SET_PDEATHSIG = 1
_HERE = Path(__file__).resolve()


class Fork:
    """One operator process.

    Attributes:
        config: what it was started with.
        pid: its number.
        ended: done when it has ended; the status as `os.waitstatus_to_exitcode` has it.
    """

    def __init__(self, config: OperatorConfig) -> None:
        loop = asyncio.get_running_loop()
        self.config = config
        self.pid = 0
        self.started: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where the process has ended."""
        if not self.ended.done():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


class ForkServer:
    """Starts operator processes; an async context manager. All of them end with it."""

    def __init__(self) -> None:
        self._forks: dict[str, Fork] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_HERE),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_HERE.parent.parent)},
        )
        self._reader = asyncio.create_task(self._read(), name="fork server")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None and self._process.stdin is not None and self._reader is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def start(self, config: OperatorConfig) -> Fork:
        """A new process; returns when it exists."""
        assert self._process is not None and self._process.stdin is not None
        fork = self._forks[config.identity] = Fork(config)
        self._process.stdin.write(json.dumps(asdict(config)).encode() + b"\n")
        await self._process.stdin.drain()
        await fork.started
        return fork

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            fork = self._forks[message["identity"]]
            if "pid" in message:
                fork.pid = message["pid"]
                fork.started.set_result(None)
            else:
                fork.ended.set_result(message["status"])
        for fork in self._forks.values():
            for future in (fork.started, fork.ended):
                if not future.done():
                    future.cancel()


def serve(run: Callable[[Any], None], parse: Callable[[dict[str, Any]], Any]) -> None:
    """Fork one process for each line of the standard input, until its end; then end them all."""
    gc.collect()
    gc.freeze()
    alive: dict[int, str] = {}
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ)
    waiting.register(wake_read, selectors.EVENT_READ)
    pending = b""
    while True:
        ready = [key.fd for key, _ in waiting.select()]
        if wake_read in ready:
            os.read(wake_read, 4096)
        for pid, status in _ended(alive):
            _say(identity=alive.pop(pid), status=status)
        if 0 not in ready:
            continue
        piece = os.read(0, 1 << 16)
        if not piece:
            break
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            config = json.loads(line)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _become(run, parse(config), config["log"])
            alive[pid] = config["identity"]
            _say(identity=config["identity"], pid=pid)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    for pid in alive:
        os.waitpid(pid, 0)


def _ended(alive: dict[int, str]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for pid in alive:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            found.append((pid, os.waitstatus_to_exitcode(status)))
    return found


def _become(run: Callable[[Any], None], config: Any, log: str) -> None:
    status = 1
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        output = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        run(config)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _say(**message: Any) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def _main() -> None:
    import aiohttp  # noqa: F401
    from helpers.leadership_operator import OperatorConfig, run_operator

    serve(run_operator, lambda config: OperatorConfig(**config))


if __name__ == "__main__":
    _main()
