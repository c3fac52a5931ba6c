"""What the containers of upstream's specs do on hollow nodes: they end, or are webhooks' processes.

    hollow node ──pod runs──▶ Containers ──▶ a process that listens on a port of its own
                                   └──▶ a file ADDRESS:PORT that names that port ◀── Forwarding ◀── the server

A hollow pod's address leads nowhere; the server's dialer goes to the process instead.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

from examples.operators.hollow_nodes import Kubelet
from examples.operators.hollow_nodes.behaviour import EXIT_AFTER, EXIT_CODE
from reconcile import ObjectKey, Reconciler, Request, Result
from reconcile.api.core.v1 import Pod, Secret
from reconcile.apiserver.admission.webhooks.network import NetworkDialer
from reconcile.apiserver.admission.webhooks.options import WebhookAnswer, WebhookCall
from reconcile.testing.control_plane.process import ComponentProcess, Spawner

COMMANDS = ("webhook", "crd-conversion-webhook")
"""The commands of upstream's image that are run: the first argument of a container."""

PROGRAM = "webhooks"
"""The program of `tools/e2e/webhooks`, in the world's directory."""

_PORTS = "ports"


_ENDS = re.compile(r"exit ([0-9]+)")


class Node(Kubelet):
    """A hollow node on which a container ends at once whose command is `sh -c "exit N"` and no more."""

    async def reconcile(self, pod: Pod, /) -> Result | None:
        command = pod.spec.containers[0].command or ()
        ends = _ENDS.fullmatch(command[2]) if len(command) == 3 and command[1] == "-c" else None
        if ends:
            said = {EXIT_CODE: ends[1], EXIT_AFTER: "0.1"}
            pod.metadata.annotations = {**pod.metadata.annotations, **said}
        return await super().reconcile(pod)


class Containers(Reconciler[Pod]):
    """Runs what the webhooks' pods would, where the world's directory has their program."""

    name = "webhook-containers"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._spawner = Spawner()
        self._running: dict[ObjectKey, tuple[str, ComponentProcess, Path]] = {}
        (directory / _PORTS).mkdir(exist_ok=True)

    async def reconcile(self, request: Request, /) -> None:
        pod = self.cache.get(Pod, request.key)
        before = self._running.get(request.key)
        gone = pod is None or bool(pod.metadata.deletion_timestamp)
        if before is not None and (gone or pod is None or pod.metadata.uid != before[0]):
            del self._running[request.key]
            before[2].unlink(missing_ok=True)
            await asyncio.to_thread(before[1].stop, 1)
            before = None
        if gone or pod is None or before is not None or not pod.status.pod_ip:
            return
        container = pod.spec.containers[0]
        arguments = list(container.args or ())
        program = self._directory / PROGRAM
        if not arguments or arguments[0] not in COMMANDS or not program.exists():
            return
        port = _free_port()
        given = next((one for one in arguments if one.startswith("--port=")), "--port=443")
        files = await self._mounted(pod)
        arguments = [one.replace("=/", f"={files}/") for one in arguments if one != given]
        log = self._directory / f"{pod.metadata.name}.log"
        command = [str(program), *arguments, f"--port={port}"]
        process = self._spawner.spawn(pod.metadata.name or "", command, log)
        known = self._directory / _PORTS / f"{pod.status.pod_ip}:{given.partition('=')[2]}"
        self._running[request.key] = (pod.metadata.uid or "", process, known)
        known.write_text(str(port))

    async def _mounted(self, pod: Pod) -> Path:
        """The secrets of a pod, as files where its container has them, below a directory."""
        directory = self._directory / "mounted" / (pod.metadata.uid or "")
        shutil.rmtree(directory, ignore_errors=True)
        for mount in pod.spec.containers[0].volume_mounts or ():
            volume = next(one for one in pod.spec.volumes or () if one.name == mount.name)
            if volume.secret is None or not volume.secret.secret_name:
                continue
            secret = await self.client.get(
                Secret, volume.secret.secret_name, namespace=pod.metadata.namespace
            )
            folder = directory / mount.mount_path.lstrip("/")
            folder.mkdir(parents=True)
            for key, value in (secret.data or {}).items():
                (folder / key).write_bytes(value if isinstance(value, bytes) else base64.b64decode(value))
        return directory


class Forwarding:
    """The server's dialer: what is meant for a pod goes to the process that stands for it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._network = NetworkDialer()

    async def post(self, call: WebhookCall) -> WebhookAnswer:
        known = self._directory / _PORTS / call.address
        if known.exists():
            call = replace(call, address=f"127.0.0.1:{known.read_text()}")
        return await self._network.post(call)

    async def close(self) -> None:
        await self._network.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
