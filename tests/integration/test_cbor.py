"""CBOR where the feature gate is on: each form of an object is the same object, on both servers.

The real server shuffles the fields of its maps; but for that, what it sends is compared byte for byte.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_requests import Connection
from helpers.cbor_bodies import ACCEPTED, BODIES, SAID_OTHERWISE_WHEN_APPLIED
from helpers.cbor_wire import sequence, sorted_maps
from helpers.differential import differences
from helpers.go_tools import TOOLS, built
from helpers.one_of_each_kind import a_request, one_of_each_kind
from helpers.serving import embedded_in_thread

from reconcile.apiserver import ServerOptions
from reconcile.apiserver.cbor import APPLY_TYPE, CONTENT_TYPE, STREAM_TYPE, decode, encode_object, watch_frame
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions
from reconcile.testing.requirements import require

NAMESPACE = "cbor"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
JSON = "application/json"
TABLE = f"{CONTENT_TYPE};as=Table;g=meta.k8s.io;v=v1"
GATE = "CBORServingAndStorage"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            "size": {"type": "integer", "maximum": 100, "multipleOf": 0.5, "minimum": 1e-9},
                        },
                    }
                },
            }
        ],
    },
}


class Server(Connection):
    """A server's answers as they come, on one connection."""

    _held: http.client.HTTPSConnection | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        accept: str = CONTENT_TYPE,
        media: str = CONTENT_TYPE,
    ) -> tuple[int, str, bytes, str]:
        """Status, content type, body, warnings."""
        headers = {"accept": accept, "user-agent": "test"}
        if body is not None:
            headers["content-type"] = media
        for _ in range(2):
            held = self._held or http.client.HTTPSConnection(
                self._address, context=self._context, timeout=300
            )
            self._held = held
            try:
                held.request(method, path, body, headers)
                answer = held.getresponse()
            except (ConnectionError, http.client.HTTPException):
                # The server closed what was open since the last request.
                held.close()
                self._held = None
                continue
            form, warnings = answer.headers.get("Content-Type", ""), answer.headers.get("Warning", "")
            return answer.status, form, answer.read(), warnings
        raise AssertionError(f"{method} {path} has no answer")

    def both(self, path: str) -> tuple[bytes, dict[str, Any]]:
        """What a path gives in CBOR, and as JSON; controllers may write in between."""
        for _ in range(20):
            code, form, wire, _ = self("GET", path)
            assert (code, form) == (200, CONTENT_TYPE), wire
            _, _, raw, _ = self("GET", path, accept=JSON)
            plain, found = json.loads(raw), decode(wire)
            if plain["metadata"].get("resourceVersion") == found["metadata"].get("resourceVersion"):
                return wire, plain
        raise AssertionError(f"{path} changes all the time")

    def said(self, *request: Any, **more: Any) -> tuple[int, str, str, str]:
        """What an answer comes to, without what differs from run to run."""
        code, form, raw, warnings = self(*request, **more)
        if form == STREAM_TYPE or not raw:
            return code, form, f"{len(raw)}", warnings
        obj = decode(raw) if form == CONTENT_TYPE else json.loads(raw) if form == JSON else {}
        if obj.get("kind") == "Status":
            return code, form, f"{obj.get('reason')}: {obj.get('message')}", warnings
        return code, form, f"{obj.get('kind')} {obj.get('data')} {obj.get('binaryData')}", warnings


