"""Questions about what is no resource (discovery, OpenAPI, health) and about the forms of answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from helpers.differential import Ask, get, post
from helpers.differential_storage import config_map

Body = dict[str, Any]
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
_TABLE = "application/json;as=Table;g=meta.k8s.io;v={}"
_PARTIAL = "application/json;as={};g=meta.k8s.io;v=v1"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_GROUPS = (
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps",
    "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io",
    "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io",
    "scheduling.k8s.io", "storage.k8s.io",
)  # fmt: skip


def _f(name: str) -> str:
    return f"front ends: {name}"


def _as(ask: Ask, accept: str) -> Ask:
    return replace(ask, accept=accept)


def cases(namespace: str) -> dict[str, list[Ask]]:
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    return {
        "front ends: discovery": _discovery(),
        "front ends: version and health": _health(),
        "front ends: forms of answers": _forms(maps),
    }


def _discovery() -> list[Ask]:
    documents, aggregated = _f("discovery"), _f("aggregated discovery")
    paths = ["/api", "/api/", "/api/v1", "/api/v1/", "/apis", "/apis/"]
    paths += [f"/apis/{group}" for group in _GROUPS]
    versions = [f"/apis/{group}/v1" for group in _GROUPS] + ["/apis/autoscaling/v2"]
    routed = ("/api", "/api/v1", "/apis/apps/v1")
    return [
        *(get(path).good(documents) for path in (*paths, *versions)),
        *(get(path).bad(documents) for path in ("/apis/none.example.com", "/apis/apps/v9", "/api/v2")),
        *(Ask(method, path).bad(documents) for path in routed for method in ("POST", "PUT", "DELETE")),
        *(
            Ask(method, path).good(documents)
            for path in ("/apis", "/apis/apps")
            for method in ("POST", "PUT")
        ),
        *(
            _as(get(path), accept).bad(documents)
            for path in ("/apis", "/api", "/apis/apps", "/apis/apps/v1")
            for accept in ("application/xml", _TABLE.format("v1"))
        ),
        *(_as(get(path), "application/yaml").good(documents) for path in ("/api", "/apis", "/apis/apps/v1")),
        *(_as(get(path), _AGGREGATED.format("v2")).good(aggregated) for path in ("/api", "/apis")),
        _as(get("/apis"), f"{_AGGREGATED.format('v2')},application/json").good(aggregated),
        _as(get("/apis"), f"application/json;q=0.1,{_AGGREGATED.format('v2')}").good(aggregated),
        _as(get("/apis"), f"{_AGGREGATED.format('v2beta1')},application/json").good(aggregated),
        *(
            _as(get(path), _AGGREGATED.format(version)).bad(aggregated)
            for path in ("/api", "/apis")
            for version in ("v2beta1", "v3")
        ),
        _as(get("/apis/apps"), _AGGREGATED.format("v2")).bad(aggregated),
        _as(get("/apis/apps/v1"), _AGGREGATED.format("v2")).bad(aggregated),
    ]


def _health() -> list[Ask]:
    version, health, checks = _f("version"), _f("health"), _f("checks of health")
    roots = ("/healthz", "/livez", "/readyz")
    return [
        get("/version").good(version),
        get("/version/").good(version),
        *(Ask(method, "/version").bad(version) for method in ("POST", "PUT", "DELETE", "PATCH")),
        *(get(root).good(health) for root in roots),
        *(Ask("POST", root).good(health) for root in roots),
        *(get(f"{root}/").bad(health) for root in roots),
        *(get(f"{root}?verbose").good(checks) for root in roots),
        *(get(f"{root}?exclude=etcd").good(checks) for root in roots),
        *(get(f"{root}?verbose&exclude=etcd&exclude=none&exclude=a").good(checks) for root in roots),
        *(get(f"{root}/{name}").good(checks) for root in roots for name in ("ping", "etcd", "log")),
        get("/readyz/poststarthook/rbac/bootstrap-roles").good(checks),
        get("/readyz/informer-sync?verbose").good(checks),
        get("/livez/informer-sync").bad(checks),
        *(get(f"{root}/nothing").bad(checks) for root in roots),
        get("/metrics").good(_f("metrics")),
        get("/metrics/slis").good(_f("metrics")),
        get("/metrics/nothing").bad(_f("metrics")),
        get("/nothing"),
        get("/logs"),
    ]


def _forms(maps: str) -> list[Ask]:
    json, yaml, protobuf = _f("JSON"), _f("YAML"), _f("protobuf")
    table, partial = _f("Table"), _f("PartialObjectMetadata")
    one = f"{maps}/a"
    as_yaml = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: written}\ndata: {k: v}\n"
    return [
        post(maps, config_map("a", {"n": "a"}, x="1")).good(json),
        get(one, pretty="true").good(json),
        _as(get(one), "application/*").bad(json),
        _as(get(one), "text/html, application/json;q=0.5, */*;q=0.1").good(json),
        post(maps, b"{").bad(json),
        Ask("POST", maps, b"{}", "application/jsonish").bad(json),
        _as(get(one), "application/jsonish").bad(json),
        Ask("POST", maps, as_yaml, "application/yaml").good(yaml),
        _as(get(f"{maps}/written"), "application/yaml").good(yaml),
        _as(get(maps), "application/yaml").good(yaml),
        Ask("POST", maps, b"a: [", "application/yaml").bad(yaml),
        Ask("WATCH", f"{maps}?watch=1&timeoutSeconds=1", accept="application/yaml").bad(yaml),
        _as(get(one), _PROTOBUF).good(protobuf),
        _as(get(maps), _PROTOBUF).good(protobuf),
        _as(get(f"{maps}/none"), _PROTOBUF),
        Ask("POST", maps, b"k8s\0nonsense", _PROTOBUF).bad(protobuf),
        Ask("POST", maps, b"nonsense", _PROTOBUF).bad(protobuf),
        _as(get(one), f"{_PROTOBUF};as=Table;g=meta.k8s.io;v=v1").bad(protobuf),
        *(_as(get(path), _TABLE.format("v1")).good(table) for path in (one, maps)),
        _as(get(maps, includeObject="None"), _TABLE.format("v1")).good(table),
        _as(get(maps, includeObject="Object"), _TABLE.format("v1")).good(table),
        _as(get(maps, includeObject="All"), _TABLE.format("v1")).bad(table),
        _as(get(maps), _TABLE.format("v2")).bad(table),
        _as(get(maps), "application/yaml;as=Table;g=meta.k8s.io;v=v1").good(table),
        _as(get(one), _PARTIAL.format("PartialObjectMetadata")).good(partial),
        _as(get(maps), _PARTIAL.format("PartialObjectMetadataList")).good(partial),
        _as(get(f"{maps}?labelSelector=no%3Dno"), _PARTIAL.format("PartialObjectMetadataList")).good(partial),
        _as(get(maps), _PARTIAL.format("PartialObjectMetadata")).bad(partial),
        _as(get(one), _PARTIAL.format("PartialObjectMetadataList")).bad(partial),
        _as(get(one), _PARTIAL.format("Whole")).bad(partial),
    ]
