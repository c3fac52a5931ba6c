"""What a kubelet does for the API server; `ServerOptions.kubelet` takes one for all nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

JSONObject = dict[str, Any]


class Unreachable(Exception):
    """Nothing listens where the kubelet should be; the API server says so as upstream does."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which part of a container's log is wanted.

    Attributes:
        follow: go on with what is written from now on.
        previous: of the container's incarnation before this one.
        timestamps: each line begins with its time, RFC 3339, and a space.
        since_seconds: not older than this; None for no limit.
        since_time: not older than this time, RFC 3339; empty for no limit.
        tail_lines: only so many last lines; None for all.
        limit_bytes: at most so many bytes; None for all.
        still_runs: whether the container runs as it did when it was asked for, by what the server has of the
            pod: for who follows a log and has no container to ask.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_seconds: int | None = None
    since_time: str = ""
    tail_lines: int | None = None
    limit_bytes: int | None = None
    still_runs: Callable[[], bool] = lambda: False


class Streams(Protocol):
    """The streams of a command: what its client types and sees. Writes wait for a slow client.

    Attributes:
        tty: the client has a terminal; then everything goes to its output.
    """

    tty: bool

    def stdin(self) -> AsyncIterator[bytes]:
        """What the client sends, until it closes its side; at once at the end when it sends nothing."""
        ...

    def sizes(self) -> AsyncIterator[tuple[int, int]]:
        """Width and height of the client's terminal, first and at each change."""
        ...

    async def stdout(self, data: bytes) -> None: ...

    async def stderr(self, data: bytes) -> None: ...


class Connection(Protocol):
    """One forwarded port's bytes."""

    def read(self) -> AsyncIterator[bytes]:
        """What the client sends, until it goes."""
        ...

    async def write(self, data: bytes) -> None: ...


class Kubelet:
    """What answers for pods. Each method that is not overridden answers as a node without kubelet does.

    A method may raise `reconcile.apiserver.status.StatusError`, which the client gets as it is. `pod` is the
    stored object, private to the callee; the container exists in it.
    """

    def logs(self, pod: JSONObject, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log in pieces of any size. With `follow` it ends when the container does."""
        raise Unreachable

    async def exec(self, pod: JSONObject, container: str, command: list[str], streams: Streams) -> int:
        """Run a command in a container; its exit status."""
        raise Unreachable

    async def attach(self, pod: JSONObject, container: str, streams: Streams) -> int:
        """Connect to the container's own process; its exit status when it ends."""
        raise Unreachable

    async def port_forward(self, pod: JSONObject, port: int, connection: Connection) -> None:
        """Serve one connection to a port of the pod; the connection ends when this returns.

        Forwarded ports come here, and what is proxied to pods and services: plain HTTP/1.1, `https:` too.
        """
        raise Unreachable

    async def node_port(self, node: JSONObject, port: int, connection: Connection) -> None:
        """Serve one connection to a port of the node, for `nodes/proxy`: plain HTTP/1.1."""
        raise Unreachable
