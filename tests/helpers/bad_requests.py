"""Requests that no well-behaved client sends, as bytes on a connection, and what two servers say to them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "bad-input"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
JSON = "application/json"


@dataclass(frozen=True)
class Bad:
    """One request. `headers` are sent as they are, beside Host and Content-Length."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        body = "" if self.body is None else f" {self.body[:60]!r}{'…' if len(self.body) > 60 else ''}"
        return f"{self.method} {self.path[:160]} {dict(self.headers)}{body}"


def config_map(name: str = "a", **more: Any) -> bytes:
    metadata = {"name": name, **more.pop("metadata", {})}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}).encode()


def post(body: bytes, content_type: str = JSON, path: str = MAPS, **headers: str) -> Bad:
    return Bad("POST", path, body, {"Content-Type": content_type, **headers})


def patch(kind: str, body: bytes, path: str = f"{MAPS}/held", query: str = "") -> Bad:
    return Bad("PATCH", path + query, body, {"Content-Type": f"application/{kind}"})


PATHS = [
    Bad("GET", path)
    for path in (
        "/api/v1/namespaces/bad-input/configmaps/", "/api/v1//namespaces", "//api/v1/namespaces/bad-input",
        "/api/v1/namespaces/bad-input//configmaps/held", "/api/v1/namespaces/../namespaces/bad-input",
        "/api/v1/namespaces/./bad-input", "/api/v1/namespaces/bad-input/configmaps/%2e%2e",
        "/api/v1/namespaces/bad-input/configmaps/a%2Fb", "/api/v1/namespaces/bad-input/configmaps/a%00b",
        "/api/v1/namespaces/%62ad-input/configmaps/held", "/api/v1/namespaces/bad-input/configmaps/a%25b",
        "/api/v1/namespaces/bad-input/configmaps/held/extra", "/api/v1/namespaces/bad-input/nothing",
        "/api/v1/namespaces/bad-input/configmaps/held/status", "/api/v1/configmaps/held", "/api/v2/pods",
        "/apis/apps/v9/deployments", "/apis/nobody.example.com/v1/things", "/api", "/api/", "/apis/apps",
        "/apis/apps/", "/nothing", "/healthz/nothing", "/API/v1/pods", "/api/v1/Pods",
        "/api/v1/namespaces/bad-input/configmaps/" + "x" * 300, "/api/v1/watch/nothing",
    )
]  # fmt: skip
QUERIES = [
    Bad("GET", f"{MAPS}?{query}")
    for query in (
        "nobody=knows", "limit=abc", "limit=-1", "limit=99999999999999999999", "dryRun=All",
        "timeoutSeconds=abc", "fieldSelector=x", "fieldSelector=metadata.name%3D%3D%3Da",
        "fieldSelector=data.a%3Db", "labelSelector=a%20in%20(", "labelSelector=a%3Db%2C%2C",
        "labelSelector=-a", "labelSelector=a%3E%3Eb", "labelSelector=" + "a" * 64, "resourceVersion=abc",
        "resourceVersion=-1", "continue=garbage", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
        "resourceVersionMatch=Exact", "resourceVersionMatch=Nearly&resourceVersion=1", "pretty=perhaps",
        "sendInitialEvents=true", "a;b", "%zz=1", "limit=1&limit=x",
    )
]  # fmt: skip
BODIES = [
    post(body)
    for body in (
        b"", b"{", b"[]", b"null", b'"text"', b"{}", b'{"a":}', b"{'a': 1}", b"\xff\xfe", b"{} {}", b"NaN",
        b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}', b'{"kind":"ConfigMap"}',
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":[]}', config_map(data=[1]),
        config_map(data={"a": 1}),
        config_map(data={"a/b": "x"}), config_map("UPPER"), config_map("x" * 254), config_map(""),
        config_map(metadata={"labels": {"a": "x" * 64}}), config_map(metadata={"labels": {"a" * 64: "x"}}),
        config_map(metadata={"labels": {"/": "x"}}), config_map(metadata={"namespace": "other"}),
        config_map(metadata={"annotations": {"a": "x" * (257 * 1024)}}),
        b"[" * 20_000, b'{"a":' * 20_000, config_map(metadata={"creationTimestamp": "now"}),
        config_map(metadata={"ownerReferences": [{"name": "a"}]}), config_map(metadata={"finalizers": ["x"]}),
    )
] + [
    post(config_map(), content_type)
    for content_type in (
        "text/plain", "application/xml", "application/cbor", "application/vnd.kubernetes.protobuf",
        "application/yaml", ";", "application/json; charset=latin-1", "APPLICATION/JSON",
    )
] + [
    post(b" " * (3 * 1024 * 1024 + 1)), post(b"a: [", "application/yaml"), post(b"- a", "application/yaml"),
    post(b"k8s\0\x0a\x04\x0a\x02v1", "application/vnd.kubernetes.protobuf"),
    post(config_map(), path=MAPS + "?dryRun=Some"), post(config_map(), path=MAPS + "?fieldValidation=Maybe"),
    post(config_map(more=1), path=MAPS + "?fieldValidation=Strict"),
    post(config_map(), path=MAPS + "?fieldManager=" + "m" * 129), post(config_map(), path=f"{MAPS}/held"),
]  # fmt: skip
PATCHES = [
    patch("json-patch+json", b"{}"), patch("json-patch+json", b"[1]"), patch("json-patch+json", b"["),
    patch("json-patch+json", b'[{"op":"nothing","path":"/data"}]'),
    patch("json-patch+json", b'[{"op":"remove","path":"/data/none"}]'),
    patch("json-patch+json", b'[{"op":"test","path":"/data/k","value":"other"}]'),
    patch("json-patch+json", b'[{"op":"add","path":"data","value":1}]'),
    patch("json-patch+json", json.dumps([{"op": "test", "path": "/data/k", "value": "v"}] * 10_001).encode()),
    patch("merge-patch+json", b"[]"), patch("merge-patch+json", b"{"), patch("merge-patch+json", b'"a"'),
    patch("merge-patch+json", b'{"metadata":{"name":"other"}}'),
    patch("strategic-merge-patch+json", b"[]"), patch("strategic-merge-patch+json", b"{"),
    patch("strategic-merge-patch+json", b'{"$patch":"nothing"}'),
    patch("strategic-merge-patch+json", b'{"data":{"$patch":"wrong"}}'),
    patch("apply-patch+yaml", config_map("held")),
    patch("apply-patch+yaml", b"a: [", query="?fieldManager=f"),
    patch("apply-patch+yaml", b"{}", query="?fieldManager=f"),
    patch("apply-patch+yaml", config_map("other"), query="?fieldManager=f"),
    patch("apply-patch+yaml", config_map("held", metadata={"managedFields": []}), query="?fieldManager=f"),
    patch("apply-patch+cbor", b"\xa0", query="?fieldManager=f"), patch("json", b"{}"),
    patch("nothing", b"{}"),
    patch("merge-patch+json", b"{}", path=f"{MAPS}/none"), patch("merge-patch+json", b"{}", path=MAPS),
]  # fmt: skip
OTHERS = [
    *(
        Bad("GET", f"{MAPS}/held", headers={"Accept": accept})
        for accept in (
            "text/html", "application/cbor", "application/cbor, application/json", "garbage", "*/*;q=0",
            "application/json;as=Table;g=meta.k8s.io;v=v9", "image/*",
        )
    ),
    Bad("GET", MAPS + "?watch=true&timeoutSeconds=1", headers={"Accept": "application/cbor-seq"}),
    Bad("GET", MAPS + "?watch=true&timeoutSeconds=1", headers={"Accept": "application/yaml"}),
    *(Bad(method, f"{MAPS}/held") for method in ("OPTIONS", "TRACE", "PROPFIND")),
    Bad("POST", f"{MAPS}/held", b"{}"), Bad("PUT", MAPS, b"{}"), Bad("PATCH", "/api/v1", b"{}"),
    Bad("DELETE", "/"), Bad("DELETE", f"{MAPS}/held", b"{", {"Content-Type": JSON}),
    Bad("DELETE", f"{MAPS}/held?gracePeriodSeconds=x"), Bad("DELETE", f"{MAPS}/held?propagationPolicy=Never"),
    Bad("PUT", f"{MAPS}/held", config_map("other"), {"Content-Type": JSON}),
    Bad("PUT", f"{MAPS}/held", config_map("held", metadata={"resourceVersion": "x"}), {"Content-Type": JSON}),
]  # fmt: skip


