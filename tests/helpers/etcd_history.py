"""Everything that etcd was made to store, as it happened: the server's own history, past compactions too."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from helpers.delivery_contract import Change

from reconcile.testing.control_plane import ControlPlane

_MARK = "/history/mark"
_SECONDS = 20.0


class EtcdHistory:
    """Watches every key of a control plane's etcd from its first revision on, in a thread.

    The server must store what is looked at as JSON: custom resources always are, built-in kinds with
    `--storage-media-type=application/json`.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._etcd = plane.etcd
        self._changes: list[tuple[str, int, bytes | None]] = []
        self._mark = 0
        self._moved = threading.Condition()
        self._error: BaseException | None = None
        self._closing = False
        address = urlsplit(self._etcd.address)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port)
        everything = base64.b64encode(b"\0").decode()
        create = {"key": everything, "range_end": everything, "start_revision": "1"}
        self._connection.request("POST", "/v3/watch", json.dumps({"create_request": create}))
        self._thread = threading.Thread(target=self._read, name="etcd-history", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(_SECONDS)
        self._connection.close()

    def changes(self, prefix: str) -> list[Change]:
        """What happened so far under a prefix such as `/registry/configmaps/web/`; blocks until known."""
        self._etcd.put(_MARK, b"")
        until = self._etcd.revision()
        with self._moved:
            arrived = self._moved.wait_for(lambda: self._mark >= until or self._error is not None, _SECONDS)
            if self._error is not None:
                raise AssertionError("etcd's history broke off") from self._error
            assert arrived, f"etcd's history has not reached revision {until}"
            return [_change(*change) for change in self._changes if change[0].startswith(prefix)]

    def _read(self) -> None:
        try:
            for line in self._connection.getresponse():
                self._take(json.loads(line))
            raise ConnectionError("the watch of etcd ended")
        except BaseException as error:
            if not self._closing:
                with self._moved:
                    self._error = error
                    self._moved.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        result = message["result"]
        if result.get("canceled"):
            raise ConnectionError(f"etcd cancelled the watch: {result}")
        with self._moved:
            for event in result.get("events", ()):
                stored = event["kv"]
                revision = int(stored["mod_revision"])
                value = None if event.get("type") == "DELETE" else base64.b64decode(stored.get("value", ""))
                self._changes.append((base64.b64decode(stored["key"]).decode(), revision, value))
                self._mark = revision
            self._moved.notify_all()


def _change(key: str, revision: int, value: bytes | None) -> Change:
    # /registry/<resource>/<namespace>/<name>, custom resources with their group before the resource.
    place = "/".join(key.split("/")[-2:])
    if value is None:
        return Change(place, revision, None)
    try:
        stored = json.loads(value)
    except ValueError:
        return Change(place, revision, {}, readable=False)
    return Change(place, revision, stored)
