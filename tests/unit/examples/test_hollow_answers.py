"""Logs and commands of pods that nothing runs in: what annotations say, in a kubelet's words where not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from examples.operators.hollow_nodes import embedded_kubelet
from examples.operators.hollow_nodes.answers import EXEC, LOG, LOOK
from reconcile import Client
from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.kubelet import LogOptions
from reconcile.client.transport import TransportRequest
from reconcile.errors import APIError

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
ENDED = {
    "terminated": {"exitCode": 1, "startedAt": "2025-12-31T23:00:00Z", "finishedAt": "2025-12-31T23:59:00Z"}
}


def pod(state: Any = RUNNING, last: Any = None, **annotations: str) -> dict[str, Any]:
    names = {"log": LOG, "exec": EXEC, "log_main": f"{LOG}.main"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "annotations": {names[name]: text for name, text in annotations.items()},
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "web:1"}]},
        "status": {"containerStatuses": [{"name": "main", "state": state, "lastState": last or {}}]},
    }


async def log(one: dict[str, Any], **options: Any) -> str:
    pieces = [piece async for piece in embedded_kubelet().logs(one, "main", LogOptions(**options))]
    return b"".join(pieces).decode()


async def test_a_log_is_what_the_annotation_says() -> None:
    assert await log(pod(log="one\ntwo")) == "one\ntwo\n"
    assert await log(pod(log="all", log_main="its own")) == "its own\n"
    assert "nothing runs here" in await log(pod())


async def test_a_part_of_a_log() -> None:
    one = pod(log="a\nb\nc")
    assert await log(one, tail_lines=1) == "c\n" and await log(one, tail_lines=9) == "a\nb\nc\n"
    assert await log(one, tail_lines=0) == ""
    assert await log(one, since_time="2026-01-01T00:00:01Z") == "b\nc\n"
    assert await log(one, timestamps=True, tail_lines=1) == "2026-01-01T00:00:02Z c\n"
    assert await log(pod(ENDED, log="a"), timestamps=True) == "2025-12-31T23:00:00Z a\n"
    assert await log(pod(last=ENDED, log="a"), previous=True) == "a\n"


@pytest.mark.parametrize(
    ("one", "previous", "text"),
    [
        (pod(), True, 'previous terminated container "main" in pod "web" not found'),
        (
            pod({"waiting": {"reason": "ContainerCreating"}}),
            False,
            'container "main" in pod "web" is waiting to start: ContainerCreating',
        ),
        (pod({}), False, 'container "main" in pod "web" is not available'),
    ],
)
async def test_a_log_that_is_not_there_yet(one: dict[str, Any], previous: bool, text: str) -> None:
    with pytest.raises(APIError, match=text) as caught:
        await log(one, previous=previous)
    assert caught.value.code == 400


class Typed:
    """A client that types, and keeps what it sees."""

    tty = False

    def __init__(self, *typed: bytes) -> None:
        self._typed = typed
        self.out = self.err = b""

    async def stdin(self) -> AsyncIterator[bytes]:
        for part in self._typed:
            yield part

    async def sizes(self) -> AsyncIterator[tuple[int, int]]:
        return
        yield

    async def stdout(self, data: bytes) -> None:
        self.out += data

    async def stderr(self, data: bytes) -> None:
        self.err += data


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["hostname"], (0, b"web-1\n", b"")),
        (["cat", "/etc/secret"], (1, b"", b"permission denied\n")),
        (["cat"], (0, b"typed", b"")),
        (["echo", "a", "b"], (0, b"a b\n", b"")),
        (["ls", "-l"], (127, b"", b"hollow: ls: not found\n")),
    ],
    ids=("canned", "canned failure", "cat", "echo", "another"),
)
async def test_commands_have_canned_answers(command: list[str], answer: tuple[int, bytes, bytes]) -> None:
    said = 'hostname: web-1\ncat /etc/secret: {stderr: "permission denied", code: 1}\n'
    client = Typed(b"ty", b"ped")
    code = await embedded_kubelet().exec(pod(exec=said), "main", command, client)
    assert (code, client.out, client.err) == answer


async def test_a_container_that_does_not_run_takes_no_commands() -> None:
    with pytest.raises(APIError, match=r'container not found \("main"\)'):
        await embedded_kubelet().exec(pod(ENDED), "main", ["echo"], Typed())


async def test_the_annotation_of_commands_must_be_a_mapping() -> None:
    with pytest.raises(APIError, match="maps no commands"):
        await embedded_kubelet().exec(pod(exec="nonsense"), "main", ["echo"], Typed())


async def test_an_attached_client_sees_what_was_written() -> None:
    client = Typed()
    assert await embedded_kubelet().attach(pod(log="a\nb"), "main", client) == 0 and client.out == b"a\nb\n"


async def test_the_embedded_server_serves_the_log() -> None:
    async with (
        APIServer(ServerOptions(kubelet=embedded_kubelet())) as server,
        Client(server.transport()) as client,
    ):
        node = await client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
        addresses = [{"type": "InternalIP", "address": "10.0.0.7"}]
        await client.update_status({**node, "status": {"addresses": addresses}})
        one = pod(log="hello")
        made = await client.create(one)
        await client.update_status({**made, "status": one["status"]})
        path = "/api/v1/namespaces/default/pods/web/log"
        response = await server.transport().send(TransportRequest("GET", path, ()))
        assert (response.status, await response.read()) == (200, b"hello\n")
        await response.close()


@pytest.mark.parametrize("end", ["another incarnation", "deleted"])
async def test_a_log_that_is_followed_ends_with_its_container(end: str) -> None:
    async with (
        APIServer(ServerOptions(kubelet=embedded_kubelet())) as server,
        Client(server.transport()) as client,
    ):
        node = await client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
        addresses = [{"type": "InternalIP", "address": "10.0.0.7"}]
        await client.update_status({**node, "status": {"addresses": addresses}})
        one = pod(log="hello")
        made = await client.create(one)
        made = await client.update_status({**made, "status": one["status"]})
        path = "/api/v1/namespaces/default/pods/web/log"
        response = await server.transport().send(TransportRequest("GET", path, (("follow", "true"),)))
        pieces = response.chunks()
        assert await anext(pieces) == b"hello\n"
        rest = asyncio.create_task(response.read())
        done, _ = await asyncio.wait({rest}, timeout=3 * LOOK)
        assert not done, "it is open as long as the container runs"
        if end == "deleted":
            await client.delete(made, grace_period_seconds=0)
        else:
            (status,) = made["status"]["containerStatuses"]
            again = {**status, "containerID": "hollow://x/main/1", "restartCount": 1}
            await client.update_status({**made, "status": {"containerStatuses": [again]}})
        async with asyncio.timeout(60):
            assert await rest == b""
        await response.close()
