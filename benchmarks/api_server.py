"""`python -m benchmarks.api_server`: the embedded API server beside kube-apiserver with etcd.

Each is started, asked the same by one client, and ended; in turn, so that both meet the machine as it is.
"""

from __future__ import annotations

import argparse
import http.client
import os
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks.processes import BenchmarkError, Process, end_at_sigterm
from benchmarks.report import MEGABYTE, Column, Sample, medians, table, write_json
from benchmarks.requests import HEADERS, Asked, Figures, Work, figures
from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

BASE = "kube-apiserver"
TITLES = {
    "in-process": "**embedded**, in the process",
    "https": "**embedded**, a process of its own, HTTPS",
    BASE: "kube-apiserver and etcd, HTTPS",
}
_COLUMNS = (
    Column("start to first answer, ms", "start", 1e3, 0, ratio=True),
    Column("creates/s", "create", digits=0, ratio=True),
    Column("gets/s", "get", digits=0, ratio=True),
    Column("lists/s", "list", digits=1, ratio=True),
    Column("patches/s", "patch", digits=0, ratio=True),
    Column("create, get, delete, µs", "cycle", 1e6, 0, ratio=True),
)
_MEMORY = (
    Column("MB empty", "empty", MEGABYTE, 0, ratio=True),
    Column("MB full", "full", MEGABYTE, 0, ratio=True),
)
_TARGETS = (
    ("start, in the process: at least 20 times faster", "in-process", "start", lambda ratio: ratio <= 1 / 20),
    ("start, a process of its own: at least 5 times faster", "https", "start", lambda ratio: ratio <= 1 / 5),
    *(
        (f"{name} over HTTPS: at least half as many a second", "https", name, lambda ratio: ratio >= 0.5)
        for name in ("create", "get", "list", "patch")
    ),
    *(
        (f"{name} in the process: never fewer a second", "in-process", name, lambda ratio: ratio >= 1.0)
        for name in ("create", "get", "list", "patch")
    ),
)


class Connection:
    """One client's connection: HTTP/1.1 over TLS with a client certificate, kept open."""

    def __init__(self, port: int, authority: str, certificate: str, key: str) -> None:
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        context.check_hostname = False
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=120)

    def ask(self, asked: Asked) -> int:
        """The answer's status; its body is read and thrown away."""
        method, path, body, media = asked
        headers = {**HEADERS, "content-type": media} if media else HEADERS
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        response.read()
        return response.status

    def first_answer(self) -> None:
        """Returns when the namespace `default` is there to be read."""
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.ask(("GET", "/api/v1/namespaces/default", None, "")) == 200:
                    return
            except (OSError, http.client.HTTPException):
                self._connection.close()
            if time.monotonic() > deadline:
                raise BenchmarkError("no answer within a minute")
            time.sleep(0.002)

    def close(self) -> None:
        self._connection.close()


def _do(connection: Connection, requests: Iterable[Asked]) -> float:
    began = time.perf_counter()
    for asked in requests:
        status = connection.ask(asked)
        if status >= 300:
            raise BenchmarkError(f"{asked[0]} {asked[1]} was answered with {status}")
    return time.perf_counter() - began


def _measure(connection: Connection, work: Work) -> Figures:
    seconds = {name: _do(connection, requests) for name, requests in work.steps()}
    return {**figures(work, seconds), "cycle": _do(connection, work.cycles()) / work.objects}