def deep(levels: int, begin: bytes = b'{"a":', end: bytes = b"}") -> bytes:
    """A value that is nested so many levels deep."""
    return begin * levels + b"1" + end * levels


def _deep_map(name: str, levels: int) -> bytes:
    return config_map(name)[:-1] + b',"x":' + deep(levels) + b"}"


DEEP = [
    *(post(_deep_map(f"deep-{levels}", levels)) for levels in (900, 9_000, 9_999, 10_000, 100_000)),
    post(config_map("deep-list")[:-1] + b',"x":' + deep(9_000, b"[", b"]") + b"}"),
    post(_deep_map("deep-strict", 9_000), path=MAPS + "?fieldValidation=Strict"),
    post(_deep_map("deep-yaml", 900), "application/yaml"),
    patch("merge-patch+json", b'{"x":' + deep(500) + b"}"),
    *(
        patch(kind, body)
        for levels in (900, 9_000, 20_000)
        for kind, body in (
            ("strategic-merge-patch+json", b'{"x":' + deep(levels) + b"}"),
            ("json-patch+json", b'[{"op":"add","path":"/x","value":' + deep(levels) + b"}]"),
        )
    ),
    patch("apply-patch+yaml", _deep_map("held", 900), query="?fieldManager=f"),
    Bad("DELETE", f"{MAPS}/none", b'{"x":' + deep(9_000) + b"}", {"Content-Type": JSON}),
    post(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":' + deep(9_000) + b"}"),
]
# Fields that are unknown, and keys that come twice, in documents of built-in kinds: told in the order of the
# reader of each format.
_MAP = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},%b}'
_POD = b'{"apiVersion":"v1","kind":"Pod",%b}'
_ONE = b'{"name":"a","image":"b"%b}'
_MANY = b"""kind: Pod
apiVersion: v1
metadata: {name: a, zone: b}
spec:
  unknown: 1
  containers:
  - name: a
    image: b
    name: c
    before:
      a: 1
      a: 2
  containers:
  - {name: a, image: b, after: 1}
  nodeName:
    a
  nodeName:
    b
metadata:
  name: b
  colour: red
"""
_LINES = b"""kind: ConfigMap
apiVersion: v1
metadata: {name: held}
data:
  a: b
  a:
    c
data:
  a: c
  a: b
"""
TWICE = [
    _MAP % b'"u":1,"data":{"k":"1","k":"2"}',
    _MAP % b'"data":{"k":"1","k":"2","k":"3"},"u":1,"u":2',
    _MAP % b'"u":{"x":1,"x":2},"data":{"k":"1","k":"2"}',
    _MAP % b'"u":1,"data":{"k":"1"},"w":1,"data":{"k":"1","k":"2"}',
    _MAP % b'"Data":{"k":"1"},"data":{"k":"1"},"u":1,"DATA":{}',
    _POD
    % b'"metadata":{"name":"a","u":1},"metadata":{"name":"a","u":1,"w":2},"spec":{"containers":[%b]}'
    % (_ONE % b""),
    _POD
    % b'"metadata":{"name":"a"},"spec":{"x":1,"containers":[%b,%b],"x":2,"nodeName":"a","nodeName":"b"}'
    % (_ONE % b',"y":1,"image":"c"', _ONE % b',"env":[{"name":"a","name":"b","q":1}],"z":1'),
    _POD
    % b'"metadata":{"name":"a"},"spec":{"containers":[%b],"containers":[%b]}'
    % (_ONE % b',"u":1', _ONE % b',"u":1'),
]
REPEATED = [
    *(
        post(body, media, f"/api/v1/namespaces/{NAMESPACE}/{collection}?fieldValidation=Strict")
        for collection, kind in (("configmaps", b'"ConfigMap"'), ("pods", b'"Pod"'))
        for media in (JSON, "application/yaml")
        for body in TWICE
        if kind in body
    ),
    post(_MANY, "application/yaml", f"/api/v1/namespaces/{NAMESPACE}/pods?fieldValidation=Strict"),
    *(
        patch("apply-patch+yaml", body, f"{MAPS}/{name}", "?fieldManager=m&fieldValidation=Strict")
        for name, body in (("a", _MANY), ("held", _LINES), ("a", _LINES))
    ),
]
REQUESTS = [*PATHS, *QUERIES, *BODIES, *PATCHES, *OTHERS, *DEEP, *REPEATED]


