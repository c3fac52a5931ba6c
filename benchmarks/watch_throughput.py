"""`python -m benchmarks.watch_throughput`: the same status changes, as a watch brings them to each peer."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.cluster import Cluster, running_cluster
from benchmarks.peers import BASE, DEFAULT, Peer, chosen, in_turn
from benchmarks.processes import BenchmarkError, end_at_sigterm
from benchmarks.report import Column, Sample, table, write_json

_COLUMNS = (
    Column("CPU µs per event", "cpu_per_event", 1e6, 1, ratio=True),
    Column("events/s", "rate", digits=0, ratio=True),
    Column("handler calls per event", "calls_per_event", digits=3),
)
_ARRIVAL_SECONDS = 0.3
_QUIET_SECONDS = 0.3


def measure(peer: Peer, cluster: Cluster, options: argparse.Namespace) -> Sample:
    """One synced peer through all the changes, burst by burst.

    While a burst is made the peer's process is stopped, so that each finds the same backlog at its socket,
    and neither the server nor the load competes with it while it works. A burst is small enough for the
    connection's buffers: the server never has to wait for the peer. With a rate nothing is stopped.
    """
    seconds = 0.0
    with peer.start(cluster) as process, cluster.churn(options.rate) as churn:
        process.wait_for("ready")
        process.ask("start", "synced")
        churn.wait_for("ready")
        time.sleep(1.0)
        before = process.ask("mark", "mark")
        for size in _bursts(options):
            started = time.perf_counter()
            if not options.rate:
                process.pause()
            last = churn.ask(str(size), "made").version
            if not options.rate:
                time.sleep(_ARRIVAL_SECONDS)
                started = time.perf_counter()
                process.resume()
            process.ask(f"until {last}", "reached")
            seconds += time.perf_counter() - started
        # What still waits in a buffer of the peer counts as well.
        time.sleep(_QUIET_SECONDS)
        after = process.ask("mark", "mark")
    return {
        "cpu_per_event": (after.cpu - before.cpu) / options.changes,
        "rate": options.changes / seconds,
        "calls_per_event": (after.events - before.events) / options.changes,
    }


def _bursts(options: argparse.Namespace) -> list[int]:
    if options.rate:
        return [options.changes]
    whole, rest = divmod(options.changes, options.burst)
    return [options.burst] * whole + [rest] * bool(rest)


def main() -> int:
    """Returns the exit status: 1, with the reason on the standard error, if something was not measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch_throughput", description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000, help="pods in the cluster (default 1000)")
    parser.add_argument("--apps", type=int, default=100, help="different pod templates (default 100)")
    parser.add_argument("--changes", type=int, default=20_000, help="status changes (default 20000)")
    parser.add_argument("--burst", type=int, default=500, help="changes of a burst (default 500)")
    parser.add_argument(
        "--rate", type=float, default=0, help="changes a second, as they come, in place of bursts"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each peer; medians are reported")
    parser.add_argument(
        "--peers", nargs="+", default=list(DEFAULT), help="who is measured; `all` for everyone"
    )
    parser.add_argument("--json", type=Path, help="file for every figure of every run")
    options = parser.parse_args()
    try:
        peers = chosen(options.peers)
        samples: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
        with running_cluster(options.apps) as cluster:
            for run, peer in in_turn(peers, options.runs):
                # Everybody begins with the same pods, too.
                cluster.seed(options.objects)
                sample = measure(peer, cluster, options)
                samples[peer.name].append(sample)
                cost = sample["cpu_per_event"] * 1e6
                print(f"run {run + 1}: {peer.name}: {cost:.1f} µs of CPU per event", file=sys.stderr)
            seeded = cluster.seeded
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    pace = f"{options.rate:g} a second" if options.rate else f"in bursts of {options.burst:,}"
    print(
        f"{options.changes:,} status changes of {options.objects:,} pods of {seeded['json_bytes']:,} bytes "
        f"of JSON, {pace}; medians of {options.runs} runs\n"
    )
    print(table(_COLUMNS, samples, {peer.name: peer.title for peer in peers}, BASE))
    if options.json:
        parameters = {
            name: getattr(options, name) for name in ("objects", "apps", "changes", "burst", "rate", "runs")
        }
        write_json(options.json, "watch_throughput", parameters, samples)
    return 0


if __name__ == "__main__":
    end_at_sigterm()
    sys.exit(main())
