"""`pods/exec`, `pods/attach`, `pods/portforward`: from the request to what runs on its WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.handlers.options import Query
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.kubelet.backend import Kubelet, Unreachable
from reconcile.apiserver.kubelet.channels import (
    COMMAND_PROTOCOLS,
    ERROR,
    PORT_PROTOCOLS,
    STDERR,
    STDIN,
    STDOUT,
    CommandStreams,
    PortConnection,
    Socket,
)
from reconcile.apiserver.kubelet.locating import Place, container_of, place_of, pod_of

_log = logging.getLogger(__name__)
JSONObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Session:
    """What goes on after a request became a WebSocket.

    Attributes:
        protocol: the subprotocol that was agreed on; empty for none.
        run: serves the socket until one side is done.
    """

    protocol: str
    run: Callable[[Socket], Awaitable[None]]


def session_of(kubelet: Kubelet, request: Request, context: RequestContext, query: Query) -> Response:
    """The answer to a request that admission has agreed to. Raises 400, 404, 500."""
    pod = pod_of(context)
    if context.subresource == "portforward":
        ports = _ports(query)
        place = _place(pod, context)
        return _upgrade(request, PORT_PROTOCOLS, _forwarding(kubelet, pod, ports, place))
    container = container_of(pod, query.get("container"))
    place = _place(pod, context)
    command = query.all("command")
    run = _command(kubelet, context.subresource, pod, container, command, query, place)
    return _upgrade(request, COMMAND_PROTOCOLS, run)


def options_object(context: RequestContext, query: Query) -> JSONObject:
    """The request's options as the object that admission sees."""
    kind = {"exec": "PodExecOptions", "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions"}
    made: JSONObject = {"kind": kind[context.subresource], "apiVersion": "v1"}
    if context.subresource == "portforward":
        return {**made, "ports": _ports(query)}
    for name in ("stdin", "stdout", "stderr", "tty"):
        if query.flag(name):
            made[name] = True
    if query.get("container"):
        made["container"] = query.get("container")
    return {**made, "command": query.all("command")} if context.subresource == "exec" else made


def _place(pod: JSONObject, context: RequestContext) -> Place:
    if not pod["spec"].get("nodeName"):
        raise status.bad_request(f"pod {context.name} does not have a host assigned")
    return place_of(pod, context)


def _ports(query: Query) -> list[int]:
    found: list[int] = []
    for text in query.all("ports"):
        for part in text.split(","):
            if not part.isdigit() or not 0 < int(part) < 65536:
                raise status.bad_request(f"unable to parse {part!r} as a port")
            found.append(int(part))
    return found


def _upgrade(
    request: Request, protocols: tuple[str, ...], run: Callable[[Socket], Awaitable[None]]
) -> Response:
    """Agree on a protocol. Raises 400 where there is none."""
    wanted = request.headers.get("upgrade", "").lower()
    if not wanted or "upgrade" not in request.headers.get("connection", "").lower():
        raise status.bad_request("Upgrade request required")
    if wanted != "websocket":
        raise status.bad_request(
            f"the embedded server does not speak {request.headers['upgrade']}: upgrade to websocket with "
            f"one of the protocols {', '.join(protocols)}"
        )
    offered = [each.strip() for each in request.headers.get("sec-websocket-protocol", "").split(",")]
    chosen = next((each for each in protocols if each in offered), None)
    if chosen is None:
        raise status.bad_request(
            f"unable to negotiate a protocol: client offers {', '.join(filter(None, offered)) or 'none'}, "
            f"the server knows {', '.join(protocols)}"
        )
    return Response(101, session=Session(chosen, run))


def _command(
    kubelet: Kubelet,
    what: str,
    pod: JSONObject,
    container: str,
    command: list[str],
    query: Query,
    place: Place,
) -> Callable[[Socket], Awaitable[None]]:
    wanted = {
        channel
        for channel, name in ((STDIN, "stdin"), (STDOUT, "stdout"), (STDERR, "stderr"))
        if query.flag(name)
    }
    tty = bool(query.flag("tty"))

    async def run(socket: Socket) -> None:
        streams = CommandStreams(socket, frozenset(wanted), tty)

        async def carry_out() -> JSONObject:
            try:
                if what == "exec":
                    code = await kubelet.exec(pod, container, command, streams)
                else:
                    code = await kubelet.attach(pod, container, streams)
            except Unreachable:
                return _unreachable(what, pod, container, command, wanted, tty, place)
            except status.StatusError as error:
                return error.status()
            except Exception as error:
                _log.exception("%s in %s/%s failed", what, pod["metadata"]["name"], container)
                return status.internal_error(f"{type(error).__name__}: {error}").status()
            return _exited(code)

        async def whole() -> None:
            result = await carry_out()
            await socket.send(bytes((ERROR,)) + msgspec.json.encode(result))

        await _until_either(whole(), streams.serve())

    return run


async def _until_either(work: Awaitable[None], reading: Awaitable[None]) -> None:
    """Run both until the work is done or the client is gone; then end the other."""
    tasks = {asyncio.ensure_future(work), asyncio.ensure_future(reading)}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _exited(code: int) -> JSONObject:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _unreachable(
    what: str, pod: JSONObject, container: str, command: list[str], wanted: set[int], tty: bool, place: Place
) -> JSONObject:
    query = [("command", word) for word in command]
    query += [(name, "1") for channel, name in _NAMES.items() if channel in wanted]
    if tty:
        query.append(("tty", "1"))
    meta = pod["metadata"]
    url = place.url(what, meta["namespace"], meta["name"], container, query=query)
    return status.internal_error(f'error sending request: Post "{url}": {place.refused}').status()


_NAMES = {STDIN: "input", STDOUT: "output", STDERR: "error"}


def _forwarding(
    kubelet: Kubelet, pod: JSONObject, ports: list[int], place: Place
) -> Callable[[Socket], Awaitable[None]]:
    async def run(socket: Socket) -> None:
        connections = [PortConnection(socket, index) for index in range(len(ports))]

        async def serve(connection: PortConnection, port: int) -> None:
            await connection.open(port)
            try:
                await kubelet.port_forward(pod, port, connection)
            except Unreachable:
                await connection.fail(f"error dialing backend: {place.refused}")
            except status.StatusError as error:
                await connection.fail(error.message)
            except Exception as error:
                _log.exception("forwarding port %d of %s failed", port, pod["metadata"]["name"])
                await connection.fail(f"{type(error).__name__}: {error}")

        async def read() -> None:
            while (message := await socket.receive()) is not None:
                index, errors = divmod(message[0], 2) if message else (len(connections), 0)
                if index < len(connections) and not errors:
                    await connections[index].inbox.put(message[1:])

        async def work() -> None:
            await asyncio.gather(*map(serve, connections, ports))

        await _until_either(work(), read())

    return run
