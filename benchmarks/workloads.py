"""Deployments and ReplicaSets: the example controllers beside kube-controller-manager, on one API server.

    python -m benchmarks.workloads                 # 1,000 replicas, 200 Deployments of 10, a roll of 1,000
    python -m benchmarks.workloads --scale 0.05    # a smoke test

Each peer in turn does the same work against one kube-apiserver and etcd: kube-controller-manager with
deployment and replicaset controllers alone and API limits lifted (`--kube-api-qps=10000`), and the two
example controllers in one process. A kube-scheduler and hollow nodes are there for both, the same ones.

- *create*: one Deployment, until all its pods are created
- *many*: Deployments of ten, until all pods are created
- *roll*: a new image for the Deployment (25 % and 25 %), until the rollout is told to be complete

Requests are those that the server's audit log has of the peer, its watches and events included. What the
other processes need of the CPU is told below the table: all of them share the machine with the peer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, BenchmarkError, end_at_sigterm
from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import Node, Pod
from reconcile.client.client import Client
from reconcile.errors import APIError, TransportError
from reconcile.testing.builders import a_deployment, a_node
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions
from reconcile.testing.control_plane.build import ensure_binaries

PEERS = ("kube-controller-manager", "reconcile")
_PATIENCE = 900.0
_STRAGGLERS = 0.5


@dataclass
class Measured:
    """What one peer needed for one piece of work in each run.

    Seconds, its CPU seconds, those of every other process that takes part, requests by kind.
    """

    seconds: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    others: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    requests: list[Counter[str]] = field(default_factory=list[Counter[str]])


def commands(peer: str, plane: ControlPlane, kubeconfig: Path) -> list[str]:
    if peer == "reconcile":
        return [sys.executable, "-m", "benchmarks.workers.reconcile_workloads", f"--kubeconfig={kubeconfig}"]
    return [
        str(ensure_binaries().path("kube-controller-manager")),
        f"--kubeconfig={kubeconfig}",
        "--controllers=deployment-controller,replicaset-controller",
        "--leader-elect=false",
        "--kube-api-qps=10000",
        "--kube-api-burst=20000",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
    ]


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended at the end."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_of_all() -> dict[int, tuple[str, float]]:
    """This process and all it has started: their names and the seconds of CPU that each has used."""
    found: dict[int, tuple[str, float]] = {}
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with suppress(FileNotFoundError, ProcessLookupError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            found[pid] = (Path(name).name, ticks / os.sysconf("SC_CLK_TCK"))
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text(encoding="utf-8").split())
    return found


def cpu_between(
    before: dict[int, tuple[str, float]], after: dict[int, tuple[str, float]]
) -> dict[int, tuple[str, float]]:
    """What each process used from one look at them to the next; this one is the benchmark."""
    names = {os.getpid(): "benchmark"}
    return {
        pid: (names.get(pid, name), used - before.get(pid, (name, 0.0))[1])
        for pid, (name, used) in after.items()
    }


class Work:
    """What is asked of a peer, in a namespace of its own."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def create(self, replicas: int) -> None:
        await self._client.create(self._deployment("web", replicas))
        await self._until(lambda: self._has_pods(replicas))

    async def many(self, number: int) -> None:
        for each in range(number):
            await self._client.create(self._deployment(f"small-{each}", 10))
        await self._until(lambda: self._has_pods(10 * number))

    async def roll(self, replicas: int) -> None:
        change = [
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "example.com/main:2"}
        ]
        await self._client.patch(Deployment, f"{self._namespace}/web", change, type="json")
        await self._until(lambda: self._is_rolled(replicas))

    async def clean(self) -> None:
        """Nothing is left: there is no garbage collector, and a controller may still be making something."""
        await self._until(self._is_clean)

    async def _is_clean(self) -> bool:
        # Of thousands of pods one call may take longer than it may: what is left goes with the next one.
        with suppress(TransportError, APIError):
            for kind in (Deployment, ReplicaSet, Pod):
                grace = 0 if kind is Pod else None
                await self._client.delete_collection(
                    kind, namespace=self._namespace, grace_period_seconds=grace
                )
            if await self._has_pods(0):
                # A controller that has not yet seen its owner go may replace a pod that it has seen go.
                await asyncio.sleep(_STRAGGLERS)
                return await self._has_pods(0)
        return False

    async def is_ready(self, replicas: int) -> None:
        await self._until(lambda: self._is_rolled(replicas))

    def _deployment(self, name: str, replicas: int) -> Deployment:
        return a_deployment(name).in_namespace(self._namespace).with_replicas(replicas).build()

    async def _has_pods(self, number: int) -> bool:
        table = await self._client.read_raw(f"/api/v1/namespaces/{self._namespace}/pods", (("limit", "1"),))
        answer: Any = json.loads(table)
        left = answer["metadata"].get("remainingItemCount", 0)
        return len(answer["items"]) + left == number

    async def _is_rolled(self, replicas: int) -> bool:
        found = await self._client.get(Deployment, f"{self._namespace}/web")
        status = found.status
        if (status.observed_generation or 0) < (found.metadata.generation or 0):
            return False
        counts = (status.updated_replicas, status.available_replicas, status.replicas)
        return all((count or 0) == replicas for count in counts)

    async def _until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not await is_so():
                await asyncio.sleep(0.05)


