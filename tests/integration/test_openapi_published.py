"""How OpenAPI documents are answered for: forms, entity tags, times, parts; alike on both servers."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from helpers.bad_requests import Connection
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane

HEADERS = ("content-type", "vary", "cache-control", "content-encoding", "accept-ranges")
V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V3 = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"
ACCEPTED = (
    "",
    "*/*",
    "application/*",
    "application/json",
    "text/html",
    "application/yaml",
    f"{V2};q=0.5,text/html",
    V3,
    f"application/json;q=0.5,{V3}",
)


class Server(Connection):
    """One connection; what is told of an answer, its tag and its body."""

    def ask(  # type: ignore[override]
        self, method: str, path: str, **headers: str
    ) -> tuple[int, dict[str, str], http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPSConnection(self._address, context=self._context, timeout=300)
        try:
            connection.request(
                method, path, headers={k.replace("_", "-"): v for k, v in headers.items() if v}
            )
            answer = connection.getresponse()
            told = {name: ", ".join(answer.headers.get_all(name) or ()) for name in HEADERS}
            return answer.status, told, answer.headers, answer.read()
        finally:
            connection.close()


def test_documents_are_answered_for_as_by_the_real_server(fresh_plane: ControlPlane, tmp_path: Path) -> None:
    different: list[str] = []
    asked = 0
    with embedded_in_thread(tmp_path) as kubeconfig:
        servers = Server(kubeconfig), Server(fresh_plane.kubeconfig)

        def compare(method: str, path: str, **headers: str) -> None:
            nonlocal asked
            asked += 1
            mine, other = (server.ask(method, path, **headers)[:2] for server in servers)
            if mine != other:
                different.append(f"{method} {path} {headers}\n  ours   {mine}\n  theirs {other}")

        for path in ("/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1"):
            for accept in ACCEPTED if path != "/openapi/v3" else ("", "text/html"):
                compare("GET", path, accept=accept)
            compare("HEAD", path)
            compare("GET", f"{path}/")
            compare("GET", path, accept_encoding="gzip")
            compare("GET", path, if_none_match="*")
            compare("GET", path, if_none_match='"other"')
            compare("GET", path, if_modified_since="Mon, 01 Jan 2146 00:00:00 GMT")
            compare("GET", path, if_modified_since="Mon, 01 Jan 2001 00:00:00 GMT")
            for part in ("bytes=0-9", "bytes=-5", "bytes=99999999-", "lines=1"):
                compare("GET", path, range=part)
        compare("GET", "/openapi/v3/apis/nobody.example.com/v1")
        compare("GET", "/openapi/v3/apis/apps/v1?hash=old")
        for server in servers:
            for path in ("/openapi/v2", "/openapi/v3/apis/apps/v1"):
                tag = server.ask("GET", path)[2]["etag"]
                assert server.ask("GET", path, if_none_match=f'"x", {tag}')[0] == 304
            assert (
                server.ask("GET", "/openapi/v2", accept=V2)[2]["etag"]
                == server.ask("GET", "/openapi/v2")[2]["etag"]
            )
            index = json.loads(server.ask("GET", "/openapi/v3")[3])
            code, told, _, _ = server.ask("GET", index["paths"]["apis/apps/v1"]["serverRelativeURL"])
            assert (code, told["cache-control"]) == (200, "public, immutable")
            old = server.ask("GET", "/openapi/v3/apis/apps/v1?hash=old")[2]["location"]
            assert old == index["paths"]["apis/apps/v1"]["serverRelativeURL"]
            part = server.ask("GET", "/openapi/v2", range="bytes=0-9")
            assert part[3] == b'{"swagger"' and part[2]["content-range"].startswith("bytes 0-9/")
    assert not different, f"{len(different)} of {asked} differ:\n" + "\n".join(different)


def test_documents_are_the_real_servers_to_the_byte(fresh_plane: ControlPlane, tmp_path: Path) -> None:
    groups = (
        "api/v1",
        "apis/apps/v1",
        "apis/flowcontrol.apiserver.k8s.io/v1",
        "apis/storage.k8s.io",
        "version",
    )
    with embedded_in_thread(tmp_path) as kubeconfig:
        ours, theirs = Server(kubeconfig), Server(fresh_plane.kubeconfig)
        asked = [("/openapi/v2", accept) for accept in ("application/json", V2)]
        asked += [(f"/openapi/v3/{group}", accept) for group in groups for accept in ("application/json", V3)]
        different = [
            (path, accept)
            for path, accept in asked
            if ours.ask("GET", path, accept=accept)[3] != theirs.ask("GET", path, accept=accept)[3]
        ]
    assert not different
