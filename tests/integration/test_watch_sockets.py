"""Watches over WebSockets: both servers send the same messages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from helpers.bad_requests import JSON, Bad, Connection, client_context
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane

SECRETS = "/api/v1/namespaces/watch-sockets/secrets"
WATCH = f"{SECRETS}?watch=true&timeoutSeconds=1"
PROTOBUF = "application/vnd.kubernetes.protobuf;stream=watch"


def make_objects(kubeconfig: Path) -> None:
    connection = Connection(kubeconfig)
    for path, name in (("/api/v1/namespaces", "watch-sockets"), (SECRETS, "one"), (SECRETS, "two")):
        body = json.dumps({"metadata": {"name": name}}).encode()
        assert connection.ask(Bad("POST", path, body, {"Content-Type": JSON}))[0] == 201


def told(message: aiohttp.WSMessage) -> Any:
    if message.type is not aiohttp.WSMsgType.TEXT:
        return message.type.name, bytes(message.data[:7]) if message.data else b""
    event = json.loads(message.data)
    return event["type"], event["object"]["kind"], event["object"]["metadata"]["name"], message.data[-1]


async def conversation(
    kubeconfig: Path, path: str, headers: dict[str, str], protocols: tuple[str, ...]
) -> Any:
    """Protocol and messages; or the status of a refusal."""
    config = yaml.safe_load(await asyncio.to_thread(kubeconfig.read_text))
    url = config["clusters"][0]["cluster"]["server"] + path
    async with aiohttp.ClientSession() as session:
        try:
            async with (
                asyncio.timeout(120),
                session.ws_connect(
                    url, headers=headers, protocols=protocols, ssl=client_context(config)
                ) as socket,
            ):
                messages = [told(message) async for message in socket]
                return socket.protocol, messages
        except aiohttp.WSServerHandshakeError as refusal:
            return refusal.status


async def test_events_are_messages_as_on_the_real_server(real_plane: ControlPlane, tmp_path: Path) -> None:
    origin = {"Origin": "http://anywhere"}
    different: list[str] = []
    with embedded_in_thread(tmp_path) as kubeconfig:
        for each in (kubeconfig, real_plane.kubeconfig):
            await asyncio.to_thread(make_objects, each)
        for path, headers, protocols in (
            (WATCH, origin, ()),
            (WATCH, origin, ("binary.k8s.io",)),
            (WATCH, origin, ("base64.binary.k8s.io",)),
            (WATCH, origin, ("nothing",)),
            ("/api/v1/watch/namespaces/watch-sockets/secrets/two?timeoutSeconds=1", origin, ()),
            (WATCH, {**origin, "Accept": PROTOBUF}, ()),
            (WATCH, {}, ()),
            (f"{SECRETS}?watch=true&resourceVersion=x", origin, ()),
            ("/api/v1/namespaces/watch-sockets/nothing?watch=true", origin, ()),
        ):
            asked = path, headers, protocols
            mine, other = [await conversation(each, *asked) for each in (kubeconfig, real_plane.kubeconfig)]
            if mine != other:
                different.append(f"{asked}\n  ours   {mine}\n  theirs {other}")
    assert not different, "\n".join(different)
