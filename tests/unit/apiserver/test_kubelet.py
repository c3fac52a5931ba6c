"""What is behind pods: which container is meant, what is said when nothing answers, streams of a command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from reconcile import Client
from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.kubelet import Kubelet, LogOptions, Streams
from reconcile.apiserver.kubelet.backend import Connection
from reconcile.apiserver.status import bad_request
from reconcile.client.transport import TransportRequest

PODS = "/api/v1/namespaces/default/pods"
WAIT = 60.0


class Pretended(Kubelet):
    """A shell of three commands, a log that counts, and a port that echoes."""

    async def logs(self, pod: dict[str, Any], container: str, options: LogOptions) -> AsyncIterator[bytes]:
        if options.previous:
            raise bad_request(f'previous terminated container "{container}" not found')
        for number in range(3 if options.tail_lines is None else options.tail_lines):
            yield f"{container} {number}\n".encode()

    async def exec(self, pod: dict[str, Any], container: str, command: list[str], streams: Streams) -> int:
        if command[0] == "cat":
            async for part in streams.stdin():
                await streams.stdout(part)
            return 0
        if command[0] == "size":
            async for width, height in streams.sizes():
                await streams.stdout(f"{width}x{height}".encode())
                return 0
        if command[0] == "sleep":
            await asyncio.sleep(3600)
        if command[0] == "crash":
            raise RuntimeError("no such luck")
        await streams.stdout(b"out ")
        await streams.stderr(b"err ")
        return 3

    async def port_forward(self, pod: dict[str, Any], port: int, connection: Connection) -> None:
        async for part in connection.read():
            await connection.write(part.upper())
            return


def pod(name: str, node: str = "", containers: tuple[str, ...] = ("main",)) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": each, "image": "a:1"} for each in containers]}
    if node:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


async def filled(server: APIServer) -> None:
    async with Client(server.transport()) as client:
        addresses = [{"type": "InternalIP", "address": "10.0.0.7"}, {"type": "Hostname", "address": "n1"}]
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
        made = await client.create(node)
        await client.update_status({**made, "status": {"addresses": addresses}})
        await client.create({**node, "metadata": {"name": "bare"}})
        placed = (("one", "n1"), ("free", ""), ("lost", "gone"), ("mute", "bare"))
        for each in (*(pod(*place) for place in placed), pod("two", "n1", ("a", "b"))):
            await client.create(each)


async def asked(server: APIServer, path: str, *query: tuple[str, str]) -> tuple[int, str]:
    """Status, and the message of a Status or the whole text."""
    transport = server.transport()
    response = await transport.send(TransportRequest("GET", f"{PODS}/{path}", query))
    text = (await response.read()).decode()
    await response.close()
    await transport.close()
    return response.status, json.loads(text)["message"] if text.startswith("{") else text


async def test_without_a_kubelet_it_is_said_as_upstream_says_it() -> None:
    async with APIServer() as server:
        await filled(server)
        assert await asked(server, "free/log") == (200, "")
        refused = "dial tcp n1:10250: connect: connection refused"
        url = "https://n1:10250/containerLogs/default/one/main"
        assert await asked(server, "one/log") == (500, f'Get "{url}": {refused}')
        asking = ("follow", "true"), ("tailLines", "5")
        assert await asked(server, "one/log", *asking) == (
            500, f'Get "{url}?follow=true&tailLines=5": {refused}'
        )  # fmt: skip
        assert await asked(server, "one/exec", ("command", "ls")) == (400, "Upgrade request required")


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("none/log", (), (404, 'pods "none" not found')),
        ("lost/log", (), (404, 'nodes "gone" not found')),
        ("mute/log", (), (500, "no preferred addresses found; known addresses: []")),
        ("two/log", (), (400, "a container name must be specified for pod two, choose one of: [a b]")),
        ("two/log", (("container", "c"),), (400, "container c is not valid for pod two")),
        ("free/exec", (), (400, "pod free does not have a host assigned")),
        ("free/portforward", (), (400, "pod free does not have a host assigned")),
        ("one/log", (("previous", "true"),), (400, 'previous terminated container "main" not found')),
        ("one/log", (("limitBytes", "0"),), (
            422, 'PodLogOptions "one" is invalid: limitBytes: Invalid value: 0: must be greater than 0'
        )),
        ("one/log", (), (200, "main 0\nmain 1\nmain 2\n")),
        ("two/log", (("container", "b"), ("tailLines", "1")), (200, "b 0\n")),
        ("one/log", (("limitBytes", "9"),), (200, "main 0\nma")),
    ],
)  # fmt: skip
async def test_logs_and_what_is_refused(
    path: str, query: tuple[tuple[str, str], ...], expected: tuple[int, str]
) -> None:
    async with APIServer(ServerOptions(kubelet=Pretended())) as server:
        await filled(server)
        assert await asked(server, path, *query) == expected


class Channels:
    """A client's side of a session."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, channel: int, data: bytes) -> None:
        await self.socket.send_bytes(bytes((channel,)) + data)

    async def all(self) -> dict[int, bytes]:
        """What every channel brought until the end."""
        found: dict[int, bytes] = {}
        async for message in self.socket:
            found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
        return found


