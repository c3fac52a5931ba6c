"""Logs, commands, copies and ports by clients of others, through a backend for pods."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.kubectl import Kubectl
from helpers.serving import embedded_in_thread

from reconcile.apiserver import ServerOptions
from reconcile.apiserver.kubelet import Kubelet, LogOptions, Streams
from reconcile.apiserver.kubelet.backend import Connection
from reconcile.testing.control_plane.build import ensure_binaries
from reconcile.testing.requirements import require

OBJECTS = """
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {addresses: [{type: InternalIP, address: 10.0.0.9}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {nodeName: node-1, containers: [{name: main, image: 'a:1'}]}
status: {phase: Running}
"""


class Pretended(Kubelet):
    async def logs(self, pod: dict[str, Any], container: str, options: LogOptions) -> AsyncIterator[bytes]:
        for number in range(options.tail_lines or 3):
            yield f"line {number}\n".encode()

    async def exec(self, pod: dict[str, Any], container: str, command: list[str], streams: Streams) -> int:
        if command[0] == "tar":
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as archive:
                entry = tarfile.TarInfo(command[-1].lstrip("/"))
                entry.size = 5
                archive.addfile(entry, io.BytesIO(b"inner"))
            await streams.stdout(packed.getvalue())
            return 0
        if command[0] == "cat":
            async for part in streams.stdin():
                await streams.stdout(part)
            return 0
        await streams.stdout(" ".join(command).encode() + b"\n")
        await streams.stderr(b"careful\n")
        return 0 if command[0] == "echo" else 5

    async def attach(self, pod: dict[str, Any], container: str, streams: Streams) -> int:
        await streams.stdout(b"attached\n")
        return 0

    async def port_forward(self, pod: dict[str, Any], port: int, connection: Connection) -> None:
        async for part in connection.read():
            await connection.write(b"%d:%b" % (port, part))


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    require("controlplane")
    options = ServerOptions(kubelet=Pretended())
    with embedded_in_thread(tmp_path_factory.mktemp("streams"), options) as path:
        kubectl = Kubectl(ensure_binaries().path("kubectl"), path)
        kubectl("apply", "-f", "-", stdin=OBJECTS)
        kubectl("apply", "--server-side", "--subresource=status", "-f", "-", stdin=OBJECTS)
        yield path


def test_kubectl_reads_logs_runs_commands_attaches_and_copies(kubeconfig: Path, tmp_path: Path) -> None:
    kubectl = Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
    assert kubectl("logs", "p") == "line 0\nline 1\nline 2\n"
    assert kubectl("logs", "p", "--tail=1", "--follow") == "line 0\n"
    assert kubectl("exec", "p", "--", "echo", "a", "b") == "echo a b\n"
    assert kubectl("exec", "-i", "p", "--", "cat", stdin="typed") == "typed"
    failed = kubectl("exec", "p", "--", "false", good=False)
    assert "careful" in failed and "exit code 5" in failed
    kubectl("exec", "p", "--", "false", status=5)
    assert "attached" in kubectl("attach", "p")
    kubectl("cp", "p:/data/file", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "inner"
    # It tunnels SPDY through its WebSocket for ports, which this server does not speak.
    refused = kubectl("port-forward", "pod/p", ":80", good=False)
    assert "SPDY/3.1" in refused


def test_the_official_client_reads_logs_runs_commands_and_forwards_ports(kubeconfig: Path) -> None:
    from kubernetes import client, config
    from kubernetes.stream import portforward, stream

    # `stream` and `portforward` replace a method of the client for as long as they run.
    core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    assert core.read_namespaced_pod_log("p", "default", tail_lines=2) == "line 0\nline 1\n"
    said = stream(
        core.connect_get_namespaced_pod_exec, "p", "default", command=["echo", "x"],
        stdout=True, stderr=False, stdin=False, tty=False,
    )  # fmt: skip
    assert said == "echo x\n"
    talk = stream(
        core.connect_get_namespaced_pod_exec, "p", "default", command=["false"],
        stdout=True, stderr=True, stdin=True, tty=False, _preload_content=False,
    )  # fmt: skip
    talk.run_forever(timeout=60)
    assert talk.returncode == 5 and talk.read_stderr() == "careful\n"
    forward = portforward(core.connect_get_namespaced_pod_portforward, "p", "default", ports="80")
    socket = forward.socket(80)
    socket.settimeout(60)
    socket.sendall(b"hello")
    assert socket.recv(100) == b"80:hello"
    forward.close()
