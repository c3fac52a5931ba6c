"""Logs, commands, copies and ports by clients of others, through a backend for pods."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from helpers.kubectl import Kubectl, serving_kubectl
from helpers.serving import embedded_in_thread

from reconcile.apiserver import ServerOptions
from reconcile.apiserver.kubelet import Kubelet, LogOptions, Streams
from reconcile.apiserver.kubelet.backend import Connection
from reconcile.apiserver.status import StatusError
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
        if command[0] == "missing":
            raise StatusError("not here", code=500)
        await streams.stdout(" ".join(command).encode() + b"\n")
        await streams.stderr(b"careful\n")
        return 0 if command[0] == "echo" else 5

    async def attach(self, pod: dict[str, Any], container: str, streams: Streams) -> int:
        await streams.stdout(b"attached\n")
        return 0

    async def port_forward(self, pod: dict[str, Any], port: int, connection: Connection) -> None:
        if port == 9:
            raise StatusError("nobody listens on 9", code=500)
        if port == 81:
            total = 0
            async for part in connection.read():
                total += len(part)
            await connection.write(b"%d" % total)
            return
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


@pytest.fixture(params=["by WebSocket", "by SPDY"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """How kubectl sends its streams; up to 1.30 by SPDY alone."""
    by_websocket = "true" if request.param == "by WebSocket" else "false"
    names = ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "KUBECTL_PORT_FORWARD_WEBSOCKETS")
    return {**os.environ, **dict.fromkeys(names, by_websocket)}


def test_kubectl_reads_logs_runs_commands_attaches_and_copies(
    kubeconfig: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    kubectl = Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
    assert kubectl("logs", "p") == "line 0\nline 1\nline 2\n"
    assert kubectl("logs", "p", "--tail=1", "--follow") == "line 0\n"
    kubectl = partial(kubectl, environment=environment)
    assert kubectl("exec", "p", "--", "echo", "a", "b") == "echo a b\n"
    assert kubectl("exec", "-i", "p", "--", "cat", stdin="typed") == "typed"
    long = "0123456789" * 100_000
    assert kubectl("exec", "-i", "p", "--", "cat", stdin=long) == long
    failed = kubectl("exec", "p", "--", "false", good=False)
    assert "careful" in failed and "exit code 5" in failed
    kubectl("exec", "p", "--", "false", status=5)
    assert "attached" in kubectl("attach", "p")
    kubectl("cp", "p:/data/file", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "inner"
    assert "not here" in kubectl("exec", "p", "--", "missing", good=False)


@contextmanager
def forwarded(kubeconfig: Path, environment: dict[str, str], port: int) -> Iterator[tuple[int, Popen[str]]]:
    """kubectl port-forward to a port: the local one, and the program."""
    kubectl = Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
    running = kubectl.start("port-forward", "pod/p", f":{port}", environment=environment, stderr=PIPE)
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        yield int(line.partition("127.0.0.1:")[2].split()[0]), running
    finally:
        running.kill()
        running.communicate()


def test_kubectl_forwards_several_connections_at_once(kubeconfig: Path, environment: dict[str, str]) -> None:
    with forwarded(kubeconfig, environment, 80) as (port, _):
        sockets = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(5)]
        for number, each in enumerate(sockets):
            each.sendall(b"hello %d" % number)
        for number, each in reversed(list(enumerate(sockets))):
            expected = b"80:hello %d" % number
            assert each.recv(len(expected), socket.MSG_WAITALL) == expected
        sockets[0].close()
        sockets[1].sendall(b"again")
        assert sockets[1].recv(8, socket.MSG_WAITALL) == b"80:again"
        for each in sockets[1:]:
            each.close()


def test_a_forwarded_port_carries_much_and_ends_when_the_pod_ends_it(
    kubeconfig: Path, environment: dict[str, str]
) -> None:
    with (
        forwarded(kubeconfig, environment, 81) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=60) as each,
    ):
        each.sendall(b"\0" * 3_000_000)
        each.shutdown(socket.SHUT_WR)
        assert each.recv(20, socket.MSG_WAITALL) == b"3000000"


def test_kubectl_tells_what_went_wrong_with_a_port(kubeconfig: Path, environment: dict[str, str]) -> None:
    with forwarded(kubeconfig, environment, 9) as (port, running):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as each:
            assert each.recv(1) == b""
        assert running.stderr is not None
        # The program ends with the first connection that fails.
        assert "nobody listens on 9" in running.stderr.readline()


def test_with_nothing_behind_a_pod_every_client_is_told_what_its_node_says(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with serving_kubectl(tmp_path) as kubectl:
        kubectl("apply", "-f", "-", stdin=OBJECTS)
        kubectl("apply", "--server-side", "--subresource=status", "-f", "-", stdin=OBJECTS)
        for command in (("exec", "p", "--", "a"), ("attach", "p"), ("port-forward", "p", ":80")):
            said = kubectl(*command, good=False, environment=environment)
            assert "dial tcp 10.0.0.9:10250: connect: connection refused" in said, said


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
    opened = forward.socket(80)
    opened.settimeout(60)
    opened.sendall(b"hello")
    assert opened.recv(100) == b"80:hello"
    forward.close()