def compiled(directory: str) -> dict[str, str]:
    """An environment in which Python finds every module compiled, as in an installed program, once it has
    been started in it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environment, "PYTHONPYCACHEPREFIX": directory}


def in_process(work: Work, memory: int, environment: Mapping[str, str]) -> Sample:
    command = [sys.executable, "-m", "benchmarks.workers.embedded_api_server", "in-process"]
    flags = [f"--objects={work.objects}", f"--lists={work.lists}"]
    with Process([*command, *flags], environment) as process:
        more = process.wait_for("measured").more
    return {name: float(value) for name, value in more.items()}


def over_https(work: Work, memory: int, environment: Mapping[str, str]) -> Sample:
    command = [sys.executable, "-m", "benchmarks.workers.embedded_api_server", "https"]
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        with Process([*command, f"--directory={directory}"], environment) as process:
            said = process.wait_for("serving")
            more = said.more
            connection = Connection(more["port"], more["authority"], more["certificate"], more["key"])
            connection.first_answer()
            sample = {"start": time.perf_counter() - began, "empty": float(said.rss)}
            sample |= _measure(connection, work)
            connection.close()
            if memory:
                process.ask(f"fill {memory}", "filled")
                sample["full"] = float(process.ask("mark", "mark").rss)
    return sample


def real(work: Work, memory: int, environment: Mapping[str, str]) -> Sample:
    binaries = ensure_binaries()
    began = time.perf_counter()
    with ControlPlane(binaries=binaries) as plane:
        port = int(plane.url.rpartition(":")[2])
        files = plane.ca_certificate, plane.admin_certificate, plane.admin_key

        def connect() -> Connection:
            return Connection(port, *map(str, files))

        connection = connect()
        connection.first_answer()
        sample = {"start": time.perf_counter() - began, "empty": _held(plane)}
        sample |= _measure(connection, work)
        connection.close()
        if memory:
            _fill(connect, memory)
            sample["full"] = _held(plane)
    return sample


def _held(plane: ControlPlane) -> float:
    """Resident memory of etcd and kube-apiserver together, in bytes."""
    held = 0
    for component in plane.processes.values():
        fields = Path(f"/proc/{component.pid}/status").read_text().splitlines()
        held += next(int(line.split()[1]) for line in fields if line.startswith("VmRSS")) * 1024
    return float(held)


def _fill(connect: Callable[[], Connection], objects: int, clients: int = 4) -> None:
    failed: list[BaseException] = []

    def run(first: int) -> None:
        connection = connect()
        try:
            _do(connection, Work(objects).fill(first, clients))
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(first,)) for first in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise BenchmarkError(f"the server could not be filled: {failed[0]}")


_PEERS: dict[str, Callable[[Work, int, Mapping[str, str]], Sample]] = {
    "in-process": in_process,
    "https": over_https,
    BASE: real,
}


def targets(samples: dict[str, list[Sample]]) -> list[str]:
    """A line for each target that can be judged by what was measured."""
    middle = {name: medians(runs) for name, runs in samples.items()}
    lines: list[str] = []
    for text, peer, figure, holds in _TARGETS:
        if figure not in middle.get(peer, {}) or figure not in middle.get(BASE, {}):
            continue
        ratio = middle[peer][figure] / middle[BASE][figure]
        shown = f"{ratio:.2f}×" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"
        lines.append(f"| {text} | {shown} | {'met' if holds(ratio) else 'missed'} |")
    embedded = middle.get("in-process", {})
    if "cycle" in embedded:
        met = "met" if embedded["cycle"] < 300e-6 else "missed"
        text = "create, get and delete in the process: under 300 µs"
        cpu = f", {embedded['cycle_cpu'] * 1e6:.0f} µs of CPU" if "cycle_cpu" in embedded else ""
        lines.append(f"| {text} | {embedded['cycle'] * 1e6:.0f} µs{cpu} | {met} |")
    if "encodings" in embedded:
        met = "met" if embedded["encodings"] <= 1.0 else "missed"
        text = "an event of a kind that 100 clients watch: one encoding"
        lines.append(f"| {text} | {embedded['encodings']:.2f} | {met} |")
    full, base = middle.get("https", {}).get("full"), middle.get(BASE, {}).get("full")
    if full is not None and base is not None:
        met = "met" if full < base else "missed"
        lines.append(f"| memory with all objects: less than the pair | {full / base:.2f}× | {met} |")
    return lines


def main() -> int:
    """Returns the exit status: 1, with the reason on the standard error, if something was not measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api_server", description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000, help="objects of each step (default 1000)")
    parser.add_argument("--lists", type=int, default=20, help="lists of all of them (default 20)")
    parser.add_argument(
        "--memory", type=int, default=0, help="objects for the measurement of memory, taken once; 0: none"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each; medians are reported (default 3)")
    parser.add_argument("--peers", nargs="+", choices=list(_PEERS), default=list(_PEERS))
    parser.add_argument("--json", type=Path, help="file for every figure of every run")
    options = parser.parse_args()
    work = Work(options.objects, options.lists)
    samples: dict[str, list[Sample]] = {name: [] for name in options.peers}
    try:
        ensure_binaries()
        with tempfile.TemporaryDirectory() as directory:
            environment = compiled(directory)
            for name in options.peers:
                if name != BASE:
                    _PEERS[name](Work(5, 1), 0, environment)
            for run in range(options.runs):
                names = options.peers
                for name in [*names[run % len(names) :], *names[: run % len(names)]]:
                    sample = _PEERS[name](work, options.memory if run == 0 else 0, environment)
                    samples[name].append(sample)
                    shown = ", ".join(f"{key} {value:.4g}" for key, value in sample.items())
                    print(f"run {run + 1}: {name}: {shown}", file=sys.stderr)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{options.objects:,} ConfigMaps of about 700 bytes, {options.lists} lists of all of them, "
        f"one client; medians of {options.runs} runs\n"
    )
    print(table(_COLUMNS, samples, TITLES, BASE))
    if options.memory:
        held = {name: samples[name] for name in samples if name != "in-process"}
        print(f"\nResident memory, and with {options.memory:,} objects more\n")
        print(table(_MEMORY, held, TITLES, BASE))
    print("\n| target | measured | |\n| --- | --- | --- |")
    print("\n".join(targets(samples)))
    if options.json:
        parameters = {name: getattr(options, name) for name in ("objects", "lists", "memory", "runs")}
        write_json(options.json, "api_server", parameters, samples)
    return 0


if __name__ == "__main__":
    end_at_sigterm()
    sys.exit(main())
