"""`python -m benchmarks.transport`: what a request and an event cost the client, CPU.

The client is a process of its own; the server, and whoever makes the events, are others. Peers take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import ssl
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from benchmarks.processes import BenchmarkError, Process
from benchmarks.report import Column, Sample, table, write_json
from benchmarks.requests import COLLECTION, HEADERS, JSON, MERGE_PATCH
from benchmarks.workers.transport_requests import config_map
from reconcile.client.credentials.kubeconfig import kubeconfig_connection
from reconcile.client.credentials.tls import TLSContexts
from reconcile.testing.control_plane import ControlPlane

BASE = "aiohttp"
TITLES = {
    "reconcile": "**reconcile**, uvloop",
    BASE: "aiohttp, uvloop",
    "reconcile-asyncio": "**reconcile**, asyncio",
    "aiohttp-asyncio": "aiohttp, asyncio",
}
_COLUMNS = (
    Column("µs a request", "request", 1e6, 1, ratio=True),
    Column("µs a create, objects in and out", "create", 1e6, 1),
    Column("µs an event, one at a time", "event", 1e6, 1, ratio=True),
)


@contextmanager
def served_by_embedded() -> Generator[Path]:
    """The embedded server in a process of its own; gives a kubeconfig."""
    command = [sys.executable, "-m", "benchmarks.workers.embedded_api_server", "https"]
    with (
        tempfile.TemporaryDirectory() as directory,
        Process([*command, f"--directory={directory}"], os.environ) as process,
    ):
        more = process.wait_for("serving").more
        yield kubeconfig(Path(directory), more["port"], more["authority"], more["certificate"], more["key"])


@contextmanager
def served_by_real() -> Generator[Path]:
    """kube-apiserver and etcd; gives a kubeconfig."""
    with ControlPlane() as plane:
        yield plane.kubeconfig


def kubeconfig(directory: Path, port: int, authority: str, certificate: str, key: str) -> Path:
    path = directory / "kubeconfig"
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": authority}
    user = {"client-certificate": certificate, "client-key": key}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }
    path.write_text(json.dumps(content))
    return path


class Changer:
    """Changes one ConfigMap, for those who watch."""

    def __init__(self, path: Path) -> None:
        server, context = asyncio.run(_server_of(path))
        self._http = http.client.HTTPSConnection(
            server.hostname or "", server.port, context=context, timeout=60
        )
        self._changes = 0
        self._ask("POST", COLLECTION, json.dumps(config_map(-1)).encode(), JSON)

    def change(self, times: int) -> None:
        for _ in range(times):
            self._changes += 1
            patch = {"metadata": {"labels": {"change": str(self._changes)}}}
            self._ask("PATCH", f"{COLLECTION}/asked--1", json.dumps(patch).encode(), MERGE_PATCH)

    def _ask(self, method: str, path: str, body: bytes, media: str) -> None:
        self._http.request(method, path, body, {**HEADERS, "content-type": media})
        answer = self._http.getresponse()
        said = answer.read()
        if answer.status not in (200, 201, 409):
            raise BenchmarkError(f"{method} {path} was answered with {answer.status}: {said[:200]!r}")


async def _server_of(path: Path) -> tuple[SplitResult, ssl.SSLContext]:
    connection = kubeconfig_connection(path)
    proof = await connection.credentials.proof()
    return urlsplit(connection.server), TLSContexts(connection.authority).context(proof.certificate)


def measured(name: str, path: Path, changer: Changer, count: int, environment: Mapping[str, str]) -> Sample:
    """The figures of one peer, its first requests left out."""
    client, _, loop = name.partition("-")
    command = [sys.executable, "-m", "benchmarks.workers.transport_requests"]
    flags = [f"--kubeconfig={path}", f"--client={client}", f"--loop={loop or 'uvloop'}"]
    sample: dict[str, float] = {}
    with Process([*command, *flags], environment) as process:
        process.wait_for("ready")
        process.ask("requests 20", "requests")
        process.ask("creates 20", "creates")
        sample["request"] = process.ask(f"requests {count}", "requests").cpu / count
        if client == "reconcile":
            sample["create"] = process.ask(f"creates {count}", "creates").cpu / count
        # One more for the object that is there.
        process.ask(f"watch {count}", "watching")
        changer.change(count)
        sample["event"] = process.wait_for("watched").cpu / count
    return sample


def main() -> int:
    """Returns the exit status: 1, with the reason on the standard error, if something was not measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transport", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="requests, and events (default 1000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; medians are reported (default 3)")
    parser.add_argument("--server", choices=("embedded", "kube-apiserver"), default="kube-apiserver")
    parser.add_argument("--peers", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--json", type=Path, help="file for every figure of every run")
    options = parser.parse_args()
    samples: dict[str, list[Sample]] = {name: [] for name in options.peers}
    serving = served_by_embedded if options.server == "embedded" else served_by_real
    try:
        with serving() as path:
            changer = Changer(path)
            for run in range(options.runs):
                names = options.peers
                for name in [*names[run % len(names) :], *names[: run % len(names)]]:
                    samples[name].append(measured(name, path, changer, options.count, os.environ))
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.server}, {options.count:,} requests and events; medians of {options.runs} runs\n")
    print(table(_COLUMNS, samples, TITLES, BASE))
    if options.json:
        parameters = {name: getattr(options, name) for name in ("count", "runs", "server")}
        write_json(options.json, "transport", parameters, samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
