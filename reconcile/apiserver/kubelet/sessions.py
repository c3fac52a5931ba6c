"""`pods/exec`, `pods/attach`, `pods/portforward`: from the request to what runs on its connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.handlers.messages import Request, Response, text_response
from reconcile.apiserver.handlers.options import Query
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.kubelet import spdy_sessions
from reconcile.apiserver.kubelet.backend import Connection, Kubelet, Streams, Unreachable
from reconcile.apiserver.kubelet.channels import (
    COMMAND_PROTOCOLS,
    ERROR,
    NONE,
    PLAIN_PROTOCOLS,
    PORT_PROTOCOLS,
    STDERR,
    STDIN,
    STDOUT,
    CommandStreams,
    PortConnection,
    Socket,
    SocketPipe,
    until_either,
)
from reconcile.apiserver.kubelet.locating import Place, container_of, place_of, pod_of
from reconcile.apiserver.kubelet.spdy_connection import Pipe

_log = logging.getLogger(__name__)
JSONObject = dict[str, Any]
_VERSIONS = "x-stream-protocol-version"


@dataclass(frozen=True, slots=True)
class Session:
    """What goes on after a request became a WebSocket.

    Attributes:
        protocol: the subprotocol that was agreed on; empty for none.
        run: serves the socket until one side is done.
    """

    protocol: str
    run: Callable[[Socket], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Takeover:
    """What goes on after a request became a connection of bytes, whatever they mean.

    Attributes:
        headers: of the answer 101.
        run: serves the connection until one side is done.
    """

    headers: Mapping[str, str]
    run: Callable[[Pipe], Awaitable[None]]


def session_of(kubelet: Kubelet, request: Request, context: RequestContext, query: Query) -> Response:
    """The answer to a request that admission has agreed to. Raises 400, 404, 500."""
    pod = pod_of(context)
    if context.subresource == "portforward":
        return _port_forward(kubelet, request, pod, query, _place(pod, context))
    container = container_of(pod, query.get("container"))
    place = _place(pod, context)
    asked = _Asked(
        context.subresource,
        pod,
        container,
        query.all("command"),
        frozenset(name for name in ("stdin", "stdout", "stderr") if query.flag(name)),
        bool(query.flag("tty")),
        place,
    )
    upgrade = _upgrade_of(request)
    offered = _offered(request)
    if COMMAND_PROTOCOLS[0] not in offered or upgrade != "websocket":
        # Newer clients are translated here, and told on a stream of theirs; all others meet the node.
        _reach(kubelet, context.subresource, place)
    _known(upgrade)
    run = _command(kubelet, asked)
    if upgrade == "spdy/3.1":
        return _over_spdy(
            request,
            spdy_sessions.COMMAND_PROTOCOLS,
            lambda pipe, protocol: spdy_sessions.run_command(pipe, run, asked.wanted, asked.tty, protocol),
        )
    protocol = _chosen(COMMAND_PROTOCOLS, offered)
    return Response(101, session=Session(protocol, _over_websocket(run, asked, protocol)))


def _port_forward(
    kubelet: Kubelet, request: Request, pod: JSONObject, query: Query, place: Place
) -> Response:
    upgrade = _upgrade_of(request)
    _reach(kubelet, "port_forward", place)
    _known(upgrade)
    forward = _forward(kubelet, pod, place)
    name = pod["metadata"]["name"]
    if upgrade == "spdy/3.1":
        return _over_spdy(
            request,
            (spdy_sessions.PORT_PROTOCOL,),
            lambda pipe, _: spdy_sessions.run_port_forward(pipe, forward, name),
        )
    offered = _offered(request)
    if spdy_sessions.TUNNEL_PROTOCOL in offered:

        async def tunnel(socket: Socket) -> None:
            with spdy_sessions.clients_own_fault():
                await spdy_sessions.run_port_forward(SocketPipe(socket), forward, name)

        return Response(101, session=Session(spdy_sessions.TUNNEL_PROTOCOL, tunnel))
    return Response(
        101, session=Session(_chosen(PORT_PROTOCOLS, offered), _forwarding(forward, _ports(query)))
    )


def _over_spdy(
    request: Request, protocols: tuple[str, ...], run: Callable[[Pipe, str], Awaitable[None]]
) -> Response:
    """The answer to a client that speaks SPDY: 101, or as upstream's kubelet refuses it."""
    given = request.headers.get(_VERSIONS)
    offered = [each.strip() for each in (given or "").split(",") if each.strip()]
    if given is None:
        count = len(request.headers)
        text = f"unable to upgrade: header X-Stream-Protocol-Version is not among the {count} of the request"
        return text_response(text + "\n", 400)
    chosen = next((each for each in offered if each in protocols), None)
    if chosen is None:
        text = (
            f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], "
            f"server accepts [{' '.join(protocols)}]"
        )
        response = text_response(text + "\n", 403)
        response.headers["x-accepted-stream-protocol-versions"] = ", ".join(protocols)
        return response

    async def serve(pipe: Pipe) -> None:
        with spdy_sessions.clients_own_fault():
            await run(pipe, chosen)

    headers = {"connection": "Upgrade", "upgrade": "SPDY/3.1", _VERSIONS: chosen}
    return Response(101, takeover=Takeover(headers, serve))


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


