"""Discovery: what is served, as the old documents and as the aggregated one of `apidiscovery.k8s.io/v2`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.builtin import discovery_data
from reconcile.apiserver.discovery.order import in_order, version_priority
from reconcile.apiserver.handlers.messages import Request, Response, json_response
from reconcile.apiserver.handlers.negotiation import Clause, accept_clauses, accepted_types
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.registry import Registry
from reconcile.apiserver.resources import Resource

if TYPE_CHECKING:
    from reconcile.apiserver.aggregation.aggregator import Aggregator

_CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]


class Discovery:
    """The discovery documents of a registry; made anew only when it changed."""

    def __init__(self, registry: Registry, address: str = "127.0.0.1:6443", *, cbor: bool = False) -> None:
        """`cbor`: the server speaks it."""
        self._cbor = cbor
        self._registry = registry
        self.address = address
        self.aggregator: Aggregator | None = None
        self._builtin = discovery_data()
        self._generation = (-1, -1)
        # The groups of the aggregated document, in its order.
        self._by_name: list[str] = []
        self._groups: dict[str, dict[str, list[JSONObject]]] = {}
        self._custom: set[str] = set()
        self._aggregated: dict[str, tuple[bytes, str]] = {}

    @property
    def version(self) -> JSONObject:
        """The body of `/version`."""
        return self._builtin["version"]

    def paths(self) -> list[str]:
        """Every path of the documents, for the index of the server."""
        self._refresh()
        found = ["/api", "/api/v1", "/apis", "/apis/"]
        for group, versions in self._groups.items():
            if group:
                found += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
        return found

    def _refresh(self) -> None:
        aggregator = self.aggregator
        generation = (self._registry.generation, 0 if aggregator is None else aggregator.generation)
        if self._generation == generation:
            return
        self._generation = generation
        self._aggregated = {}
        self._groups = {
            group["name"]: {version["version"]: version["resources"] for version in group["versions"]}
            for group in self._builtin["groups"]
        }
        self._custom = set()
        for resource in self._registry:
            if resource.custom:
                kind = resource.type
                self._custom.add(kind.group)
                versions = self._groups.setdefault(kind.group, {})
                versions.setdefault(kind.version, []).extend(_entries(resource))
        for name in self._custom:
            versions = self._groups[name]
            self._groups[name] = {
                version: versions[version] for version in sorted(versions, key=version_priority)
            }
        remotes = {} if aggregator is None else aggregator.remotes
        custom = self._custom - {group["name"] for group in self._builtin["groups"]}
        self._groups, self._by_name = in_order(self._groups, custom, remotes)

    def answer(self, request: Request) -> Response | None:
        """The document of a path, or None."""
        path = request.path.removesuffix("/") if request.path == "/apis//" else request.path.rstrip("/")
        parts = path.split("/")
        if parts[1:2] not in (["api"], ["apis"]):
            return None
        self._refresh()
        # Some of the documents are routes of the resources' router, which knows its methods.
        routed = len(parts) < 4 if parts[1] == "api" else len(parts) == 4 and parts[2] not in self._custom
        known = path in ("/api", "/apis") or "/".join(parts[2:4]) in self._served()
        if not known:
            return None
        if routed and request.method != "GET":
            raise status.method_not_allowed()
        if path not in ("/api", "/apis"):
            _check_form(request.headers.get("accept", ""), routed=routed, cbor=self._cbor)
        if path == "/api":
            aggregated = self._aggregated_answer(request, core=True)
            return aggregated or json_response(
                {
                    "kind": "APIVersions",
                    "versions": ["v1"],
                    "serverAddressByClientCIDRs": [
                        {"clientCIDR": "0.0.0.0/0", "serverAddress": self.address}
                    ],
                }
            )
        if path == "/apis":
            groups = [self._group(name) for name in self._groups if name]
            return self._aggregated_answer(request, core=False) or json_response(
                {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            )
        if parts[1] == "api" and len(parts) == 3:
            return self._resources("", parts[2])
        if parts[1] == "apis" and len(parts) == 3 and parts[2] in self._groups:
            return json_response({"kind": "APIGroup", "apiVersion": "v1", **self._group(parts[2])})
        if parts[1] == "apis" and len(parts) == 4:
            return self._resources(parts[2], parts[3])
        return None

    def _group(self, name: str) -> JSONObject:
        versions = [
            {"groupVersion": f"{name}/{version}", "version": version} for version in self._groups[name]
        ]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}

    def _resources(self, group: str, version: str) -> Response | None:
        entries = self._groups.get(group, {}).get(version)
        if entries is None:
            return None
        group_version = f"{group}/{version}" if group else version
        body: JSONObject = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version}
        if not group:
            # The oldest of all documents came before there was an apiVersion to say.
            del body["apiVersion"]
        return json_response({**body, "resources": entries})

    def _served(self) -> set[str]:
        """Groups, groups with their versions, and the version of the core group."""
        found = {"v1"}
        for group, versions in self._groups.items():
            if group:
                found.add(group)
                found.update(f"{group}/{version}" for version in versions)
        return found

    def _aggregated_answer(self, request: Request, *, core: bool) -> Response | None:
        wanted = _aggregated_version(request.headers.get("accept", ""), routed=core, cbor=self._cbor)
        if not wanted:
            return None
        key = f"{wanted} {core}"
        found = self._aggregated.get(key)
        if found is None:
            items = [
                _aggregated_group(name, self._groups[name], name in self._custom, self.aggregator)
                for name in self._by_name
                if core == (not name)
            ]
            body = msgspec.json.encode(
                {
                    "kind": "APIGroupDiscoveryList",
                    "apiVersion": f"apidiscovery.k8s.io/{wanted}",
                    "metadata": {},
                    "items": items,
                }
            )
            found = self._aggregated[key] = (body, hashlib.sha512(body).hexdigest().upper())
        body, digest = found
        headers = {
            "cache-control": "public",
            "content-type": f"application/json;g=apidiscovery.k8s.io;v={wanted};as=APIGroupDiscoveryList",
            "etag": f'"{digest}"',
            "vary": "Accept",
        }
        if request.headers.get("if-none-match") == f'"{digest}"':
            return Response(304, headers)
        return Response(200, headers, body + b"\n")


_TRANSFORMED = {"g", "v", "as"}
_ANY = ("*/*", "application/*")


def _aggregated_version(accept: str, *, routed: bool, cbor: bool) -> str:
    """The version of aggregated discovery that an Accept header prefers; empty for none. Raises 406."""
    if not accept:
        return ""
    clauses = accept_clauses(accept)
    if routed and not _routable(clauses, cbor):
        raise _not_acceptable(accept, routed=True, cbor=cbor)
    for media, parameters in clauses:
        if not parameters.keys() & _TRANSFORMED:
            if _is_known(media, cbor):
                return ""
        elif media in ("application/json", *_ANY):
            wanted = (parameters.get("g"), parameters.get("v"), parameters.get("as"))
            if wanted == ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"):
                return "v2"
    raise _not_acceptable(accept, routed=routed, cbor=cbor)


def _check_form(accept: str, *, routed: bool, cbor: bool) -> None:
    """Raise 406 when a document has none of the forms."""
    if not accept:
        return
    clauses = accept_clauses(accept)
    if routed and not _routable(clauses, cbor):
        raise _not_acceptable(accept, routed=True, cbor=cbor)
    for media, parameters in clauses:
        if _is_known(media, cbor) and not parameters.keys() & _TRANSFORMED:
            return
    raise _not_acceptable(accept, routed=routed, cbor=cbor)


def _routable(clauses: list[Clause], cbor: bool) -> bool:
    """Whether the router lets them through, which knows no `application/*`."""
    return any(media == "*/*" or media in accepted_types(cbor=cbor).split(", ") for media, _ in clauses)


def _is_known(media: str, cbor: bool) -> bool:
    return media in _ANY or media in accepted_types(cbor=cbor).split(", ")


def _not_acceptable(accept: str, *, routed: bool, cbor: bool) -> status.StatusError:
    types = accepted_types(cbor=cbor)
    if routed and not _routable(accept_clauses(accept), cbor):
        return status.StatusError(
            f"406: Not Acceptable\n\nAvailable representations: {types}",
            code=406,
            reason="NotAcceptable",
            details={},
        )
    return status.not_acceptable(f"only the following media types are accepted: {types}")


def _entries(resource: Resource) -> list[JSONObject]:
    """A custom resource and its subresources in an APIResourceList."""
    kind = resource.type
    entry: JSONObject = {
        "name": kind.plural,
        "singularName": resource.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": _CUSTOM_VERBS,
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.storage_version_hash:
        entry["storageVersionHash"] = resource.storage_version_hash
    found = [entry]
    for name, subresource in resource.subresources.items():
        gvk = subresource.gvk
        sub: JSONObject = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
        if gvk is not None:
            sub.update({"group": gvk.group, "version": gvk.version, "kind": gvk.kind})
        else:
            sub["kind"] = kind.kind
        found.append({**sub, "verbs": list(subresource.verbs)})
    return found


def _aggregated_group(
    name: str, versions: dict[str, list[JSONObject]], custom: bool, aggregator: Aggregator | None
) -> JSONObject:
    """A group of the aggregated document. Kinds of custom resources say to which group they belong."""
    found: list[JSONObject] = []
    for version, entries in versions.items():
        if aggregator is not None and (name, version) in aggregator.remotes:
            from reconcile.apiserver.aggregation.aggregator import shown

            found.append(shown((name, version), aggregator))
            continue
        resources: dict[str, JSONObject] = {}
        for entry in entries:
            plural, slash, sub = entry["name"].partition("/")
            kind: dict[str, Any] = {
                "group": entry.get("group") or (name if custom else ""),
                "version": entry.get("version") or (version if custom else ""),
                "kind": entry["kind"],
            }
            if slash:
                parent = resources.setdefault(plural, {"resource": plural})
                parent.setdefault("subresources", []).append(
                    {"subresource": sub, "responseKind": kind, "verbs": entry["verbs"]}
                )
                continue
            made: JSONObject = {
                "resource": plural,
                "responseKind": kind,
                "scope": "Namespaced" if entry["namespaced"] else "Cluster",
                "singularResource": entry["singularName"],
                "verbs": entry["verbs"],
            }
            for field in ("shortNames", "categories"):
                if entry.get(field):
                    made[field] = entry[field]
            resources[plural] = {**made, **resources.get(plural, {})}
        found.append({"version": version, "resources": list(resources.values()), "freshness": "Current"})
    metadata = {"name": name} if name else {}
    return {"metadata": metadata, "versions": found}