class Connection:
    """A client that sends what it is told, with the certificate of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._address = config["clusters"][0]["cluster"]["server"].removeprefix("https://")
        self._context = client_context(config)

    def ask(self, bad: Bad) -> tuple[int, str, str]:
        """Status, content type, and the text; what was said of an object is its name alone."""
        connection = http.client.HTTPSConnection(self._address, context=self._context, timeout=300)
        try:
            connection.putrequest(bad.method, bad.path, skip_accept_encoding=True)
            for name, value in bad.headers.items():
                connection.putheader(name, value)
            if bad.body is not None:
                connection.putheader("Content-Length", str(len(bad.body)))
            # A server may answer and close before it has read a body that is too long.
            with contextlib.suppress(ConnectionError):
                connection.endheaders(bad.body)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
            return response.status, response.headers.get("Content-Type", ""), _said(text)
        finally:
            connection.close()


def client_context(config: dict[str, Any]) -> ssl.SSLContext:
    """Trusts the authority of a kubeconfig and shows its user's certificate."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority"))
    context.check_hostname = False
    with tempfile.NamedTemporaryFile("w") as pair:
        pair.write(_pem(user, "client-certificate") + "\n" + _pem(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context


def _pem(config: dict[str, Any], name: str) -> str:
    if f"{name}-data" in config:
        return base64.b64decode(config[f"{name}-data"]).decode()
    return Path(config[name]).read_text()


def _said(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text if len(text) < 400 else f"{len(text)} characters"
    if not isinstance(value, dict):
        return text
    if value.get("kind") == "Status":
        return f"{value.get('reason')}: {value.get('message')} {value.get('details')}"
    return f"{value.get('kind')} {(value.get('metadata') or {}).get('name')}"
