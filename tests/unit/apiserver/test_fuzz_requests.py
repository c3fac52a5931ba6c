"""Drawn requests: whatever is sent, the answer is a status, and never one of our own errors."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.apiserver import APIServer
from reconcile.client.transport import TransportRequest
from reconcile.runtime import SimulatedRuntime, VirtualTimeLoop

HELD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}}
MAPS = "/api/v1/namespaces/default/configmaps"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from([
    "metadata", "name", "labels", "annotations", "data", "kind", "apiVersion", "spec", "a", "ConfigMap", "v1",
    "$patch", "delete", "replace", "$setElementOrder/x", "$retainKeys", "finalizers", "ownerReferences",
    "managedFields", "resourceVersion", "uid", "generateName", "namespace", "deletionTimestamp",
])  # fmt: skip
OBJECTS = st.recursive(
    JSON_VALUES | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)
SELECTORS = st.text(alphabet="ab=!,() innot><-./\x00é", max_size=20)
QUERY = st.lists(
    st.tuples(
        st.sampled_from([
            "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch",
            "dryRun", "fieldManager", "fieldValidation", "force", "pretty", "propagationPolicy",
            "gracePeriodSeconds", "sendInitialEvents", "timeoutSeconds", "includeObject", "other",
        ]),
        SELECTORS | st.sampled_from(["1", "-1", "true", "All", "Strict", "metadata.name=a", "NotOlderThan"]),
    ),
    max_size=4,
)  # fmt: skip
SEGMENTS = st.sampled_from([
    "api", "apis", "v1", "apps", "namespaces", "default", "configmaps", "deployments", "a", "status", "scale",
    "..", ".", "", "%2F", "%00", "%", "%zz", "%ff", "watch", "pods", "log", "exec", "x" * 300, "é",
])  # fmt: skip
PATHS = st.lists(SEGMENTS, max_size=8).map(lambda parts: "/" + "/".join(parts))
TYPES = st.sampled_from([
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/cbor", "",
    "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml",
    "application/strategic-merge-patch+json", "text/plain", "application/json; charset=utf-8", ";=",
])  # fmt: skip
ACCEPTS = TYPES | st.sampled_from([
    "*/*", "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/yaml;q=0.1", ";", ",,", "application/json;q=x",
])  # fmt: skip
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
            "path": st.sampled_from(["", "/", "/data", "/data/a", "/metadata/labels/-", "/a~2", "data"]),
        },
        optional={"value": OBJECTS, "from": st.sampled_from(["/data", "/metadata", "x", ""])},
    ),
    max_size=4,
)  # fmt: skip
BODIES = (
    OBJECTS.map(lambda value: json.dumps(value).encode())
    | OPERATIONS.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(WORDS, OBJECTS, max_size=6).map(
        lambda value: json.dumps({**HELD, **value}).encode()
    )
    | st.binary(max_size=40)
    | st.binary(max_size=40).map(lambda raw: b"k8s\0" + raw)
    | st.text(alphabet="a:- []{}&*!|>\n'\"#%@`,?\t", max_size=40).map(str.encode)
)  # fmt: skip
REQUESTS = st.builds(
    lambda method, path, query, content_type, accept, body: TransportRequest(
        method, path, tuple(query), {"content-type": content_type, "accept": accept}, body
    ),
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    PATHS | st.sampled_from([MAPS, f"{MAPS}/a", f"{MAPS}/a/status", "/apis/apps/v1/deployments"]),
    QUERY,
    TYPES,
    ACCEPTS,
    BODIES,
)  # fmt: skip


def check(requests: list[TransportRequest]) -> None:
    """Ask a new server all of them, in virtual time."""

    async def ask() -> None:
        async with APIServer(runtime=SimulatedRuntime()) as server:
            transport = server.transport()
            kept = TransportRequest(
                "POST", MAPS, (), {"content-type": "application/json"}, json.dumps(HELD).encode()
            )
            for request in (kept, *requests):
                response = await transport.send(request)
                body = b""
                async for chunk in response.chunks():
                    body += chunk
                    break
                await response.close()
                assert 200 <= response.status < 600, request
                assert b"Traceback" not in body, request
                # Ours alone name a Python exception.
                assert b"Internal error occurred: " not in body or b"Error: " not in body, (request, body)
            await transport.close()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(ask())


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.lists(REQUESTS, min_size=5, max_size=20))
def test_drawn_requests_are_answered(requests: list[Any]) -> None:
    check(requests)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_many_drawn_requests_are_answered() -> None:
    asked = 0

    @settings(max_examples=2_000, suppress_health_check=list(HealthCheck))
    @given(st.lists(REQUESTS, min_size=5, max_size=20))
    def run(requests: list[Any]) -> None:
        nonlocal asked
        asked += len(requests)
        check(requests)

    run()
    print(f"{asked} drawn requests")
