"""Questions about storage and watches."""

from __future__ import annotations

import base64
import json
from typing import Any

from helpers.differential import Ask, delete, get, merge, post, put, watch

_FUTURE = "999999999"
_COMPACTION = "storage: compaction"
_CONCURRENCY = "storage: optimistic concurrency"
_AT = "storage: list at a revision"
_TOKENS = "storage: continue tokens"
_READ = "storage: resourceVersion of reads"
_MATCH = "storage: resourceVersionMatch"
_REMAINING = "storage: remaining item count"
_FROM = "watch: from a revision"
_BOOKMARKS = "watch: bookmarks"
_INITIAL = "watch: sendInitialEvents"
_TIMEOUT = "watch: timeoutSeconds"
_SELECTORS = "watch: selectors"


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _token(body: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()


def cases(namespace: str) -> dict[str, list[Ask]]:
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    some = [post(maps, config_map(name, {"n": name}, a="1")).named(name) for name in "abcde"]
    changes = [
        merge(f"{maps}/a", {"data": {"a": "2"}}).named("a2"),
        merge(f"{maps}/b", {"metadata": {"labels": {"n": "x"}}}),
        delete(f"{maps}/c"),
        post(maps, config_map("f", {"n": "a"})),
        merge(f"{maps}/b", {"metadata": {"labels": {"n": "b"}}}).named("last"),
        # Afterwards the real server's caches are as new as its storage.
        get(maps).named("now"),
    ]
    none_such = watch(maps, resourceVersion="$rv(a)", fieldSelector="metadata.name=none", timeoutSeconds=1)
    everything = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    return {
        "storage: optimistic concurrency": [
            post(maps, config_map("a", a="1")).named("a"),
            put(f"{maps}/a", {**config_map("a", a="2"), **_version("a", "$rv(a)")}).good(_CONCURRENCY),
            put(f"{maps}/a", {**config_map("a", a="3"), **_version("a", "$rv(a)")}).bad(_CONCURRENCY),
            put(f"{maps}/a", {**config_map("a", a="3"), **_version("a", "1")}).bad(_CONCURRENCY),
            put(f"{maps}/a", {**config_map("a", a="3"), **_version("a", "x")}).bad(_CONCURRENCY),
            put(f"{maps}/a", {**config_map("a", a="3"), **_version("a", "-1")}).bad(_CONCURRENCY),
            put(f"{maps}/a", config_map("a", a="4")).good(_CONCURRENCY),
            merge(f"{maps}/a", {"metadata": {"resourceVersion": "$rv(a)"}}).bad(_CONCURRENCY),
            merge(f"{maps}/a", {"metadata": {"resourceVersion": "0"}, "data": {"x": "y"}}),
            merge(f"{maps}/a", {"metadata": {"resourceVersion": None}, "data": {"x": "z"}}),
            put(f"{maps}/a", {**config_map("a", a="4"), **_version("a", "0")}),
            get(f"{maps}/a"),
        ],
        "storage: reads and pages": [
            *some,
            *changes,
            get(maps),
            get(maps, resourceVersion="$rv(now)").good(_READ),
            get(maps, resourceVersion="$rv(c)").good(_READ),
            get(maps, resourceVersion="0").good(_READ),
            get(maps, resourceVersion="x").bad(_READ),
            get(maps, resourceVersion="-1").bad(_READ),
            get(maps, resourceVersion="99999999999999999999999").bad(_READ),
            get(maps, resourceVersion=_FUTURE).bad(_READ),
            get(f"{maps}/a", resourceVersion="$rv(a)").good(_READ),
            get(f"{maps}/a", resourceVersion="0").good(_READ),
            get(f"{maps}/none", resourceVersion="0").bad(_READ),
            get(f"{maps}/a", resourceVersion="x").bad(_READ),
            get(f"{maps}/a", resourceVersion=_FUTURE).bad(_READ),
            get(maps, resourceVersion="$rv(e)", resourceVersionMatch="Exact").good(_AT, _MATCH),
            get(maps, resourceVersion="$rv(a2)", resourceVersionMatch="Exact").good(_AT, _MATCH),
            get(maps, resourceVersion="$rv(b)", resourceVersionMatch="Exact").good(_AT),
            get(maps, resourceVersion="$rv(e)", resourceVersionMatch="Exact", labelSelector="n in (a,b)"),
            get(maps, resourceVersion="$rv(e)", resourceVersionMatch="Exact", limit=2),
            get(maps, resourceVersion=_FUTURE, resourceVersionMatch="Exact").bad(_AT),
            get(maps, resourceVersion="$rv(c)", resourceVersionMatch="NotOlderThan").good(_MATCH),
            get(maps, resourceVersion="0", resourceVersionMatch="NotOlderThan").good(_MATCH),
            get(maps, resourceVersion="0", resourceVersionMatch="NotOlderThan", limit=2),
            get(maps, resourceVersion="$rv(c)", resourceVersionMatch="NotOlderThan", limit=2),
            get(maps, resourceVersion="0", resourceVersionMatch="Exact").bad(_MATCH),
            get(maps, resourceVersionMatch="Exact").bad(_MATCH),
            get(maps, resourceVersionMatch="NotOlderThan").bad(_MATCH),
            get(maps, resourceVersion="$rv(c)", resourceVersionMatch="Newest").bad(_MATCH),
            get(maps, resourceVersion="$rv(c)", limit=2),
            get(maps, resourceVersion="0", limit=2),
            get(maps, limit=2).named("page").good(_TOKENS, _REMAINING),
            get(maps, limit=2, **{"continue": "$continue(page)"}).named("page2").good(_TOKENS, _REMAINING),
            post(maps, config_map("bb")),
            delete(f"{maps}/d"),
            get(maps, **{"continue": "$continue(page)"}).good(_TOKENS),
            get(maps, limit=1, **{"continue": "$continue(page)"}).good(_TOKENS),
            get(maps, limit=1, **{"continue": "$continue(page2)"}).good(_TOKENS),
            get(maps, limit=1, **{"continue": "$continue(page)", "resourceVersion": "0"}),
            get(maps, limit=1, **{"continue": "$continue(page)", "resourceVersion": "$rv(a)"}).bad(_TOKENS),
            get(
                maps,
                **{
                    "continue": "$continue(page)",
                    "resourceVersion": "$rv(a)",
                    "resourceVersionMatch": "Exact",
                },
            ).bad(_TOKENS),
            get(maps, limit=2, labelSelector="n").good(_REMAINING),
            get(maps, limit=2, fieldSelector="metadata.name!=a").good(_REMAINING),
            get(maps, limit=100).good(_REMAINING),
            get(
                "/api/v1/configmaps", limit=1, fieldSelector=f"metadata.namespace={namespace},metadata.name=a"
            ),
            *(
                get(maps, limit=1, fieldSelector=fields)
                for fields in (
                    "metadata.name=a",
                    "metadata.name=a,metadata.name=b",
                    "metadata.name=none",
                    "metadata.name=a/b",
                )
            ),
            get(maps, limit=1, fieldSelector="metadata.name=b", **{"continue": "$continue(page)"}),
            get(maps, limit=1, fieldSelector="metadata.name=a", resourceVersion="$rv(a)"),
            get(maps, limit=-1),
            get(maps, limit="x"),
            get(maps, **{"continue": "x"}).bad(_TOKENS),
            get(maps, **{"continue": "AAAA"}).bad(_TOKENS),
            get(maps, **{"continue": "a b"}).bad(_TOKENS),
            get(maps, **{"continue": _token({"v": "v0", "rv": 1, "start": "a"})}).bad(_TOKENS),
            get(maps, **{"continue": _token({"v": "meta.k8s.io/v1", "start": "a"})}).bad(_TOKENS),
            get(maps, **{"continue": _token({"v": "meta.k8s.io/v1", "rv": 5})}).bad(_TOKENS),
            get(maps, **{"continue": _token({"v": "meta.k8s.io/v1", "rv": 5, "start": "../x"})}).bad(_TOKENS),
            get(maps, **{"continue": _token({"v": "meta.k8s.io/v1", "rv": -1, "start": "b\0"})}).good(
                _TOKENS
            ),
            get(maps, **{"continue": _token({"v": "meta.k8s.io/v1", "rv": -2, "start": "b\0"})}),
            get(maps, **{"continue": _token({"v": "meta.k8s.io/v1", "rv": "1", "start": "b"})}).bad(_TOKENS),
            get(maps, **{"continue": _token([])}).bad(_TOKENS),
            get(maps, sendInitialEvents="true"),
        ],
        "storage: compaction": [
            *some,
            get(maps, limit=2).named("page"),
            get(maps, limit=2, labelSelector="n").named("selected"),
            get("/api/v1/configmaps", limit=1, fieldSelector=f"metadata.namespace={namespace}").named("all"),
            *changes,
            get(maps, limit=2, **{"continue": "$continue(page)"}).good(_COMPACTION),
            Ask("COMPACT", ""),
            post(maps, config_map("g")),
            get(maps, limit=2, **{"continue": "$continue(page)"}).bad(_COMPACTION, _TOKENS).named("expired"),
            get(maps, limit=2, **{"continue": "$continue(expired)"}).good(_COMPACTION, _TOKENS).named("next"),
            get(maps, limit=2, **{"continue": "$continue(next)"}).good(_COMPACTION, _TOKENS),
            get(maps, limit=2, **{"continue": "$continue(selected)"}).bad(_COMPACTION, _TOKENS),
            get("/api/v1/configmaps", limit=2, **{"continue": "$continue(all)"}).bad(_COMPACTION, _TOKENS),
            get(maps, resourceVersion="$rv(a)", resourceVersionMatch="Exact").bad(_COMPACTION, _AT),
            get(maps, resourceVersion="1", resourceVersionMatch="Exact").bad(_COMPACTION, _AT),
            get(maps, resourceVersion="$rv(a)", limit=2).bad(_COMPACTION),
            get(maps, resourceVersion="1").good(_READ),
            watch(maps, resourceVersion="1").bad(_FROM, "watch: 410"),
            watch(maps, resourceVersion="1", allowWatchBookmarks="true").bad("watch: 410"),
            Ask(
                "WATCH",
                f"{maps}?watch=1&timeoutSeconds=1&resourceVersion=1",
                accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ).bad("watch: 410"),
            Ask(
                "WATCH",
                f"{maps}?watch=1&timeoutSeconds=1&resourceVersion=1",
                accept="application/json;as=Table;g=meta.k8s.io;v=v1",
            ).bad("watch: 410"),
        ],
        "storage: selectors of lists": [
            *some,
            *(
                get(maps, labelSelector=selector)
                for selector in (
                    "n=a",
                    "n==a",
                    "n!=a",
                    "n in (a,b)",
                    "n notin (a)",
                    "n",
                    "!n",
                    "n,n!=b",
                    "n>1",
                    "n<x",
                    "n=",
                    "=a",
                    "n in a",
                    "n in ()",
                    "a b",
                    "n=a,,n=b",
                    "n in (a",
                    "/x=1",
                    "n=-",
                    "x/y/z=1",
                )
            ),
            *(
                get(maps, fieldSelector=selector)
                for selector in (
                    "metadata.name=a",
                    "metadata.name==a",
                    "metadata.name!=a",
                    "metadata.namespace=x",
                    f"metadata.namespace={namespace}",
                    "data.a=1",
                    "metadata.name",
                    "metadata.name=a,metadata.name=b",
                    "metadata.name=a\\,b",
                    "metadata.name=a=b",
                    "metadata.name=\\x",
                )
            ),
            get(secrets, fieldSelector="type=Opaque"),
            get(secrets, fieldSelector="kind=x"),
        ],
        "watch: from a revision": [
            *some,
            *changes,
            watch(maps, resourceVersion="$rv(a)").good(_FROM, _TIMEOUT),
            watch(maps, resourceVersion="$rv(a2)").good(_FROM),
            watch(maps, resourceVersion="$rv(now)").good(_FROM),
            watch(maps, resourceVersion="0").good(_FROM),
            watch(maps).good(_FROM),
            watch(maps, resourceVersion="x").bad(_FROM),
            watch(maps, resourceVersion="-5").bad(_FROM),
            watch(maps, resourceVersion="$rv(now)", resourceVersionMatch="Exact").bad(_FROM),
            watch(maps, resourceVersion="$rv(now)", resourceVersionMatch="NotOlderThan").bad(_FROM),
            watch(maps, resourceVersion="$rv(a)", timeoutSeconds="x"),
            watch(maps, resourceVersion="$rv(a)", limit=2),
            watch(f"{maps}/a", resourceVersion="$rv(a)"),
            watch(f"/api/v1/watch/namespaces/{namespace}/configmaps", resourceVersion="$rv(a)").good(_FROM),
            watch(f"/api/v1/watch/namespaces/{namespace}/configmaps/a", resourceVersion="$rv(a)").good(_FROM),
            Ask(
                "WATCH",
                f"{maps}?watch=1&timeoutSeconds=1&resourceVersion=$rv(a)",
                accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ),
            Ask(
                "WATCH",
                f"{maps}?watch=1&timeoutSeconds=1&resourceVersion=$rv(a2)",
                accept="application/json;as=Table;g=meta.k8s.io;v=v1",
            ),
        ],
        "watch: selectors": [
            *some,
            *changes,
            watch(maps, resourceVersion="$rv(a)", labelSelector="n=b").good(_SELECTORS),
            watch(maps, resourceVersion="$rv(a)", labelSelector="n!=b").good(_SELECTORS),
            watch(maps, resourceVersion="$rv(a)", labelSelector="n=a").good(_SELECTORS),
            watch(maps, resourceVersion="$rv(a)", labelSelector="n=x").good(_SELECTORS),
            watch(maps, resourceVersion="$rv(a)", fieldSelector="metadata.name=a").good(_SELECTORS),
            watch(maps, resourceVersion="$rv(a)", fieldSelector="metadata.name!=a").good(_SELECTORS),
            watch(maps, fieldSelector="metadata.name=b", labelSelector="n=b").good(_SELECTORS),
            watch(maps, labelSelector="n in b").bad(_SELECTORS),
            watch(maps, fieldSelector="data.a=1").bad(_SELECTORS),
            watch(f"{maps}/a", fieldSelector="metadata.name=b"),
        ],
        "watch: initial events and bookmarks": [
            *some,
            *changes,
            watch(maps, allowWatchBookmarks="true", **everything).good(_INITIAL, _BOOKMARKS),
            watch(maps, allowWatchBookmarks="true", resourceVersion="0", **everything).good(_INITIAL),
            watch(maps, allowWatchBookmarks="true", resourceVersion="$rv(c)", **everything).good(_INITIAL),
            watch(maps, allowWatchBookmarks="true", labelSelector="n=a", **everything).good(_INITIAL),
            watch(maps, **everything),
            watch(
                maps,
                allowWatchBookmarks="true",
                sendInitialEvents="false",
                resourceVersionMatch="NotOlderThan",
            ),
            watch(
                maps,
                allowWatchBookmarks="true",
                sendInitialEvents="false",
                resourceVersion="$rv(a)",
                resourceVersionMatch="NotOlderThan",
            ),
            watch(
                maps,
                allowWatchBookmarks="true",
                sendInitialEvents="false",
                resourceVersion="0",
                resourceVersionMatch="NotOlderThan",
            ),
            watch(maps, sendInitialEvents="true").bad(_INITIAL),
            watch(maps, sendInitialEvents="true", resourceVersionMatch="Exact").bad(_INITIAL),
            watch(maps, resourceVersionMatch="NotOlderThan").bad(_INITIAL),
            watch(maps, allowWatchBookmarks="true", resourceVersion=_FUTURE, **everything).bad(
                _INITIAL, _BOOKMARKS
            ),
            none_such,
            # The last bookmark comes two seconds before the end.
            watch(maps, resourceVersion="$rv(now)", allowWatchBookmarks="true", timeoutSeconds=4).good(
                _BOOKMARKS
            ),
            watch(maps, allowWatchBookmarks="true", timeoutSeconds=4, **everything).good(_BOOKMARKS),
        ],
    }


def _version(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}}
