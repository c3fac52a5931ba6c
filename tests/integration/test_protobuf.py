"""Protobuf and JSON are two forms of one object, on the embedded server as on the real one.

The same tests run on each: what they say of the real server says that the codec reads and writes what Go
does, and what they say of the embedded one says that its front ends agree on forms as the real one's do.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from helpers.differential import differences
from helpers.one_of_each_kind import a_request, one_of_each_kind
from helpers.servers import Session

from reconcile.apiserver.protobuf import CONTENT_TYPE, STREAM_TYPE, decode_object, encode_object, watch_frame
from reconcile.client.transport import TransportRequest
from reconcile.objects.identity import GroupVersionKind

JSON = "application/json"
METADATA = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Wire:
    """Requests with bodies as they are."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        accept: str = CONTENT_TYPE,
        body: bytes | None = None,
        content_type: str = CONTENT_TYPE,
        query: dict[str, str] | None = None,
    ) -> tuple[int, str, bytes]:
        headers = {"accept": accept, "user-agent": "test"}
        if body is not None:
            headers["content-type"] = content_type
        request = TransportRequest(method, path, tuple((query or {}).items()), headers, body, timeout=20.0)
        response = await self._session.client.transport.send(request)
        async with response:
            return response.status, response.headers["content-type"], await response.read()

    async def both(self, path: str) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
        """What a path gives: in protobuf, as JSON, and the protobuf decoded."""
        for _ in range(5):
            code, form, wire = await self("GET", path)
            assert (code, form) == (200, CONTENT_TYPE), path
            code, form, raw = await self("GET", path, accept=JSON)
            assert (code, form) == (200, JSON), path
            plain, found = json.loads(raw), decode_object(wire)
            # Controllers of the real plane may have written in between.
            if plain["metadata"].get("resourceVersion") == found["metadata"].get("resourceVersion"):
                return wire, plain, found
        raise AssertionError(f"{path} changes all the time")

    async def path_of(self, obj: dict[str, Any]) -> str:
        """Where the object's kind is created."""
        group, _, version = obj["apiVersion"].rpartition("/")
        kind = await self._session.client.resource_type(GroupVersionKind(group, version, obj["kind"]))
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        space = f"/namespaces/{self._session.namespace}" if kind.namespaced else ""
        return f"{root}{space}/{kind.plural}"


async def test_an_object_of_every_kind_written_in_protobuf_is_read_the_same_in_both_forms(
    session: Session,
) -> None:
    ask = Wire(session)
    samples = one_of_each_kind(session.namespace, session.unique, a_request())
    assert len(samples) == 40
    for sample in samples:
        path = await ask.path_of(sample)
        dry_run = {"dryRun": "All"}
        # The body that a JSON client means, as the server understood it, is what is written in protobuf.
        code, _, raw = await ask(
            "POST", path, accept=JSON, content_type=JSON, body=json.dumps(sample).encode(), query=dry_run
        )
        assert code == 201, raw
        expected = json.loads(raw)
        code, form, raw = await ask("POST", path, body=encode_object(sample))
        assert (code, form) == (201, CONTENT_TYPE), raw
        created = decode_object(raw)
        assert not [
            line
            for line in differences(expected, created)
            if not any(word in line for word in ("uid", "resourceVersion", "imestamp", "time", "lusterIP"))
        ]
        name = created["metadata"]["name"]
        wire, plain, found = await ask.both(f"{path}/{name}")
        assert differences(plain, found) == []
        assert encode_object(plain) == wire
        code, _, raw = await ask("PUT", f"{path}/{name}", body=wire)
        assert code in (200, 409), raw
        code, form, raw = await ask("DELETE", f"{path}/{name}")
        assert (code, form) == (200, CONTENT_TYPE), raw


async def test_lists_of_every_kind_are_the_same_in_both_forms(session: Session) -> None:
    ask = Wire(session)
    _, _, raw = await ask("GET", "/apis", accept=JSON)
    versions = [group["preferredVersion"]["groupVersion"] for group in json.loads(raw)["groups"]]
    seen = 0
    for root in ["/api/v1", *(f"/apis/{version}" for version in versions)]:
        if "example.com" in root:
            continue
        _, _, raw = await ask("GET", root, accept=JSON)
        for resource in json.loads(raw)["resources"]:
            # The statuses of components are asked for at each read, and come in any order.
            if "list" not in resource["verbs"] or resource["name"] == "componentstatuses":
                continue
            path = f"{root}/{resource['name']}"
            for _ in range(3):
                _, plain, found = await ask.both(path)
                # A list without items is no list in protobuf.
                differing = differences(plain["items"], found["items"] or [])
                if not differing:
                    break
                # Somebody wrote between the two reads: leases are renewed all the time.
            assert differing == [], path
            seen += 1
    assert seen > 50


async def test_a_watch_in_protobuf_has_frames_of_events(session: Session) -> None:
    ask = Wire(session)
    path = f"/api/v1/namespaces/{session.namespace}/configmaps"
    before = await session.client.create(session.config_map("before"))
    await session.client.delete(await session.client.create(session.config_map("seen", {"a": "1"})))
    version = before.metadata.resource_version
    query = {
        "watch": "1",
        "timeoutSeconds": "1",
        "resourceVersion": version,
        "fieldSelector": "metadata.name=seen",
    }
    code, form, raw = await ask("GET", path, query=query)
    assert (code, form) == (200, STREAM_TYPE)
    frames: list[bytes] = []
    while raw:
        end = 4 + int.from_bytes(raw[:4], "big")
        frames.append(raw[:end])
        raw = raw[end:]
    objects = [frame[frame.index(b"k8s\x00") :] for frame in frames]
    assert [
        watch_frame(name, body) for name, body in zip(("ADDED", "DELETED"), objects, strict=True)
    ] == frames
    assert decode_object(objects[0])["data"] == {"a": "1"}