async def talk(path: str, *protocols: str, send: tuple[tuple[int, bytes], ...] = ()) -> dict[int, bytes]:
    async with APIServer(ServerOptions(kubelet=Pretended())) as server:
        await filled(server)
        address = await server.serve()
        async with (
            asyncio.timeout(WAIT),
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address.url}{PODS}/{path}", protocols=protocols) as socket,
        ):
            assert socket.protocol == (protocols[-1] if protocols else None)
            channels = Channels(socket)
            for channel, data in send:
                await channels.send(channel, data)
            return await channels.all()


V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"


@pytest.mark.real_time
async def test_a_command_has_its_streams_and_its_exit_status() -> None:
    said = await talk("one/exec?command=ls&stdout=true&stderr=true", "SPDY/3.1", V5)
    assert (said[1], said[2]) == (b"out ", b"err ")
    status = json.loads(said[3])
    assert (status["reason"], status["details"]) == (
        "NonZeroExitCode",
        {"causes": [{"reason": "ExitCode", "message": "3"}]},
    )


@pytest.mark.real_time
async def test_a_client_that_names_no_protocol_has_channels_and_is_told_failures_in_words() -> None:
    for protocols in ((), ("channel.k8s.io",)):
        said = await talk("one/exec?command=ls&stdout=true&stderr=true", *protocols)
        assert said == {
            1: b"out ",
            2: b"err ",
            3: b"command terminated with non-zero exit code: exit status 3",
        }


@pytest.mark.real_time
async def test_input_goes_in_until_it_is_closed_and_a_terminal_says_its_size() -> None:
    said = await talk(
        "one/exec?command=cat&stdin=true&stdout=true", V5, send=((0, b"hello "), (0, b"there"), (255, b"\0"))
    )
    assert said[1] == b"hello there" and json.loads(said[3])["status"] == "Success"
    size = json.dumps({"Width": 80, "Height": 24}).encode()
    assert (await talk("one/exec?command=size&tty=true&stdout=true", V4, send=((4, size),)))[1] == b"80x24"


@pytest.mark.real_time
async def test_a_failing_backend_is_an_internal_error_and_one_that_lacks_attach_is_unreachable() -> None:
    crashed = json.loads((await talk("one/exec?command=crash", V5))[3])
    assert crashed["message"] == "Internal error occurred: RuntimeError: no such luck"
    missing = json.loads((await talk("one/attach", V5))[3])
    assert "connection refused" in missing["message"] and missing["code"] == 500


@pytest.mark.real_time
async def test_a_port_is_forwarded_and_says_its_number_first() -> None:
    # Some clients name no protocol.
    for protocols in ((V4,), ()):
        said = await talk("one/portforward?ports=80", *protocols, send=((0, b"hello"),))
        assert said == {0: b"\x50\0HELLO", 1: b"\x50\0"}


@pytest.mark.real_time
async def test_a_command_ends_with_its_client_and_other_protocols_are_refused() -> None:
    async with APIServer(ServerOptions(kubelet=Pretended())) as server:
        await filled(server)
        address = await server.serve()
        url = f"{address.url}{PODS}/one/exec?command=sleep"
        async with asyncio.timeout(WAIT), aiohttp.ClientSession() as session:
            socket = await session.ws_connect(url, protocols=(V5,))
            await socket.close()
            other = {"connection": "Upgrade", "upgrade": "other"}
            refused = await session.post(url, headers=other)
            assert refused.status == 400 and "does not speak other" in (await refused.json())["message"]
            spdy = {"connection": "Upgrade", "upgrade": "SPDY/3.1"}
            refused = await session.post(url, headers=spdy)
            assert refused.status == 400 and "X-Stream-Protocol-Version" in await refused.text()
            refused = await session.post(url, headers={**spdy, "x-stream-protocol-version": "v9"})
            assert refused.status == 403 and "v4.channel.k8s.io" in await refused.text()
            unknown = await session.get(
                url, headers={"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "x"}
            )
            assert "unable to negotiate a protocol" in (await unknown.json())["message"]
