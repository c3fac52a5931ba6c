"""The cluster that all peers watch: a real etcd and kube-apiserver, filled with pods."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, BenchmarkError, Process
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

_ALL_PODS = "/api/v1/pods"


@dataclass(frozen=True)
class Tools:
    """The programs of `benchmarks/clientgo`, built."""

    informer: Path
    load: Path


@dataclass(frozen=True)
class Floor:
    """One LIST of all pods by curl: seconds of wall time and CPU, bytes of the answer."""

    seconds: float
    cpu: float
    bytes: int


class Cluster:
    """A running control plane and what there is in it."""

    def __init__(self, plane: ControlPlane, tools: Tools, apps: int) -> None:
        self.plane = plane
        self.tools = tools
        self.apps = apps
        self.objects = 0
        self.seeded: dict[str, Any] = {}

    def seed(self, objects: int) -> None:
        """Writes pods 0 to `objects` - 1; those that are there already are written anew."""
        done = subprocess.run(
            [*self._load(), f"--objects={objects}"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BenchmarkError(f"the cluster could not be filled: {done.stderr.strip()}")
        self.objects = objects
        self.seeded = json.loads(done.stdout)
        # The server's watch cache has to have it all before anybody's list is timed.
        self.list_with_curl()

    def churn(self, rate: float) -> Process:
        """A process that changes the status of the pods in turn: as many as each line that is sent says.

        `rate` is in changes a second, 0 for no limit. It answers each line with `made`.
        """
        return Process([*self._load(), f"--objects={self.objects}", "--change", f"--rate={rate}"], os.environ)

    def list_with_curl(self) -> Floor:
        """One LIST of all pods with curl over HTTP/1.1, TLS and the administrator's certificate."""
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [
                # curl would speak HTTP/2, which is slower here, and the server answers its user agent with
                # indented JSON.
                "curl", "--http1.1", "--silent", "--show-error", "--fail", "--user-agent", "x",
                "--cacert", str(self.plane.ca_certificate),
                "--cert", str(self.plane.admin_certificate), "--key", str(self.plane.admin_key),
                "--output", os.devnull, "--write-out", "%{size_download}", self.plane.url + _ALL_PODS,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            failed = self.plane.processes["kube-apiserver"].failed("did not serve the list of pods")
            raise BenchmarkError(f"curl could not list the pods: {done.stderr.strip()}; {failed}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Floor(seconds=seconds, cpu=cpu, bytes=int(done.stdout))

    def _load(self) -> list[str]:
        return [str(self.tools.load), f"--etcd={self.plane.etcd.address}", f"--apps={self.apps}"]


@contextmanager
def running_cluster(apps: int) -> Generator[Cluster]:
    """A control plane of its own, and the Go programs, for as long as the `with` statement."""
    with (
        tempfile.TemporaryDirectory(prefix="reconcile-benchmarks-") as directory,
        ControlPlane(ControlPlaneOptions()) as plane,
    ):
        yield Cluster(plane, _build(Path(directory)), apps)


def _build(directory: Path) -> Tools:
    go = shutil.which("go")
    if go is None:
        raise BenchmarkError("client-go's programs are built with Go, and there is no `go` in PATH")
    # With the flags of tools/controlplane, so that Go's build cache serves both.
    done = subprocess.run(
        [go, "build", "-trimpath", "-buildvcs=false", "-o", f"{directory}{os.sep}", "./..."],
        cwd=ROOT / "benchmarks" / "clientgo",
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"benchmarks/clientgo does not build: {done.stderr.strip()}")
    return Tools(informer=directory / "informer", load=directory / "load")
