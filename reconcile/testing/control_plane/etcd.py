"""A small client of etcd's JSON gateway: what a test wants to know of, or do to, a cluster's storage."""

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any

from reconcile.testing.control_plane.errors import ControlPlaneError

_TIMEOUT_SECONDS = 30.0


class EtcdClient:
    """Talks to the etcd that serves clients at 127.0.0.1:`port`.

    Every call raises `ControlPlaneError` if etcd refuses, `OSError` if it cannot be reached within 30
    seconds.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    @property
    def address(self) -> str:
        """Where it serves clients over gRPC and its JSON gateway, without TLS."""
        return f"http://127.0.0.1:{self._port}"

    def healthy(self) -> bool:
        """Whether etcd serves reads and writes; False also while it cannot be reached."""
        try:
            status, _ = self._request("GET", "/health", None)
        except OSError:
            return False
        return status == 200

    def get(self, key: str) -> bytes | None:
        """The stored value of `key`, such as `/registry/pods/default/web`; None if there is none."""
        found = self._call("/v3/kv/range", {"key": _encode(key.encode())}).get("kvs")
        return base64.b64decode(found[0]["value"]) if found else None

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with `prefix` (not empty), sorted."""
        start = prefix.encode()
        end = start[:-1] + bytes([start[-1] + 1])
        request = {"key": _encode(start), "range_end": _encode(end), "keys_only": True}
        return [
            base64.b64decode(found["key"]).decode()
            for found in self._call("/v3/kv/range", request).get("kvs", [])
        ]

    def put(self, key: str, value: bytes) -> None:
        """Stores `value` behind the API server's back."""
        self._call("/v3/kv/put", {"key": _encode(key.encode()), "value": _encode(value)})

    def delete(self, key: str) -> None:
        """Removes `key` behind the API server's back."""
        self._call("/v3/kv/deleterange", {"key": _encode(key.encode())})

    def revision(self) -> int:
        """The store's present revision; every resourceVersion is one."""
        return int(
            self._call("/v3/kv/range", {"key": _encode(b"/"), "count_only": True})["header"]["revision"]
        )

    def compact(self, revision: int | None = None) -> int:
        """Forgets everything before `revision` (the present one by default) and returns that revision.

        When it returns, a read at an earlier revision fails, and so does a watch that would have to start
        at one. A watch from resourceVersion n starts at n + 1.
        """
        at = self.revision() if revision is None else revision
        self._call("/v3/kv/compaction", {"revision": str(at), "physical": True})
        return at

    def _call(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        status, answer = self._request("POST", path, json.dumps(body))
        if status != 200:
            raise ControlPlaneError(
                f"etcd answered {path} with {status}: {answer.decode(errors='replace').strip()}"
            )
        return json.loads(answer)

    def _request(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"etcd at port {self._port} broke off {path}: {error!r}") from error
        finally:
            connection.close()


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