def requests_of(plane: ControlPlane, user: str, since: int) -> tuple[Counter[str], int]:
    """The peer's requests since a line of the audit log, by verb and resource, and the line to go on from."""
    lines = plane.audit_log.read_text(encoding="utf-8").splitlines()
    found: Counter[str] = Counter()
    for line in lines[since:]:
        event = json.loads(line)
        if event["user"]["username"] == user and event["stage"] == "ResponseComplete":
            about = event.get("objectRef", {})
            sub = f"/{about['subresource']}" if "subresource" in about else ""
            found[f"{event['verb']} {about.get('resource', event['requestURI'])}{sub}"] += 1
    return found, len(lines)


async def measure(
    plane: ControlPlane,
    client: Client,
    peer: str,
    run: int,
    sizes: dict[str, int],
    found: dict[str, Measured],
) -> None:
    """All the work of one peer in one run."""
    user = f"bench-{peer}"
    kubeconfig = plane.kubeconfig_for(user, ("system:masters",))
    namespace = f"{peer[:4]}-{run}"
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    work = Work(client, namespace)
    with running(commands(peer, plane, kubeconfig)) as process:
        # Warm: caches are synced when a first Deployment has its pod.
        await work.create(1)
        await work.clean()
        for title, number in sizes.items():
            _, line = requests_of(plane, user, 0)
            used, started = cpu_of_all(), time.perf_counter()
            await getattr(work, title)(number)
            seconds = time.perf_counter() - started
            measured = found.setdefault(f"{title} {peer}", Measured())
            measured.seconds.append(seconds)
            if title == "create":
                await work.is_ready(number)
            spent = cpu_between(used, cpu_of_all())
            measured.cpu.append(spent.pop(process.pid)[1])
            measured.others.append(dict(spent.values()))
            measured.requests.append(requests_of(plane, user, line)[0])
            print(
                f"run {run} {peer} {title}: {seconds:.2f} s, {measured.requests[-1].total()} requests",
                flush=True,
            )
            if title != "create":
                await work.clean()


async def drive(plane: ControlPlane, runs: int, scale: float, nodes: int) -> dict[str, Measured]:
    replicas, many = max(int(1000 * scale), 1), max(int(200 * scale), 1)
    sizes = {"create": replicas, "roll": replicas, "many": many}
    found: dict[str, Measured] = {}
    async with Client.from_kubeconfig(plane.kubeconfig) as client:
        for number in range(nodes):
            node = a_node(f"hollow-{number}").build()
            node.spec.taints = []
            await client.create(node)
        command = [sys.executable, "-m", "benchmarks.workers.reconcile_workloads", "--role=nodes"]
        with running([*command, f"--kubeconfig={plane.kubeconfig}"]):
            async with asyncio.timeout(_PATIENCE):
                while any(node.spec.taints for node in await client.list(Node)):
                    await asyncio.sleep(0.5)
            for run in range(runs):
                for peer in PEERS[run % 2 :] + PEERS[: run % 2]:
                    await measure(plane, client, peer, run, sizes, found)
    return found


def told(found: dict[str, Measured]) -> Iterator[str]:
    yield "|  | wall s | CPU s | requests |"
    yield "| --- | ---: | ---: | ---: |"
    for title in ("create", "many", "roll"):
        base = found[f"{title} {PEERS[0]}"]
        for peer in PEERS:
            one = found[f"{title} {peer}"]
            cells = [
                _cell(statistics.median(mine), statistics.median(theirs))
                for mine, theirs in (
                    (one.seconds, base.seconds),
                    (one.cpu, base.cpu),
                    ([each.total() for each in one.requests], [each.total() for each in base.requests]),
                )
            ]
            yield f"| {title}: {peer} | {' | '.join(cells)} |"
    for title in ("create", "many", "roll"):
        for peer in PEERS:
            one = found[f"{title} {peer}"]
            common = one.requests[-1].most_common(9)
            yield f"{title}, {peer}: " + ", ".join(f"{count} {what}" for what, count in common)
            medians = {
                name: statistics.median(each.get(name, 0.0) for each in one.others) for name in one.others[0]
            }
            yield "  CPU s of the others: " + ", ".join(
                f"{name} {used:.2f}" for name, used in medians.items()
            )


def _cell(mine: float, theirs: float) -> str:
    ratio = mine / theirs if theirs else float("nan")
    return f"{mine:,.2f} ({ratio:.2f}×)"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2, help="the order of the peers changes (default 2)")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--nodes", type=int, default=500)
    asked = parser.parse_args()
    options = ControlPlaneOptions(
        audit_level="Metadata",
        apiserver_flags=("--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"),
        scheduler=True,
        scheduler_flags=("--kube-api-qps=10000", "--kube-api-burst=20000"),
    )
    with ControlPlane(options) as plane:
        found = asyncio.run(drive(plane, asked.runs, asked.scale, asked.nodes))
    print("\n".join(told(found)))
    return 0


if __name__ == "__main__":
    end_at_sigterm()
    try:
        raise SystemExit(main())
    except BenchmarkError as error:
        raise SystemExit(str(error)) from error
