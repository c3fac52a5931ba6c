"""`reconcile run` and signals, as a process: the first one drains, the second one aborts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

OPERATOR = """
import asyncio
from reconcile import ConfigurationError, NotFoundError, ObjectReconciler
from reconcile.api.core.v1 import Namespace


class Slow(ObjectReconciler[Namespace]):
    name = "slow"

    async def reconcile(self, namespace, /):
        if namespace.metadata.name != "default":
            return
        print("reconciling", flush=True)
        try:
            await asyncio.sleep(SECONDS)
        except asyncio.CancelledError:
            print("cancelled", flush=True)
            raise
        found = await self.client.get(Namespace, "default")
        print("finished", found.metadata.name, flush=True)


def setup(manager):
    manager.add(Slow())
"""


@contextmanager
def running(folder: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """An operator on an embedded server, in the middle of a reconcile."""
    file = folder / "slow_operator.py"
    file.write_text(OPERATOR.replace("SECONDS", str(seconds)))
    process = subprocess.Popen(
        [sys.executable, "-m", "reconcile.cli", "run", str(file), "--embedded"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("reconciling"):
                break
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_reconcile_under_way_finish(tmp_path: Path, number: int) -> None:
    with running(tmp_path, 1.0) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "finished default", "it could still read and write while draining"
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_the_second_signal_cancels_it(tmp_path: Path) -> None:
    with running(tmp_path, 300.0) as process:
        process.send_signal(signal.SIGTERM)
        # Signals of one number that come together are one signal.
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "cancelled"
    assert process.returncode == 1, err
    assert "Traceback" not in err and "aborted" in err.splitlines()[-1]


def test_health_and_metrics_are_served_where_asked(tmp_path: Path) -> None:
    file = tmp_path / "operator.py"
    file.write_text("def setup(manager):\n    pass\n")
    command = [sys.executable, "-m", "reconcile.cli", "run", str(file), "--embedded"]
    addresses = ["--health-address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0"]
    process = subprocess.Popen([*command, *addresses], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        serving = next(json.loads(line) for line in process.stderr if '"serving"' in line)
        with urllib.request.urlopen(f"http://{serving['address']}/healthz", timeout=10) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://{serving['address']}/metrics", timeout=10) as answer:
            assert b"rest_client_requests_total" in answer.read()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