def _upgrade_of(request: Request) -> str:
    """To what the client wants to upgrade, in lower case. Raises 400 where to nothing."""
    wanted = request.headers.get("upgrade", "").lower()
    if not wanted or "upgrade" not in request.headers.get("connection", "").lower():
        raise status.bad_request("Upgrade request required")
    return wanted


def _known(upgrade: str) -> None:
    """Raises 400 for a protocol that is not spoken."""
    if upgrade not in ("websocket", "spdy/3.1"):
        raise status.bad_request(f"the server does not speak {upgrade}: upgrade to websocket or SPDY/3.1")


def _offered(request: Request) -> list[str]:
    text = request.headers.get("sec-websocket-protocol", "")
    return [each.strip() for each in text.split(",") if each.strip()]


def _chosen(protocols: tuple[str, ...], offered: list[str]) -> str:
    """The protocol of a WebSocket. Raises 400 where there is none."""
    chosen = next((each for each in protocols if each in (offered or [NONE])), None)
    if chosen is None:
        raise status.bad_request(
            f"unable to negotiate a protocol: client offers {', '.join(offered) or 'none'}, "
            f"the server knows {', '.join(filter(None, protocols))}"
        )
    return chosen


def _reach(kubelet: Kubelet, what: str, place: Place) -> None:
    """Raises 500 where nobody put anything behind pods for this."""
    if getattr(type(kubelet), what) is getattr(Kubelet, what):
        raise status.StatusError(f"error dialing backend: {place.refused}", code=500)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command, or what a container runs: `what` is exec or attach, `wanted` the streams asked for."""

    what: str
    pod: JSONObject
    container: str
    command: list[str]
    wanted: frozenset[str]
    tty: bool
    place: Place


def _command(kubelet: Kubelet, asked: _Asked) -> Callable[[Streams], Awaitable[JSONObject]]:
    pod, container = asked.pod, asked.container

    async def carry_out(streams: Streams) -> JSONObject:
        try:
            if asked.what == "exec":
                code = await kubelet.exec(pod, container, asked.command, streams)
            else:
                code = await kubelet.attach(pod, container, streams)
        except Unreachable:
            return _unreachable(asked)
        except status.StatusError as error:
            return error.status()
        except ConnectionError:
            # The client's own, while it was written to.
            raise
        except Exception as error:
            _log.exception("%s in %s/%s failed", asked.what, pod["metadata"]["name"], container)
            return status.internal_error(f"{type(error).__name__}: {error}").status()
        return _exited(code)

    return carry_out


def _over_websocket(
    carry_out: Callable[[Streams], Awaitable[JSONObject]], asked: _Asked, protocol: str
) -> Callable[[Socket], Awaitable[None]]:
    wanted = frozenset(channel for channel, name in _CHANNELS.items() if name in asked.wanted)

    async def run(socket: Socket) -> None:
        streams = CommandStreams(socket, wanted, asked.tty)

        async def whole() -> None:
            result = await carry_out(streams)
            if protocol not in PLAIN_PROTOCOLS:
                await socket.send(bytes((ERROR,)) + msgspec.json.encode(result))
            elif result["status"] != "Success":
                await socket.send(bytes((ERROR,)) + str(result.get("message", "")).encode())

        await until_either(whole(), streams.serve())

    return run


_CHANNELS = {STDIN: "stdin", STDOUT: "stdout", STDERR: "stderr"}


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


def _unreachable(asked: _Asked) -> JSONObject:
    query = [("command", word) for word in asked.command]
    query += [(name, "1") for stream, name in _NAMES.items() if stream in asked.wanted]
    if asked.tty:
        query.append(("tty", "1"))
    meta = asked.pod["metadata"]
    url = asked.place.url(asked.what, meta["namespace"], meta["name"], asked.container, query=query)
    return status.internal_error(f'error sending request: Post "{url}": {asked.place.refused}').status()


_NAMES = {"stdin": "input", "stdout": "output", "stderr": "error"}


def _forward(kubelet: Kubelet, pod: JSONObject, place: Place) -> Callable[[int, Connection], Awaitable[str]]:
    async def forward(port: int, connection: Connection) -> str:
        """Serve one connection; what went wrong, or nothing."""
        try:
            await kubelet.port_forward(pod, port, connection)
        except Unreachable:
            return f"error dialing backend: {place.refused}"
        except status.StatusError as error:
            return error.message
        except ConnectionError:
            raise
        except Exception as error:
            _log.exception("forwarding port %d of %s failed", port, pod["metadata"]["name"])
            return f"{type(error).__name__}: {error}"
        return ""

    return forward


def _forwarding(
    forward: Callable[[int, Connection], Awaitable[str]], ports: list[int]
) -> Callable[[Socket], Awaitable[None]]:
    async def run(socket: Socket) -> None:
        connections = [PortConnection(socket, index) for index in range(len(ports))]

        async def serve(connection: PortConnection, port: int) -> None:
            await connection.open(port)
            problem = await forward(port, connection)
            await connection.inbox.drop()
            if problem:
                await connection.fail(problem)

        async def read() -> None:
            while (message := await socket.receive()) is not None:
                index, errors = divmod(message[0], 2) if message else (len(connections), 0)
                if index < len(connections) and not errors:
                    await connections[index].inbox.put(message[1:])

        async def work() -> None:
            await asyncio.gather(*map(serve, connections, ports))

        await until_either(work(), read())

    return run
