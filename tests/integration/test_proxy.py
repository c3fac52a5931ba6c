"""HTTP through the server to pods, services and nodes: both servers lead it to one place and say the same."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from helpers.bad_requests import Connection
from helpers.kubectl import Kubectl
from helpers.proxied import Dialed, address, backend
from helpers.serving import embedded_in_thread

from reconcile.apiserver import ServerOptions
from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

NAMESPACE = "proxied"
SPACE = f"/api/v1/namespaces/{NAMESPACE}"
HEADERS = ("location", "content-type", "set-cookie", "x-own", "access-control-allow-origin")


def objects(host: str, port: int) -> list[tuple[str, dict[str, Any]]]:
    """What is asked for, each below the path where it is created."""

    def pod(name: str, ip: str, ports: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
        containers = [{"name": "m", "image": "x", "ports": ports}]
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]} if ip else {}
        spec = {"nodeName": "good", "containers": containers}
        return f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec, "status": status}

    def node(name: str, ip: str, kubelet: int) -> tuple[str, dict[str, Any]]:
        addresses = [{"type": "InternalIP", "address": ip}] if ip else []
        status = {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet}}}
        return "/api/v1/nodes", {"metadata": {"name": name}, "status": status}

    def endpoints(name: str, port_name: str, target: str, ip: str) -> tuple[str, dict[str, Any]]:
        reference = {"kind": "Pod", "namespace": NAMESPACE, "name": target}
        ports = [{"port": port, "name": port_name}] if port_name else [{"port": port}]
        subsets = [{"addresses": [{"ip": ip, "targetRef": reference}], "ports": ports}] if ip else []
        return f"{SPACE}/endpoints", {"metadata": {"name": name}, "subsets": subsets}

    def service(name: str, *port_names: str) -> tuple[str, dict[str, Any]]:
        ports = [{"port": 80 + at, **({"name": each} if each else {})} for at, each in enumerate(port_names)]
        return f"{SPACE}/services", {"metadata": {"name": name}, "spec": {"ports": ports}}

    return [
        ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
        (f"{SPACE}/serviceaccounts", {"metadata": {"name": "default"}}),
        node("good", host, 1), node("nowhere", "", 1), node("loop", "127.0.0.1", 1),
        pod("good", host, [{"containerPort": port, "name": "web"}]),
        pod("bad", host, [{"containerPort": 1}]), pod("portless", host, []), pod("away", "", []),
        pod("loop", "127.0.0.1", [{"containerPort": port}]),
        service("good", "web", "other"), service("plain", ""), service("empty", ""), service("alone", ""),
        service("strange", ""),
        endpoints("good", "web", "good", host), endpoints("plain", "", "good", host),
        endpoints("empty", "", "", ""), endpoints("strange", "", "none", host),
    ]  # fmt: skip


class Server(Connection):
    def __call__(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPSConnection(self._address, context=self._context, timeout=120)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            kept = {name: ", ".join(answer.headers.get_all(name) or ()) for name in HEADERS}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def servers(
    real_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tuple[Server, Path], tuple[Server, Path], int]]:
    """Ours and the real one, and the port of what is proxied to."""
    host = address()
    if not host:
        pytest.skip("needs an address beside the loopback, which is not proxied to")
    directory = tmp_path_factory.mktemp("proxied")
    with (
        backend(host) as port,
        embedded_in_thread(directory, ServerOptions(kubelet=Dialed())) as kubeconfig,
    ):
        ours = Server(kubeconfig), kubeconfig
        theirs = Server(real_plane.kubeconfig), real_plane.kubeconfig
        for server, _ in (ours, theirs):
            for path, obj in objects(host, port):
                code, _, raw = server("POST", path, json.dumps(obj).encode(), content_type="application/json")
                assert code == 201 or "already exists" in raw.decode(), raw
                if path.endswith(("pods", "nodes")) and obj.get("status"):
                    raw = json.dumps({"status": obj["status"]}).encode()
                    name = f"{path}/{obj['metadata']['name']}/status"
                    code, _, raw = server("PATCH", name, raw, content_type="application/merge-patch+json")
                    assert code == 200, raw
        try:
            yield ours, theirs, port
        finally:
            for name in ("good", "nowhere", "loop"):
                theirs[0]("DELETE", f"/api/v1/nodes/{name}")
            theirs[0]("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


def requests(port: int) -> list[tuple[str, str, bytes | None]]:
    good = f"{SPACE}/pods/good/proxy"
    found: list[tuple[str, str, bytes | None]] = [
        (method, f"{good}/a/b?x=1&y=%20z", b"body" if method in ("POST", "PUT", "PATCH") else None)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
    ]
    pods = (
        "good", f"good:{port}", f"http:good:{port}", "good:0", "good:99999", "bad", "portless:1",
        "away", "loop", "none", "ftp:good:1", "a:b:c:d", ":1", "http::1",
    )  # fmt: skip
    services = (
        "good", "good:web", "good:80", "good:81", "good:82", "http:good:web", "http:good:80", "plain",
        "plain:80", "empty", "empty:80", "alone", "alone:80", "strange", "none", "none:80",
        "ftp:good:80", "good:",
    )  # fmt: skip
    nodes = (f"good:{port}", f"http:good:{port}", "nowhere", "loop", "none", "ftp:good:1", "good:2")
    for kind, names in ((f"{SPACE}/pods", pods), (f"{SPACE}/services", services), ("/api/v1/nodes", nodes)):
        found += [("GET", f"{kind}/{name}/proxy/x", None) for name in names]
    paths = (
        "", "/", "?a=b", "/?a=b", "/a/", "/a//b", "/a%2Fb", "/a%20b/%C3%BC", "/page", "/chunks", "/headers",
        "/nothing", "/redirect?to=/there/", "/redirect?to=there", "/redirect?to=http://elsewhere.example.com/x",
        f"/redirect?to=http://{address()}:{port}/same", "/redirect?to=//other/x",
        "/../up", "/a/./b", "/proxy/x",
        "/a;b,c@d:e=f", "/a%3Fb",
    )  # fmt: skip
    found += [("GET", f"{good}{path}", None) for path in paths]
    found += [("HEAD", f"{good}{path}", None) for path in ("", "/", "/page")]
    found += [("POST", good, b"x"), ("GET", f"/api/v1/nodes/good:{port}/proxy/", None)]
    found += [
        ("GET", f"/api/v1/nodes/good/{each}", None) for each in ("metrics", "stats", "stats/summary", "log")
    ]
    return found


@pytest.mark.timeout(600)
def test_requests_come_to_the_same_place_and_back_the_same(
    servers: tuple[tuple[Server, Path], tuple[Server, Path], int],
) -> None:
    (ours, _), (theirs, _), port = servers
    different: list[str] = []
    asked = requests(port)
    for method, path, body in asked:
        headers = {"x_own": "1", "content_type": "text/plain"} if body else {"x_own": "1"}
        said = [_told(server(method, path, body, **headers)) for server in (ours, theirs)]
        if said[0] != said[1]:
            different.append(f"{method} {path}\n  ours   {said[0]}\n  theirs {said[1]}")
    assert not different, f"{len(different)} of {len(asked)} differ:\n" + "\n".join(different)


def _told(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], str]:
    code, headers, raw = answer
    text = raw.decode(errors="replace")
    if code >= 400 and text.startswith("{"):
        status = json.loads(text)
        text = f"{status.get('reason')}: {status.get('message')} {status.get('details')}"
    return code, headers, text if len(text) < 2000 else f"{len(text)} characters"


def test_kubectl_reads_through_the_server_and_through_its_own_proxy(
    servers: tuple[tuple[Server, Path], tuple[Server, Path], int],
) -> None:
    said: list[list[str]] = []
    for _, kubeconfig in servers[:2]:
        kubectl = Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
        told = [
            kubectl("get", "--raw", f"{SPACE}/{each}/proxy/chunks")
            for each in ("pods/good", "services/plain")
        ]
        told += [kubectl("get", "--raw", f"{SPACE}/pods/bad/proxy/x", good=False)]
        told += [kubectl("top", each, good=False) for each in ("nodes", "pods")]
        proxy = kubectl.start("proxy", "--port=0")
        try:
            assert proxy.stdout is not None
            started = re.search(r"127\.0\.0\.1:\d+", proxy.stdout.readline())
            assert started is not None
            connection = http.client.HTTPConnection(started[0], timeout=120)
            connection.request("GET", f"{SPACE}/pods/good/proxy/page")
            told.append(connection.getresponse().read().decode())
            connection.request("GET", f"{SPACE}/pods/good/proxy/redirect?to=/there")
            answer = connection.getresponse()
            told.append(answer.headers.get("Location", ""))
            connection.close()
        finally:
            proxy.kill()
            proxy.communicate()
        said.append(told)
    assert said[0] == said[1]


async def test_upgrades_go_through(servers: tuple[tuple[Server, Path], tuple[Server, Path], int]) -> None:
    for _, kubeconfig in servers[:2]:
        config = yaml.safe_load(kubeconfig.read_text())
        url, context = _tls(config)
        async with aiohttp.ClientSession() as session, asyncio.timeout(120):
            for name in ("pods/good", "services/plain"):
                async with session.ws_connect(f"{url}{SPACE}/{name}/proxy/talk", ssl=context) as talk:
                    for number in range(3):
                        await talk.send_str(f"hello {number}")
                        assert await talk.receive_str() == f"said hello {number}"
            upgrade = {"connection": "Upgrade", "upgrade": "websocket"}
            refused = await session.get(f"{url}{SPACE}/pods/bad/proxy/x", headers=upgrade, ssl=context)
            assert refused.status == 500 and "error dialing backend" in await refused.text()
            refused = await session.get(f"{url}{SPACE}/pods/good/proxy/x", headers=upgrade, ssl=context)
            assert refused.status == 500 and "invalid upgrade response" in await refused.text()


def _tls(config: dict[str, Any]) -> tuple[str, ssl.SSLContext]:
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]

    def pem(part: dict[str, Any], name: str) -> bytes:
        given = part.get(f"{name}-data")
        return base64.b64decode(given) if given else Path(part[name]).read_bytes()

    context = ssl.create_default_context(cadata=pem(cluster, "certificate-authority").decode())
    context.check_hostname = False
    import tempfile

    with tempfile.NamedTemporaryFile() as pair:
        pair.write(pem(user, "client-certificate") + b"\n" + pem(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    return cluster["server"], context