@pytest.fixture(scope="module")
def kubeconfigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Ours and the real server, both with the gate on."""
    require("controlplane")
    options = ServerOptions(feature_gates={GATE: True})
    real = ControlPlaneOptions(apiserver_flags=(f"--feature-gates={GATE}=true",))
    with (
        ControlPlane(real) as plane,
        embedded_in_thread(tmp_path_factory.mktemp("cbor"), options) as kubeconfig,
    ):
        yield kubeconfig, plane.kubeconfig


@pytest.fixture(scope="module")
def servers(kubeconfigs: tuple[Path, Path]) -> tuple[Server, Server]:
    """The same, with a namespace for the tests."""
    both = Server(kubeconfigs[0]), Server(kubeconfigs[1])
    for server in both:
        body = encode_object({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        assert server("POST", "/api/v1/namespaces", body)[0] == 201
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
        assert server("POST", path, encode_object(account))[0] in (201, 409)
    return both


def path_of(server: Server, obj: dict[str, Any]) -> str:
    version = obj["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    resources = json.loads(server("GET", root, accept=JSON)[2])["resources"]
    found = next(each for each in resources if each["kind"] == obj["kind"] and "/" not in each["name"])
    space = f"/namespaces/{NAMESPACE}" if found["namespaced"] else ""
    return f"{root}{space}/{found['name']}"


@pytest.mark.timeout(600)
def test_an_object_of_every_kind_is_the_same_in_both_forms(servers: tuple[Server, Server]) -> None:
    seen = 0
    for server in servers:
        for sample in [*one_of_each_kind(NAMESPACE, "cbor-test", a_request()), DEFINITION]:
            path = path_of(server, sample)
            code, form, raw, _ = server("POST", path, encode_object(sample))
            assert (code, form) == (201, CONTENT_TYPE), raw
            name = decode(raw)["metadata"]["name"]
            wire, plain = server.both(f"{path}/{name}")
            assert sorted_maps(wire) == encode_object(plain), path
            assert differences(plain, decode(wire)) == [], path
            wire, plain = server.both(path)
            assert sorted_maps(wire) == encode_object(plain), path
            code, _, raw, _ = server("PUT", f"{path}/{name}", encode_object({**plain["items"][0], **sample}))
            assert code in (200, 409, 422), raw
            wire, plain = server.both(f"{path}/{name}")
            accept = f"{CONTENT_TYPE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
            raw = server("GET", f"{path}/{name}", accept=accept)[2]
            # Of some kinds annotations are there in the whole object alone.
            metadata = decode(raw)["metadata"]
            assert {**metadata, **plain["metadata"]} == plain["metadata"]
            seen += 1
    assert seen == 82


@pytest.mark.timeout(600)
def test_bodies_good_and_bad_are_answered_alike(servers: tuple[Server, Server]) -> None:
    different: list[str] = []
    for name, body in BODIES.items():
        for query in ("", "&fieldValidation=Strict"):
            mine, other = (each.said("POST", f"{MAPS}?dryRun=All{query}", body) for each in servers)
            if mine != other:
                different.append(f"{name}{query}\n  ours   {mine}\n  theirs {other}")
        request = ("PATCH", f"{MAPS}/x1?dryRun=All&fieldManager=f", body)
        mine, other = (each.said(*request, media=APPLY_TYPE) for each in servers)
        if name in SAID_OTHERWISE_WHEN_APPLIED:
            mine, other = mine[:2], other[:2]
        if mine != other:
            different.append(f"applied: {name}\n  ours   {mine}\n  theirs {other}")
    asked = [(path, accept) for accept in ACCEPTED for path in (MAPS, f"{MAPS}/none", "/api/v1/nothing")]
    watch = f"{MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone"
    asked += [(watch, accept) for accept in ("application/cbor-seq", f"{JSON},{CONTENT_TYPE}", TABLE)]
    for path, accept in asked:
        mine, other = (each.said("GET", path, accept=accept)[:2] for each in servers)
        if mine != other:
            different.append(f"{path} {accept}\n  ours   {mine}\n  theirs {other}")
    for body in (b"", b"\x80", b"\xa0", BODIES["all right"], encode_object({"kind": "DeleteOptions"})):
        mine, other = (each.said("DELETE", f"{MAPS}/none", body) for each in servers)
        if mine != other:
            different.append(f"delete {body!r}\n  ours   {mine}\n  theirs {other}")
    assert not different, f"{len(different)} differ:\n" + "\n".join(different)
    print(f"{len(BODIES)} bodies created, checked strictly, and applied")


@pytest.mark.timeout(300)
def test_a_watch_is_a_sequence_of_events(servers: tuple[Server, Server]) -> None:
    for server in servers:
        body = encode_object(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "seen"}, "data": {"a": "AAEC"}}
        )
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
        created = decode(server("POST", path, body)[2])
        server("DELETE", f"{path}/seen")
        version = int(created["metadata"]["resourceVersion"]) - 1
        query = f"watch=1&timeoutSeconds=1&resourceVersion={version}&fieldSelector=metadata.name%3Dseen"
        code, form, raw, _ = server("GET", f"{path}?{query}")
        assert (code, form) == (200, STREAM_TYPE)
        events = sequence(raw)
        told = [decode(event) for event in events]
        assert [event["type"] for event in told] == ["ADDED", "DELETED"]
        assert told[0]["object"] == created
        assert events == [watch_frame(event["type"], encode_object(event["object"])) for event in told]


@pytest.mark.timeout(300)
def test_custom_objects_patches_and_subresources_speak_it(servers: tuple[Server, Server]) -> None:
    for server in servers:
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        server("POST", definitions, encode_object(DEFINITION))
        things = f"/apis/example.com/v1/namespaces/{NAMESPACE}/things"
        spec = {
            "whole": 3,
            "part": 0.1,
            "half": 1.5,
            "deep": [[{"a": None}], True],
            "text": "ü",
            "big": 2**53,
        }
        thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}
        for _ in range(600):
            code, _, raw, _ = server("POST", things, encode_object(thing))
            if code in (201, 409):
                break
        assert code == 201, raw
        assert decode(raw)["spec"] == spec
        wire, plain = server.both(f"{things}/t")
        assert sorted_maps(wire) == encode_object(plain)
        applied = encode_object(
            {**thing, "spec": {"whole": 4}, "metadata": {"name": "t", "labels": {"a": "b"}}}
        )
        code, form, raw, _ = server(
            "PATCH", f"{things}/t?fieldManager=f&force=true", applied, media=APPLY_TYPE
        )
        assert (code, form) == (200, CONTENT_TYPE), raw
        assert decode(raw)["spec"]["whole"] == 4 and decode(raw)["metadata"]["labels"] == {"a": "b"}
        code, form, raw, _ = server(
            "PATCH", f"{things}/t", b'{"spec":{"half":null}}', media="application/merge-patch+json"
        )
        assert (code, form) == (200, CONTENT_TYPE) and "half" not in decode(raw)["spec"]
        code, _, raw, _ = server("DELETE", f"{things}/t", encode_object({"propagationPolicy": "Background"}))
        assert code == 200 and decode(raw)["kind"] == "Status", raw


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_client_go_carries_on_in_cbor(servers: tuple[Server, Server], kubeconfigs: tuple[Path, Path]) -> None:
    program = built(TOOLS / "controlplane", "cborclient")
    gates = {"KUBE_FEATURE_ClientsAllowCBOR": "true", "KUBE_FEATURE_ClientsPreferCBOR": "true"}

    def said(kubeconfig: Path) -> str:
        command = [str(program), str(kubeconfig)]
        environment = {**os.environ, **gates}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=200, env=environment, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    ours, theirs = map(said, kubeconfigs)
    assert ours == theirs
    assert ours.count(APPLY_TYPE) == 1 and ours.count(CONTENT_TYPE) > 6 and STREAM_TYPE in ours
    print("1 conversation of client-go in CBOR")


def test_without_the_gate_it_is_refused(tmp_path: Path) -> None:
    with embedded_in_thread(tmp_path) as kubeconfig:
        server = Server(kubeconfig)
        path = "/api/v1/namespaces/default/configmaps"
        assert server("POST", path, BODIES["all right"], accept=JSON)[0] == 415
        assert server("GET", path)[0] == 406
        assert (
            server("PATCH", f"{path}/x1?fieldManager=f", BODIES["all right"], media=APPLY_TYPE, accept=JSON)[
                0
            ]
            == 415
        )
