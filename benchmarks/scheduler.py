"""`python -m benchmarks.scheduler`: the example scheduler beside kube-scheduler, pods bound a second.

Both meet the same server, nodes and waiting pods, in turn, and are watched from outside: the rate is that of
the bindings between the first and the last of a run, so that neither's start counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, BenchmarkError, end_at_sigterm
from benchmarks.report import Sample, write_json
from reconcile import Client, ResourceType
from reconcile.api.core.v1 import Pod, ServiceAccount
from reconcile.client.waiting import exists
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions
from reconcile.testing.control_plane.build import ensure_binaries

BASE, OURS = "kube-scheduler", "reconcile"
NAMESPACE = "bench"
ZONES = 3
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
PODS: ResourceType = Pod.__resource_type__

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PATIENCE = 900.0
_BESIDE = 64

JSONObject = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """So many nodes, and the kind of pods that wait for one."""

    nodes: int
    workload: str


def plain(number: int, nodes: int) -> JSONObject:
    return {}


def anti_affinity(number: int, nodes: int) -> JSONObject:
    """Groups of at most half as many pods as there are nodes; a node takes one pod of each."""
    group = {"group": f"group-{number // max(nodes // 2, 1)}"}
    term = {"labelSelector": {"matchLabels": group}, "topologyKey": HOSTNAME}
    alone = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    return {"labels": group, "spec": {"affinity": alone}}


def spread(number: int, nodes: int) -> JSONObject:
    """All pods spread over the zones, as upstream's own performance test has it."""
    constraint = {
        "maxSkew": 5,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    return {"spec": {"topologySpreadConstraints": [constraint]}}


WORKLOADS: Mapping[str, Callable[[int, int], JSONObject]] = {
    "plain": plain,
    "anti-affinity": anti_affinity,
    "spread": spread,
}


def node_manifest(number: int) -> JSONObject:
    amounts = {"cpu": "32", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    labels = {HOSTNAME: f"node-{number}", ZONE: f"zone-{number % ZONES}"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": labels},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        },
    }


def pod_manifest(number: int, case: Case) -> JSONObject:
    more = WORKLOADS[case.workload](number, case.nodes)
    requests = {"cpu": "100m", "memory": "200Mi"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"pod-{number}",
            "namespace": NAMESPACE,
            "labels": {"app": "web", **more.get("labels", {})},
        },
        "spec": {
            "containers": [{"name": "main", "image": "web", "resources": {"requests": requests}}],
            "terminationGracePeriodSeconds": 0,
            **more.get("spec", {}),
        },
    }


class Bench:
    """One control plane, filled as each case has it."""

    def __init__(self, plane: ControlPlane, client: Client, pods: int, directory: Path) -> None:
        self._plane = plane
        self._client = client
        self._pods = pods
        self._directory = directory
        self._nodes = 0
        self.profile = ""

    async def prepare(self) -> None:
        await self._client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        await self._client.wait_for(ServiceAccount, f"{NAMESPACE}/default", exists)

    async def nodes(self, count: int) -> None:
        await _all(self._client.create(node_manifest(number)) for number in range(self._nodes, count))
        self._nodes = count

    async def run(self, peer: str, case: Case) -> Sample:
        """Pods that wait, a scheduler that comes, and what it takes until all have their nodes."""
        await self._clear()
        await _all(self._client.create(pod_manifest(number, case)) for number in range(self._pods))
        return await self._watched(peer)

    async def _watched(self, peer: str) -> Sample:
        listed = await self._client.list(PODS, namespace=NAMESPACE)
        watch = self._client.watch_raw(
            PODS, namespace=NAMESPACE, fields="spec.nodeName!=", resource_version=listed.resource_version
        )
        async with asyncio.timeout(_PATIENCE), watch:
            with self._process(peer) as process:
                began = time.perf_counter()
                skipped, bound, first, before = 0, 0, 0.0, 0.0
                async for lines in watch.batches():
                    bound += sum(b'"ADDED"' in line[:40] for line in lines)
                    if bound and not skipped:
                        # What came in one breath with the first is not measured.
                        skipped, first, before = bound, time.perf_counter(), _cpu(process.pid)
                    if bound >= self._pods:
                        break
                ended, after = time.perf_counter(), _cpu(process.pid)
        measured = self._pods - skipped
        return {
            "rate": measured / (ended - first),
            "seconds": (ended - first) / measured,
            "cpu": (after - before) / measured,
            "start": first - began,
        }

    @contextmanager
    def _process(self, peer: str) -> Iterator[subprocess.Popen[bytes]]:
        log = self._directory / f"{peer}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(self._command(peer), cwd=ROOT, stdout=output, stderr=output)
            try:
                yield process
            except TimeoutError:
                tail = log.read_text(errors="replace")[-2000:]
                raise BenchmarkError(f"{peer} did not bind all pods: {tail}") from None
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _command(self, peer: str) -> list[str]:
        kubeconfig = str(self._plane.kubeconfig)
        if peer == OURS:
            profile = [f"--profile={self.profile}"] if self.profile else []
            worker = [sys.executable, "-m", "benchmarks.workers.reconcile_scheduler"]
            return [*worker, f"--kubeconfig={kubeconfig}", *profile]
        configuration = self._directory / "scheduler.yaml"
        configuration.write_text(
            json.dumps(
                {
                    "apiVersion": "kubescheduler.config.k8s.io/v1",
                    "kind": "KubeSchedulerConfiguration",
                    "clientConnection": {"kubeconfig": kubeconfig, "qps": 100_000, "burst": 100_000},
                    "leaderElection": {"leaderElect": False},
                }
            )
        )
        executable = str(ensure_binaries().path("kube-scheduler"))
        return [executable, f"--config={configuration}", "--secure-port=0"]

    async def _clear(self) -> None:
        await self._client.delete_collection(Pod, namespace=NAMESPACE, grace_period_seconds=0)
        async with asyncio.timeout(_PATIENCE):
            while await self._client.list(PODS, namespace=NAMESPACE, limit=1):
                await asyncio.sleep(0.2)


async def _all(requests: Iterable[Awaitable[Any]]) -> None:
    """Many requests, some beside each other."""
    waiting = iter(requests)

    async def work() -> None:
        for request in waiting:
            await request

    await asyncio.gather(*(work() for _ in range(_BESIDE)))


def _cpu(pid: int) -> float:
    """Seconds that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


async def measure(arguments: argparse.Namespace) -> dict[Case, dict[str, list[Sample]]]:
    # The server's own limits are lifted too: what is compared is the schedulers.
    options = ControlPlaneOptions(
        apiserver_flags=(
            "--enable-priority-and-fairness=false",
            "--max-requests-inflight=0",
            "--max-mutating-requests-inflight=0",
            "--disable-admission-plugins=TaintNodesByCondition",
        ),
        controllers=("serviceaccount-controller",),
    )
    found: dict[Case, dict[str, list[Sample]]] = {}
    with tempfile.TemporaryDirectory(prefix="reconcile-benchmarks-") as directory:
        async with ControlPlane(options) as plane, Client.from_kubeconfig(plane.kubeconfig) as client:
            bench = Bench(plane, client, arguments.pods, Path(directory))
            bench.profile = arguments.profile
            await bench.prepare()
            for nodes in sorted(arguments.nodes):
                await bench.nodes(nodes)
                for workload in arguments.workloads:
                    case = Case(nodes, workload)
                    runs = found[case] = {peer: [] for peer in arguments.peers}
                    for number in range(arguments.runs):
                        # Each run begins with another peer.
                        turn = number % len(arguments.peers)
                        for peer in (*arguments.peers[turn:], *arguments.peers[:turn]):
                            sample = await bench.run(peer, case)
                            runs[peer].append(sample)
                            _say(case, peer, sample)
    return found


def _say(case: Case, peer: str, sample: Sample) -> None:
    print(
        f"{case.nodes} nodes, {case.workload}, {peer}: {sample['rate']:.0f} pods/s, "
        f"{sample['cpu'] * 1e3:.2f} ms of CPU a pod",
        file=sys.stderr,
        flush=True,
    )


def _middle(samples: Iterable[Sample], figure: str) -> float:
    return statistics.median(sample[figure] for sample in samples)


def _tell(found: Mapping[Case, Mapping[str, list[Sample]]]) -> None:
    print("| nodes, pods | kube-scheduler, pods/s | reconcile, pods/s | | CPU a pod, ms | | |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for case, runs in found.items():
        rates = [_middle(runs[peer], "rate") if runs.get(peer) else 0.0 for peer in (BASE, OURS)]
        cpus = [_middle(runs[peer], "cpu") * 1e3 if runs.get(peer) else 0.0 for peer in (BASE, OURS)]
        ratios = [ours / theirs if theirs else 0.0 for theirs, ours in (rates, cpus)]
        print(
            f"| {case.nodes:,}, {case.workload} | {rates[0]:.0f} | {rates[1]:.0f} | {ratios[0]:.2f}× "
            f"| {cpus[0]:.2f} | {cpus[1]:.2f} | {ratios[1]:.2f}× |"
        )
    for workload in WORKLOADS:
        costs = {
            case.nodes: _middle(runs[OURS], "seconds")
            for case, runs in found.items()
            if case.workload == workload and runs.get(OURS)
        }
        if {1000, 5000} <= costs.keys():
            print(
                f"A pod at 5,000 nodes costs {costs[5000] / costs[1000]:.2f} times one at 1,000 ({workload})."
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--pods", type=int, default=1000, help="that wait in each run")
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--peers", nargs="+", default=[BASE, OURS], choices=[BASE, OURS])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", default="", help="a file for cProfile's figures of this project's side")
    parser.add_argument("--json", type=Path, help="where every figure of every run is kept")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments))
    _tell(found)
    if arguments.json:
        samples = {
            f"{case.nodes} {case.workload} {peer}": runs
            for case, peers in found.items()
            for peer, runs in peers.items()
        }
        write_json(arguments.json, "scheduler", {"pods": arguments.pods}, samples)


if __name__ == "__main__":
    end_at_sigterm()
    main()
