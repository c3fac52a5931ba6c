"""`python -m benchmarks.cold_sync`: from nothing to a synced informer of all pods, peer beside peer."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.cluster import Cluster, running_cluster
from benchmarks.peers import BASE, DEFAULT, Peer, chosen, in_turn
from benchmarks.processes import BenchmarkError, end_at_sigterm
from benchmarks.report import MEGABYTE, Column, Sample, table, write_json

CURL = "curl"

_COLUMNS = (
    Column("CPU s", "cpu", digits=3, ratio=True),
    Column("CPU s with every object read once", "cpu_read", digits=3, ratio=True),
    Column("wall s", "wall", ratio=True),
    Column("MB at sync", "rss_synced", MEGABYTE, 1, ratio=True),
    Column("MB settled", "rss_settled", MEGABYTE, 1, ratio=True),
    Column("MB peak", "rss_peak", MEGABYTE, 1, ratio=True),
    Column("MB settled, whole process", "rss_absolute", MEGABYTE, 1),
)


def measure(peer: Peer, cluster: Cluster) -> Sample:
    """One cold sync of one peer in a process of its own: seconds and bytes, less what it had used before."""
    with peer.start(cluster) as process:
        ready = process.wait_for("ready")
        synced = process.ask("start", "synced")
        found = synced.more["objects"]
        if found != cluster.objects:
            raise BenchmarkError(f"{peer.name} synced {found} objects of {cluster.objects}")
        time.sleep(0.5)
        settled = process.ask("settle", "settled")
        sample = {
            "cpu": synced.cpu - ready.cpu,
            "wall": float(synced.more["seconds"]),
            "rss_synced": synced.rss - ready.rss,
            "rss_settled": settled.rss - ready.rss,
            "rss_peak": settled.peak - ready.rss,
            "rss_absolute": settled.rss,
        }
        if peer.reads:
            read = process.ask("read", "read")
            sample["cpu_read"] = sample["cpu"] + read.cpu - settled.cpu
        return sample


def main() -> int:
    """Returns the exit status: 1, with the reason on the standard error, if something was not measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_sync", description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000, help="pods in the cluster (default 10000)")
    parser.add_argument("--apps", type=int, default=100, help="different pod templates (default 100)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each peer; medians are reported")
    parser.add_argument(
        "--peers", nargs="+", default=list(DEFAULT), help="who is measured; `all` for everyone"
    )
    parser.add_argument("--json", type=Path, help="file for every figure of every run")
    options = parser.parse_args()
    try:
        peers = chosen(options.peers)
        samples: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
        samples[CURL] = []
        with running_cluster(options.apps) as cluster:
            cluster.seed(options.objects)
            size = cluster.list_with_curl().bytes
            for run, peer in in_turn(peers, options.runs):
                floor = cluster.list_with_curl()
                samples[CURL].append({"cpu": floor.cpu, "wall": floor.seconds})
                sample = measure(peer, cluster)
                samples[peer.name].append(sample)
                print(f"run {run + 1}: {peer.name}: {sample['cpu']:.3f} s of CPU", file=sys.stderr)
            seeded = cluster.seeded
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    titles = {peer.name: peer.title for peer in peers} | {CURL: "curl, one LIST over HTTP/1.1"}
    print(
        f"{options.objects:,} pods of {seeded['json_bytes']:,} bytes of JSON "
        f"({seeded['managed_fields_bytes']:,} of them managedFields), a LIST of {size / 1e6:,.1f} MB; "
        f"medians of {options.runs} runs\n"
    )
    print(table(_COLUMNS, samples, titles, BASE))
    if options.json:
        parameters = {
            "objects": options.objects,
            "apps": options.apps,
            "runs": options.runs,
            "list_bytes": size,
        }
        write_json(options.json, "cold_sync", parameters | seeded, samples)
    return 0


if __name__ == "__main__":
    end_at_sigterm()
    sys.exit(main())
