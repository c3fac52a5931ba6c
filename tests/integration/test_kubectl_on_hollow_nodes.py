"""`reconcile run examples/operators --embedded`, and kubectl asks its pods for logs and commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from helpers.kubectl import Kubectl

from reconcile.cli.embedded import kubeconfig_for
from reconcile.cli.locate import examples_directory
from reconcile.testing.control_plane.build import ensure_binaries
from reconcile.testing.requirements import require

pytestmark = pytest.mark.real_time

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web",
        "annotations": {
            "hollow.example.com/log": "listening on :8080\nGET / 200",
            "hollow.example.com/exec": "hostname: web-1\nfail: {code: 3}",
        },
    },
    "spec": {"containers": [{"name": "main", "image": "example.com/web:1"}]},
}


@contextmanager
def run_embedded() -> Iterator[str]:
    """All example operators on an embedded server; its address."""
    command = [sys.executable, "-m", "reconcile.cli", "run", str(examples_directory() / "operators")]
    process = subprocess.Popen(
        [*command, "--embedded"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        url = next(line.split()[-1] for line in process.stdout if "embedded API server at" in line)
        # What it logs from now on must not fill the pipe.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield url
    finally:
        process.kill()
        process.wait()


def test_kubectl_sees_the_logs_of_hollow_pods_and_runs_commands_in_them(tmp_path: Path) -> None:
    require("controlplane")
    with run_embedded() as url:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(kubeconfig_for(url))
        kubectl = Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}}
        kubectl("apply", "-f-", stdin=yaml.safe_dump_all([node, POD]))
        with kubectl.start("wait", "pod/web", "--for=condition=Ready", "--timeout=170s") as ready:
            assert ready.wait(180) == 0
        assert kubectl("logs", "web") == "listening on :8080\nGET / 200\n"
        assert kubectl("logs", "web", "--tail=1") == "GET / 200\n"
        assert "previous terminated container" in kubectl("logs", "web", "--previous", good=False)
        assert kubectl("exec", "web", "--", "hostname") == "web-1\n"
        assert "exit code 3" in kubectl("exec", "web", "--", "fail", good=False)
        phase = kubectl("get", "pod", "web", "-o", "json")
        assert json.loads(phase)["status"]["phase"] == "Running"
