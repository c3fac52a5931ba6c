import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml
from helpers.asking import CONFIG_MAPS, asking

from reconcile.apiserver.http import Address, HTTPOptions
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.server import APIServer
from reconcile.client.transport import TransportRequest
from reconcile.errors import ConfigurationError, TransportError

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_discovery_in_both_forms_names_the_same_resources() -> None:
    async with asking() as ask:
        legacy = (await ask("GET", "/apis/apps/v1")).body
        names = {entry["name"] for entry in legacy["resources"] if "/" not in entry["name"]}
        answer = await ask("GET", "/apis", headers={"accept": AGGREGATED})
        (apps,) = [item for item in answer.body["items"] if item["metadata"]["name"] == "apps"]
        assert {entry["resource"] for entry in apps["versions"][0]["resources"]} == names
        etag = {"accept": AGGREGATED, "if-none-match": answer.headers["etag"]}
        assert (await ask("GET", "/apis", headers=etag)).status == 304


async def test_health_version_and_the_index() -> None:
    async with asking() as ask:
        assert (await ask("GET", "/readyz")).raw == b"ok"
        assert b"readyz check passed" in (await ask("GET", "/readyz?verbose")).raw
        assert (await ask("GET", "/version")).body["gitVersion"].startswith("v1.36.")
        assert {"/api/v1", "/apis/apps/v1", "/openapi/v3"} <= set((await ask("GET", "/")).body["paths"])


async def test_openapi_v3_has_a_document_for_each_group_version() -> None:
    async with asking() as ask:
        paths = (await ask("GET", "/openapi/v3")).body["paths"]
        assert "apis/apps/v1" in paths
        document = (await ask("GET", "/openapi/v3/apis/apps/v1")).body
        assert "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]


async def test_every_in_process_request_lets_others_run() -> None:
    async with asking() as ask:
        ran: list[str] = []
        asyncio.get_running_loop().call_soon(ran.append, "other")
        await ask.transport.send(TransportRequest("GET", CONFIG_MAPS))
        assert ran == ["other"]


async def test_closing_the_transport_cuts_what_is_open() -> None:
    async with asking() as ask:
        transport = ask.server.transport()
        watch = await transport.send(TransportRequest("GET", CONFIG_MAPS, (("watch", "1"),)))
        await transport.close()
        with pytest.raises(TransportError):
            await watch.read()
        with pytest.raises(TransportError):
            await transport.send(TransportRequest("GET", CONFIG_MAPS))


async def test_an_idle_watch_is_given_up_after_the_idle_timeout() -> None:
    async with asking() as ask:
        query = (("watch", "1"), ("resourceVersion", str(ask.server.storage.revision)))
        watch = await ask.transport.send(TransportRequest("GET", CONFIG_MAPS, query, idle_timeout=5))
        with pytest.raises(TransportError, match="no data within 5 s"):
            await watch.read()
        assert not ask.server.handler.reader.watches


@pytest.mark.real_time
async def test_http_serves_objects_and_watches() -> None:
    async with APIServer() as server, aiohttp.ClientSession() as session:
        url = (await server.serve()).url
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        async with session.get(
            f"{url}{CONFIG_MAPS}?watch=1&resourceVersion={server.storage.revision}"
        ) as watch:
            async with session.post(url + CONFIG_MAPS, json=made) as answer:
                assert answer.status == 201
            assert b'"ADDED"' in await watch.content.readline()


@pytest.mark.real_time
async def test_tokens_say_who_asks_and_others_are_turned_away() -> None:
    options = HTTPOptions(tokens={"secret": User("alice")}, anonymous=None)
    async with APIServer() as server, aiohttp.ClientSession() as session:
        address = await server.serve(options=options)
        async with session.get(f"{address.url}/api/v1/namespaces") as answer:
            assert answer.status == 401 and (await answer.json())["reason"] == "Unauthorized"
        headers = {"authorization": f"Bearer {address.token}"}
        async with session.get(f"{address.url}/api/v1/namespaces", headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.real_time
async def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with APIServer() as server:
            with pytest.raises(ConfigurationError, match=f"port {port}: the port is in use"):
                await server.serve(port=port)


def test_a_kubeconfig_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    address = Address("127.0.0.1", 6443, token="t")
    path = address.write_kubeconfig(tmp_path / "config")
    written = yaml.safe_load(path.read_text())
    assert written["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:6443"}
    assert written["users"][0]["user"] == {"token": "t"}
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot write the kubeconfig"):
        address.write_kubeconfig(tmp_path / "file" / "config")


async def test_json_is_indented_for_programs_before_which_a_person_sits_and_for_those_that_ask() -> None:
    async with asking() as ask:
        path = "/api/v1/namespaces/default"
        for agent, query, indented in (
            ("curl/8.5.0", "", True),
            ("Wget/1.21", "", True),
            ("Mozilla/5.0 (X11)", "", True),
            ("kubectl/v1.36.3", "", False),
            ("kubectl/v1.36.3", "?pretty=true", True),
            ("curl/8.5.0", "?pretty=false", False),
            ("curl/8.5.0", "?pretty=perhaps", False),
            ("curl/8.5.0", "?pretty=", True),
        ):
            for where in (path, "/api/v1", "/api/v1/namespaces/none"):
                answer = await ask("GET", f"{where}{query}", headers={"user-agent": agent})
                assert answer.raw.startswith(b'{\n  "') == indented, (agent, where, query)


async def test_openapi_of_custom_kinds_has_no_empty_parts_which_go_would_not_write() -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Foo", "plural": "foos"}
    spec = {"group": "a.example.com", "names": names, "scope": "Namespaced", "versions": [version]}
    async with asking() as ask:
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        await ask("POST", definitions, {"metadata": {"name": "foos.a.example.com"}, "spec": spec})
        document = (await ask("GET", "/openapi/v3/apis/a.example.com/v1")).body
    assert "/apis/a.example.com/v1/namespaces/{namespace}/foos" in document["paths"]
    assert list(_empty_parts(document)) == []


def _empty_parts(value: object, path: str = "") -> Iterator[str]:
    if value in ([], {}):
        # A default may be anything.
        if not path.endswith("/default"):
            yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _empty_parts(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _empty_parts(inner, path)
