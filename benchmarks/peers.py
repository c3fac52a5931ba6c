"""Who is measured, and how its process is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.cluster import Cluster
from benchmarks.processes import BenchmarkError, Process

BASE = "client-go"
"""Whom the others are measured against."""


@dataclass(frozen=True)
class Peer:
    """One row of a benchmark.

    Attributes:
        name: how it is asked for.
        title: how it stands in the table.
        module: the Python module of its process; empty for the Go program.
        flags: flags of its process.
        environment: variables of its process.
        reads: whether it has a cache to read every object from in full.
    """

    name: str
    title: str
    module: str = ""
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    reads: bool = False

    def start(self, cluster: Cluster) -> Process:
        """Its process, connected to nothing yet."""
        kubeconfig = f"--kubeconfig={cluster.plane.kubeconfig}"
        if self.module:
            command = [sys.executable, "-m", self.module, kubeconfig, f"--objects={cluster.objects}"]
        else:
            command = [str(cluster.tools.informer), kubeconfig]
        return Process([*command, *self.flags], {**os.environ, **self.environment})


def _reconcile(name: str, title: str, mode: str = "", *, reads: bool = True) -> Peer:
    flags = (f"--mode={mode}",) if mode else ()
    return Peer(name, title, "benchmarks.workers.reconcile_pods", flags, reads=reads)


def _clientgo(name: str, title: str, client: str, *, watch_list: bool = False, reads: bool = False) -> Peer:
    gate = {"KUBE_FEATURE_WatchListClient": str(watch_list).lower()}
    return Peer(name, title, flags=(f"--client={client}",), environment=gate, reads=reads)


_ALL = (
    _reconcile("reconcile", "**reconcile**"),
    _clientgo(BASE, "client-go typed (LIST)", "typed", reads=True),
    Peer("kopf", "kopf, event handler", "benchmarks.workers.kopf_pods"),
    Peer(
        "official", "official client, `kubernetes.informer`", "benchmarks.workers.official_pods", reads=True
    ),
    _reconcile("reconcile-asyncio", "reconcile, without uvloop", "asyncio"),
    _reconcile("reconcile-stripped", "reconcile, managedFields stripped", "stripped"),
    _reconcile("reconcile-compressed", "reconcile, compressed", "compressed"),
    _reconcile("reconcile-metadata", "reconcile, metadata only", "metadata", reads=False),
    _reconcile("reconcile-watch-list", "reconcile, WatchList", "watch-list"),
    _clientgo("client-go-watch-list", "client-go typed (WatchList)", "typed", watch_list=True, reads=True),
    _clientgo("client-go-metadata", "client-go metadata", "metadata"),
    _clientgo("client-go-dynamic", "client-go dynamic", "dynamic"),
)

PEERS: Mapping[str, Peer] = {peer.name: peer for peer in _ALL}
DEFAULT = ("reconcile", BASE, "kopf", "official")


def chosen(names: Iterable[str]) -> list[Peer]:
    """The peers of these names, each once; `all` stands for everyone."""
    wanted = dict.fromkeys(names)
    if "all" in wanted:
        return list(_ALL)
    if unknown := [name for name in wanted if name not in PEERS]:
        raise BenchmarkError(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in wanted]


def in_turn(peers: list[Peer], runs: int) -> Iterable[tuple[int, Peer]]:
    """Every peer once a run, each run beginning with another: what drifts meets all of them alike."""
    for run in range(runs):
        at = run % len(peers)
        for peer in peers[at:] + peers[:at]:
            yield run, peer