async def test_which_form_is_agreed_on(session: Session) -> None:
    """By quality, then by how exact a media range is; errors come in protobuf too; a Table never does."""
    ask = Wire(session)
    good, missing = "/api/v1/namespaces/default", "/api/v1/namespaces/missing"
    space = "/api/v1/namespaces"
    table = "as=Table;g=meta.k8s.io;v=v1"
    for path, accept, watch, code, form in (
        (good, f"{CONTENT_TYPE},{JSON}", False, 200, CONTENT_TYPE),
        (good, f"{JSON},{CONTENT_TYPE}", False, 200, JSON),
        (good, f"{JSON};q=0.5,{CONTENT_TYPE};q=0.9", False, 200, CONTENT_TYPE),
        (good, f"*/*,{CONTENT_TYPE}", False, 200, CONTENT_TYPE),
        (good, f"image/png,{CONTENT_TYPE}", False, 200, CONTENT_TYPE),
        (good, f"{CONTENT_TYPE};stream=watch", False, 200, CONTENT_TYPE),
        (good, f"{CONTENT_TYPE};{METADATA}", False, 200, CONTENT_TYPE),
        (missing, f"{CONTENT_TYPE},{JSON}", False, 404, CONTENT_TYPE),
        (missing, f"{CONTENT_TYPE};{METADATA}", False, 404, JSON),
        (space, f"{CONTENT_TYPE};{table}", False, 406, JSON),
        (space, f"{CONTENT_TYPE};{table},{JSON};{table}", False, 200, JSON),
        (space, f"{CONTENT_TYPE};{METADATA}", False, 406, JSON),
        (space, f"{CONTENT_TYPE};{METADATA}", True, 200, STREAM_TYPE),
        (space, f"{CONTENT_TYPE};stream=watch,{JSON};stream=watch", True, 200, STREAM_TYPE),
        (space, f"{JSON};stream=watch", True, 200, JSON),
        (space, "application/yaml", True, 406, "application/yaml"),
        (space, "application/*", False, 406, JSON),
        (space, "text/yaml", False, 406, JSON),
        ("/api/v1", CONTENT_TYPE, False, 200, CONTENT_TYPE),
    ):
        query = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": ""} if watch else None
        found = await ask("GET", path, accept=accept, query=query)
        assert found[:2] == (code, form), (path, accept, watch)


async def test_bodies_that_are_no_protobuf_are_refused_in_the_words_of_the_real_server(
    session: Session,
) -> None:
    ask = Wire(session)
    unrecognized = "the object provided is unrecognized (must be of type ConfigMap): "
    unhandled = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
    kind = b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap"
    for body, message in (
        (
            b"abcdef",
            f"{unrecognized}provided data does not appear to be a protobuf message, "
            "expected prefix [107 56 115 0] (616263646566)",
        ),
        (b"k8s\x00", f"{unrecognized}empty body (6b387300)"),
        (b"k8s\x00\xff", f"{unrecognized}unexpected EOF (6b387300ff)"),
        (kind + b"\x12\x02\x0a\x05", f"{unhandled}unexpected EOF"),
        (kind + b"\x12\x02\x10\x05", f"{unhandled}proto: wrong wireType = 0 for field Data"),
        (
            b"k8s\x00\x0a\x09\x0a\x02v1\x12\x03Foo",
            'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for '
            'version "v1" in scheme "pkg/runtime/scheme.go:111"',
        ),
    ):
        code, _, raw = await ask(
            "POST", f"/api/v1/namespaces/{session.namespace}/configmaps", accept=JSON, body=body
        )
        assert (code, json.loads(raw)["message"]) == (400, message)


async def test_custom_resources_have_no_protobuf_form_but_their_metadata_has(session: Session) -> None:
    ask = Wire(session)
    samples = one_of_each_kind(session.namespace, session.unique, "")
    definition = samples[-1]
    code, _, raw = await ask("POST", await ask.path_of(definition), body=encode_object(definition))
    assert code == 201, raw
    name = session.unique.replace("-", "")
    path = f"/apis/example.com/v1/{name}s"
    for _ in range(100):
        if (await ask("GET", path, accept=JSON))[0] == 200:
            break
        await asyncio.sleep(0.1)
    body = json.dumps({"apiVersion": "example.com/v1", "kind": name, "metadata": {"name": "one"}}).encode()
    code, form, _ = await ask("POST", path, accept=f"{CONTENT_TYPE},{JSON}", content_type=JSON, body=body)
    assert (code, form) == (201, JSON)
    code, form, raw = await ask("GET", f"{path}/one")
    assert (code, form, decode_object(raw)["reason"]) == (406, CONTENT_TYPE, "NotAcceptable")
    code, form, _ = await ask("GET", f"{path}/two", accept=f"{CONTENT_TYPE},{JSON}")
    assert (code, form) == (404, CONTENT_TYPE)
    code, form, raw = await ask("GET", f"{path}/one", accept=f"{CONTENT_TYPE};{METADATA}")
    assert (code, form, decode_object(raw)["metadata"]["name"]) == (200, CONTENT_TYPE, "one")
    await ask("DELETE", f"{await ask.path_of(definition)}/{definition['metadata']['name']}")
